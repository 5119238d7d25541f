"""Which file systems tell of no changes, and whether the system's watches are used up.

This module owns these questions to the system. It must not watch anything.
"""

import ctypes
import ctypes.util
import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from klustr_bridge.library import paths

_MOUNTS = Path("/proc/self/mounts")
_INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")

# Changes made on the other side of these are never told. fuseblk (NTFS on a local disk) is not one of them.
# fmt: off
_REMOTE_TYPES = frozenset((
    "9p", "acfs", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "davfs2", "drvfs", "fakeowner",
    "fuse", "fuse-t", "gfs", "gfs2", "glusterfs", "gpfs", "lustre", "macfuse", "ncpfs", "nfs", "nfs4",
    "osxfs", "osxfuse", "prl_fs", "smb", "smb2", "smb3", "smbfs", "sshfs", "vboxsf", "virtiofs", "vmhgfs",
    "webdav",
))
# fmt: on


def reason_to_poll(folder: bytes) -> str | None:
    """Why changes below a folder can't be learned from the system, or None where they can.

    Parameters
    ----------
    folder : bytes
        Absolute path of a folder that exists.

    Returns
    -------
    str or None
        Such as ``nfs4 tells of no changes made elsewhere``.
    """
    real = os.path.realpath(folder)
    if real.startswith(b"\\\\"):
        return "a network share tells of no changes made elsewhere"
    kind = _type_holding(real, _mounted())
    if kind is None or not is_remote(kind):
        return None
    return f"{kind} tells of no changes made elsewhere"


def is_remote(kind: str) -> bool:
    """Whether a type of file system is one that tells of no changes made elsewhere."""
    kind = kind.lower()
    return kind in _REMOTE_TYPES or kind.startswith("fuse.") or kind == "remote"


def read_mounts(table: bytes) -> Iterator[tuple[bytes, str]]:
    r"""Mount points and types from the text of ``/proc/self/mounts``, where ``\040`` is a space."""
    for line in table.splitlines():
        fields = line.split(b" ")
        if len(fields) >= 3:
            point = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8) & 255]), fields[1])
            yield point, fields[2].decode("ascii", "replace")


def _type_holding(real: bytes, mounted: Iterable[tuple[bytes, str]]) -> str | None:
    longest, found = b"", None
    for point, kind in mounted:
        holds = paths.is_same(real, point) or paths.is_below(real, point)
        if holds and len(point) >= len(longest):  # of two mounts on one point the later one is seen
            longest, found = point, kind
    return found


def _mounted() -> list[tuple[bytes, str]]:
    try:
        if sys.platform == "linux":
            return list(read_mounts(_MOUNTS.read_bytes()))
        import psutil

        return [
            (
                paths.from_text(partition.mountpoint),
                "remote" if "remote" in partition.opts.split(",") else partition.fstype,
            )
            for partition in psutil.disk_partitions(all=True)
        ]
    except (OSError, RuntimeError):
        return []


def watches_used_up(folder: bytes) -> bool:
    """Whether Linux has no inotify watch left for this user.

    watchdog adds one for each folder below a root and passes over those that fail (as of 7.1), so the
    only way to know is to try for one more. Always False on other systems.

    Parameters
    ----------
    folder : bytes
        Any folder that exists.
    """
    if sys.platform != "linux":
        return False
    try:
        libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)
        descriptor = libc.inotify_init1(os.O_CLOEXEC)
        if descriptor < 0:
            return False  # no further instance: says nothing about watches
        try:
            added = libc.inotify_add_watch(descriptor, ctypes.c_char_p(folder), 0x200)  # IN_DELETE
            return added < 0 and ctypes.get_errno() == errno.ENOSPC
        finally:
            os.close(descriptor)
    except (OSError, AttributeError):
        return False


def watch_limit() -> int | None:
    """How many inotify watches a user may have; None on other systems."""
    try:
        return int(_INOTIFY_LIMIT.read_text())
    except (OSError, ValueError):
        return None
