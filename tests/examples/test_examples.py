"""The examples run as they stand, against a real daemon, with the programs they are written for."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.bridge.test_peers import _line, program
from tests.daemon.running import RunningDaemon

PATIENCE_S = 30
PORT = "7475"


def on_port(text: str, port: int) -> str:
    """Take an example to the daemon's port; it names the usual one exactly once."""
    assert text.count(PORT) == 1
    return text.replace(PORT, str(port))


def run_python(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},  # of this checkout, installed or not
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_example_visits_sounds(daemon: RunningDaemon, root: Path) -> None:
    """It greets, hits one sound after the other, and lists what is most like the last."""
    lines = run_python(str(root / "examples/python_client.py"), str(daemon.port)).splitlines()
    assert lines[0].endswith(": 12 sounds, ready")
    assert [line.split()[0] for line in lines[1:6]] == ["hit"] * 5
    assert lines[6].startswith("most like ")
    paths = [re.split(r"\s+", line.strip(), maxsplit=1)[1] for line in lines[7:]]
    assert len(paths) == 3
    assert all(Path(path).is_file() for path in paths)


def test_the_python_of_the_readme_runs(daemon: RunningDaemon, root: Path, tmp_path: Path) -> None:
    """What the README shows of Python can be copied and run."""
    (block,) = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.S)
    script = tmp_path / "readme.py"
    assert block.count("Client()") == 1
    script.write_text(block.replace("Client()", f"Client(port={daemon.port})"), encoding="utf-8")
    lines = run_python(str(script)).splitlines()
    assert "sounds=12" in lines[0]
    assert lines[1].endswith("'osc')")
    assert len(lines) == 5


@pytest.mark.peers
def test_the_pd_patch_moves_and_prints_hits(daemon: RunningDaemon, root: Path, tmp_path: Path) -> None:
    """The patch says hello when it opens; moving its sliders prints what they hit."""
    pd = program("pd")
    places = daemon.client.points()
    patch = tmp_path / "first_steps.pd"
    patch.write_text(on_port((root / "examples/first_steps.pd").read_text(encoding="utf-8"), daemon.port))
    moves = f"klustr-x {places[0].x:.6f}; klustr-y {places[0].y:.6f}"
    command = [pd, "-nogui", "-noaudio", "-nomidi", "-nrt", "-stderr", "-open", str(patch), "-send", moves]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        timer = threading.Timer(PATIENCE_S, process.kill)
        timer.start()
        said = []
        for line in process.stderr:  # ends with the hit, or when the timer ends Pd
            said.append(line.split())
            if line.startswith(f"hit: 0 {places[0].id} "):
                break
        timer.cancel()
        process.kill()
    assert said[0][0] == "welcome:", said
    assert said[-1][:3] == ["hit:", "0", str(places[0].id)], said


@pytest.mark.peers
def test_oscsendfile_gets_its_answers_at_oscdump(
    daemon: RunningDaemon, root: Path, tmp_path: Path, dump: "tuple[int, subprocess.Popen[str]]"
) -> None:
    """Hello in the file's first line has all its answers, and the hit, arrive at the other program."""
    port, process = dump
    text = (root / "examples/oscsendfile/first_steps.txt").read_text(encoding="utf-8")
    assert text.count("7480") == 1
    messages = tmp_path / "first_steps.txt"
    messages.write_text(text.replace("7480", str(port)))
    subprocess.run([program("oscsendfile"), "localhost", str(daemon.port), str(messages)], check=True)
    wanted = {
        "/klustr/welcome",
        "/klustr/status.reply",
        "/klustr/near.reply",
        "/klustr/find.reply",
        "/klustr/hit",
    }
    while wanted:
        line = _line(process, PATIENCE_S)
        assert line, f"never came: {wanted}"
        wanted.discard(line.split()[1])
