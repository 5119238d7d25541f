"""The two views of the map, end to end: a real daemon, clients in both, and the command line."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from klustr_bridge.client import Client
from klustr_bridge.client.results import Point
from tests.commands import run
from tests.daemon.running import RunningDaemon
from tests.sounds import write_library

N_SOUNDS = 8


def by_id(points: list[Point]) -> dict[int, tuple[float, float]]:
    return {point.id: (point.x, point.y) for point in points}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_library(tmp_path / "samples", N_SOUNDS)
    return tmp_path / "samples"


def test_what_comes_is_told_to_each_client_in_its_view(tmp_path: Path, folder: Path) -> None:
    """A new file is added in both views without anything else moving; a new map moves each in its own."""
    with RunningDaemon(tmp_path / "home", str(folder)) as daemon:
        daemon.wait_ready(N_SOUNDS)
        daemon.client.command("/klustr/relayout", timeout=60.0)
        with Client(port=daemon.port) as natural, Client(port=daemon.port) as even:
            natural.hello("natural")
            even.hello("even")
            even.view("even")
            before = {client: by_id(client.points()) for client in (natural, even)}
            assert before[even].keys() == before[natural].keys()
            assert not set(before[even].values()) & set(before[natural].values())
            write_library(folder / "more", 1, seed=90)
            daemon.wait_ready(N_SOUNDS + 1)
            for client, known in before.items():
                sound, x, y = client.wait("/klustr/added", 20.0)
                assert by_id(client.points()) == known | {sound: (x, y)}
                before[client] = by_id(client.points())
            daemon.client.command("/klustr/relayout", timeout=60.0)
            for client, known in before.items():
                client.wait("/klustr/epoch")
                now = by_id(client.points())
                moved = {sound for sound, place in now.items() if place != known[sound]}
                assert moved
                told = [client.wait("/klustr/moved") for _ in moved]
                assert {sound: (x, y) for sound, x, y in told} == {sound: now[sound] for sound in moved}


def test_a_library_from_before_is_served_in_both_views(tmp_path: Path, folder: Path) -> None:
    """Its even positions are made while it is served, within the same epoch; natural ones stay."""
    home = tmp_path / "home"
    with RunningDaemon(home, str(folder)) as daemon:
        daemon.wait_ready(N_SOUNDS)
        natural, epoch = by_id(daemon.client.points()), daemon.client.status().epoch
        daemon.client.view("even")
        even = by_id(daemon.client.points())
        assert daemon.stop() == 0
    (library,) = (home / "data").rglob("library.klustr")
    with closing(sqlite3.connect(library)) as database, database:
        for statement in (
            "DROP INDEX positions_not_even",
            "ALTER TABLE positions DROP COLUMN even_x",
            "ALTER TABLE positions DROP COLUMN even_y",
            "ALTER TABLE epochs DROP COLUMN even_side",
            "DROP TABLE candidate",
            "DROP TABLE candidate_positions",
            "DROP TABLE vectors",
            "PRAGMA user_version = 1",
        ):
            database.execute(statement)
    with RunningDaemon(home, "--map-view", "even") as daemon:
        daemon.wait_ready(N_SOUNDS)
        daemon.wait_until(lambda client: len(client.points()) == N_SOUNDS)
        assert by_id(daemon.client.points()).keys() == even.keys()
        assert daemon.client.status().epoch == epoch
        daemon.client.view("natural")
        assert by_id(daemon.client.points()) == natural


def test_commands_answer_in_the_view_asked_for(tmp_path: Path, folder: Path) -> None:
    """near, map and export know both views."""
    home = tmp_path / "home"
    assert run(home, "index", str(folder), "--layout", "pca").returncode == 0
    rows = {}
    for view in ("natural", "even"):
        words = ("near", "0.2", "0.2", "-k", "20", "--json", "--map-view", view)
        rows[view] = {row["id"]: (row["x"], row["y"]) for row in json.loads(run(home, *words).stdout)}
        assert len(rows[view]) == N_SOUNDS
        assert run(home, "map", str(tmp_path / f"{view}.svg"), "--map-view", view).returncode == 0
    assert not set(rows["natural"].values()) & set(rows["even"].values())
    pictures = [(tmp_path / f"{view}.svg").read_text(encoding="utf-8") for view in rows]
    assert pictures[0] != pictures[1]
    assert run(home, "export", str(tmp_path / "out.json")).returncode == 0
    for row in json.loads((tmp_path / "out.json").read_text(encoding="utf-8")):
        assert row["position"] == pytest.approx(rows["natural"][row["id"]])
        assert row["even_position"] == pytest.approx(rows["even"][row["id"]])
