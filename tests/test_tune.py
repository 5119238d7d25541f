"""``klustr-bridge tune`` on a real library, without a bridge and through one."""

import json
from pathlib import Path

import pytest

from tests.commands import run
from tests.daemon.running import RunningDaemon
from tests.sounds import DRUMS, write

N_OF_A_KIND = 26
QUICK = "umap-direct-15-0.1,umap-direct-10-0.01"


def samples(home: Path) -> Path:
    """Three kinds in two folders, as many as a choice by kinds needs in each."""
    for kind, name in (("kick", "Kick"), ("snare", "Snare"), ("closed_hat", "Closed Hat"), ("clap", "Clap")):
        for number in range(N_OF_A_KIND):
            folder = home / "samples" / f"Pack {number % 2}"
            write(folder / f"{name} {number:02}.wav", DRUMS[kind](number))
    return home / "samples"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    done = run(
        home, "index", str(samples(home)), "--layout", "axes", "--x-axis", "attack", "--y-axis", "attack"
    )
    assert done.returncode == 0, done.stderr
    return home


def epoch_of(home: Path) -> tuple[int, str]:
    told = json.loads(run(home, "status", "--json").stdout)
    return told["epoch"], told["layout"].split(",")[0]


def test_the_best_map_is_taken_as_an_epoch(home: Path) -> None:
    """From a bad map: told what is gained, one epoch more; what isn't surely better changes nothing."""
    before, _ = epoch_of(home)
    done = run(home, "tune", "--methods", QUICK)
    assert done.returncode == 0, done.stderr
    assert "are of a sound's kind [95 % of resamples of sounds]" in done.stdout
    last = done.stdout.splitlines()[-1]
    number, method = epoch_of(home)
    assert number == before + 1 and method in QUICK.split(",")
    assert last.startswith(f"{method} is the map in force now: epoch {number}, +")
    assert "points of kinds kept together" in last
    again = run(home, "tune", "--methods", method)
    assert "none is surely better than the map in force, which stays" in again.stdout
    assert epoch_of(home) == (number, method)


def test_a_running_bridge_makes_and_takes_it(home: Path) -> None:
    """Asked while it runs, the bridge announces the epoch; the library has one writer."""
    with RunningDaemon(home, str(home / "samples"), "--refit", "manual") as daemon:
        daemon.wait_ready(4 * N_OF_A_KIND)
        before = daemon.client.status().epoch
        done = run(home, "tune", "--methods", "umap-direct-15-0.1", "--anyway")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].startswith(
            f"umap-direct-15-0.1 is the map in force now: epoch {before + 1}"
        )
        assert daemon.client.status().epoch == before + 1


def test_what_cannot_be_tuned_is_said(home: Path, tmp_path: Path) -> None:
    """Unknown methods and libraries without a map: what is known, what to do."""
    wrong = run(home, "tune", "--methods", "tsne-31")
    assert wrong.returncode == 2
    assert "--methods tsne-31: unknown; known: tsne-15, tsne-30" in wrong.stderr
    nothing = run(tmp_path, "tune")
    assert nothing.returncode == 1
    assert "there is no library at" in nothing.stderr
