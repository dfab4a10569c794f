"""`torch.utils.tensorboard`: event files that TensorBoard reads, of numbers.

A file is a row of records: length, checksum, bytes, checksum (TFRecord). Each holds one Event in the wire format of
protocol buffers; the fields used here are few enough to be written by hand.
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
import struct
import time
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

_count = itertools.count()


@functools.cache
def _table() -> tuple[int, ...]:
    """CRC-32C (Castagnoli) of every byte."""
    rows = []
    for row in range(256):
        for _ in range(8):
            row = (row >> 1) ^ (0x82F63B78 if row & 1 else 0)
        rows.append(row)
    return tuple(rows)


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    crc, table = 0xFFFFFFFF, _table()
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _varint(n: int) -> bytes:
    n, out = n & 0xFFFFFFFFFFFFFFFF, bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])


def _field(number: int, data: bytes) -> bytes:
    """Text or a message as one field."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _event(wall: float, step: int, rest: bytes) -> bytes:
    return _record(b"\x09" + struct.pack("<d", wall) + b"\x10" + _varint(step) + rest)


class SummaryWriter:
    """Writes numbers for TensorBoard to a folder; pictures, histograms and graphs are left out, with a warning.

    Args:
        log_dir: the folder, runs/<time>_<host><comment> when None.

    Example:
        >>> import tempfile
        >>> from autograd.compat.torch.utils.tensorboard import SummaryWriter
        >>> with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
        ...     writer.add_scalar("loss", 0.5, 1)
    """

    _file: Any = None

    def __init__(self, log_dir: Any = None, comment: str = "", purge_step: int | None = None, max_queue: int = 10,
                 flush_secs: int = 120, filename_suffix: str = "") -> None:  # fmt: skip
        if not log_dir:
            log_dir = os.path.join("runs", datetime.now().strftime("%b%d_%H-%M-%S_") + socket.gethostname() + comment)
        self.log_dir, self._suffix = str(log_dir), filename_suffix
        self._others: dict[str, SummaryWriter] = {}
        Path(self.log_dir).mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_count)}{filename_suffix}"
        self._file = open(Path(self.log_dir) / name, "ab")  # noqa: SIM115  (closed by close)
        self._file.write(_event(time.time(), 0, _field(3, b"brain.Event:2")))

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None,
                   new_style: bool = False, double_precision: bool = False) -> None:  # fmt: skip
        """One number of a curve."""
        value = _field(1, tag.encode()) + b"\x15" + struct.pack("<f", float(scalar_value))
        self._writing().write(_event(walltime or time.time(), int(global_step or 0), _field(5, _field(1, value))))

    def add_scalars(self, main_tag: str, tag_scalar_dict: dict, global_step: int | None = None,
                    walltime: float | None = None) -> None:  # fmt: skip
        """One number of each of several curves in one plot, each curve in a folder of its own."""
        for tag, value in tag_scalar_dict.items():
            folder = os.path.join(self.log_dir, f"{main_tag.replace('/', '_')}_{tag}")
            other = self._others.get(folder) or self._others.setdefault(folder, SummaryWriter(folder))
            other.add_scalar(main_tag, value, global_step, walltime)

    def _left_out(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn("SummaryWriter: only numbers are written here; pictures, histograms, texts and graphs are left out",
                      UserWarning, stacklevel=2)  # fmt: skip

    add_histogram = add_histogram_raw = add_image = add_images = add_image_with_boxes = add_figure = add_video = (
        _left_out
    )
    add_audio = add_text = add_graph = add_embedding = add_pr_curve = add_mesh = add_hparams = add_custom_scalars = (
        _left_out
    )

    def _writing(self) -> Any:
        if self._file is None:  # written again after close
            self.__init__(self.log_dir, filename_suffix=self._suffix)  # type: ignore[misc]
        return self._file

    def get_logdir(self) -> str:
        return self.log_dir

    def flush(self) -> None:
        """Put on disk what was added."""
        for writer in (self, *self._others.values()):
            if writer._file is not None:
                writer._file.flush()

    def close(self) -> None:
        for other in self._others.values():
            other.close()
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._file is not None:
            self.close()


FileWriter = SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
