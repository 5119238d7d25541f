"""Made-up files and analyses with known answers, for the tests of the library."""

import hashlib
import os
from base64 import b32encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from klustr_bridge.library.store import Store
from klustr_bridge.types import Analysis, FileStamp, Float32Array, FoundFile, Outcome, Slice

D = 8


def stamp(content: int = 0, inode: int = 0) -> FileStamp:
    """A stamp that is the same exactly for the same content; no whole second."""
    return FileStamp(1000 + content, 1_700_000_000_000_000_123 + content * 1000, inode, 7 if inode else 0)


def uid_of(audio: int) -> str:
    digest = hashlib.blake2b(str(audio).encode(), digest_size=10).digest()
    return b32encode(digest).decode().lower()


def embedding_of(audio: int, version: int = 1, d: int = D) -> Float32Array:
    return np.random.default_rng((audio, version)).random(d, np.float32)


def analysis(audio: int, version: int = 1, d: int = D) -> Analysis:
    return Analysis(
        uid=uid_of(audio),
        duration_s=0.1 + audio,
        sample_rate=44100,
        channels=2,
        loudness_db=-12.5,
        brightness_hz=1000.0 + audio,
        pitch_hz=0.0,
        embedding=embedding_of(audio, version, d),
        pitch_confidence=audio / 10,
        stereo_width=0.25,
        is_loop=audio % 2 == 0,
        tempo_bpm=120.0 + audio,
    )


def hit(start_frame: int, end_frame: int, version: int = 1) -> Slice:
    return Slice(start_frame, end_frame, -20.0, 500.0, 0.0, 0.5, embedding_of(start_frame, version))


def heard(file: FoundFile, audio: int, version: int = 1, frames: Sequence[tuple[int, int]] = ()) -> Outcome:
    whole = replace(analysis(audio, version), slices=tuple(hit(*each, version) for each in frames))
    return Outcome(file.path, file.stamp, whole, None)


def refused(file: FoundFile, reason: str = "no audio in it") -> Outcome:
    return Outcome(file.path, file.stamp, None, reason)


def below(folder: bytes, name: str) -> bytes:
    return os.path.join(folder, *os.fsencode(name).split(b"/"))


def add(
    store: Store,
    folder: bytes,
    name: str,
    content: int = 0,
    inode: int = 0,
    kind: str = "unknown",
    source: str = "file",
) -> FoundFile:
    """List one file."""
    file = FoundFile(below(folder, name), stamp(content, inode))
    store.note_files([(file, (kind, source if kind != "unknown" else ""))])
    return file


def hear(
    store: Store, file: FoundFile, audio: int, version: int = 1, xy: tuple[float, float] | None = None
) -> int:
    """Commit one outcome; the id of the file's sound."""
    place = None if xy is None else (lambda new: np.tile(np.array(xy, np.float32), (len(new), 1)))
    store.commit_outcomes([heard(file, audio, version)], analysis_version=version, place=place)
    return sound_at(store, file.path)


def rows(chunks: Iterable[Any]) -> Iterator[SimpleNamespace]:
    """Rows of `View.entries` or `View.sounds`."""
    for chunk in chunks:
        for row in zip(*chunk, strict=True):
            yield SimpleNamespace(**dict(zip(chunk._fields, row, strict=True)))


def sound_at(store: Store, path: bytes) -> int:
    """Id of the sound that a file holds, 0 if it holds none."""
    with store.view() as view:
        return next((row.sound_id or 0 for row in rows(view.entries()) if row.path == path), 0)


def reserved_at(store: Store, path: bytes) -> int | None:
    """Id reserved for a pending file."""
    with store.view() as view:
        return next(row.reserved_id for row in rows(view.entries()) if row.path == path)


def live_ids(store: Store) -> list[int]:
    return store.embeddings().ids.tolist()


def write_file(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
