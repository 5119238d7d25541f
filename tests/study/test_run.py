"""A whole small study: resumed after a kill, the same whatever number of processes, with foreign numbers."""

import os
import re
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
    return run_study(folder, work=tmp_path_factory.mktemp("work"), n_processes=1, tell=lambda line: None)


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
    assert again.seconds > beside.seconds  # the time of both


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
    assert result.dropped["without numbers in perfect"] == 1
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


def test_of_many_sounds_some_are_drawn(folder: Path, few_maps: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The seed draws them; how many were left is told."""
    result = run_study(
        folder, work=tmp_path, most=3 * N_OF_A_CLASS + 1, n_processes=1, tell=lambda line: None
    )
    assert result.dropped["not drawn, of so many"] == 2
