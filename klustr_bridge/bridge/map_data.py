"""What the map page is drawn from: the points as bytes, and how kinds look.

This module owns the form of that data. It is pure: a corpus in, bytes out; packing 100,000 points takes
some milliseconds and compressing them a hundred, so both are for a thread.

The form, little-endian and without padding: ``KMP1``, uint32 epoch, uint32 n, uint32 0; int32 ids[n];
float32 natural x[n], y[n], even x[n], y[n], duration_s[n]; uint8 kind[n]; uint8 flags[n].
"""

import gzip
import hashlib
import struct
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import QueryError
from klustr_bridge.kind_looks import KIND_LOOKS
from klustr_bridge.sound.kinds import KINDS
from klustr_bridge.types import EVEN_VIEW, Float32Array

MAGIC: Final = b"KMP1"
FAVOURITE: Final = 1
SLICE: Final = 2
LOOP: Final = 4

_COMPRESSION: Final = 4
_PAYS: Final = 0.9
_LEAST_COMPRESSED: Final = 4096


@dataclass(frozen=True, slots=True)
class PackedPoints:
    """The points of one state of the library.

    Attributes
    ----------
    snapshot : str
        The state of the library that they are of: see `tag_of`.
    tag : str
        Names the points themselves: as long as they stay as they are, it does.
    raw : bytes
        In the form above.
    packed : bytes or None
        The same, gzip; None where that isn't worth it.
    """

    snapshot: str
    tag: str
    raw: bytes
    packed: bytes | None


def kinds() -> list[dict[str, str]]:
    """Name, colour and marker of each kind, in the order of their codes."""
    return [
        {"name": kind, "colour": KIND_LOOKS[kind].colour, "marker": KIND_LOOKS[kind].marker} for kind in KINDS
    ]


def tag_of(corpus: Corpus) -> str:
    """Name the state of the library that a corpus shows."""
    return f"{corpus.library_id or 'none'}-{corpus.generation}-{corpus.epoch}"


def candidate_tag(corpus: Corpus) -> str:
    """Name the state of the library and its candidate; empty where there is no candidate."""
    return "" if corpus.candidate is None else f"{tag_of(corpus)}-{corpus.candidate.created_s:.6f}"


def pack(corpus: Corpus, before: PackedPoints | None = None) -> PackedPoints:
    """Pack every placed sound.

    Parameters
    ----------
    corpus : Corpus
        What is served.
    before : PackedPoints, optional
        Of the state before: a file that was renamed changes no point, and nothing is compressed anew.
    """
    return _packed(tag_of(corpus), points(corpus), before)


def pack_candidate(corpus: Corpus, before: PackedPoints | None = None) -> PackedPoints:
    """Pack the sounds of the candidate at their places there, in the same form.

    Raises
    ------
    QueryError
        ``notfound`` where there is none.
    """
    candidate = corpus.candidate
    if candidate is None:
        raise QueryError(
            "notfound", "there is no candidate; klustr-bridge candidate, or /klustr/candidate/make, makes one"
        )
    rows = np.flatnonzero(candidate.placed)
    raw = _form(corpus, rows, candidate.xy[rows, :2], candidate.xy[rows, 2:])
    return _packed(candidate_tag(corpus), raw, before)


def _packed(snapshot: str, raw: bytes, before: PackedPoints | None) -> PackedPoints:
    tag = hashlib.sha256(raw).hexdigest()[:24]
    if before is not None and before.tag == tag:
        return replace(before, snapshot=snapshot)
    packed = gzip.compress(raw, _COMPRESSION, mtime=0) if len(raw) >= _LEAST_COMPRESSED else raw
    pays = len(packed) < _PAYS * len(raw)
    return PackedPoints(snapshot, tag, raw, packed if pays else None)


def points(corpus: Corpus) -> bytes:
    """Return every placed sound in the form above, by rising id.

    A sound that has no place in the even view yet is put where it is in the natural one.
    """
    rows = np.flatnonzero(corpus.placed)
    natural, even = corpus.xy[rows], corpus.places(EVEN_VIEW).xy[rows]
    return _form(corpus, rows, natural, np.where(np.isnan(even), natural, even))


def _form(corpus: Corpus, rows: NDArray[np.intp], natural: Float32Array, even: Float32Array) -> bytes:
    columns = (
        _bytes(corpus.ids[rows], "<i4"),
        *(_bytes(xy[:, axis], "<f4") for xy in (natural, even) for axis in (0, 1)),
        _bytes(corpus.column("duration_s")[rows], "<f4"),
        _bytes(corpus.kind_codes[rows], "u1"),
        _bytes(_flags(corpus)[rows], "u1"),
    )
    return b"".join((MAGIC, struct.pack("<III", corpus.epoch, len(rows), 0), *columns))


def within(corpus: Corpus, folder: bytes) -> bytes:
    """Return the ids of the placed sounds that have a file below a folder, little-endian int32."""
    return _bytes(corpus.ids[corpus.placed & corpus.rows_below(folder)], "<i4")


def _flags(corpus: Corpus) -> NDArray[np.uint8]:
    marks = ((corpus.favourites, FAVOURITE), (corpus.slice_mask, SLICE), (corpus.loop_mask, LOOP))
    flags = np.zeros(len(corpus), np.uint8)
    for mask, bit in marks:
        flags[mask] |= np.uint8(bit)
    return flags


def _bytes(column: NDArray[np.generic], dtype: str) -> bytes:
    return np.ascontiguousarray(column).astype(dtype, copy=False).tobytes()
