"""Walks and grids of a real daemon, and of the command line beside it."""

import json
from pathlib import Path

from tests.commands import run
from tests.daemon.running import RunningDaemon
from tests.sounds import snare, write, write_library

N_SOUNDS = 16


def test_a_daemon_leads_and_lays_out(tmp_path: Path) -> None:
    """It answers as the command line does beside it, in either view, and knows what has come since."""
    write_library(tmp_path / "samples", N_SOUNDS)
    with RunningDaemon(tmp_path, str(tmp_path / "samples")) as daemon:
        daemon.wait_ready(N_SOUNDS)
        client = daemon.client
        kick, hat = (client.find(name, 1)[0] for name in ("kick", "hat"))
        walk = [step.id for step in client.walk(kick, hat, 5)]
        assert (walk[0], walk[-1]) == (kick, hat) and len(walk) > 2
        told = json.loads(run(tmp_path, "walk", str(kick), str(hat), "-n", "5", "--json").stdout)
        assert [row["id"] for row in told] == walk
        for view in ("natural", "even"):
            client.view(view)
            client.sync()
            pads = client.grid(3, 3)
            assert len({pad.id for pad in pads}) == len({(pad.column, pad.row) for pad in pads}) == 9
            told = json.loads(run(tmp_path, "grid", "3", "3", "--json", "--map-view", view).stdout)
            assert [(row["column"], row["row"], row["id"]) for row in told] == pads
        write(tmp_path / "samples" / "one more.wav", snare(4711))
        daemon.wait_ready(N_SOUNDS + 1)
        daemon.wait_until(lambda client: len(client.points()) == N_SOUNDS + 1)
        (more,) = client.find("one more", 5)
        assert more in {pad.id for pad in client.grid(5, 5)}
