"""Sounds that are read while they play: the handing over, a disk that is slow, files that end early."""

import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.player import streaming
from klustr_bridge.player.loading import Part, file_stamp, load_head
from klustr_bridge.player.mixer import FADE_S, Mixer
from klustr_bridge.player.streaming import LOOKAHEAD_S, MAX_STREAMS, SoundStream, StreamReader
from klustr_bridge.types import Float32Array

RATE = 8000
FADE_FRAMES = round(FADE_S * RATE)


def noise(n_frames: int, n_channels: int = 1, seed: int = 0) -> Float32Array:
    return np.random.default_rng(seed).uniform(-0.4, 0.4, (n_frames, n_channels)).astype(np.float32)


def rendered(mixer: Mixer, n_frames: int) -> Float32Array:
    out = np.empty((n_frames, 2), np.float32)
    mixer.render(out)
    return out


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(st.integers(1, 900), min_size=1, max_size=8),
    blocks=st.lists(st.sampled_from([1, 7, 64, 128, 500, 1100]), min_size=1, max_size=60),
)
def test_a_voice_goes_on_from_piece_to_piece(pieces: list[int], blocks: list[int]) -> None:
    """However the pieces and the device's blocks fall, all frames come in order and then silence."""
    audio = noise(sum(pieces))
    cuts = np.cumsum([0, *pieces])
    stream = SoundStream()
    for first, last in itertools.pairwise(cuts[1:]):
        stream.add(audio[first:last])
    stream.ended = True
    mixer = Mixer(RATE)
    mixer.play(1, audio[: pieces[0]], stream=stream)
    heard = np.concatenate([rendered(mixer, n) for n in blocks])
    n = min(len(heard), len(audio))
    assert np.array_equal(heard[:n, 0], audio[:n, 0])
    assert not heard[n:].any()
    assert stream.abandoned == (len(heard) >= len(audio))


@pytest.mark.parametrize("n_more", [0, 10, FADE_FRAMES - 1, FADE_FRAMES + 40])
def test_a_disk_that_is_too_slow_ends_the_voice_without_a_click(n_more: int) -> None:
    """What is there is faded out before it runs dry, whatever comes later."""
    stream = SoundStream()
    if n_more:
        stream.add(np.full((n_more, 1), 0.5, np.float32))
    mixer = Mixer(RATE)
    mixer.play(1, np.full((256, 1), 0.5, np.float32), stream=stream)
    heard = np.concatenate([rendered(mixer, 64) for _ in range(12)])
    assert mixer.n_starved == 1
    assert stream.abandoned
    assert np.count_nonzero(heard[:, 0]) <= 256 + n_more
    assert np.count_nonzero(heard[:, 0]) >= 256 + n_more - 64 - FADE_FRAMES
    assert np.abs(np.diff(heard, axis=0)).max() <= 0.5 / FADE_FRAMES
    stream.add(np.full((1000, 1), 0.5, np.float32))
    assert not rendered(mixer, 500).any()


def test_a_stopped_voice_fades_over_the_seam(tmp_path: Path) -> None:
    """The fade takes what it needs from the stream, and gives the stream up."""
    audio = np.full((3000, 1), 0.5, np.float32)
    stream = SoundStream()
    stream.add(audio[1000:])
    mixer = Mixer(RATE)
    mixer.play(1, audio[:1000], stream=stream)
    first = rendered(mixer, 1000 - FADE_FRAMES // 2)
    mixer.stop(1)
    heard = np.concatenate([first, rendered(mixer, 500)])
    assert stream.abandoned
    assert np.abs(np.diff(heard, axis=0)).max() <= 0.51 / FADE_FRAMES
    assert np.count_nonzero(heard[:, 0]) == 1000 - FADE_FRAMES // 2 + FADE_FRAMES


def test_replacing_what_waits_gives_its_streams_up() -> None:
    """A sound that is stopped before it begins isn't read on for ever."""
    mixer, streams = Mixer(RATE), [SoundStream() for _ in range(3)]
    mixer.play(1, noise(100), stream=streams[0])
    mixer.stop()
    mixer.play(2, noise(100), stream=streams[1], due=5000)
    rendered(mixer, 64)
    mixer.stop(2)
    rendered(mixer, 64)
    assert [stream.abandoned for stream in streams] == [True, True, False]


@pytest.fixture
def refused() -> list[tuple[bytes, str]]:
    return []


@pytest.fixture
def reader(refused: list[tuple[bytes, str]]) -> Iterator[StreamReader]:
    reader = StreamReader(lambda path, reason: refused.append((path, reason)))
    yield reader
    reader.close()


def wait(met: threading.Event, condition: object) -> None:
    for _ in range(2000):
        if condition():  # type: ignore[operator]
            return
        met.wait(0.01)
    raise AssertionError("it did not come to that")


def write(path: Path, audio: np.ndarray, rate: int) -> bytes:
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return os.fsencode(path)


@pytest.mark.parametrize(("rate", "cents"), [(RATE, 0), (11_025, 0), (RATE, -1200), (48_000, 700)])
def test_head_and_stream_together_are_the_whole_sound(
    tmp_path: Path, reader: StreamReader, rate: int, cents: int
) -> None:
    """Resampled or not, nothing is missing or doubled at the seam: it is what one pass gives."""
    import soxr

    audio = noise(12 * rate, 1, 3)
    part, device = Part(write(tmp_path / "a.wav", audio, rate), 0.0, cents), (RATE, 2)
    head = load_head(part, device)
    assert head.goes_on
    stream = reader.open(part, head.stamp, device, len(head.samples), None, FADE_FRAMES)
    assert stream is not None
    pieces, pause = [head.samples], threading.Event()
    while not (stream.ended and not stream.n_ready):
        if (block := stream.take()) is not None:
            pieces.append(block)
        else:
            pause.wait(0.001)
    whole = np.concatenate(pieces)
    expected = (
        audio if rate * part.ratio == RATE else soxr.resample(audio, rate * part.ratio, RATE, quality="HQ")
    )
    assert len(whole) == pytest.approx(len(expected), abs=1)
    n = min(len(whole), len(expected))
    np.testing.assert_allclose(whole[:n], expected[:n], atol=2e-6)


def test_no_more_is_read_than_is_soon_played(tmp_path: Path, reader: StreamReader) -> None:
    """An hour of audio is not taken into memory because somebody plays its beginning."""
    part = Part(write(tmp_path / "long.wav", noise(120 * RATE), RATE))
    stream = reader.open(part, file_stamp(part.path), (RATE, 2), 0, None, FADE_FRAMES)
    assert stream is not None
    wait(threading.Event(), lambda: stream.n_ready >= LOOKAHEAD_S * RATE)
    threading.Event().wait(0.3)
    assert stream.n_ready < 60 * RATE
    assert not stream.ended
    stream.abandoned = True
    wait(threading.Event(), lambda: reader.n_streams == 0)
    assert stream.take() is None


@pytest.mark.parametrize(("change", "reason"), [("gone", "is gone"), ("another", "has been changed")])
def test_a_file_that_is_not_what_it_was_is_told_and_its_voice_fades(
    tmp_path: Path, reader: StreamReader, refused: list[tuple[bytes, str]], change: str, reason: str
) -> None:
    """Between the head and the rest it went, or was exported anew: its end is faded, the reason told."""
    path = tmp_path / "a.wav"
    part = Part(write(path, np.full((10 * RATE, 1), 0.25, np.float32), RATE))
    head = load_head(part, (RATE, 2))
    if change == "gone":
        path.unlink()
    else:
        write(path, np.full((11 * RATE, 1), 0.9, np.float32), RATE)
    stream = reader.open(part, head.stamp, (RATE, 2), len(head.samples), None, FADE_FRAMES)
    assert stream is not None
    wait(threading.Event(), lambda: reader.n_streams == 0)
    assert not stream.ended
    ((told_path, told),) = refused
    assert told_path == part.path
    assert reason in told
    mixer = Mixer(RATE)
    mixer.play(1, head.samples, stream=stream)
    heard = np.concatenate([rendered(mixer, 100) for _ in range(len(head.samples) // 100 + 10)])
    assert np.abs(np.diff(heard, axis=0)).max() <= 0.26 / FADE_FRAMES + 1e-6
    assert mixer.n_starved == 1
    assert mixer.n_voices == 0


def test_streams_are_bounded(tmp_path: Path, reader: StreamReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that hangs holds no more than so many, and the caller is never held up."""
    goes_on = threading.Event()

    def hanging(*_: object) -> Iterator[Float32Array]:
        goes_on.wait(20)
        yield from ()

    monkeypatch.setattr(streaming, "following_blocks", hanging)
    streams = [reader.open(Part(b"/x"), (-1, -1), (RATE, 2), 0, None, 1) for _ in range(MAX_STREAMS + 3)]
    assert [stream is None for stream in streams] == [False] * MAX_STREAMS + [True] * 3
    goes_on.set()
    wait(threading.Event(), lambda: reader.n_streams == 0)
