"""A whole small study: resumed after a kill, the same whatever number of processes, with foreign numbers."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import StudyError
from klustr_bridge.study import run as running
from klustr_bridge.study.reductions import Job
from klustr_bridge.study.results import SCORES, StudyResult
from klustr_bridge.study.run import run_study
from tests.sounds import closed_hat, kick, snare, write

N_OF_A_CLASS = 22
"""Eleven in each pack: as many as the ten nearest of another pack need."""
MAKERS = {"Kick": kick, "Snare": snare, "CHH": closed_hat}

FEW = (
    Job("pca"),
    Job("tsne", {"perplexity": 5}, (250, 300)),
    Job("umap", {"neighbours": 5, "min_dist": 0.1}),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of sounds in two packs; one file twice, one broken, one silent."""
    folder = tmp_path_factory.mktemp("samples")
    for name, make in MAKERS.items():
        for number in range(N_OF_A_CLASS):
            write(folder / f"Pack {number % 2}" / f"{name} {number:02}.wav", make(number))
    write(folder / "Pack 1/Kick copy.wav", kick(0))
    write(folder / "Pack 1/Kick silent.wav", np.zeros(400, np.float32))
    (folder / "Pack 1/Kick broken.wav").write_bytes(b"RIFF nothing to hear")
    return folder


@pytest.fixture(scope="module")
def few_maps() -> pytest.MonkeyPatch:
    patch = pytest.MonkeyPatch()
    patch.setattr(running, "population", lambda extent, n_sounds: FEW)
    yield patch
    patch.undo()


@pytest.fixture(scope="module")
def studied(
    folder: Path, few_maps: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> StudyResult:
    work = tmp_path_factory.mktemp("work")
    return run_study(folder, work=work, n_processes=1, tell=lambda line: None)


def test_a_study_tells_all_that_it_found(studied: StudyResult) -> None:
    """Five feature sets by four maps, ranked; every score of each; what was left out and why."""
    assert studied.counts() == dict.fromkeys(("closed_hat", "kick", "snare"), N_OF_A_CLASS)
    assert studied.dropped == {
        "that hold the same audio as another": 1,
        "silent": 1,
        "that can't be decoded": 1,
    }
    assert [one.name for one in studied.features] == ["stft", "stft-text", "mfcc", "mir", "embedding"]
    assert len(studied.maps) == 5 * 4
    assert studied.packs_are == "collection"
    for one in studied.maps:
        assert one.xy.shape == (3 * N_OF_A_CLASS, 2)
        assert set(one.scores) <= set(SCORES) and {"share", "silhouette", "trustworthiness"} <= set(
            one.scores
        )
        assert one.share.value == pytest.approx(one.scores["share"])
        assert one.share.low <= one.share.value <= one.share.high
    values = [one.share.value for one in studied.maps]
    assert values == sorted(values, reverse=True)
    assert studied.maps[0].behind.value == 0.0 and studied.maps[0].is_as_good
    # kicks, snares and closed hats are told apart by all: no map of them may be near chance
    assert studied.maps[0].share.value > 0.9
    assert studied.held_out <= studied.maps[0].share.value
    for features in studied.features:
        assert features.kmeans.keys() == {"k-means++", "random", "PCA"}
        assert features.seconds > 0


def test_a_study_in_processes_is_the_same(
    studied: StudyResult, folder: Path, few_maps: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Made side by side by two processes, kept, and read again: the same maps in the same order."""
    told: list[str] = []
    beside = run_study(folder, work=tmp_path, n_processes=2, tell=told.append)
    assert told[-1].startswith("20 of 20 maps: ")
    again = run_study(folder, work=tmp_path, n_processes=1, tell=told.append)
    assert told[-1] == "made before: 20 of 20 maps"
    for other in (beside, again):
        assert [(one.features, one.title) for one in other.maps] == [
            (one.features, one.title) for one in studied.maps
        ]
        for one, expected in zip(other.maps, studied.maps, strict=True):
            np.testing.assert_array_equal(one.xy, expected.xy)
    assert again.seconds == beside.seconds  # nothing was made


STOPPED = """
import sys
from pathlib import Path
from klustr_bridge.study import run as running
from klustr_bridge.study.run import run_study
from tests.study.test_run import FEW
running.population = lambda extent, n_sounds: FEW
run_study(Path(sys.argv[1]), work=Path(sys.argv[2]), n_processes=1, tell=lambda line: print(line, flush=True))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_study_goes_on_where_it_was(
    studied: StudyResult, folder: Path, few_maps: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Killed after its third map, with a damaged part: what is whole isn't made again; the same result."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", STOPPED, str(folder), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if re.match(r"[3-9] of 20 maps", line):
                process.send_signal(signal.SIGKILL)
                break
    kept = sorted(tmp_path.glob("maps-*.npz"))
    assert kept
    kept[0].write_bytes(kept[0].read_bytes()[:1_000])
    told: list[str] = []
    result = run_study(folder, work=tmp_path, n_processes=1, tell=told.append)
    before = [line for line in told if line.startswith("made before: ")]
    assert (len(kept) > 1) == bool(before)
    assert not any(line.startswith("heard ") and not line.startswith("heard before") for line in told)
    for one, expected in zip(result.maps, studied.maps, strict=True):
        np.testing.assert_array_equal(one.xy, expected.xy)


def test_numbers_from_elsewhere_are_one_more_feature_set(
    folder: Path, few_maps: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Sounds that they lack are left out for all; perfect numbers win over all else."""
    paths = sorted(path for path in folder.rglob("*.wav") if "copy" not in path.name)[:-1]
    codes = np.array([list(MAKERS).index(path.stem.split()[0]) for path in paths])
    rng = np.random.default_rng(1)
    embedding = 50 * np.eye(3)[codes] + rng.normal(size=(len(codes), 3))
    file = tmp_path / "perfect.npz"
    np.savez(file, embedding=embedding, path=np.array([str(path.relative_to(folder)) for path in paths]))
    result = run_study(
        folder, work=tmp_path / "work", embeddings={"perfect": file}, n_processes=1, tell=lambda line: None
    )
    assert result.dropped["without numbers in perfect"] == 2  # the copy, and the last
    assert len(result.labels) == 3 * N_OF_A_CLASS - 1
    of_file = result.features[-1]
    assert (of_file.name, of_file.n_dimensions, of_file.share.value) == ("perfect", 3, 1.0)
    assert np.isnan(of_file.seconds)
    for name in ("mfcc", "embedding", ""):
        with pytest.raises(StudyError, match="can't be named"):
            run_study(folder, work=tmp_path / "work", embeddings={name: file}, n_processes=1)


def test_the_paper_preset_has_the_papers_numbers(
    folder: Path, few_maps: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """24 analysis frames of a quarter of a second: 144 descriptors, 720 cepstra; CHH says nothing to it."""
    result = run_study(folder, work=tmp_path, preset="paper", n_processes=1, tell=lambda line: None)
    sizes = {one.name: one.n_dimensions for one in result.features}
    assert sizes == {"stft": 1024, "stft-text": 1024, "mfcc": 720, "mir": 144, "embedding": 87}
    assert result.classes == ("kick", "snare")
    assert result.dropped["whose name tells no class"] == N_OF_A_CLASS


def test_a_map_that_cannot_be_made_stops_no_other(
    folder: Path, few_maps: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever a library raises for one map is told, and the others are made."""
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        broken = Job("umap", {"neighbours": 0, "min_dist": 0.1})
        patch.setattr(running, "population", lambda extent, n_sounds: (Job("pca"), broken))
        result = run_study(folder, work=tmp_path, n_processes=1, tell=told.append)
    assert {one.family for one in result.maps} == {"pca"}
    assert sum("could not be made: " in line for line in told) == 5
    assert len(result.failed) == 5 and all(reason for reason in result.failed.values())


def test_of_many_sounds_some_are_drawn(folder: Path, few_maps: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The seed draws them; how many were left is told."""
    result = run_study(
        folder, work=tmp_path, most=3 * N_OF_A_CLASS + 1, n_processes=1, tell=lambda line: None
    )
    assert result.dropped["not drawn, of so many"] == 2


@pytest.fixture
def _pca_alone(few_maps: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "population", lambda extent, n_sounds: (Job("pca"),))


@pytest.mark.usefixtures("_pca_alone")
def test_only_what_depends_on_a_change_is_made_again(tmp_path: Path) -> None:
    """Another label: no map; another seed: all maps, nothing heard; a changed file: it and all maps."""
    folder, work = tmp_path / "samples", tmp_path / "work"
    for number in range(N_OF_A_CLASS):
        for name, make in (("Kick", kick), ("Snare", snare)):
            write(folder / f"Pack {number % 2}/{name} {number:02}.wav", make(number))
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.wav"))
    labels = tmp_path / "labels.csv"

    def made(turned: int, **further: object) -> tuple[StudyResult, list[str], set[str]]:
        rows = [
            f"{name},{'snare' if ('Snare' in name) != (at < turned) else 'kick'}"
            for at, name in enumerate(names)
        ]
        labels.write_text("\n".join(["path,label", *rows]))
        told: list[str] = []
        before = {path.name for path in work.glob("*")}
        result = run_study(folder, work=work, labels=labels, n_processes=1, tell=told.append, **further)  # type: ignore[arg-type]
        return result, told, {path.name.split("-")[0] for path in work.glob("*") if path.name not in before}

    first, _, new = made(0)
    assert {"heard", "rows", "maps", "scores"} <= new
    assert made(0)[2] == set()
    relabelled, _, new = made(2)
    assert new == {"labels", "scores", "k"}
    np.testing.assert_array_equal(relabelled.maps[0].xy, _of(first, relabelled.maps[0].features))
    _, told, new = made(0, seed=2)
    assert new == {"maps", "scores", "k", "clock"} and not any(line.startswith("heard ") for line in told)
    _, _, new = made(0, preset="paper")
    assert {"heard", "rows", "maps", "scores"} <= new
    write(folder / names[0], kick(99))
    _, told, new = made(0)
    assert {"heard", "rows", "maps", "scores"} <= new
    heard = [line for line in told if line.startswith("heard ")]
    assert heard and heard[0].startswith("heard before: ")


def _of(result: StudyResult, features: str) -> object:
    return next(one.xy for one in result.maps if one.features == features)


@pytest.mark.usefixtures("_pca_alone")
def test_standardising_is_the_bridges_and_not_the_papers(folder: Path, tmp_path: Path) -> None:
    """Hertz drown the other descriptors in the paper's numbers; here all have a deviation of 1."""
    spread = {}
    for preset in ("bridge", "paper"):
        run_study(folder, work=tmp_path / preset, preset=preset, n_processes=1, tell=lambda line: None)
        size = {"bridge": 522, "paper": 144}[preset]
        rows = [np.load(path)["rows"] for path in (tmp_path / preset).glob("rows-*.npz")]
        deviation = next(one for one in rows if one.shape[1] == size).std(axis=0)
        spread[preset] = float(deviation.max() / np.median(deviation[deviation > 0]))
    assert spread["bridge"] == pytest.approx(1.0, abs=1e-3)
    assert spread["paper"] > 100


@pytest.mark.usefixtures("_pca_alone")
def test_files_of_one_audio_and_two_classes_are_left_out(folder: Path, tmp_path: Path) -> None:
    """Who says kick and who says snare of the same audio: both are left, and counted."""
    copied = tmp_path / "samples"
    shutil.copytree(folder, copied)
    write(copied / "Pack 0/Snare again.wav", kick(1))
    result = run_study(copied, work=tmp_path / "work", n_processes=1, tell=lambda line: None)
    assert result.dropped["that hold the same audio as one of another class"] == 2
    assert result.counts()["kick"] == N_OF_A_CLASS - 1
