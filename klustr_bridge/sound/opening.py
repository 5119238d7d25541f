"""Opening files that may be anything: safely, without waiting, and telling bad files from bad luck.

Owns the descriptor of a sample file and the verdict on what the system says when it can't be read. It must
not look at audio.
"""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from klustr_bridge.errors import RefusedSound

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["FileView", "UnavailableSound", "is_passing", "open_regular", "read_head", "refuse_or_raise"]

_NAMES = (
    "ENOENT ENOTDIR EIO ESTALE ENODEV ENXIO EMFILE ENFILE ENOMEM EINTR EAGAIN EBUSY ETIMEDOUT "
    "EHOSTDOWN EHOSTUNREACH ENETDOWN ENETUNREACH ENETRESET ENOTCONN ECONNABORTED ECONNRESET "
    "ECONNREFUSED ESHUTDOWN EREMOTEIO ENOLINK ENOMEDIUM"
)
_PASSING = {getattr(errno, name) for name in _NAMES.split() if hasattr(errno, name)}
# Windows: not ready, shared or locked by another program, and what network drives say.
_PASSING_WINDOWS = {21, 32, 33, 53, 54, 55, 59, 64, 67, 121, 1117, 1167, 1231}


class UnavailableSound(RefusedSound, OSError):
    """A file can't be read now, through no fault of its own: it is worth another try later."""

    def __str__(self) -> str:
        return str(self.strerror)


def is_passing(error: OSError) -> bool:
    """Tell whether the disk, the network or this process is at fault and not the file.

    Parameters
    ----------
    error : OSError
        What opening or reading said. The file is worth another try later where this is True.
    """
    return error.errno in _PASSING or getattr(error, "winerror", None) in _PASSING_WINDOWS


def refuse_or_raise(error: OSError) -> NoReturn:
    """Refuse a file that can't be read, for good or for now.

    Raises
    ------
    UnavailableSound
        Where it isn't the file's fault: see `is_passing`.
    RefusedSound
        Where it is.
    """
    if is_passing(error):
        words = f"the file can't be read now: {error.strerror or error}"
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise UnavailableSound(error.errno, "the file is gone" if gone else words) from error
    if error.errno in (errno.EACCES, errno.EPERM):
        raise RefusedSound("no permission to read the file; let your user read it") from error
    if error.errno == errno.ELOOP:
        raise RefusedSound("this is a link that leads in a circle, not a file; make it anew") from error
    raise RefusedSound(f"the file can't be read: {error.strerror or error}") from error


@contextmanager
def open_regular(path: bytes) -> Iterator[tuple[int, int]]:
    """Open a regular file without ever waiting (a named pipe would).

    Parameters
    ----------
    path : bytes
        Links are followed.

    Yields
    ------
    fd, size : int
        Descriptor, closed afterwards, and size in bytes.

    Raises
    ------
    RefusedSound
        Where it is something else, or may not be read.
    UnavailableSound
        Where it isn't there, or can't be read now.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NOCTTY", 0)
    try:
        _refuse_irregular(os.stat(path).st_mode)  # opening a device can do things, such as rewind a tape
        fd = os.open(path, flags)
    except ValueError as error:  # a NUL in the name
        raise RefusedSound("no file can have such a name") from error
    except OSError as error:
        refuse_or_raise(error)
    try:
        status = os.fstat(fd)
        _refuse_irregular(status.st_mode)
        yield fd, status.st_size
    finally:
        os.close(fd)


def _refuse_irregular(mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    names = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    what = next((name for test, name in names if test(mode)), "a device")
    raise RefusedSound(f"this is {what}, not a file")


def read_head(fd: int, n_bytes: int) -> bytes:
    """Read the first bytes of a file, fewer where it is shorter; OSError where reading fails."""
    os.lseek(fd, 0, os.SEEK_SET)
    return os.read(fd, n_bytes)


class FileView(io.RawIOBase):
    """A descriptor as a file object for decoders in C, whose callbacks can't raise.

    Parameters
    ----------
    fd : int
        Stays open.
    size : int
        Bytes to show of it.
    head : bytes
        Shown in place of the file's first bytes.

    Attributes
    ----------
    problem : OSError or None
        The first error of the system; reading looked like the end of the file.
    """

    def __init__(self, fd: int, size: int, head: bytes = b"") -> None:
        super().__init__()
        self._fd = fd
        self._size = size
        self._head = head
        self._at = 0
        self.problem: OSError | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, all that follow where it is negative; no memory is asked for more."""
        left = max(0, self._size - self._at)
        piece = bytearray(left if size < 0 else min(size, left))
        return bytes(memoryview(piece)[: self.readinto(piece)])

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill a buffer; less than its size is read at the end only."""
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._size - self._at))
        done = 0
        if not wanted:
            return 0
        try:
            os.lseek(self._fd, self._at, os.SEEK_SET)
            while done < wanted and (piece := os.read(self._fd, min(wanted - done, 1 << 20))):
                view[done : done + len(piece)] = piece
                done += len(piece)
        except OSError as error:
            self.problem = self.problem or error
            return 0
        for i in range(self._at, min(self._at + done, len(self._head))):
            view[i - self._at] = self._head[i]
        self._at += done
        return done

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; nothing happens where it would lie before the start or absurdly far."""
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if 0 <= at < 1 << 62:
            self._at = at
        return self._at

    def tell(self) -> int:
        """Return the present place."""
        return self._at

    def check(self) -> None:
        """Raise what reading ran into: see `refuse_or_raise`."""
        if self.problem is not None:
            refuse_or_raise(self.problem)
