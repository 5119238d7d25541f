"""Kinds of sounds without a name, told by the learned ear where the sounds they are like don't tell."""

import numpy as np
import pytest

from klustr_bridge.demo.pack import plan, render
from klustr_bridge.demo.synthesis import SAMPLE_RATE
from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.kinds import LOOP_CONFIDENCE, KindGuesser, told_by_ear
from klustr_bridge.layout.universal import without_loops
from klustr_bridge.sound.aspects import EMBEDDING_SIZE, LEARNED_SIZE, WHOLE_SIZE
from klustr_bridge.sound.description import describe
from klustr_bridge.sound.ear import is_available, load_ear
from klustr_bridge.sound.ear_heads import kind_probabilities, shipped_heads
from klustr_bridge.sound.embedding import LEARNED_WEIGHT
from klustr_bridge.sound.kinds import KIND_CODES, KINDS
from klustr_bridge.types import Float32Array
from tests.layout.data import learned

NOBODY = KindGuesser(np.empty((0, WHOLE_SIZE), np.float32), np.empty(0, np.uint8), is_learned=True)


def whole(heard: Float32Array, *, seed: int = 1) -> Float32Array:
    """Embeddings with these learned parts and engineered parts that say little."""
    rng = np.random.default_rng(seed)
    engineered = rng.normal(size=(len(heard), EMBEDDING_SIZE))
    return np.hstack([engineered, LEARNED_WEIGHT * heard, np.zeros((len(heard), 1))]).astype(np.float32)


def unsure() -> Float32Array:
    """One unit vector of which the ear doesn't know what it is."""
    drawn = np.random.default_rng(4).normal(size=(2_000, LEARNED_SIZE))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    sure = kind_probabilities(without_loops(whole(drawn))).max(axis=1)
    return drawn[sure.argmin()][None].astype(np.float32)


def test_the_ear_tells_without_a_single_name() -> None:
    """Where it is as sure as it must be; the confidence is the probability."""
    sounds = learned(300, spread=0.0)
    kinds, confidence = NOBODY.guess(sounds)
    head = shipped_heads().kind
    probabilities = kind_probabilities(without_loops(sounds))
    best = [KIND_CODES[head.names[column]] for column in probabilities.argmax(axis=1)]
    sure = probabilities.max(axis=1)
    told = kinds != 0
    assert (told == (sure >= head.threshold)).mean() > 0.99  # float16 landmarks are not quite unit
    assert (kinds[told] == np.array(best)[told]).all() and told.any()
    assert confidence[told] == pytest.approx(sure[told], abs=2e-3)
    assert (confidence[~told] == 0).all()
    assert kinds.dtype == np.uint8 and confidence.dtype == np.float32


def test_the_sounds_nearby_tell_what_the_ear_does_not_know() -> None:
    """By the names in the library, as without that ear; without them it stays unknown."""
    heard = unsure()
    odd = np.repeat(heard, 20, axis=0)
    others = learned(140, spread=0.0)
    codes = np.resize(np.array([KIND_CODES[kind] for kind in KINDS[1:8]], np.uint8), 140)
    embedding = np.concatenate([others, whole(odd)])
    guesser = KindGuesser(
        embedding, np.append(codes, np.full(20, KIND_CODES["cowbell"], np.uint8)), is_learned=True
    )
    asked = whole(heard, seed=9)
    assert told_by_ear(asked)[0].tolist() == [0]
    kinds, confidence = guesser.guess(asked)
    assert [KINDS[code] for code in kinds] == ["cowbell"] and 0.5 < confidence[0] < 1
    assert NOBODY.guess(asked)[0].tolist() == [0]


def test_names_nearby_come_before_the_ear_and_it_tells_the_rest() -> None:
    """A library's own word counts first, where it is clear; far from all that has a name the ear is asked."""
    sounds = learned(200, spread=0.0)
    own, sure = told_by_ear(sounds)
    kind = np.bincount(own[own > 0]).argmax()
    near = sounds[own == kind]
    elsewhere = sounds.copy()
    elsewhere[:, :EMBEDDING_SIZE] += 1_000.0
    called = KIND_CODES["vocal" if kind != KIND_CODES["vocal"] else "kick"]
    named = np.resize(np.array([KIND_CODES[name] for name in KINDS[1:9]], np.uint8), len(sounds))
    named[own == kind] = called
    guesser = KindGuesser(sounds, named, is_learned=True)
    kinds, _ = guesser.guess(near)
    assert len(near) > 5 and (kinds == called).mean() > 0.5
    guesser = KindGuesser(elsewhere, named, is_learned=True)
    kinds, confidence = guesser.guess(near, np.arange(len(near)) == 0)
    assert kinds[0] == KIND_CODES["loop"] and confidence[0] == pytest.approx(LOOP_CONFIDENCE)
    assert (kinds[1:] == kind).all() and confidence[1:] == pytest.approx(sure[own == kind][1:], abs=1e-5)
    assert (KindGuesser(elsewhere, named).guess(near)[0] == 0).all()


def test_rows_without_what_it_hears_are_refused() -> None:
    """With the length that is needed."""
    with pytest.raises(LayoutError, match=r"needed: \(n, 152\)"):
        told_by_ear(np.zeros((3, EMBEDDING_SIZE), np.float32))


@pytest.mark.skipif(not is_available(), reason="onnxruntime can't be had here")
def test_made_up_drums_are_known_by_the_ear_alone() -> None:
    """Nobody told it what the demo's kicks, snares, claps and hats are called: it says so, or nothing."""
    kinds = {"kick", "snare", "clap", "closed_hat"}
    ear, each = load_ear(), [sound for sound in plan() if sound.kind in kinds][::4]
    audios = [np.atleast_2d(render(sound, 1).audio.T).mean(axis=0).astype(np.float32) for sound in each]
    heard = [describe(audio, SAMPLE_RATE, len(audio) / SAMPLE_RATE, ear=ear).embedding for audio in audios]
    codes, _ = NOBODY.guess(np.array(heard))
    named = np.array([KIND_CODES[sound.kind] for sound in each], np.uint8)
    said = codes != 0
    assert len(each) > 25 and said.mean() > 0.5
    assert (codes[said] == named[said]).mean() > 0.8
