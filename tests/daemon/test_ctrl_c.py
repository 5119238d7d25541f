"""Ctrl-C as a terminal sends it: to the daemon and to all of its children, at any moment."""

import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.daemon.running import RunningDaemon, environment
from tests.sounds import write_library

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX systems know them")


@pytest.mark.parametrize(
    "moment", ["^OSC on", "^audio: ", "^MIDI: ", r"^analysing: ", r"^layout: ", r"^ready: "]
)
def test_it_says_stopping_and_nothing_else(tmp_path: Path, moment: str) -> None:
    """Whatever is under way, it ends in order: no warning, no complaint of a child, exit code 0."""
    write_library(tmp_path / "samples", 40)
    layout = "umap" if "layout" in moment else "pca"  # the one is compiled and imported for seconds
    words = ["--audio", "on", "--midi", "on", "--layout", layout, "--workers", "2", "--settle-time", "0.1"]
    with RunningDaemon(tmp_path / "home", str(tmp_path / "samples"), *words, quick=False) as daemon:
        daemon.wait_for_line(moment, deadline_s=90)
        assert daemon.stop() == 0
    said = "\n".join(daemon.lines)
    assert daemon.lines[-1] == "stopping"
    assert not re.search("WARNING|Warning|Traceback|signal|crash|by force|failed", said), said


@pytest.mark.parametrize(
    ("words", "ends"), [((), (0, "stopping\n")), (("--library", "x.klustr", "status"), (130, ""))]
)
def test_it_ends_what_has_hardly_begun(tmp_path: Path, words: tuple[str, ...], ends: tuple[int, str]) -> None:
    """While the settings are read a bridge says that it stops, and a command ends with the code of Ctrl-C."""
    code = (
        "import signal, sys\n"
        "from klustr_bridge import cli\n"
        "cli.load_for = lambda *_: signal.raise_signal(signal.SIGINT)\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (*ends, "")


@pytest.mark.parametrize("words", [(), ("status",)])
def test_it_ends_quietly_while_modules_are_imported(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Before anything of the command line is there, Ctrl-C ends with its code and no traceback."""
    (tmp_path / "platformdirs.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-m", "klustr_bridge", *words],
        env=environment(tmp_path) | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_console_script_is_the_same_program() -> None:
    """What pip installs as klustr-bridge begins where Ctrl-C is answered already."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"klustr-bridge": "klustr_bridge.__main__:main"}


def test_an_audio_probe_does_not_hear_it() -> None:
    """A Ctrl-C while PortAudio is tried out is no crash of PortAudio."""
    code = (
        "import signal\n"
        "from klustr_bridge.player import portaudio\n"
        "signal.signal(signal.SIGINT, lambda *_: print('heard'))\n"
        "portaudio._PROBE = 'import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); '"
        "'os.killpg(os.getppid(), signal.SIGINT)'\n"  # as the terminal does, while the probe is at work
        "portaudio._probe()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "heard\n", "")


def test_an_index_says_what_it_keeps(tmp_path: Path) -> None:
    """Cut short, it says how far it has come and that this is kept; the code is that of Ctrl-C."""
    write_library(tmp_path / "samples", 300)
    process = subprocess.Popen(
        [sys.executable, "-m", "klustr_bridge", "index", str(tmp_path / "samples"), "--view", "plain"],
        env=environment(tmp_path / "home"),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("analysing"):
                break
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(20) == 130
    assert re.search(r"stopped; \d+ of \d+ files done with", said)
    assert not re.search("WARNING|Warning|Traceback", said), said
