"""A map that is looked at first, through a real daemon and the command line."""

import json
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.client import FailError
from tests.bridge.test_map_data import read
from tests.commands import run
from tests.daemon.running import RunningDaemon
from tests.map.pages import http_port
from tests.sounds import write_library

N_SOUNDS = 18


def get(daemon: RunningDaemon, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{http_port(daemon)}{path}", timeout=20) as answer:
        return bytes(answer.read())


def test_a_candidate_is_made_seen_and_taken(tmp_path: Path) -> None:
    """Nothing moves for it, it outlives a kill, everybody hears of it, and taken it is what was seen."""
    write_library(tmp_path / "samples", N_SOUNDS)
    home = tmp_path / "home"
    with RunningDaemon(home, str(tmp_path / "samples"), "--refit", "manual") as daemon:
        daemon.wait_ready(N_SOUNDS)
        client = daemon.client
        with pytest.raises(FailError, match="no candidate"):
            client.candidate_scores()
        with pytest.raises(FailError, match="no candidate"):
            client.command("/klustr/candidate/take", timeout=30.0)
        client.hello("listener")
        before, epoch = client.points(), client.status().epoch
        done = run(home, "candidate", "--method", "grid")
        assert done.returncode == 0, done.stderr
        assert "in force  candidate" in done.stdout and "/map" in done.stdout
        assert client.wait("/klustr/candidate/changed") == (N_SOUNDS, "grid")
        assert client.points() == before and client.status().epoch == epoch
        daemon.kill()
    with RunningDaemon(home, str(tmp_path / "samples"), "--refit", "manual") as daemon:
        daemon.wait_ready(N_SOUNDS)
        client = daemon.client
        client.hello("listener")
        assert client.candidate_scores().keys() >= {"neighbour_share", "moved_median"}
        about = json.loads(get(daemon, "/map/about"))
        assert about["candidate"] == {"method": "grid", "sounds": N_SOUNDS}
        _, seen = read(get(daemon, "/map/candidate"))
        assert client.points() == before
        client.command("/klustr/candidate/take", timeout=30.0)
        assert client.wait("/klustr/epoch") == (epoch + 1, N_SOUNDS)
        assert client.wait("/klustr/candidate/changed") == (0, "")
        now = client.points()
        assert [point.id for point in now] == seen["id"].tolist()
        assert np.allclose([point.x for point in now], seen["x"])
        assert np.allclose([point.y for point in now], seen["y"])
        assert not np.allclose([point.x for point in now], [point.x for point in before])
        done = run(home, "candidate", "drop")
        assert done.returncode == 1 and "no candidate" in done.stderr
    done = run(home, "candidate")  # without a bridge it is done at once
    assert done.returncode == 0, done.stderr
    assert "candidate take, or drop" in done.stdout
    done = run(home, "candidate", "drop")
    assert f"epoch {epoch + 1}" in done.stdout
