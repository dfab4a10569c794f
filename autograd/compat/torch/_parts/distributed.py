"""`torch.distributed` in a group of one: each collective gives the one process what it put in."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import Any

from ...._tensor import Tensor

_current: dict[str, Any] = {"group": None}


class Backend(str):
    """Names of the libraries that would carry messages."""

    UNDEFINED, GLOO, NCCL, UCC, MPI, XCCL = "undefined", "gloo", "nccl", "ucc", "mpi", "xccl"


class ReduceOp(Enum):
    """How the processes' tensors are put together; of one tensor each gives that tensor."""

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR, PREMUL_SUM = range(9)


class ProcessGroup:
    """The one process and the name of what would carry its messages."""

    def __init__(self, backend: str) -> None:
        self.backend = backend

    def rank(self) -> int:
        return 0

    def size(self) -> int:
        return 1


class Work:
    """Something that is done already."""

    def wait(self, timeout: Any = None) -> bool:
        return True

    def is_completed(self) -> bool:
        return True

    is_success = is_completed


class _World(type):
    @property
    def WORLD(cls) -> ProcessGroup | None:
        return _current["group"]


class group(metaclass=_World):
    """Where PyTorch keeps the group of all processes, as `WORLD`."""


GroupMember = group


def is_available() -> bool:
    return True


def is_initialized() -> bool:
    """Whether `init_process_group` was called."""
    return _current["group"] is not None


def is_gloo_available() -> bool:
    return True


def is_nccl_available() -> bool:
    return False


is_mpi_available = is_ucc_available = is_xccl_available = is_nccl_available


def is_torchelastic_launched() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def init_process_group(backend: str | None = None, init_method: str | None = None, timeout: Any = None,
                       world_size: int = -1, rank: int = -1, store: Any = None, group_name: str = "",
                       pg_options: Any = None, device_id: Any = None) -> None:  # fmt: skip
    """Start the group of this one process.

    Raises:
        RuntimeError: for more processes than this one: no messages are sent here.
        ValueError: a group runs already; or neither an argument nor the environment says how many processes there are.
    """
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    wanted = _told("WORLD_SIZE", world_size)
    _told("RANK", rank)
    if wanted != 1:
        raise RuntimeError(
            f"init_process_group: world_size={wanted}, but there is one process here: start the program with world_size=1"
        )
    _current["group"] = ProcessGroup(Backend((backend or "gloo").lower().split(":")[-1]))


def _told(variable: str, given: int) -> int:
    """A number given to `init_process_group`, or by who started the program."""
    if given < 0 and variable not in os.environ:
        raise ValueError(
            "Error initializing torch.distributed using env:// rendezvous: "
            f"environment variable {variable} expected, but not set"
        )
    return int(os.environ[variable]) if given < 0 else given


def destroy_process_group(group: Any = None) -> None:
    """End the group."""
    _current["group"] = None


def _require_group() -> ProcessGroup:
    if _current["group"] is None:
        raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
    return _current["group"]


def get_rank(group: Any = None) -> int:
    _require_group()
    return 0


def get_world_size(group: Any = None) -> int:
    _require_group()
    return 1


def get_backend(group: Any = None) -> str:
    return _require_group().backend


def new_group(ranks: Any = None, timeout: Any = None, backend: Any = None, **ignored: Any) -> ProcessGroup:
    """Another group of this process."""
    return ProcessGroup(backend or _require_group().backend)


def get_process_group_ranks(group: Any = None) -> list[int]:
    return [0]


def _done(async_op: bool) -> Work | None:
    _require_group()
    return Work() if async_op else None


def _copy_all(to: Any, given: Any) -> None:
    for target, source in zip(to, given, strict=True):
        if target is not source:
            target.detach().copy_(source)


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """Leaves the one tensor as it is."""
    return _done(async_op)


def reduce(tensor: Tensor, dst: int | None = None, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False,
           group_dst: int | None = None) -> Work | None:  # fmt: skip
    """Leaves the one tensor as it is."""
    return _done(async_op)


def broadcast(tensor: Tensor, src: int | None = None, group: Any = None, async_op: bool = False,
              group_src: int | None = None) -> Work | None:  # fmt: skip
    """Leaves the one tensor as it is."""
    return _done(async_op)


def all_gather(tensor_list: list, tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """Copy the one tensor into the one place for it."""
    _copy_all(tensor_list, [tensor])
    return _done(async_op)


def gather(tensor: Tensor, gather_list: list | None = None, dst: int | None = None, group: Any = None,
           async_op: bool = False, group_dst: int | None = None) -> Work | None:  # fmt: skip
    """Copy the one tensor into the one place for it."""
    _copy_all(gather_list or [], [tensor] if gather_list else [])
    return _done(async_op)


def scatter(tensor: Tensor, scatter_list: list | None = None, src: int | None = None, group: Any = None,
            async_op: bool = False, group_src: int | None = None) -> Work | None:  # fmt: skip
    """Copy the one share into the tensor."""
    _copy_all([tensor] if scatter_list else [], scatter_list or [])
    return _done(async_op)


def all_gather_into_tensor(output_tensor: Tensor, input_tensor: Tensor, group: Any = None,
                           async_op: bool = False) -> Work | None:  # fmt: skip
    _copy_all([output_tensor], [input_tensor.reshape(output_tensor.shape)])
    return _done(async_op)


def reduce_scatter_tensor(output: Tensor, input: Tensor, op: Any = ReduceOp.SUM, group: Any = None,
                          async_op: bool = False) -> Work | None:  # fmt: skip
    return all_gather_into_tensor(output, input, group, async_op)


def all_to_all_single(output: Tensor, input: Tensor, output_split_sizes: Any = None, input_split_sizes: Any = None,
                      group: Any = None, async_op: bool = False) -> Work | None:  # fmt: skip
    return all_gather_into_tensor(output, input, group, async_op)


def reduce_scatter(output: Tensor, input_list: list, op: Any = ReduceOp.SUM, group: Any = None,
                   async_op: bool = False) -> Work | None:  # fmt: skip
    return scatter(output, input_list, 0, group, async_op)


def all_to_all(output_tensor_list: list, input_tensor_list: list, group: Any = None, async_op: bool = False) -> Any:
    _copy_all(output_tensor_list, input_tensor_list)
    return _done(async_op)


def all_gather_object(object_list: list, obj: Any, group: Any = None) -> None:
    _require_group()
    object_list[0] = obj


def gather_object(obj: Any, object_gather_list: list | None = None, dst: int | None = None, group: Any = None,
                  group_dst: int | None = None) -> None:  # fmt: skip
    if object_gather_list:
        all_gather_object(object_gather_list, obj)


def broadcast_object_list(object_list: list, src: int | None = None, group: Any = None, device: Any = None,
                          group_src: int | None = None) -> None:  # fmt: skip
    """Leaves the list as it is."""
    _require_group()


def scatter_object_list(scatter_object_output_list: list, scatter_object_input_list: list | None = None,
                        src: int | None = None, group: Any = None, group_src: int | None = None) -> None:  # fmt: skip
    all_gather_object(scatter_object_output_list, (scatter_object_input_list or [None])[0])


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """One process waits for nobody."""
    return _done(async_op)


def monitored_barrier(group: Any = None, timeout: Any = None, wait_all_ranks: bool = False) -> None:
    _require_group()


def _alone(name: str) -> Callable:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise ValueError(f"{name}: Invalid destination rank: destination rank should not be the same as the rank of the "
                         "current process; there is one process here")  # fmt: skip

    refuse.__name__ = name
    return refuse


send, recv, isend, irecv = map(_alone, ("send", "recv", "isend", "irecv"))

__all__ = [
    "Backend", "GroupMember", "ProcessGroup", "ReduceOp", "Work", "all_gather", "all_gather_into_tensor",
    "all_gather_object", "all_reduce", "all_to_all", "all_to_all_single", "barrier", "broadcast",
    "broadcast_object_list", "destroy_process_group", "gather", "gather_object", "get_backend",
    "get_process_group_ranks", "get_rank", "get_world_size", "group", "init_process_group", "irecv", "is_available",
    "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available", "is_torchelastic_launched",
    "is_ucc_available", "is_xccl_available", "isend", "monitored_barrier", "new_group", "recv", "reduce",
    "reduce_scatter", "reduce_scatter_tensor", "scatter", "scatter_object_list", "send"]  # fmt: skip
