"""Vectors on their way from the command line to the librarian of a running bridge.

Owns the one file beside the library in which they wait, so that no surface has to be told of a path: who may
write there may write the library itself. Nothing else is changed here but by the store.
"""

import contextlib
import os
import secrets
import zipfile
import zlib
from pathlib import Path

import numpy as np

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.store import Store
from klustr_bridge.library.vectors import Vectors

__all__ = ["hand", "take", "take_back"]

_UNREADABLE = (
    *(OSError, ValueError, KeyError, EOFError, IndexError, TypeError),
    *(zipfile.BadZipFile, zlib.error),
)


def hand(library: Path, given: Vectors | None) -> None:
    """Have vectors wait for the librarian, or with None the wish to go without; the last one counts.

    Raises
    ------
    LibraryError
        If the file can't be written.
    """
    place = _place(library)
    aside = place.with_name(f".{place.name}.{os.getpid()}-{secrets.token_hex(4)}.new")
    try:
        with aside.open("wb") as file:
            if given is not None:
                np.savez(file, ids=given.ids, rows=given.rows, source=np.array([given.source]))
        aside.replace(place)
    except OSError as error:
        raise LibraryError(f"{place} can't be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def take(store: Store) -> bool:
    """Have a library go by what waits for it; whether anything did.

    A kill before the file is gone has it taken once more, which only makes another map.

    Raises
    ------
    LibraryError
        Where it can't be used; it is gone then, and nothing is changed.
    """
    place = _place(store.path)
    if not place.exists():
        return False
    try:
        given = _read(place)
        if given is None:
            store.drop_vectors()
        else:
            store.give_vectors(given)
    except _UNREADABLE as error:
        raise LibraryError(f"what waits in {place} is no handed vectors: {error}; it was removed") from error
    finally:
        take_back(store.path)
    return True


def take_back(library: Path) -> None:
    """Have nothing wait any more."""
    with contextlib.suppress(OSError):
        _place(library).unlink(missing_ok=True)


def _read(place: Path) -> Vectors | None:
    if not place.stat().st_size:
        return None
    with place.open("rb") as file, np.load(file, allow_pickle=False) as found:
        return Vectors(found["ids"], found["rows"], str(np.atleast_1d(found["source"])[0]))


def _place(library: Path) -> Path:
    return library.with_name(library.name + ".vectors.npz")
