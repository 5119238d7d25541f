"""The cache on real files: what is kept, what is dropped, what is told."""

import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.player import cache as cache_module
from klustr_bridge.player import loading
from klustr_bridge.player.cache import SoundCache
from klustr_bridge.player.loading import HEAD_S, LoadedSound, Part, prepared
from klustr_bridge.sound.decode import AudioStream
from klustr_bridge.types import Float32Array, PlayRequest

RATE = 48000


def write(path: Path, audio: np.ndarray, rate: int = RATE) -> bytes:
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return os.fsencode(path)


def noise(n_frames: int, n_channels: int = 1) -> Float32Array:
    return np.random.default_rng(n_frames).uniform(-0.5, 0.5, (n_frames, n_channels)).astype(np.float32)


def load(
    cache: SoundCache,
    path: bytes,
    start_s: float = 0.0,
    end_s: float | None = None,
    semitones: float = 0.0,
) -> LoadedSound | None:
    """Load as the player does, and wait for the answer."""
    answered = threading.Event()
    answer: list[LoadedSound | None] = []

    def ready(sound: LoadedSound | None) -> None:
        answer.append(sound)
        answered.set()

    cache.load(Part.of(PlayRequest(path, start_s, end_s, semitones=semitones)), ready)
    assert answered.wait(20)
    return answer[0]


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def make_cache(problems: list[str]) -> Iterator[Callable[..., SoundCache]]:
    caches: list[SoundCache] = []

    def make(**options: int) -> SoundCache:
        cache = SoundCache(problems.append, **options)
        cache.set_format(RATE, 2)
        caches.append(cache)
        return cache

    yield make
    for cache in caches:
        cache.close()


def test_a_sound_at_the_devices_rate_is_kept_to_the_bit(
    make_cache: Callable[..., SoundCache], tmp_path: Path
) -> None:
    """Nothing is done to samples that already fit, and the second time they are there at once."""
    audio = noise(1000, 2)
    path = write(tmp_path / "a.wav", audio)
    cache = make_cache()
    assert cache.get(Part(path)) is None
    loaded = load(cache, path)
    assert loaded is not None
    assert np.array_equal(loaded.samples, audio)
    assert not loaded.goes_on
    assert cache.get(Part(path)) is loaded


def test_other_rates_are_resampled(make_cache: Callable[..., SoundCache], tmp_path: Path) -> None:
    """A tone recorded at 44.1 kHz is the same tone, as long, at the device's rate."""
    seconds = 0.5
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(int(seconds * 44100)) / 44100)
    loaded = load(make_cache(), write(tmp_path / "a.wav", tone, 44100))
    assert loaded is not None
    assert len(loaded.samples) == pytest.approx(seconds * RATE, abs=2)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(len(loaded.samples)) / RATE)
    middle = slice(2000, -2000)
    np.testing.assert_allclose(loaded.samples[middle, 0], expected[middle], atol=1e-3)


@pytest.mark.parametrize(("n_in", "n_device", "n_out"), [(1, 2, 1), (2, 2, 2), (6, 2, 1), (2, 1, 1)])
def test_channels_fit_the_device(n_in: int, n_device: int, n_out: int) -> None:
    """Mono stays mono, stereo stereo where the device can, everything else becomes the mean."""
    audio = noise(50, n_in)
    blocks = [audio[:20].copy(), audio[20:].copy()]
    heard = np.concatenate(list(prepared(blocks, RATE, to_rate=RATE, n_channels=n_device)))
    expected = audio if n_out == n_in else audio.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(heard, expected, atol=1e-7)


def test_values_a_loudspeaker_must_not_get_are_tamed() -> None:
    """NaN and infinities become silence, absurd levels are bounded."""
    audio = np.array([[np.nan], [np.inf], [-np.inf], [1e30], [-0.5]], np.float32)
    [heard] = prepared([audio], RATE, to_rate=RATE, n_channels=2)
    assert heard[:, 0].tolist() == [0.0, 0.0, 0.0, loading.MAX_SAMPLE, -0.5]


def test_long_files_are_loaded_up_to_a_bound_from_where_playing_starts(
    make_cache: Callable[..., SoundCache], tmp_path: Path
) -> None:
    """A minute of audio costs a few seconds of memory; a slice near its end is still found."""
    rate = 8000
    audio = noise(rate * 60)
    path = write(tmp_path / "long.wav", audio, rate)
    cache = make_cache()
    cache.set_format(rate, 2)
    beginning = load(cache, path)
    assert beginning is not None and beginning.goes_on
    assert np.array_equal(beginning.samples, audio[: int(HEAD_S * rate)])
    end = load(cache, path, 57.0, 58.0)
    assert end is not None and not end.goes_on
    assert end.part.offset_s == 57.0
    assert np.array_equal(end.samples, audio[57 * rate :])
    assert Part.of(PlayRequest(path, 3.0, 4.0)) == Part(path)


@pytest.mark.parametrize(("n_channels", "rate"), [(32, 8000), (2, 768_000)])
def test_memory_does_not_depend_on_the_file(
    make_cache: Callable[..., SoundCache], tmp_path: Path, n_channels: int, rate: int
) -> None:
    """Many channels and high rates are brought down as they are read: what is held is what is heard."""
    device_rate, seconds = 8000, 30 if rate == 8000 else 5
    path = tmp_path / "large.wav"
    with soundfile.SoundFile(path, "w", rate, n_channels, subtype="PCM_16") as file:
        for _ in range(seconds):
            file.write(noise(rate, n_channels))
    cache = make_cache()
    cache.set_format(device_rate, 2)
    load(cache, write(tmp_path / "small.wav", noise(100), 44100))  # everything needed is imported
    tracemalloc.start()
    try:
        loaded = load(cache, os.fsencode(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert loaded is not None
    assert 0.0 <= HEAD_S - len(loaded.samples) / device_rate < 0.2  # the resampler's last frames aren't known
    assert seconds * rate * n_channels * 4 > 30e6
    assert peak < 2 * loaded.samples.nbytes + 6e6


def test_the_bound_in_bytes_holds_and_the_longest_unused_goes_first(
    make_cache: Callable[..., SoundCache], tmp_path: Path
) -> None:
    """Memory stays within the bound, and what is used again stays longest."""
    size = noise(1000).nbytes
    cache = make_cache(max_bytes=3 * size)
    paths = [write(tmp_path / f"{i}.wav", noise(1000)) for i in range(4)]
    for path in paths[:3]:
        load(cache, path)
    assert cache.get(Part(paths[0])) is not None
    load(cache, paths[3])
    kept = [cache.get(Part(path)) is not None for path in paths]
    assert kept == [True, False, True, True]
    assert cache.n_bytes == 3 * size
    large = load(cache, write(tmp_path / "large.wav", noise(5000)))
    assert large is not None and len(large.samples) == 5000
    assert cache.n_bytes == 3 * size


def test_files_that_cannot_be_played_are_told_once_and_counted(
    make_cache: Callable[..., SoundCache], tmp_path: Path, problems: list[str]
) -> None:
    """A vanished file and one that is no audio give a sentence each, however often they are asked for."""
    (tmp_path / "text.wav").write_text("no audio at all")
    cache = make_cache()
    for name in (b"gone.wav", b"text.wav", b"gone\xff.wav", b"gone.wav"):
        assert load(cache, os.path.join(os.fsencode(tmp_path), name)) is None
    assert cache.n_refused == 4
    assert len(problems) == 3
    assert problems[0] == f"can't play {tmp_path}/gone.wav: the file is gone"
    assert "gone\\xff.wav" in problems[2]


def test_a_changed_file_is_heard_anew(
    make_cache: Callable[..., SoundCache], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was bounced again is not played from memory for ever: use of the old one finds it out."""
    monkeypatch.setattr(cache_module, "CHECK_AGAIN_S", -1.0)
    path = write(tmp_path / "a.wav", noise(100))
    part = Part(path)
    cache = make_cache()
    load(cache, path)
    compare, compared = cache._compare, threading.Semaphore(0)
    monkeypatch.setattr(cache, "_compare", lambda part: (compare(part), compared.release()))
    for _ in range(3):  # unchanged, it stays however often that is looked at
        assert cache.get(part) is not None
        assert compared.acquire(timeout=20)
    write(tmp_path / "a.wav", noise(200))
    assert cache.get(part) is not None
    assert compared.acquire(timeout=20)
    assert part not in cache._sounds
    loaded = load(cache, path)
    assert loaded is not None
    assert len(loaded.samples) == 200


def test_prefetched_sounds_are_there_when_asked_for(
    make_cache: Callable[..., SoundCache], tmp_path: Path
) -> None:
    """Prefetching loads without anybody waiting, unknown files included, and keeps the caller free."""
    paths = [write(tmp_path / f"{i}.wav", noise(100 + i)) for i in range(8)]
    cache = make_cache()
    cache.prefetch([Part(path) for path in [*paths, os.fsencode(tmp_path / "gone.wav")]])
    with cache._changed:
        assert cache._changed.wait_for(lambda: cache.n_jobs == 0, 20)
    assert all(cache.get(Part(path)) is not None for path in paths)
    assert cache.n_refused == 1


def test_a_hanging_file_system_bounds_what_waits(
    make_cache: Callable[..., SoundCache], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While reading hangs, requests beyond the bound are answered with nothing instead of piling up."""
    real_open, goes_on = loading.open_audio, threading.Event()

    def open_when_allowed(path: bytes) -> AbstractContextManager[AudioStream]:
        assert goes_on.wait(20)
        return real_open(path)

    monkeypatch.setattr(loading, "open_audio", open_when_allowed)
    cache = make_cache()
    path = write(tmp_path / "a.wav", noise(100))
    answers: list[LoadedSound | None] = []
    last = threading.Event()
    for i in range(cache_module.MAX_JOBS + 50):
        cache.load(Part(path, i * 1e-4), answers.append)
    assert cache.n_jobs == cache_module.MAX_JOBS
    assert answers == [None] * cache.n_overrun
    assert cache.n_overrun == 50
    cache.load(Part(path, 0.5), lambda sound: last.set())
    goes_on.set()
    assert last.wait(20)
    with cache._changed:
        assert cache._changed.wait_for(lambda: cache.n_jobs == 0, 20)


def test_the_newest_is_loaded_first_and_what_is_waited_for_before_what_may_come(
    make_cache: Callable[..., SoundCache], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hand wants to hear what it asked for last; of what it may come to, what is near to it now."""
    real_open, begin, order = loading.open_audio, threading.Event(), []

    def noting_open(path: bytes) -> AbstractContextManager[AudioStream]:
        assert begin.wait(20)
        order.append(os.path.basename(path))
        return real_open(path)

    monkeypatch.setattr(loading, "open_audio", noting_open)
    monkeypatch.setattr(cache_module, "N_LOADERS", 1)
    cache = make_cache()
    paths = [write(tmp_path / f"{number:03}.wav", noise(50)) for number in range(100)]
    cache.load(Part(paths[0]), lambda sound: None)
    while not any(job.loading for job in list(cache._jobs.values())):
        time.sleep(0.001)
    for path in paths[10:]:
        cache.prefetch([Part(path)])
    for path in paths[1:4]:
        cache.load(Part(path), lambda sound: None)
    begin.set()
    with cache._changed:
        assert cache._changed.wait_for(lambda: cache.n_jobs == 0, 20)
    names = [int(name[:3]) for name in order]
    assert names[:6] == [0, 3, 2, 1, 99, 98]
    assert len(names) == 4 + cache_module.MAX_PREFETCHES


def test_a_part_that_takes_long_is_not_played_more_often_than_so(
    make_cache: Callable[..., SoundCache], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for again and again while its disk hangs: the last few wait, the others are answered at once."""
    goes_on, real_open = threading.Event(), loading.open_audio

    def open_when_allowed(path: bytes) -> AbstractContextManager[AudioStream]:
        assert goes_on.wait(20)
        return real_open(path)

    monkeypatch.setattr(loading, "open_audio", open_when_allowed)
    cache, path = make_cache(), write(tmp_path / "a.wav", noise(100))
    answers: list[tuple[int, bool]] = []
    for number in range(100):
        cache.load(Part(path), lambda sound, number=number: answers.append((number, sound is not None)))
    assert answers == [(number, False) for number in range(100 - cache_module.MAX_WAITING)]
    goes_on.set()
    with cache._changed:
        assert cache._changed.wait_for(lambda: cache.n_jobs == 0, 20)
    wait_until = time.monotonic() + 20
    while len(answers) < 100 and time.monotonic() < wait_until:
        time.sleep(0.01)
    assert answers[-cache_module.MAX_WAITING :] == [
        (100 - n, True) for n in range(cache_module.MAX_WAITING, 0, -1)
    ]


def test_disks_that_do_not_answer_hold_up_no_other_and_are_told(
    make_cache: Callable[..., SoundCache],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    problems: list[str],
) -> None:
    """Two files of a network drive that has gone: a local one is loaded all the same."""
    goes_on, real_open = threading.Event(), loading.open_audio

    def open_some(path: bytes) -> AbstractContextManager[AudioStream]:
        if b"network" in path:
            assert goes_on.wait(20)
        return real_open(path)

    monkeypatch.setattr(loading, "open_audio", open_some)
    monkeypatch.setattr(cache_module, "HANGING_S", 0.05)
    cache = make_cache()
    far = [write(tmp_path / f"network {number}.wav", noise(50)) for number in range(2)]
    for path in far:
        cache.load(Part(path), lambda sound: None)
    while sum(job.loading for job in list(cache._jobs.values())) < 2:
        time.sleep(0.001)
    time.sleep(0.1)
    assert load(cache, write(tmp_path / "near.wav", noise(70))) is not None
    cache.check(time.perf_counter() + cache_module.TOLD_HANGING_S)
    cache.check(time.perf_counter() + 2 * cache_module.TOLD_HANGING_S)
    assert sorted(problems) == [f"can't play {os.fsdecode(path)}: its disk does not answer" for path in far]
    goes_on.set()
    with cache._changed:
        assert cache._changed.wait_for(lambda: cache.n_jobs == 0, 20)


def test_a_new_format_drops_what_was_prepared_for_the_old(
    make_cache: Callable[..., SoundCache], tmp_path: Path
) -> None:
    """A device that comes back at another rate never plays sounds at the wrong pitch."""
    path = write(tmp_path / "a.wav", noise(4800))
    cache = make_cache()
    load(cache, path)
    cache.set_format(24000, 2)
    assert cache.get(Part(path)) is None
    loaded = load(cache, path)
    assert loaded is not None
    assert (loaded.sample_rate, len(loaded.samples)) == (24000, 2400)
