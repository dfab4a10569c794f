"""Tools of the facade at their edges: pruned processes, writers, counters, operations of one's own, files."""

from __future__ import annotations

import gc
import subprocess
import sys
from types import ModuleType

import pytest


@pytest.fixture
def torch():
    from autograd.compat import torch

    torch.install()
    yield torch
    torch.uninstall()


@pytest.fixture
def group(torch):
    torch.distributed.init_process_group("gloo", rank=0, world_size=1)
    yield torch.distributed
    torch.distributed.destroy_process_group()


# ------------------------------------------------------------------ processes


def ends_well(i, path):
    (path / str(i)).write_text(str(i * 2))


def fails(i):
    if i == 1:
        raise ValueError("wrong number")


def leaves(i):
    sys.exit(3)


def test_started_processes_get_their_numbers(torch, tmp_path):
    assert torch.multiprocessing.spawn(ends_well, (tmp_path,), nprocs=2, start_method="fork") is None
    assert [(tmp_path / str(i)).read_text() for i in range(2)] == ["0", "2"]


def test_processes_that_nobody_waits_for_come_back(torch, tmp_path):
    from autograd.compat.torch import multiprocessing

    started = multiprocessing.spawn(ends_well, (tmp_path,), nprocs=1, join=False, start_method="fork")
    started[0].join()
    assert (tmp_path / "0").read_text() == "0"


def test_what_a_process_died_of_is_raised(torch):
    with pytest.raises(torch.multiprocessing.ProcessRaisedException, match="wrong number") as raised:
        torch.multiprocessing.spawn(fails, nprocs=2, start_method="fork")
    assert raised.value.error_index == 1
    assert "-- Process 1 terminated with the following error:" in str(raised.value)
    with pytest.raises(torch.multiprocessing.ProcessExitedException, match="terminated with exit code 3") as left:
        torch.multiprocessing.spawn(leaves, nprocs=1, start_method="fork")
    assert left.value.exit_code == 3


def test_objects_are_gathered_where_a_list_is_given(torch, group):
    objects = [None]
    group.gather_object({"a": 1}, objects, dst=0)
    assert objects == [{"a": 1}]
    t, gathered = torch.ones(2), [torch.zeros(2)]
    group.gather(t, gathered, dst=0)
    group.all_gather([t], t)
    assert gathered[0].tolist() == t.tolist() == [1.0, 1.0]


def test_a_model_without_gradients_needs_no_exchange(torch, group):
    with pytest.raises(RuntimeError, match="doesn't have any parameter that requires a gradient"):
        torch.nn.parallel.DistributedDataParallel(torch.nn.ReLU())


# ------------------------------------------------------------------ measuring


def test_sizes_are_written_in_their_unit(torch):
    with torch.profiler.profile(profile_memory=True) as p:
        torch.ones(2).exp()
        torch.ones(1000).sin()
        torch.ones(300, 1000).cos()
    text = p.key_averages().table()
    assert "8 B" in text
    assert "3.91 KB" in text
    assert "1.14 MB" in text


def test_the_callback_of_a_timer_sees_every_run(torch):
    seen = []
    timer = torch.utils.benchmark.Timer("sum(range(100))")
    found = timer.blocked_autorange(lambda number, seconds: seen.append((number, seconds)), min_run_time=2e-3)
    assert [seconds for _, seconds in seen] == pytest.approx(list(found.raw_times))
    assert {number for number, _ in seen} == {found.number_per_run}


def test_runs_get_longer_until_they_agree(torch):
    timer = torch.utils.benchmark.Timer("sum(range(100))")
    found = timer.adaptive_autorange(threshold=0.0, min_run_time=1e-3, max_run_time=8e-3)
    assert sum(found.raw_times) > 1e-3
    agreed = timer.adaptive_autorange(threshold=100.0, min_run_time=1e-3, max_run_time=10.0)
    assert len(agreed.times) > 3


@pytest.mark.parametrize(
    ("run", "count"),
    [
        (lambda torch: torch.ones(2, 3) @ torch.ones(3), 0),
        (lambda torch: torch.ones(2, 3) @ torch.ones(3, 4), 48),
        (lambda torch: torch.nn.functional.conv_transpose2d(torch.ones(1, 2, 3, 3), torch.ones(2, 4, 2, 2)), 576),
        (lambda torch: torch.nn.functional.conv2d(torch.ones(1, 2, 3, 3), torch.ones(4, 2, 2, 2)), 256),
        (lambda torch: torch.bmm(torch.ones(2, 2, 3), torch.ones(2, 3, 4)), 96),
    ],
)
def test_multiplications_are_counted(torch, capsys, run, count):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode() as counter:
        run(torch)
    assert counter.get_total_flops() == count
    assert "FLOP" in capsys.readouterr().out


# ------------------------------------------------------------------ files


def test_a_writer_without_a_folder_makes_one_for_the_run(torch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    writer = torch.utils.tensorboard.SummaryWriter(comment="_mine")
    writer.add_scalars("both", {"x": 1.0}, 1)
    writer.close()
    writer.flush()  # nothing is open any more
    writer.close()
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("_mine")
    assert writer.get_logdir() == f"runs/{folder.name}"


def test_a_writer_that_is_forgotten_has_written(torch, tmp_path):
    writer = torch.utils.tensorboard.SummaryWriter(tmp_path)
    writer.add_scalar("a", 1.0, 1)
    del writer
    gc.collect()
    (file,) = tmp_path.iterdir()
    assert b"\x0a\x01a\x15" in file.read_bytes()


def test_a_place_may_be_named_by_a_function(torch, tmp_path):
    torch.save({"w": torch.ones(2)}, tmp_path / "file")
    found = torch.load(tmp_path / "file", map_location=lambda storage, place: storage)
    assert found["w"].tolist() == [1.0, 1.0]


def test_a_model_is_saved_whether_scripted_or_not(torch, tmp_path):
    model = torch.nn.Linear(2, 1)
    torch.jit.save(torch.jit.script(model), tmp_path / "scripted")
    assert torch.equal(torch.jit.load(tmp_path / "scripted").weight, model.weight)
    from autograd.compat.torch import jit

    jit.save(torch.nn.ReLU(), tmp_path / "plain")
    assert jit.load(tmp_path / "plain")(torch.tensor([-1.0])).tolist() == [0.0]


# ------------------------------------------------------------------ tensors that change places


def test_gradients_go_with_swapped_tensors(torch):
    a, b = torch.ones(1, requires_grad=True), torch.zeros(2, requires_grad=True)
    (a * 3).sum().backward()
    torch.utils.swap_tensors(a, b)
    assert a.grad is None
    assert b.grad.tolist() == [3.0]
    assert a.tolist() == [0.0, 0.0]


def test_an_operation_without_a_result_passes_its_check(torch):
    @torch.library.custom_op("facade_tools::fill", mutates_args={"x"})
    def fill(x: torch.Tensor) -> None:
        x.fill_(2.0)

    x = torch.zeros(2)
    assert set(torch.library.opcheck(fill, (x,)).values()) == {"SUCCESS"}


# ------------------------------------------------------------------ gradients of tables


def test_weighted_bags_have_sparse_gradients(torch):
    table = torch.ones(4, 2, requires_grad=True)
    weights = torch.tensor([2.0, 3.0, 5.0], requires_grad=True)
    out = torch.nn.functional.embedding_bag(
        torch.tensor([1, 3, 1]), table, torch.tensor([0, 2]), mode="sum", sparse=True, per_sample_weights=weights
    )
    out.sum().backward()
    assert table.grad.is_sparse
    assert table.grad.to_dense()[:, 0].tolist() == [0.0, 7.0, 0.0, 3.0]
    assert weights.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_table_used_without_looking_up_has_a_dense_gradient_again(torch):
    table = torch.ones(3, 2, requires_grad=True)
    torch.nn.functional.embedding(torch.tensor([1]), table, sparse=True).sum().backward()
    assert table.grad.is_sparse
    table.grad = None
    table.sum().backward()
    assert not table.grad.is_sparse
    assert table.grad.tolist() == [[1.0, 1.0]] * 3


def test_looking_up_unrecorded_leaves_no_gradient(torch):
    table = torch.ones(3, 2, requires_grad=True)
    with torch.no_grad():
        found = torch.nn.functional.embedding(torch.tensor([1]), table, sparse=True)
    assert not found.requires_grad
    assert table.grad is None


def test_a_table_that_is_forgotten_gets_no_gradient(torch):
    weights = torch.tensor([2.0], requires_grad=True)
    out = torch.nn.functional.embedding_bag(
        torch.tensor([1]), torch.ones(3, 2, requires_grad=True), torch.tensor([0]), mode="sum", sparse=True,
        per_sample_weights=weights)  # fmt: skip
    gc.collect()
    out.sum().backward()
    assert weights.grad.tolist() == [2.0]


# ------------------------------------------------------------------ who is asked


def test_a_mode_that_does_not_answer_lets_the_classes_answer(torch):
    class Silent(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return NotImplemented

    class Marked(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return "mine"

    x = torch.ones(2).as_subclass(Marked)
    with Silent():
        assert torch.add(x, 1) == "mine"


def test_the_answer_of_tensors_themselves_is_a_plain_tensor(torch):
    found = torch.Tensor.__torch_function__(torch.add, (), (torch.ones(2), 1))
    assert type(found) is torch.Tensor
    assert found.tolist() == [2.0, 2.0]


# ------------------------------------------------------------------ draws


def test_a_large_gamma_variable_moves_with_its_shape(torch):
    """By the shape, a draw far out in the gamma family moves as its quantile does: a + z sqrt(a) + (z² - 1) / 3 + ..."""
    for shape in (3e4, 2e5, 1e9, 1e15):
        torch.manual_seed(0)
        a = torch.tensor([shape], dtype=torch.float64, requires_grad=True)
        x = torch.distributions.Gamma(a, torch.ones(1, dtype=torch.float64)).rsample()
        (slope,) = torch.autograd.grad(x.sum(), a)
        z = (x.item() - shape) / shape**0.5
        assert slope.item() == pytest.approx(1 + z / (2 * shape**0.5), abs=20 / shape)


def test_the_slope_of_a_gamma_variable_that_is_no_number_ends(torch):
    a = torch.tensor([float("nan")], dtype=torch.float64, requires_grad=True)
    x = torch._standard_gamma(a)
    x.sum().backward()
    assert x.isnan().all()
    assert a.grad.shape == (1,)


# ------------------------------------------------------------------ in PyTorch's place


def test_the_finder_is_put_first_once():
    from autograd.compat.torch import _install

    _install.listen()
    assert sys.meta_path.count(_install.Finder) == 1


@pytest.mark.parametrize("blocked", [True, False])
def test_torchvision_is_answered_where_it_cannot_be_imported(monkeypatch, blocked):
    from autograd.compat import torch

    class Blocks:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == "torchvision":
                raise ImportError("not here")

    theirs = ModuleType("torchvision")
    if blocked:
        monkeypatch.setattr(sys, "meta_path", [Blocks, *sys.meta_path])
    else:
        monkeypatch.setitem(sys.modules, "torchvision", theirs)
    torch.install()
    try:
        assert (sys.modules["torchvision"] is theirs) is not blocked
        assert hasattr(sys.modules["torchvision"], "transforms") is blocked
    finally:
        torch.uninstall()


def looked_up_elsewhere():
    """Names of the facade's modules that are not what the modules they look names up in have."""
    from autograd.compat.torch import _facade

    for module in _facade.built():
        for name in [n for n, v in vars(module).items() if not n.startswith("_") and not isinstance(v, ModuleType)]:
            found = (_facade._take(source, name) for source in module.__sources__)
            first = next((f for f in found if f is not _facade.ABSENT), None)
            if first is not None and vars(module)[name] is not first and vars(module)[name] != first:
                yield f"{module.__name__}.{name}"


def test_everything_the_facade_looked_up_meanwhile_is_the_librarys_again():
    code = """
from autograd.compat import torch
from tests.test_facade_tools import looked_up_elsewhere

torch.install()
with torch.autocast("cpu"):
    torch.nn.functional.hardswish

class Marked(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return super().__torch_function__(func, types, args, kwargs)

torch.nn.functional.hardsigmoid, torch.cos
torch.uninstall()
print(*looked_up_elsewhere())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("\n", "", 0)


# ------------------------------------------------------------------ small ones


def test_a_muon_step_is_as_long_as_its_rule_says(torch):
    def moved(rule):
        p = torch.ones(3, 2, requires_grad=True)
        p.grad = torch.tensor([[1.0, -2.0], [0.5, 3.0], [-1.0, 0.25]])
        torch.optim.Muon([p], 0.1, weight_decay=0.0, adjust_lr_fn=rule).step()
        return 1 - p.detach()

    ratio = moved("match_rms_adamw") / moved("original")
    assert torch.allclose(ratio, torch.full((3, 2), 0.2 * 3**0.5 / 1.5**0.5), rtol=1e-3)


def test_everything_in_a_nested_tensor_is_summed(torch):
    from autograd.compat.torch import nested

    parts = [torch.ones(2, 3, requires_grad=True), torch.ones(1, 3, requires_grad=True)]
    nested.as_nested_tensor(parts).sum().backward()
    assert [t.grad.tolist() for t in parts] == [[[1.0] * 3] * 2, [[1.0] * 3]]


def test_names_that_nobody_has_are_missing(torch):
    assert not hasattr(torch.hub, "nothing")
    compiled = type(torch.compile(torch.nn.ReLU()))
    with pytest.raises(AttributeError, match="object has no attribute"):
        compiled.__new__(compiled).nothing


def test_slices_of_recorded_values_are_recorded(torch):
    traced = torch.fx.symbolic_trace(lambda x, n: x[n:, 0])
    assert traced(torch.ones(3, 2), 1).tolist() == [1.0, 1.0]
    assert "slice(n, None, None)" in traced.code


def test_a_module_may_hold_the_whole_of_another(torch):
    inner = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    graph = torch.fx.Tracer().trace(inner)
    graph.lint()
    made = torch.fx.GraphModule({"0": inner[0], "1": inner[1]}, graph)
    x = torch.ones(1, 2)
    assert torch.equal(made(x), inner(x))


def test_indices_beyond_the_size_are_refused(torch):
    with pytest.raises(RuntimeError, match="size is inconsistent with indices: for dim 1, size is 3 but found index 5"):
        torch.sparse_coo_tensor([[0, 1], [0, 5]], [1.0, 2.0], (3, 3), check_invariants=True)


def test_dead_code_goes_with_what_only_it_used(torch):
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    kept = graph.call_function(torch.sin, (x,))
    graph.call_function(torch.cos, (graph.call_function(torch.exp, (kept,)),))
    graph.output(kept)
    assert graph.eliminate_dead_code()
    assert [n.name for n in graph.nodes] == ["x", "sin", "output"]


def test_two_names_of_one_child_are_taken_over_once(torch):
    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.block = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())

        def forward(self, x):
            return self.block(x) + self.block[0](x)

    root, x = Twice(), torch.ones(1, 2)
    traced = torch.fx.symbolic_trace(root)
    again = torch.fx.GraphModule(traced, traced.graph)
    assert torch.equal(again(x), root(x))
