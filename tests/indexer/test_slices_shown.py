"""A real loop and its hits, from the file to the map."""

import csv
import json
import os
from pathlib import Path

import numpy as np

from klustr_bridge.corpus import Corpus
from klustr_bridge.indexer.messages import ProgressReport
from klustr_bridge.library.snapshot import write_snapshot
from klustr_bridge.sound.analyse import analyse_file
from tests.commands import run
from tests.indexer.live import LiveIndex, quick_settings
from tests.sound.test_loops import beat
from tests.sounds import write, write_library


def test_a_setting_puts_the_hits_of_a_loop_on_the_map(tmp_path: Path) -> None:
    """Nothing is analysed anew, whole sounds stay where they are, and off again takes the hits away."""
    folder = tmp_path / "samples"
    write_library(folder, 12)
    loop = write(folder / "Loops" / "beat 120.wav", beat(120)[0])
    n_slices = len(analyse_file(os.fsencode(loop)).slices)
    assert n_slices > 8
    corpora = []
    for slices in ("off", "on", "off"):
        live = LiveIndex(
            tmp_path / "library.klustr", watch=False, settings=quick_settings(index__slices=slices)
        )
        try:
            if slices == "off" and not corpora:
                live.indexer.add_folder(os.fsencode(folder))
            live.finish()
            states = [message.state for message in live.heard if isinstance(message, ProgressReport)]
            assert ("analysing" in states) == (not corpora)
            corpora.append(Corpus.load(write_snapshot(live.store, tmp_path / "snapshots")))
        finally:
            live.close()
    before, shown, after = corpora
    assert (len(before), len(shown), len(after)) == (13, 13 + n_slices, 13)
    assert shown.n_sounds == 13 and shown.n_placed == len(shown)
    rows = np.searchsorted(shown.ids, before.ids)
    assert shown.epoch == before.epoch and np.array_equal(shown.xy[rows], before.xy)
    assert {path for path, _ in shown.slices()} == {os.fsencode(loop)}
    assert {shown.kind_source(row) for _, row in shown.slices()} <= {"sound", ""}


def test_slices_are_exported_where_asked(tmp_path: Path) -> None:
    """Each is a row behind its file's, in time, with its place in the file."""
    loop = write(tmp_path / "samples" / "beat 120.wav", beat(120)[0])
    asked = ("index", str(tmp_path / "samples"), "--layout", "pca", "--slice-loops", "on")
    assert run(tmp_path, *asked).returncode == 0
    n_slices = len(analyse_file(os.fsencode(loop)).slices)
    plain, sliced = tmp_path / "plain.csv", tmp_path / "sliced.csv"
    assert run(tmp_path, "export", str(plain)).stdout == f"{plain}: 1 file\n"
    assert run(tmp_path, "export", str(sliced), "--slices").stdout == f"{sliced}: 1 file, {n_slices} slices\n"
    with sliced.open(newline="", encoding="utf-8") as stream:
        whole, *parts = csv.DictReader(stream)
    assert len(parts) == n_slices and {part["path"] for part in parts} == {whole["path"]}
    assert float(whole["start_s"]) == 0 and whole["end_s"] == whole["duration_s"]
    starts = [float(part["start_s"]) for part in parts]
    assert starts == sorted(starts) and starts[-1] > 3
    assert all(part["uid"].startswith(whole["uid"] + ":") for part in parts)
    assert {part["parent"] for part in parts} == {whole["id"]} and whole["parent"] == "0"
    found, *listed = json.loads(run(tmp_path, "find", "beat", "--slices", "--json").stdout)
    assert [row["uid"] for row in listed] == [part["uid"] for part in parts]
    assert [row["path"] for row in listed] == [str(loop)] * n_slices
    assert json.loads(run(tmp_path, "find", "beat", "--json").stdout) == [found]
    _, _, *rows = run(tmp_path, "find", "beat", "--slices").stdout.splitlines()
    assert rows[-1].endswith(f"beat 120.wav from {starts[-1]:.3f} to {float(parts[-1]['end_s']):.3f} s")
