"""A library whose writer is killed."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.library.store import Store
from tests.library.making import rows

WRITER = """
import os, sys
from pathlib import Path
from klustr_bridge.library.store import Store
from klustr_bridge.types import FoundFile
from tests.library.making import below, heard, stamp

store = Store.open(Path(sys.argv[1]))
folder = store.add_folder(os.fsencode(sys.argv[2])).path
start = store.counts().files
place = lambda new: new[:, :4]  # natural and even positions
left = store.take_pending(8, set())  # what the kill before this one has left to do
outcomes = [heard(f, int(Path(os.fsdecode(f.path)).stem)) for f in left]
store.commit_outcomes(outcomes, analysis_version=1, place=place)
print("ready", flush=True)
for batch in range(start, 10**6, 8):
    files = [FoundFile(below(folder, f"{n}.wav"), stamp(n)) for n in range(batch, batch + 8)]
    store.note_files([(file, ("kick", "file")) for file in files])
    outcomes = [heard(file, n) for n, file in enumerate(files, batch)]
    store.commit_outcomes(outcomes, analysis_version=1, place=place)
    if batch % 64 == 0:
        heard_now = store.embeddings()
        store.write_epoch("pca", 1, heard_now.ids, heard_now.embedding[:, :4], {}, even_side=128)
    print(batch + 8, flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_kill_at_any_moment_loses_at_most_the_batch_in_flight(tmp_path: Path, seed: int) -> None:
    """After kill -9 the file is whole, every batch said to be committed is there, no id is used twice.

    Every sound has both its positions, or neither.
    """
    path, folder = tmp_path / "a.klustr", tmp_path / "samples"
    after = random.Random(seed)
    owner: dict[int, str] = {}
    for _ in range(3):
        root = Path(__file__).parents[2]
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(folder)], stdout=subprocess.PIPE, cwd=root
        ) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
            said = 0
            for _ in range(after.randrange(1, 40)):
                said = int(writer.stdout.readline())
            writer.kill()
        with Store.open(path) as store, store.view() as view:
            assert view.connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert view.connection.execute("PRAGMA foreign_key_check").fetchall() == []
            counts = view.counts()
            assert counts.sounds >= said and counts.files % 8 == 0
            assert counts.pending in (0, 8) and counts.sounds + counts.pending == counts.files
            for row in rows(view.sounds()):
                assert owner.setdefault(row.id, row.uid) == row.uid
                places = np.array([row.x, row.y, row.even_x, row.even_y], np.float32)
                assert places.tolist() == np.frombuffer(row.embedding, "<f4")[:4].tolist()
            highest = view.connection.execute("SELECT max(id) FROM sounds").fetchone()[0]
            assert int(view.text("next_id")) > highest
    assert os.path.exists(path)
