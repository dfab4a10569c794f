"""Write a file so that a kill at any moment leaves the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be unlinked, which protects it as well as a lock
    fcntl = None


@contextlib.contextmanager
def atomic_write(path: str | bytes | os.PathLike) -> Iterator[IO[bytes]]:
    """A binary file to write into that takes the place of `path` when the block ends without an error.

    The bytes go to a hidden file beside `path`, are flushed to the disk, and one rename puts them in place. A
    process killed on the way leaves at most its hidden file, which the next write to the same path removes.

    Raises:
        RuntimeError: the directory does not exist.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "numbers")
        >>> with atomic_write(path) as f:
        ...     _ = f.write(b"123")
        >>> os.listdir(os.path.dirname(path)), os.path.getsize(path)
        (['numbers'], 3)
    """
    target = Path(os.path.realpath(os.fsdecode(path)))  # a symbolic link stays a link: its target is replaced
    if not target.parent.is_dir():
        raise RuntimeError(f"save: Parent directory {str(target.parent)!r} does not exist; create it first")
    if target.is_dir():
        raise IsADirectoryError(f"save: {str(target)!r} is a directory; give the name of a file in it")
    if target.exists() and not target.is_file():  # a pipe or a device cannot be renamed over
        with open(target, "wb") as f:
            yield f
        return
    _remove_abandoned(target)
    temporary, f = _create_beside(target)
    try:
        with f:
            yield f
            f.flush()
            os.fsync(f.fileno())
            # On Windows a file must be closed before it is renamed; elsewhere the lock is held until it is in place.
            if fcntl is not None:
                _put_in_place(temporary, target)
        if fcntl is None:
            _put_in_place(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _flush_directory(target.parent)


def _put_in_place(temporary: str, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
    os.replace(temporary, target)


def _create_beside(target: Path) -> tuple[str, Any]:
    """A new hidden file, locked for as long as this process writes it."""
    while True:
        name = str(target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp"))
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        f = os.fdopen(descriptor, "w+b")
        if not _lock(descriptor, wait=True) or os.fstat(descriptor).st_nlink:
            return name, f
        f.close()  # between creating and locking, another writer took it for abandoned: try again


def _remove_abandoned(target: Path) -> None:
    """Delete the hidden files of writers that died; a living one holds a lock on its own."""
    pattern = f".{glob.escape(target.name)}.{'[0-9a-f]' * 12}.tmp"
    for name in glob.glob(pattern, root_dir=target.parent, include_hidden=True):
        leftover = target.parent / name
        with contextlib.suppress(OSError):
            if fcntl is None:
                leftover.unlink()
                continue
            with open(leftover, "rb") as f:
                if _lock(f.fileno(), wait=False):
                    leftover.unlink()


def _lock(descriptor: int, wait: bool) -> bool:
    """Whether this process now holds the file's lock; file systems without locks say no."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _flush_directory(directory: Path) -> None:
    """Make the rename itself survive a power cut, where the system can open a directory."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
