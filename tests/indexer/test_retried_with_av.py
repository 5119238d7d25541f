"""Files that were refused for want of PyAV: heard once it is there, left alone before."""

import os
from pathlib import Path

import pytest

from klustr_bridge.library.store import Store
from klustr_bridge.sound.decode import NEEDS_AV
from tests.daemon.running import RunningDaemon, run
from tests.indexer.contents import contents
from tests.sounds import kick, snare, write

pytest.importorskip("av", reason="needs the extra: pip install 'klustr-bridge[av]'")
from tests.sound import encode

QUICK = ("--layout", "pca", "--workers", "1", "--settle-time", "0.1")


@pytest.fixture
def hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What hides PyAV from every process started, until it is removed."""
    module = tmp_path / "hiding" / "av.py"
    module.parent.mkdir()
    module.write_text("raise ImportError('PyAV is hidden')\n")
    monkeypatch.setenv("PYTHONPATH", str(module.parent))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return module


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    write(folder / "kick.wav", kick(1))
    encode.m4a(folder / "snare.m4a", snare(1))
    encode.wavpack(folder / "kick.wv", kick(2))
    (folder / "broken.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(500))
    (folder / "broken.wav").write_bytes(b"RIFF" + bytes(500))
    for path in folder.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return folder


def states(library: Path) -> dict[str, str]:
    return {Path(os.fsdecode(path)).name: content.state for path, content in contents(library).items()}


def test_index_hears_them_when_it_is_there(tmp_path: Path, samples: Path, hidden: Path) -> None:
    """While PyAV is missing no run touches them; with it the next hears them, and what is broken stays."""
    home, library = tmp_path / "home", tmp_path / "library.klustr"
    command = ("--library", str(library), "index", *QUICK)
    first = run(home, *command, str(samples))
    assert first.returncode == 0 and "5 files, 1 sound, 4 refused" in first.stdout, first
    with Store.open(library) as store:
        before = store.generation
        assert sum(reason.endswith(NEEDS_AV) for _, reason in store.problems()) == 3
    run(home, *command)
    with Store.open(library) as store:
        assert store.generation == before
    hidden.unlink()
    done = run(home, *command)
    assert done.returncode == 0 and "5 files, 3 sounds, 2 refused" in done.stdout, done
    with Store.open(library) as store:
        assert not any(reason.endswith(NEEDS_AV) for _, reason in store.problems())


def test_a_daemon_hears_them_at_the_next_scan(tmp_path: Path, samples: Path, hidden: Path) -> None:
    """Installed while a daemon runs, PyAV counts as soon as the folders are looked through again."""
    library = tmp_path / "library.klustr"
    with RunningDaemon(tmp_path / "home", str(samples), "--library", str(library)) as daemon:
        daemon.wait_ready(1)
        hidden.unlink()
        daemon.client.command("/klustr/rescan", timeout=60.0)
        daemon.wait_ready(3)
        assert daemon.client.status().failed == 2
    assert {name for name, state in states(library).items() if state == "refused"} == {
        "broken.m4a",
        "broken.wav",
    }
