"""Write files completely or not at all, and describe errors of the operating system.

vadkit writes all files through this module. A file is written under a temporary name, flushed to
the disk and renamed. Therefore no reader, crash or full disk leaves half a file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any, BinaryIO

from vadkit.text import printable

_ADVICE = {
    errno.ENOSPC: "the disk is full; make room there, or write to another disk",
    errno.EDQUOT: "your disk quota is used up; make room there, or write to another disk",
    errno.EROFS: "this disk cannot be written (it is read-only); write to another folder",
    errno.EACCES: "no permission; change the permissions, or use another folder",
    errno.EPERM: "no permission; change the permissions, or use another folder",
    errno.ENOTDIR: "a file is in the place of a folder; move it away, or use another folder",
    errno.EEXIST: "a file is in the place of a folder; move it away, or use another folder",
    errno.EISDIR: "a folder is in the place of a file; move it away, or use another name",
    errno.ENAMETOOLONG: "the name is too long for this disk; use a shorter one",
    errno.EMFILE: "this process has too many open files; raise the limit with `ulimit -n`",
    errno.EFBIG: "the file is larger than this process may write; raise the limit with `ulimit -f`",
    errno.ENOMEM: "there is not enough memory; close other programs",
    errno.ENOENT: "there is no such file or folder",
    errno.ELOOP: "a link is in the place of a file; remove it, or use another folder",
}
_PARTIAL = re.compile(r"\..*\.(\d+)\.partial(\..*)?", re.DOTALL)


def describe_os_error(error: OSError) -> str:
    """Describe an error of the operating system in one line: path, reason, what to do."""
    if error.errno is None:
        return printable(str(error)) or type(error).__name__
    # Errors of stdout and of pipes do not name a file.
    place = os.fsdecode(error.filename) if error.filename else "output"
    reason = _ADVICE.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__
    return f"{printable(place)}: {reason}"


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading; ``OSError`` for a pipe or a device, which may have no end.

    If a pipe has no writer, ``open`` would wait for one.
    """
    return os.fdopen(_descriptor(path, os.O_RDONLY), "rb")


def open_to_append(path: Path) -> FileIO:
    """Open a file to read and append, unbuffered; ``OSError`` for a link, a pipe or a device.

    In an untrusted folder, a link may point to any file of the user.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    return FileIO(_descriptor(path, flags), "a+b")


def _descriptor(path: Path, flags: int) -> int:
    found = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    mode = os.fstat(found).st_mode
    if stat.S_ISREG(mode):
        return found
    os.close(found)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))


def start_partial(path: Path) -> Path:
    """Return ``partial_path``, after creating its folder and removing a link of that name.

    The name can be guessed, so an untrusted folder may contain a link of that name.
    """
    partial = partial_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_link(partial)
    return partial


def partial_path(path: Path) -> Path:
    """Return the temporary name, next to ``path``, that this process writes to.

    It is hidden, and keeps the suffix because writers choose a format by it.
    """
    return path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")


@contextlib.contextmanager
def write_whole(path: Path, *, make_folder: bool = True) -> Iterator[Path]:
    """Provide a temporary name to write to; rename it to ``path`` on success, else remove it.

    Creates the folder of ``path`` if it is missing and ``make_folder`` is set. Raises an
    ``OSError`` that names ``path`` if it cannot be written.
    """
    partial = partial_path(path)
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        _remove_link(partial)
        yield partial
        put_in_place(partial, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        named = (None, str(partial), partial)
        if isinstance(error, OSError) and error.errno and error.filename in named:
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise


def put_in_place(partial: Path, path: Path) -> None:
    """Flush a written file to the disk and rename it."""
    _flush(partial)
    os.replace(partial, path)
    _flush(path.parent)


@contextlib.contextmanager
def write_whole_folder(path: Path) -> Iterator[Path]:
    """Like ``write_whole`` for a new folder: provide a temporary folder, rename it on success.

    Raises ``FileExistsError`` if ``path`` already exists.
    """
    partial = partial_path(path)
    try:
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        _remove_link(partial)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        for file in partial.rglob("*"):
            _flush(file)
        os.rename(partial, path)
        _flush(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a complete file."""
    with write_whole(path) as partial:
        partial.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a complete UTF-8 file; a byte of a file name that is not UTF-8 becomes ``\\udcff``."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: Path, data: Any) -> None:
    """Write a complete file of indented JSON."""
    write_text(path, json.dumps(data, indent=2) + "\n")


def append_line(path: Path, line: str) -> None:
    """Append a line to a UTF-8 file, completely or not at all; creates the file, not its folder.

    An incomplete last line of a killed process is removed first. Links are not followed.
    """
    with open_to_append(path) as file:
        # Several processes may append to one file; the lock belongs to the open file.
        fcntl.flock(file, fcntl.LOCK_EX)
        end = _whole_lines(file)
        file.truncate(end)
        content = line.encode() + b"\n"
        try:
            while content:
                content = content[file.write(content) :]
            os.fsync(file.fileno())
            if not end:
                # The name of a new file must be on the disk too.
                _flush(path.parent)
        except BaseException as error:
            with contextlib.suppress(OSError):
                file.truncate(end)
            if isinstance(error, OSError):
                raise type(error)(error.errno, error.strerror, str(path)) from error
            raise


def check_writable(folder: Path) -> None:
    """Raise the ``OSError`` that writing into ``folder`` would raise later; leaves nothing behind.

    If the folder does not exist, the one in which it would be made is tried.
    """
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    probe = folder / ".probe"
    try:
        # More than a byte: a full disk may still have room for a name.
        with write_whole(probe, make_folder=False) as partial:
            partial.write_bytes(bytes(4096))
        probe.unlink()
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(folder)) from None


def remove_leftovers(folder: Path, stem: str = "*") -> None:
    """Remove temporary files and folders that ended processes left directly in ``folder``.

    With ``stem``, only those of the file with that name without its suffix. If several machines
    write to the folder, the caller must be the only writer of the removed files.
    """
    for left in folder.glob(f".{stem if stem == '*' else glob.escape(stem)}.*.partial*"):
        match = _PARTIAL.fullmatch(left.name)
        if match is None or _is_running(int(match[1])):
            continue
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _remove_link(path: Path) -> None:
    if path.is_symlink():
        path.unlink()


def _whole_lines(file: BinaryIO) -> int:
    """Return the number of bytes up to the end of the last complete line."""
    end: int = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Whether a process has ended and nobody has asked how, as below a PID 1 that asks nobody."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] == "Z"


def _flush(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network disks do not support fsync of folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
