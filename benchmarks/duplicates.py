"""How many copies of sounds are found to be the same, and how many of their nearest neighbours are.

Each sound is copied as files come about: encoded, levelled, resampled, cut. Ratios are to the copies within
the radius in which sounds are compared at all; neighbours are other files of the folder. Those may be true
copies: what is taken for the same is named, to be listened to.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr

from benchmarks.common import Report, Row
from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.decode import is_candidate
from klustr_bridge.types import Float32Array

_MOST_S = 12.0
_NEAREST = 2
_BIT_RATE = (320 - 128) / (320 - 32)  # what libsndfile takes for 128 kbit/s

Write = Callable[[Path, Float32Array, int], None]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="lossless sounds of 44.1 kHz")
    parser.add_argument("--sounds", type=int, default=300, metavar="N", help="sounds copied (default: 300)")


def _plain(change: Callable[[Float32Array, int], Float32Array], subtype: str = "PCM_16") -> Write:
    def write(path: Path, audio: Float32Array, rate: int) -> None:
        soundfile.write(path.with_suffix(".wav"), change(audio, rate), rate, subtype)

    return write


def _resampled(to: int) -> Write:
    def write(path: Path, audio: Float32Array, rate: int) -> None:
        soundfile.write(path.with_suffix(".wav"), soxr.resample(audio, rate, to), to, "PCM_16")

    return write


def _mp3(path: Path, audio: Float32Array, rate: int) -> None:
    modes = {"bitrate_mode": "CONSTANT", "compression_level": _BIT_RATE}
    soundfile.write(path.with_suffix(".mp3"), audio, rate, format="MP3", **modes)


def _vorbis(path: Path, audio: Float32Array, rate: int) -> None:
    soundfile.write(path.with_suffix(".ogg"), audio, rate, format="OGG", subtype="VORBIS")


def _later(audio: Float32Array, rate: int) -> Float32Array:
    return np.concatenate([np.zeros((rate // 200, audio.shape[1]), np.float32), audio])


def _faded(audio: Float32Array, _rate: int) -> Float32Array:
    n = max(1, len(audio) // 4)
    return np.concatenate([audio[:-n], audio[-n:] * np.linspace(1, 0, n, dtype=np.float32)[:, None]])


COPIES: dict[str, Write] = {
    "MP3 of 128 kbit/s": _mp3,
    "Ogg Vorbis": _vorbis,
    "-6 dB": _plain(lambda audio, _: 0.5 * audio),
    "48 kHz": _resampled(48_000),
    "5 ms of silence": _plain(_later),
    "the last quarter faded": _plain(_faded),
    "22.05 kHz": _resampled(22_050),
    "8 bits": _plain(lambda audio, _: audio, "PCM_U8"),
}


def run(options: argparse.Namespace) -> Report:
    files = sorted(p for p in options.folder.rglob("*") if p.is_file() and is_candidate(os.fsencode(p)))
    chosen = [files[at] for at in np.random.default_rng(0).permutation(len(files))[: options.sounds]]
    heard = {path: vector for path in chosen if (vector := _hear(path)) is not None}
    if len(heard) < 2:
        raise SystemExit(f"{options.folder} has fewer than two sounds of 44.1 kHz to be copied")
    report = Report("duplicates", {"sounds": len(heard)})
    with tempfile.TemporaryDirectory() as folder:
        for name, write in COPIES.items():
            print(f"copying: {name}", file=sys.stderr, flush=True)
            _add_copies(report, name, write, heard, Path(folder))
    _add_neighbours(report, heard)
    return report


def _hear(path: Path) -> Float32Array | None:
    """Embedding of a file of 44.1 kHz that isn't long; None for any other."""
    from klustr_bridge.sound.analyse import analyse_file

    try:
        told = analyse_file(os.fsencode(path))
    except (RefusedSound, OSError):
        return None
    is_fit = told.sample_rate == 44_100 and told.duration_s < _MOST_S
    return told.embedding if is_fit else None


def _add_copies(
    report: Report, name: str, write: Write, heard: dict[Path, Float32Array], folder: Path
) -> None:
    from klustr_bridge.indexer.duplicates import RADIUS
    from klustr_bridge.sound.analyse import analyse_file

    within, found = [], []
    for number, (path, own) in enumerate(heard.items()):
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        place = folder / name.replace("/", " ") / str(number)
        place.mkdir(parents=True)
        write(place / "copy", audio, rate)
        (copy,) = place.iterdir()
        try:
            is_near = float(np.linalg.norm(analyse_file(os.fsencode(copy)).embedding - own)) <= RADIUS
        except RefusedSound:  # 8 bits of a sound that is all too soft
            is_near = False
        within.append(is_near)
        found.append(is_near and _same(path, copy))
    share, near = float(np.mean(found)), float(np.mean(within))
    report.rows.append(Row(f"found: {name}", 100 * share, "%", share / near if near else None, "within"))


def _add_neighbours(report: Report, heard: dict[Path, Float32Array]) -> None:
    """Of the nearest other sounds how many are compared, and how many are taken for the same."""
    from klustr_bridge.indexer.duplicates import RADIUS

    paths, vectors = list(heard), np.array(list(heard.values()))
    apart = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    np.fill_diagonal(apart, np.inf)
    pairs = {
        (min(one, other), max(one, other))
        for one, others in enumerate(np.argsort(apart, axis=1)[:, :_NEAREST].tolist())
        for other in others
    }
    near = [pair for pair in sorted(pairs) if apart[pair] <= RADIUS]
    same = [pair for pair in near if _same(paths[pair[0]], paths[pair[1]])]
    report.rows.append(Row("nearest others within the radius", 100 * len(near) / len(pairs), "%"))
    share = len(same) / len(pairs)
    report.rows.append(Row("nearest others taken for the same", 100 * share, "%"))
    report.notes += [f"the same: {paths[one]} {paths[other]}" for one, other in same]


def _same(one: Path, other: Path) -> bool:
    from klustr_bridge.sound.sameness import are_the_same, read_recording

    return are_the_same(read_recording(os.fsencode(one)), read_recording(os.fsencode(other)))
