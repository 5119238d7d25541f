"""Checks of the library file: readable, of this release, on a drive that suits it.

Owns: looking at the library without changing it.
"""

import shutil
from pathlib import Path

import psutil

from klustr_bridge.doctor.check import Check
from klustr_bridge.doctor.machine import MIB, is_writable, size_text
from klustr_bridge.errors import KlustrError
from klustr_bridge.progress import counted

_LOW_SPACE_MIB = 1000
_NO_SPACE_MIB = 50
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "webdav", "davfs", "fuse.sshfs", "9p"})


def check_library(file: Path) -> tuple[list[Check], list[bytes]]:
    """Check the library file and the drive it lies on.

    Parameters
    ----------
    file : Path
        The library file; it need not exist yet.

    Returns
    -------
    tuple of list of Check and list of bytes
        The findings, and the watched folders as far as they can be read.
    """
    folders: list[bytes] = []
    return [_check_file(file, folders), _check_folder(file.parent)], folders


def _check_file(file: Path, folders: list[bytes]) -> Check:
    name = "library"
    if not file.exists():
        return Check(name, True, f"{file}: not there yet, made at the first start")
    from klustr_bridge.library.store import Store

    another = "choose another file with --library FILE, or put a backup in its place"
    try:
        with Store.open(file, writable=False) as store:
            listed = store.folders()
            counts = store.counts()
            with store.view() as view:
                given, (n_with, n_in_all) = view.given_vectors, view.count_vectors()
    except KlustrError as error:
        return Check(name, False, str(error), another)
    folders.extend(folder.path for folder in listed if folder.state != "absent")
    absent = sum(folder.state == "absent" for folder in listed)
    said = ", ".join(
        counted(number, name) for number, name in ((counts.files, "file"), (counts.sounds, "sound"))
    )
    said += f" in {counted(len(listed), 'folder')}"
    found = f"{file}: {said}, {size_text(file.stat().st_size)}"
    if given is not None:
        found += f"; {n_with} of {counted(n_in_all, 'sound')} go by the vectors of {given.source}"
    if absent:
        return Check(
            name, None, f"{found}; {absent} not there now", "connect the drive, or: klustr-bridge folders"
        )
    return Check(name, True, found)


def _check_folder(folder: Path) -> Check:
    name = "library folder"
    if not is_writable(folder):
        return Check(
            name, False, f"{folder} can't be written", f"mkdir -p '{folder}' && chmod u+rwx '{folder}'"
        )
    place = folder
    while not place.exists() and place.parent != place:
        place = place.parent
    free = shutil.disk_usage(place).free // MIB
    found = f"{folder}: {free / 1024:,.1f} GiB free"
    move = "free some space, or keep the library on another drive: --library FILE"
    if free < _NO_SPACE_MIB:
        return Check(name, False, found, move)
    if (system := file_system(place)) in _NETWORK:
        mend = "keep the library on a drive of this machine: --library FILE"
        return Check(name, False, f"{folder} is on a network drive ({system}), where SQLite loses data", mend)
    if free < _LOW_SPACE_MIB:
        return Check(name, None, found, move)
    return Check(name, True, found)


def file_system(place: Path) -> str:
    """Return the type of the file system that `place` lies on, empty where it isn't known."""
    try:
        real = place.resolve()
        mounts = [part for part in psutil.disk_partitions(all=True) if real.is_relative_to(part.mountpoint)]
    except (OSError, psutil.Error):
        return ""
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype.lower() if mounts else ""
