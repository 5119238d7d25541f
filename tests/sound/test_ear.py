"""The learned ear: what it adds to the engineered numbers, and that they stay what they are."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import EarError
from klustr_bridge.sound import analyse
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.aspects import EMBEDDING_SIZE, LEARNED, LEARNED_LOOP, LEARNED_SIZE, WHOLE_SIZE
from klustr_bridge.sound.description import Description, describe
from klustr_bridge.sound.ear import Ear, is_available, load_ear
from klustr_bridge.sound.ear_input import levels_of, log_length
from klustr_bridge.sound.embedding import (
    ANALYSIS_VERSION,
    LEARNED_LOOP_WEIGHT,
    LEARNED_VERSION,
    LEARNED_WEIGHT,
    embed_whole,
    hear,
    version_of,
)
from klustr_bridge.sound.excerpt import excerpt_of
from tests.sound.test_loops import beat
from tests.sounds import DRUMS, RATE, kick, noise, sine, write

pytestmark = pytest.mark.skipif(not is_available(), reason="onnxruntime is not installed")

LONG = np.concatenate([sine(220.0, 2.5), noise(3.0), sine(110.0, 3.0)])


@pytest.fixture(scope="module")
def ear() -> Ear:
    return load_ear()


def both(audio: np.ndarray, ear: Ear) -> tuple[Description, Description]:
    seconds = len(audio) / RATE
    return describe(audio, RATE, seconds), describe(audio, RATE, seconds, ear=ear)


def parts_of(description: Description) -> list[np.ndarray]:
    return [description.embedding, *(part.embedding for part in description.slices)]


@pytest.mark.parametrize("what", [*sorted(DRUMS), "a loop", "a long sound", "silence"])
def test_the_engineered_numbers_stay_what_they_are(what: str, ear: Ear) -> None:
    """A learned embedding begins with the very numbers of the engineered one, of each slice, too."""
    audio = {
        "a loop": lambda: beat(120.0)[0],
        "a long sound": lambda: LONG,
        "silence": lambda: np.zeros(RATE, np.float32),
    }.get(what, lambda: DRUMS[what](3))()
    engineered, learned = both(audio, ear)
    assert len(engineered.slices) == len(learned.slices)
    for short, whole in zip(parts_of(engineered), parts_of(learned), strict=True):
        assert (short.shape, whole.shape) == ((EMBEDDING_SIZE,), (WHOLE_SIZE,))
        np.testing.assert_array_equal(whole[:EMBEDDING_SIZE], short)
    assert learned.heard.pitch == engineered.heard.pitch
    assert [part.start_frame for part in learned.slices] == [part.start_frame for part in engineered.slices]


@pytest.mark.parametrize("audio", [kick(1), beat(120.0)[0], LONG], ids=["single", "loop", "long"])
def test_what_is_learned_is_a_direction(audio: np.ndarray, ear: Ear) -> None:
    """Times one weight; of a loop and a long sound it is that of their parts' mean, and loops are apart."""
    learned = both(audio, ear)[1]
    for row in parts_of(learned):
        assert np.linalg.norm(row[LEARNED]) == pytest.approx(LEARNED_WEIGHT, rel=1e-4)
    is_loop = learned.rhythm.is_loop
    assert learned.embedding[LEARNED_LOOP] == np.float32(LEARNED_LOOP_WEIGHT * is_loop)
    assert all(part.embedding[LEARNED_LOOP] == 0.0 for part in learned.slices)
    if is_loop:
        mean = np.mean([part.embedding[LEARNED] for part in learned.slices], axis=0)
        direction = mean * (LEARNED_WEIGHT / np.linalg.norm(mean))
        np.testing.assert_allclose(learned.embedding[LEARNED], direction, atol=1e-2)


def test_opposite_parts_still_have_a_direction() -> None:
    """Their mean is nothing: the first part's stands for all."""
    one, other = np.zeros((2, WHOLE_SIZE), np.float32)
    one[LEARNED.start], other[LEARNED.start] = LEARNED_WEIGHT, -LEARNED_WEIGHT
    whole = embed_whole([one, other], 2.0, is_loop=False)
    np.testing.assert_array_equal(whole[LEARNED], one[LEARNED])


def test_it_hears_the_same_however_many_at_a_time(ear: Ear) -> None:
    """Alone, together and in more than one run, to 1e-4; and a sound that differs is heard otherwise."""
    excerpts = [excerpt_of(DRUMS[kind](seed), RATE) for kind in sorted(DRUMS) for seed in range(12)]
    levels = np.stack([levels_of(excerpt) for excerpt in excerpts])
    lengths = np.array([log_length(excerpt.length_s) for excerpt in excerpts], np.float32)
    together = ear.embed(levels, lengths)
    assert len(together) > 64 and together.shape[1] == LEARNED_SIZE and together.dtype == np.float32
    alone = np.concatenate([ear.embed(levels[i : i + 1], lengths[i : i + 1]) for i in range(len(levels))])
    np.testing.assert_allclose(alone, together, atol=1e-4)
    backward = ear.embed(levels[::-1], lengths[::-1])[::-1]
    np.testing.assert_allclose(backward, together, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-4)
    assert np.linalg.norm(together[0] - together[-1]) > 1e-2
    assert ear.embed(levels[:0], lengths[:0]).shape == (0, LEARNED_SIZE)


def test_optimising_the_graph_changes_nothing(ear: Ear) -> None:
    """What onnxruntime makes of the network for speed gives its numbers to 1e-5."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    model = (Path(analyse.__file__).parent / "ear.onnx").read_bytes()
    plain = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    levels = np.stack([levels_of(excerpt_of(kick(seed), RATE)) for seed in range(8)])
    shown = {"levels": levels[:, None], "log_length": np.full((8, 1), -1.0, np.float32)}
    expected = plain.run(["embedding"], shown)[0]
    np.testing.assert_allclose(ear.embed(levels, shown["log_length"][:, 0]), expected, atol=1e-5)


def test_what_it_was_not_made_for_is_refused(ear: Ear) -> None:
    """Wrong shapes and a file that is no network are told as what they are."""
    with pytest.raises(EarError, match="needed"):
        ear.embed(np.zeros((2, 64, 128), np.float32), np.zeros(2, np.float32))
    with pytest.raises(EarError, match="needed"):
        ear.embed(np.zeros((2, 128, 64), np.float32), np.zeros(3, np.float32))
    with pytest.raises(EarError, match="can't be read"):
        Ear(b"no network")


def test_a_file_is_heard_by_it_only_if_asked(tmp_path: Path) -> None:
    """By default no file needs it, and no part of it is loaded; each length has its version."""
    path = os.fsencode(write(tmp_path / "kick.wav", kick(1)))
    short, whole = analyse_file(path).embedding, analyse_file(path, learned=True).embedding
    np.testing.assert_array_equal(whole[:EMBEDDING_SIZE], short)
    assert version_of(len(short)) == ANALYSIS_VERSION < version_of(len(whole)) == LEARNED_VERSION
    code = (
        "import os, sys; from klustr_bridge.sound.analyse import analyse_file; "
        "analyse_file(os.fsencode(sys.argv[1])); assert 'onnxruntime' not in sys.modules; "
        "analyse_file(os.fsencode(sys.argv[1]), learned=True); assert 'onnxruntime' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, os.fsdecode(path)], check=True)


def test_without_onnxruntime_a_file_is_heard_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the engineered numbers alone, which their length tells."""
    path = os.fsencode(write(tmp_path / "kick.wav", kick(1)))
    expected = analyse_file(path).embedding
    for cached in (load_ear, analyse._ear):
        cached.cache_clear()
    try:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        assert not is_available()
        with pytest.raises(EarError, match="onnxruntime"):
            load_ear()
        np.testing.assert_array_equal(analyse_file(path, learned=True).embedding, expected)
    finally:
        analyse._ear.cache_clear()


def test_the_levels_are_those_that_training_shows() -> None:
    """What a sound is heard by beside the engineered numbers is the picture of `ear_input`."""
    excerpt = excerpt_of(kick(2), RATE)
    heard = hear(excerpt, for_ear=True)
    assert heard.levels is not None and hear(excerpt).levels is None
    np.testing.assert_array_equal(heard.levels, levels_of(excerpt))
    assert heard.log_length == log_length(excerpt.length_s)
