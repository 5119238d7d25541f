"""Near-identical sounds of a library: finding them, grouping them, and which file of each group to keep.

Owns the search. It reads the library and sample files and changes neither; it works for seconds to minutes:
for a process of its own or the command line. How two recordings are compared is known in ``sound.sameness``,
what is worth more in ``keeping``.
"""

import contextlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import RefusedSound
from klustr_bridge.indexer.keeping import Worth, best_first, why_not
from klustr_bridge.layout.neighbours import NeighbourIndex
from klustr_bridge.library.store import Store
from klustr_bridge.library.view import View
from klustr_bridge.sound.aspects import EMBEDDING_SIZE
from klustr_bridge.sound.sameness import Recording, are_the_same, read_recording
from klustr_bridge.types import Float32Array, Int32Array

RADIUS = 12.0
"""Distance of embeddings within which sounds are compared wave by wave. Measured with 343 sounds of many
sources and copies of each, as ``python -m benchmarks duplicates`` does: within the radius, and found at last:

==================  ======  =====
copy                within  found
==================  ======  =====
MP3, 128 kbit/s     .991    .988
Ogg Vorbis          .965    .953
-6 dB               1       1
44.1 and 48 kHz     .991    .991
5 ms of silence     .988    .988
last quarter faded  .983    .930
22.05 kHz           .429    .411
8 bits              .324    .198
==================  ======  =====

Half the rate takes away all above 11 kHz, and 8 bits add noise: both can be heard in most sounds.

Of 4,574 drum sounds, no copies made, 5,750 pairs were compared, and 657 sounds found to be the same as one
that is kept, none of another kind. 597 of these were so wave by wave, with a coherence of .99 or more; the
other 60 were takes of one machine or drum on nearly the same setting, a third of them toms of a TR-808.
"""
N_NEIGHBOURS = 32
_EXACT_BELOW = 20_000
_MOST_WIDER = 0.1
"""Of stereo width: a wide sound and its mono mix aren't the same."""
_KEPT_BYTES = 256 << 20
_SAID_EVERY = 100

Said = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Other:
    """A file that a kept one stands for.

    Attributes
    ----------
    path : bytes
        Absolute.
    sound_id : int
        Its sound; the kept file's own where the two hold the very same audio.
    is_exact : bool
        Whether it holds the very same audio as the kept one; else it merely sounds the same.
    why : str
        Why the kept one is better.
    """

    path: bytes
    sound_id: int
    is_exact: bool
    why: str


@dataclass(frozen=True, slots=True)
class Group:
    """Files that hold the same sound: the one to keep, and the others, the best first."""

    path: bytes
    sound_id: int
    others: tuple[Other, ...]

    @property
    def sound_ids(self) -> tuple[int, ...]:
        """The distinct sounds, that of the kept file first."""
        return tuple(dict.fromkeys((self.sound_id, *(other.sound_id for other in self.others))))


@dataclass(frozen=True, slots=True)
class Duplicates:
    """All groups of a library, by path.

    Attributes
    ----------
    generation : int
        The state of the library that they are of.
    groups : tuple of Group
    """

    generation: int
    groups: tuple[Group, ...]

    def by_sound(self) -> Int32Array:
        """Number of the group, from 1 on, and id of each sound that isn't alone in its group; shape (n, 2).

        The sound to keep comes first in each group.
        """
        rows: list[tuple[int, int]] = []
        number = 0
        for group in self.groups:
            if len(group.sound_ids) > 1:
                number += 1
                rows += [(number, sound_id) for sound_id in group.sound_ids]
        return np.array(rows, np.int32).reshape(-1, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """What is known of the whole sounds of a library, all arrays of shape (n,); embeddings (n, d)."""

    ids: NDArray[np.int64]
    embedding: Float32Array
    stereo_width: Float32Array
    favourite: NDArray[np.bool_]
    files: Mapping[int, Sequence[bytes]]


def find_duplicates(store: Store, *, by_ear: bool = True, said: Said | None = None) -> Duplicates:
    """Find files that hold the same sound.

    Parameters
    ----------
    store : Store
        The library; only read.
    by_ear : bool
        Whether different audio that sounds the same counts, for which files are read again; else only files
        that hold the very same audio, in whatever lossless format.
    said : callable, optional
        ``said(done, total)`` of the pairs of sounds that are compared.

    Returns
    -------
    Duplicates
        All sounds of a group are the same as the kept one, so that groups don't creep on from sound to sound.
    """
    with store.view() as view:
        generation, listed = view.generation, read_listed(view)
    sounds = Sounds(listed)
    groups: list[list[int]] = []
    if by_ear:
        pairs = candidates(listed.embedding, listed.stereo_width)
        same: list[tuple[int, int]] = []
        for done, pair in enumerate(pairs):
            if said is not None and done % _SAID_EVERY == 0:
                said(done, len(pairs))
            if sounds.are_the_same(*pair):
                same.append(pair)
        groups = grouped(same, sorted({row for pair in same for row in pair}, key=sounds.order))
    alone = set(range(len(listed.ids))) - {row for group in groups for row in group}
    groups += [[row] for row in sorted(alone) if len(listed.files[int(listed.ids[row])]) > 1]
    found = sorted((sounds.group(rows) for rows in groups), key=lambda group: group.path)
    return Duplicates(generation, tuple(found))


def read_listed(view: View) -> Listed:
    """Read the whole sounds of a library that files hold now; loops are among them, their hits are not."""
    files: dict[int, list[bytes]] = defaultdict(list)
    for chunk in view.entries():
        for path, sound_id in zip(chunk.path, chunk.sound_id, strict=True):
            if sound_id is not None:
                files[sound_id].append(path)
    space = view.own_space  # vectors from elsewhere don't tell whether two sounds are the same
    d = space.size
    rows: list[tuple[int, float, bool, bytes]] = []
    for sounds in view.sounds(space):
        columns = zip(sounds.id, sounds.stereo_width, sounds.favourite, sounds.embedding, strict=True)
        for sound_id, width, favourite, embedding in columns:
            if sound_id in files:  # else dormant, or a slice
                rows.append((sound_id, width, bool(favourite), embedding or b"\xff" * (4 * d)))
    vectors = np.frombuffer(b"".join(row[3] for row in rows), "<f4").reshape(len(rows), d)
    if space.begins_engineered:  # what RADIUS was measured with
        vectors = np.ascontiguousarray(vectors[:, :EMBEDDING_SIZE])
    return Listed(
        np.array([row[0] for row in rows], np.int64),
        vectors,
        np.array([row[1] for row in rows], np.float32),
        np.array([row[2] for row in rows], np.bool_),
        files,
    )


def candidates(embedding: Float32Array, stereo_width: Float32Array) -> list[tuple[int, int]]:
    """Find the pairs of sounds that may be the same.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n, d)
        NaN rows are in no pair.
    stereo_width : ndarray of float32, shape (n,)

    Returns
    -------
    list of (int, int)
        Rows, the lower first; pairs of sounds that lie together follow one another.
    """
    heard = np.flatnonzero(~np.isnan(embedding).any(axis=1))
    if len(heard) < 2:
        return []
    index = NeighbourIndex(embedding[heard], approximate_above=_EXACT_BELOW)
    found = index.nearest_others(min(N_NEIGHBOURS, len(heard) - 1))
    at, nth = np.nonzero(found.distances <= RADIUS)
    one, other = heard[at], heard[found.rows[at, nth]]
    alike = np.abs(stereo_width[one] - stereo_width[other]) <= _MOST_WIDER
    pairs = np.unique(np.sort(np.column_stack([one[alike], other[alike]]), axis=1), axis=0)
    if len(pairs):
        place = embedding @ _main_direction(embedding[heard])
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0], place[pairs].mean(axis=1)))]
    return [(int(low), int(high)) for low, high in pairs]


def grouped(same: Sequence[tuple[int, int]], by_worth: Sequence[int]) -> list[list[int]]:
    """Group what is the same around what is best.

    Parameters
    ----------
    same : sequence of (int, int)
        Pairs of sounds that are the same.
    by_worth : sequence of int
        All sounds of the pairs, the best first.

    Returns
    -------
    list of list of int
        The best sound of each group first, the others in their order. Each is the same as that one, though
        perhaps not as each of the others; none is in two groups.
    """
    beside: dict[int, set[int]] = defaultdict(set)
    for one, other in same:
        beside[one].add(other)
        beside[other].add(one)
    rank = {sound: place for place, sound in enumerate(by_worth)}
    groups: list[list[int]] = []
    taken: set[int] = set()
    for sound in by_worth:
        if sound in taken:
            continue
        others = beside[sound] - taken
        taken |= {sound} | others
        if others:
            groups.append([sound, *sorted(others, key=rank.__getitem__)])
    return groups


class Sounds:
    """The sounds of a library as their files hold them, read when wanted; the latest 256 MiB are kept.

    Parameters
    ----------
    listed : Listed
        Whose sounds they are.
    """

    def __init__(self, listed: Listed) -> None:
        self._listed = listed
        self._kept: OrderedDict[int, Recording | None] = OrderedDict()
        self._bytes = 0
        self._worth: dict[int, Worth] = {}

    def are_the_same(self, one: int, other: int) -> bool:
        """Compare the sounds in two rows; what can't be read now is the same as nothing."""
        first, second = self._read(one), self._read(other)
        return first is not None and second is not None and are_the_same(first, second)

    def order(self, row: int) -> tuple[object, ...]:
        """Sorts what has been read, the best first."""
        return self._worth[row].order

    def group(self, rows: Sequence[int]) -> Group:
        """Make a group of the sounds in some rows, the best first, and all their files."""
        kept = self._worth_of(rows[0])
        others: list[Other] = []
        for row in rows:
            sound_id = int(self._listed.ids[row])
            for path in best_first(self._listed.files[sound_id]):
                if path != kept.path:
                    why = why_not(replace(self._worth_of(row), path=path), kept)
                    others.append(Other(path, sound_id, row == rows[0], why))
        return Group(kept.path, int(self._listed.ids[rows[0]]), tuple(others))

    def _worth_of(self, row: int) -> Worth:
        known = self._worth.get(row)
        return known or Worth(self._path(row), bool(self._listed.favourite[row]))

    def _path(self, row: int) -> bytes:
        return best_first(self._listed.files[int(self._listed.ids[row])])[0]

    def _read(self, row: int) -> Recording | None:
        if row in self._kept:
            self._kept.move_to_end(row)
            return self._kept[row]
        path, recording = self._path(row), None
        with contextlib.suppress(RefusedSound, OSError):
            recording = read_recording(path)
        self._kept[row] = recording
        if recording is not None:
            self._bytes += recording.audio.nbytes
            self._worth[row] = Worth(
                path,
                bool(self._listed.favourite[row]),
                recording.is_lossy,
                recording.channels,
                recording.sample_rate,
                recording.bits,
                recording.length_s,
            )
        while self._bytes > _KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= 0 if oldest is None else oldest.audio.nbytes
        return recording


def _main_direction(points: Float32Array) -> NDArray[np.float64]:
    """The direction in which points differ most, told by at most 4,096 of them."""
    some = points[:: 1 + len(points) // 4096].astype(np.float64)
    apart = some - some.mean(axis=0)
    direction: NDArray[np.float64] = np.linalg.eigh(apart.T @ apart)[1][:, -1]
    return direction
