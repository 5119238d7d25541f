"""Libraries and folders to measure on: made fast, from a seed, the same every time.

A synthetic library is written by the real store: real small files on disk whose stamps the store
knows, with made-up analyses. A daemon started on it finds nothing new, changed or gone.
"""

import base64
import io
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from klustr_bridge.demo.library import encode_wav
from klustr_bridge.demo.pack import plan, render
from klustr_bridge.layout.even import even_positions, lattice_side
from klustr_bridge.library.ignore import DEFAULT_PATTERNS, IgnoreRules
from klustr_bridge.library.rows import EMBEDDING_SCORE
from klustr_bridge.library.scan import scan_folder
from klustr_bridge.library.spaces import LEARNED, Space
from klustr_bridge.library.store import Store
from klustr_bridge.sound.aspects import LEARNED_VERSION, WHOLE_SIZE
from klustr_bridge.sound.decode import is_candidate
from klustr_bridge.sound.kinds import kind_from_path
from klustr_bridge.types import Analysis, Float32Array, FoundFile, Int32Array, Outcome

_FILES_A_FOLDER = 500
_N_CLUSTERS = 40
_AT_ONCE = 2000
_WORDS = ("kick", "snare", "clap", "hat", "tom", "ride", "crash", "perc", "bass", "loop", "take")


@dataclass(frozen=True, slots=True)
class SyntheticLibrary:
    """A library whose answers are known.

    Attributes
    ----------
    file : Path
        The library file.
    ids : ndarray of int32, shape (n,)
        Of all sounds.
    xy : ndarray of float32, shape (n, 2)
        Their positions.
    """

    file: Path
    ids: Int32Array
    xy: Float32Array

    def nearest(self, x: float, y: float, k: int) -> set[int]:
        """Return the ids of the `k` sounds nearest to a point, by trying all."""
        distances = np.hypot(self.xy[:, 0] - x, self.xy[:, 1] - y)
        return set(self.ids[np.argpartition(distances, k)[:k]].tolist())


def make_library(folder: Path, n_sounds: int, *, seed: int = 1) -> SyntheticLibrary:
    """Make the library of `n_sounds` sounds below `folder`, or take the one made there before."""
    file = folder / "library.klustr"
    samples = folder / "samples"
    done = folder / "complete"
    if not done.exists():
        _write_files(samples, n_sounds)
        _fill_store(file, samples, seed)
        done.touch()
    with Store.open(file, writable=False) as store:
        kept = store.embeddings()
    if len(kept.ids) != n_sounds:
        raise RuntimeError(f"{folder} holds a library of {len(kept.ids)} sounds; name another folder")
    return SyntheticLibrary(file, kept.ids, kept.xy)


def _write_files(samples: Path, n_files: int) -> None:
    """One-frame WAV files: the daemon looks at names and stamps, and opens none of them."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44100)
        file.writeframes(b"\1\0")
    for number in range(n_files):
        folder = samples / f"pack {number // _FILES_A_FOLDER:04d}"
        if number % _FILES_A_FOLDER == 0:
            folder.mkdir(parents=True, exist_ok=True)
        word = _WORDS[number % len(_WORDS)]
        (folder / f"{word} {number:06d}.wav").write_bytes(content.getvalue())


def _fill_store(library: Path, samples: Path, seed: int) -> None:
    root = bytes(samples.resolve())
    found = list(scan_folder(root, IgnoreRules(DEFAULT_PATTERNS), candidate=is_candidate))
    random = np.random.default_rng(seed)
    cluster = random.integers(_N_CLUSTERS, size=len(found))
    centres = random.normal(0.0, 3.0, (_N_CLUSTERS, WHOLE_SIZE))
    embedding = (centres[cluster] + random.normal(0.0, 1.0, (len(found), WHOLE_SIZE))).astype(np.float32)
    places = random.uniform(0.1, 0.9, (_N_CLUSTERS, 2))
    xy = np.clip(places[cluster] + random.normal(0.0, 0.04, (len(found), 2)), 0.0, 1.0).astype(np.float32)
    with Store.open(library) as store:
        store.add_folder(root)
        ids = np.zeros(len(found), np.int32)
        for start in range(0, len(found), _AT_ONCE):
            part = found[start : start + _AT_ONCE]
            store.note_files([(file, kind_from_path(file.path, root)) for file in part])
            committed = store.commit_outcomes(
                [outcome(file, start + row, embedding[start + row]) for row, file in enumerate(part)],
                analysis_version=LEARNED_VERSION,
            )
            ids[start : start + len(part)] = committed.new_ids
        # reserved in the order of the scan: row i is the i-th file
        both = np.hstack([xy, even_positions(xy)])
        scores = {"neighbour_share": 0.5, EMBEDDING_SCORE: float(Space(LEARNED, WHOLE_SIZE).mark)}
        store.write_epoch("umap", 1, ids, both, scores, even_side=lattice_side(len(ids)))


def outcome(file: FoundFile, number: int, embedding: Float32Array) -> Outcome:
    uid = base64.b32encode(number.to_bytes(10, "big")).decode().lower()
    analysis = Analysis(
        uid=uid,
        duration_s=0.1 + number % 40 / 10,
        sample_rate=44100,
        channels=1,
        loudness_db=-6.0 - number % 24,
        brightness_hz=200.0 + number % 8000,
        pitch_hz=0.0,
        embedding=embedding,
    )
    return Outcome(file.path, file.stamp, analysis, None)


def make_load_folder(folder: Path, n_files: int, *, seed: int = 1) -> Path:
    """Fill a folder with `n_files` distinct drum sounds: those of the demo, each time with other noise."""
    done = folder / f"complete {n_files}"
    if done.exists():
        return folder
    random = np.random.default_rng(seed)
    sounds = plan()
    first = {sound.path: encode_wav(render(sound, seed)) for sound in sounds[:n_files]}
    paths = list(first)
    for number in range(n_files):
        path = paths[number % len(paths)]
        target = folder / f"copy {number // len(paths):04d}" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_varied(first[path], random) if number >= len(paths) else first[path])
    done.touch()
    return folder


def _varied(content: bytes, random: np.random.Generator) -> bytes:
    """The same WAV file with noise in its last bits: another sound, as dear to decode and describe."""
    header = content.index(b"data") + 8
    sample = content[34] // 8  # the header's bits per sample
    audio = np.frombuffer(content[header:], np.uint8).copy()
    audio[: len(audio) // sample * sample : sample] ^= random.integers(
        0, 2, len(audio) // sample, dtype=np.uint8
    )
    return content[:header] + audio.tobytes()
