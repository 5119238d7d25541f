"""The two files that the package ships: what they hold, how large they are, that the card is of them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

import klustr_bridge.sound
from klustr_bridge.sound.aspects import LEARNED_SIZE
from klustr_bridge.sound.ear_heads import PLACED_SIZE
from klustr_bridge.sound.ear_input import levels_of, log_length
from klustr_bridge.sound.excerpt import excerpt_of
from klustr_bridge.sound.kinds import KINDS
from tests.sounds import DRUMS, RATE

FOLDER = Path(klustr_bridge.sound.__file__).parent
EAR, HEADS = FOLDER / "ear.onnx", FOLDER / "ear_heads.npz"
CARD = Path(__file__).parents[2] / "training" / "MODEL_CARD.md"


def test_they_take_less_than_a_megabyte() -> None:
    """The files come with every installation: they stay small."""
    assert EAR.stat().st_size + HEADS.stat().st_size <= 1_000_000


@pytest.mark.parametrize("path", [EAR, HEADS], ids=lambda path: path.name)
def test_the_card_is_of_these_files(path: Path) -> None:
    """Whoever exchanges a file without saying so in the card is stopped here."""
    assert hashlib.sha256(path.read_bytes()).hexdigest() in CARD.read_text(encoding="utf-8")


def test_the_heads_fit_the_ear_and_the_kinds() -> None:
    """Arrays have the shapes that the package multiplies, and places lie on the map."""
    with np.load(HEADS, allow_pickle=False) as heads:
        names = heads["kind_names"].tolist()
        assert names == [kind for kind in KINDS if kind not in ("unknown", "loop")]
        n_hidden = len(heads["kind_b1"])
        assert heads["kind_w1"].shape == (PLACED_SIZE, n_hidden)
        assert heads["kind_w2"].shape == (n_hidden, len(names))
        assert heads["kind_b2"].shape == (len(names),)
        assert heads["kind_temperature"] > 0
        assert 0 < heads["kind_threshold"] < 1
        n_landmarks = len(heads["map_landmarks"])
        n_axes = heads["map_axes"].shape[1]
        assert heads["map_axes"].shape == (PLACED_SIZE, n_axes)
        assert heads["map_middle"].shape == (PLACED_SIZE,)
        assert heads["map_landmarks"].shape == (n_landmarks, n_axes)
        assert np.linalg.norm(heads["map_axes"].astype(np.float32), axis=0) == pytest.approx(1, abs=2e-3)
        assert heads["map_xy"].shape == (n_landmarks, 2)
        assert heads["map_xy"].min() >= 0
        assert heads["map_xy"].max() <= 1
        assert heads["map_sharpness"] > 0


def test_the_ear_hears_kinds_apart() -> None:
    """Synthesised drums, which it was not trained on, lie nearer to their own kind than to the others."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed")
    kinds = ["kick", "snare", "closed_hat", "open_hat", "cowbell"]
    excerpts = [excerpt_of(DRUMS[kind](seed), RATE) for kind in kinds for seed in range(4)]
    shown = {
        "levels": np.stack([levels_of(one) for one in excerpts])[:, None],
        "log_length": np.array([[log_length(one.length_s)] for one in excerpts], np.float32),
    }
    session = onnxruntime.InferenceSession(EAR, providers=["CPUExecutionProvider"])
    learned = session.run(["embedding"], shown)[0]
    assert learned.shape == (len(excerpts), LEARNED_SIZE)
    assert np.linalg.norm(learned, axis=1) == pytest.approx(1, abs=1e-5)
    cosine = learned @ learned.T
    np.fill_diagonal(cosine, -1)
    nearest = cosine.argmax(axis=1) // 4
    assert np.mean(nearest == np.arange(len(excerpts)) // 4) >= 0.9
