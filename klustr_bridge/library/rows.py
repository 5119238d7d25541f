"""What the store gives back: small frozen values, without behaviour.

This module owns the shapes of the library's answers. It must not know SQL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from klustr_bridge.library.spaces import Space
from klustr_bridge.types import Float32Array, Int32Array

FolderState = Literal["watched", "absent", "polled"]

EMBEDDING_SCORE: Final = "embedding_size"
"""What stands among the scores of a map without being one: the numbers of the embeddings it was made from."""

NamedKind = tuple[str, str]
"""The kind that a name tells, and whose name: ``file``, ``folder``, or empty where none tells."""

Place = Callable[[Float32Array], Float32Array]
"""Positions, 0..1, of new sounds from their embeddings, shape (m, d).

Shape (m, 2), or (m, 4) with the even positions beside the natural ones; NaN where there is no even one.
"""


@dataclass(frozen=True, slots=True)
class Folder:
    """A watched folder.

    Attributes
    ----------
    path : bytes
        Absolute.
    state : str
        ``watched``; ``polled`` where the system tells of no changes; ``absent`` while it is not there.
    n_files : int
        Files listed in it, in any state.
    """

    path: bytes
    state: FolderState
    n_files: int


@dataclass(frozen=True, slots=True)
class AddedFolder:
    """What became of a wish to watch a folder.

    Attributes
    ----------
    path : bytes
        The watched folder that holds it now.
    outcome : str
        ``added``; ``known`` (was watched already); ``covered`` (lies below `path`, which is watched);
        ``absorbed`` (added, and took over the watched folders below it).
    absorbed : tuple of bytes
        The folders taken over, which are no more watched for themselves.
    """

    path: bytes
    outcome: Literal["added", "known", "covered", "absorbed"]
    absorbed: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class NotedFiles:
    """What noting files has changed.

    Attributes
    ----------
    n_new : int
        Files met for the first time, now pending.
    n_changed : int
        Known files with another content, now pending.
    n_moved : int
        Files under a new path that kept what was known of them.
    n_forgotten : int
        Files gone without having moved.
    """

    n_new: int
    n_changed: int
    n_moved: int
    n_forgotten: int = 0


@dataclass(frozen=True, slots=True)
class Committed:
    """What a batch of outcomes has changed.

    Attributes
    ----------
    new_ids : list of int
        Sounds met for the first time, rising.
    revived_ids : list of int
        Known sounds that no file held any more and that are live again, rising.
    updated_ids : list of int
        Known sounds that a newer analysis has measured anew, rising.
    refused : int
        Files that are no sounds.
    dropped : int
        Outcomes without effect: their file was forgotten or has changed since it was handed out.
    """

    new_ids: list[int]
    revived_ids: list[int]
    updated_ids: list[int]
    refused: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Sounds as points.

    Attributes
    ----------
    ids : ndarray of int32, shape (n,)
        Rising.
    embedding : ndarray of float32, shape (n, d)
        (0, 0) in a library without sounds.
    xy, even : ndarray of float32, shape (n, 2)
        Positions in the natural and in the even view, 0..1; NaN where a sound has none.
    space : Space
        What the embeddings are; `space.size` is d.
    """

    ids: Int32Array
    embedding: Float32Array
    xy: Float32Array
    even: Float32Array
    space: Space


@dataclass(frozen=True, slots=True)
class Epoch:
    """A version of the layout, within which no position moves.

    Attributes
    ----------
    number : int
        From 1, rising.
    method : str
        How it was fitted.
    seed : int
        Of the fit.
    n_fitted : int
        Sounds that took part.
    created_s : float
        Seconds since 1970.
    scores : mapping of str to float
        How good the fit is.
    even_side : int
        Cells along one side of the lattice of the even view; 0: there is none yet.
    """

    number: int
    method: str
    seed: int
    n_fitted: int
    created_s: float
    scores: Mapping[str, float]
    even_side: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A map that has been fitted and is not in force: it waits to be taken as the next epoch, or dropped.

    Attributes
    ----------
    method, seed
        How it was fitted.
    ids : ndarray of int32, shape (n,)
        The sounds that took part, rising.
    xy : ndarray of float32, shape (n, 4)
        Their positions in the natural and in the even view, 0..1.
    scores : mapping of str to float
        How good the fit is, and how far it would move what is on the map.
    even_side : int
        Cells along one side of the lattice of the even view.
    created_s : float
        Seconds since 1970; tells one candidate from the next.
    """

    method: str
    seed: int
    ids: Int32Array
    xy: Float32Array
    scores: Mapping[str, float]
    even_side: int
    created_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is, absent folders left out.

    Attributes
    ----------
    files : int
        Listed files in any state.
    sounds : int
        Live sounds, slices not counted.
    pending : int
        Files still to be analysed, or analysed anew.
    refused : int
        Files that are no sounds.
    epoch : int
        Number of the layout, 0 with none.
    slices : int
        Live slices; none while the library doesn't show them.
    """

    files: int
    sounds: int
    pending: int
    refused: int
    epoch: int
    slices: int = 0
