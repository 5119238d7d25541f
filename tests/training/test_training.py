"""From a folder of sounds to the two files: the same bytes each time, and what PyTorch says."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

REASON = "PyTorch isn't installed: pip install -e '.[train]'"
torch = pytest.importorskip("torch", reason=REASON)
pytest.importorskip("onnx", reason="onnx isn't installed: pip install -e '.[train]'")
pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed: pip install -e '.[train]'")

from tests.training.made import make_data  # noqa: E402
from training import losses  # noqa: E402
from training.commands import main  # noqa: E402
from training.export import EAR, HEADS, TOLERANCE, heard_by_file  # noqa: E402
from training.fit import Recipe, train  # noqa: E402
from training.folds import fold_of  # noqa: E402
from training.heads import spread_out  # noqa: E402
from training.losses import loss_of  # noqa: E402
from training.network import embed  # noqa: E402
from training.sounds import Sounds, TrainingError, hear_all, kept_sounds  # noqa: E402
from training.views import view  # noqa: E402

ROOT = Path(__file__).parents[2]
TINY = Recipe(steps=2, batch=16, seed=3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def sounds(data: Path) -> Sounds:
    return hear_all(data, print)


def train_all(data: Path, out: Path) -> subprocess.CompletedProcess[str]:
    words = ["all", "--data", str(data), "--out", str(out), "--steps", "2", "--batch", "16", "--seed", "3"]
    return subprocess.run(
        [sys.executable, "-m", "training", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_same_sounds_give_the_same_bytes_and_what_pytorch_says(data: Path, tmp_path: Path) -> None:
    """Two processes write equal files, and ONNX Runtime hears in them what PyTorch hears."""
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        done = train_all(data, out)
        assert done.returncode == 0, done.stderr
    for name in (EAR, HEADS):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes(), name
    kept = kept_sounds(outs[0] / "sounds.npz")
    with np.load(outs[0] / "weights.npz") as weights:
        said = embed({name: weights[name] for name in weights.files}, kept.levels, kept.log_length)
    heard = heard_by_file(outs[0] / EAR, kept.levels, kept.log_length)
    assert np.abs(heard - said).max() <= TOLERANCE
    assert np.abs(np.linalg.norm(heard, axis=1) - 1).max() < 1e-5
    assert np.ptp(heard, axis=0).max() > 0.01  # it tells sounds apart at all


def test_another_seed_gives_another_ear(sounds: Sounds) -> None:
    """The seed is what training depends on."""
    ears = [train(sounds, replace(TINY, seed=seed), print) for seed in (1, 2)]
    assert not np.array_equal(ears[0]["out_w"], ears[1]["out_w"])


def test_training_lowers_the_loss(sounds: Sounds) -> None:
    """Some steps bring sounds of a kind together and keep the others apart, where measuring doesn't."""
    said: list[str] = []
    noise = np.random.default_rng(1).normal(size=sounds.engineered.shape).astype(np.float32)
    train(replace(sounds, engineered=noise), Recipe(steps=100, batch=24, seed=1), said.append)
    losses = [float(line.rsplit(" ", 1)[1]) for line in said]
    assert len(losses) == 2
    assert losses[1] < losses[0] - 0.3


def test_what_is_held_out_has_no_say(sounds: Sounds, tmp_path: Path) -> None:
    """A fold's ear and head are the same whatever the held-out collection sounds like."""
    noise = replace(sounds, levels=sounds.levels.copy(), kind=sounds.kind.copy())
    held = sounds.collection == "third"
    noise.levels[held] = -noise.levels[held]
    noise.kind[held] = 0
    folds = [
        fold_of(one, ("third",), "x", TINY, folder, print)
        for one, folder in ((sounds, tmp_path / "a"), (noise, tmp_path / "b"))
        if not folder.mkdir()
    ]
    assert np.array_equal(folds[0].learned[~held], folds[1].learned[~held])
    assert np.array_equal(folds[0].kind_head["kind_w1"], folds[1].kind_head["kind_w1"])
    assert not np.array_equal(folds[0].learned[held], folds[1].learned[held])


def test_ears_that_were_trained_otherwise_are_not_judged(sounds: Sounds, tmp_path: Path) -> None:
    """What a fold has kept is used again as long as the training is the same, and refused then."""
    words = (sounds, ("third",), "x", TINY, tmp_path)
    first = fold_of(*words, print)
    said: list[str] = []
    again = fold_of(*words, said.append)
    assert not said and np.array_equal(first.learned, again.learned)
    (path,) = tmp_path.iterdir()
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    np.savez(path, **(arrays | {"way": np.array("another")}))
    with pytest.raises(TrainingError, match="was trained in another way"):
        fold_of(*words, print)


def test_what_is_kept_is_what_was_heard(data: Path, sounds: Sounds, tmp_path: Path) -> None:
    """`prepare` keeps everything, the levels to half a 255th."""
    assert main(["prepare", "--data", str(data), "--out", str(tmp_path)]) == 0
    kept = kept_sounds(tmp_path / "sounds.npz")
    assert np.abs(kept.levels - sounds.levels).max() <= 1 / 255 + 1e-6
    for name in ("log_length", "engineered", "kind", "collection", "kit"):
        assert np.array_equal(getattr(kept, name), getattr(sounds, name)), name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prepare", "--data", "nowhere"], "drums.csv can't be read"),
        (["prepare"], "--data is missing"),
        (["train"], "sounds.npz isn't there; run `python -m training prepare` first"),
    ],
)
def test_a_mistake_is_said(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can't be done ends with 1 and a line that names the next step."""
    assert main([*words, "--out", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err


def test_an_unknown_collection_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Holding out what isn't there would hold out nothing."""
    main(["prepare", "--data", str(data), "--out", str(tmp_path)])
    assert main(["train", "--out", str(tmp_path), "--hold-out", "fourth"]) == 1
    assert "fourth: no such collection; known: first, second, third" in capsys.readouterr().err


def test_views_stay_level_pictures(sounds: Sounds) -> None:
    """A view lies in -1..1 with its loudest at 1, differs from its sound, and its length by its stretch."""
    levels, length = torch.from_numpy(sounds.levels), torch.from_numpy(sounds.log_length)[:, None]
    seen, seen_length = view(levels, length, torch.Generator().manual_seed(1))
    assert seen.shape == (len(sounds), 1, 128, 64)
    assert seen.min() >= -1.0
    assert seen.max() == 1.0
    assert (seen[:, 0] - levels).abs().mean() > 0.02
    assert (seen_length - length).abs().max() <= np.log2(1.2) + 1e-6
    assert (seen_length - length).abs().min() > 0


def test_the_loss_wants_kinds_together() -> None:
    """Points by kind, each beside its other view, lose less than the same points dealt out anew."""
    torch.manual_seed(0)
    kind = torch.arange(24) % 4
    measured = torch.nn.functional.one_hot(kind).float() + 0.05 * torch.randn(24, 4)
    ideal = torch.nn.functional.normalize(measured)
    both = torch.cat([ideal, ideal])
    dealt = both[torch.randperm(48)]
    assert loss_of(both, kind, measured, 1.0) < loss_of(dealt, kind, measured, 1.0) - 0.5


def test_the_ear_is_taught_what_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kinds told by measuring, two that only the ear can tell: the latter's likeness costs far more."""
    for weight in ("NEIGHBOUR_WEIGHT", "VIEW_WEIGHT"):
        monkeypatch.setattr(losses, weight, 0.0)
    kind = torch.arange(16) // 4
    measured = 2.0 * torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])[kind]
    apart = torch.eye(4)

    def loss(confused: tuple[int, int]) -> float:
        points = apart.clone()
        points[confused[0]] = points[confused[1]]
        return float(loss_of(points[kind].repeat(2, 1), kind, measured, 1.0))

    assert loss((2, 3)) > loss((0, 1)) + 0.3


def test_landmarks_are_spread_out() -> None:
    """Of points that are the same one is enough; every other one is chosen before a second of them."""
    points = np.vstack([np.zeros((50, 3)), np.eye(3), -np.eye(3)]).astype(np.float32)
    assert spread_out(points, 7).tolist() == [0, 50, 51, 52, 53, 54, 55]
    assert spread_out(points[50:], 100).tolist() == [0, 1, 2, 3, 4, 5]


def test_missing_packages_are_said() -> None:
    """Before anything else, with what brings them."""
    code = "import sys, runpy; sys.modules['torch'] = None; runpy.run_module('training', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "training: torch can't be found; .venv/bin/pip install -e '.[test,train]'\n"
