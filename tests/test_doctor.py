"""The doctor against real sockets, files, processes and sound systems."""

import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from klustr_bridge.doctor import Check, format_checks, ok, run_checks
from klustr_bridge.doctor.child import NoAnswer, ask_in_child
from klustr_bridge.doctor.devices import check_audio, check_midi
from klustr_bridge.doctor.libraries import check_library, file_system
from klustr_bridge.doctor.machine import (
    check_caches,
    check_machine,
    check_open_files,
    check_watching,
    count_directories,
    is_writable,
    size_text,
)
from klustr_bridge.doctor.ports import check_ports
from klustr_bridge.doctor.software import (
    NEEDED,
    OPTIONAL,
    check_decoding,
    check_ear,
    check_packages,
    check_python,
)
from klustr_bridge.errors import PlayerError
from klustr_bridge.library.lock import DaemonInfo, daemon_lock, write_daemon_info
from klustr_bridge.library.store import Store
from klustr_bridge.settings import Settings, default_settings, library_file, load
from klustr_bridge.sound.ear import load_ear
from tests.bridge.lan_places import address as lan_address

GOOD, MISSING, BAD = (
    Check("a", True, "x", "unused"),
    Check("bb", None, "y", "do this"),
    Check("c", False, "z", "do that"),
)


@pytest.fixture(autouse=True)
def _folders_of_our_own(monkeypatch, tmp_path):
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def settings_with(**flags: str) -> Settings:
    return load({key.replace("__", "."): value for key, value in flags.items()}, {}).settings


# questions for child processes


def answer_with_pid() -> int:
    os.write(1, b"noise of the sound system\n")
    return os.getpid()


def hang() -> None:
    threading.Event().wait()


def abort() -> None:
    signal.signal(signal.SIGABRT, signal.SIG_DFL)
    os.abort()


def fail(known: bool) -> None:
    raise PlayerError("no sound today") if known else OSError("unexpected.")


def test_a_child_answers_and_its_noise_is_swallowed(capfd):
    """An answer comes from another process, and what ALSA prints doesn't reach the terminal."""
    assert ask_in_child(answer_with_pid, limit_s=30) != os.getpid()
    assert capfd.readouterr() == ("", "")


def test_a_child_that_hangs_is_given_up():
    """A sound system that never answers costs the limit, and no process stays behind."""
    before = multiprocessing.active_children()  # of other tests
    with pytest.raises(NoAnswer, match="no answer within 2 s"):
        ask_in_child(hang, limit_s=2)
    assert [child for child in multiprocessing.active_children() if child not in before] == []


def test_a_child_that_crashes_is_told():
    """A driver that aborts the process, or fails, is a reason and no crash of ours."""
    with pytest.raises(NoAnswer, match="has died"):
        ask_in_child(abort, limit_s=30)
    with pytest.raises(NoAnswer, match=r"OSError: unexpected$"):
        ask_in_child(fail, False, limit_s=30)
    with pytest.raises(NoAnswer, match=r"^no sound today$"):
        ask_in_child(fail, True, limit_s=30)


# how it is shown


def test_findings_are_listed_with_what_mends_them():
    """Each finding has its mark; below one that doesn't work stands the command, below others nothing."""
    assert format_checks([GOOD, MISSING, BAD], "utf-8").splitlines() == [
        "✓ a   x",
        "– bb  y",
        "      to mend it: do this",
        "✗ c   z",
        "      to mend it: do that",
        "",
        "1 of 3 failed: see what mends it above",
    ]
    assert format_checks([GOOD], "utf-8").endswith("everything works")
    assert "1 of 2 not available" in format_checks([GOOD, MISSING], "utf-8")


def test_a_poor_terminal_gets_ascii_marks():
    """A terminal that lacks the marks gets others; control characters never get out."""
    text = format_checks([GOOD, MISSING, Check("c", False, "two\nlines\x1b[2J")], "cp437")
    assert text.encode("ascii")
    assert "\x1b" not in text
    assert [line[0] for line in text.splitlines()[:4]] == ["+", "-", " ", "x"]


def test_only_failures_make_it_fail():
    """What is optional and missing leaves the exit code alone."""
    assert ok([GOOD, MISSING])
    assert not ok([GOOD, BAD])


# the whole


def test_all_checks_run_on_a_fresh_machine(tmp_path):
    """With nothing set up yet everything needed works, and every finding says what was found."""
    settings = settings_with(osc__port="0", http__port="0", audio__output="off", midi__input="off")
    checks = run_checks(settings, library_file(settings))
    assert ok(checks), format_checks(checks)
    assert all(check.found for check in checks)
    assert not [check for check in checks if "could not be looked at" in check.found]
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.mend for check in checks if check.ok is False)


def test_a_check_that_breaks_becomes_a_finding(tmp_path):
    """Whatever the doctor stumbles over, the other findings are told."""
    settings = default_settings()
    broken = replace(settings, index=replace(settings.index, workers="many"))  # type: ignore[arg-type]
    broken = replace(broken, audio=settings_with(audio__output="off").audio)
    checks = {check.name: check for check in run_checks(broken, library_file(broken))}
    assert checks["machine"].ok is None
    assert "TypeError" in checks["machine"].found
    assert checks["decoding"].ok


# software


def test_the_packages_looked_for_are_those_of_the_project():
    """The doctor knows exactly the dependencies that pyproject.toml declares."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    declared = {line.split(">=")[0] for line in project["project"]["dependencies"]}
    assert {*NEEDED, *OPTIONAL} == declared


def test_python_and_packages_are_told():
    """A Python that is too old fails with what is supported; one too new is only told."""
    assert check_python().ok
    old = check_python((3, 10, 4))
    assert old.ok is False
    assert "3.11 to 3.14" in old.mend
    assert check_python((3, 99, 0)).ok is None
    needed, optional = check_packages()
    assert needed.ok
    assert ("rtmidi2" if sys.version_info < (3, 13) else "python-rtmidi") not in optional.found


def test_formats_are_told_and_how_to_have_those_of_the_extra(tmp_path, monkeypatch):
    """Where PyAV is missing, or broken, the formats that need it are named with the command that helps."""
    pytest.importorskip("av")
    sndfile, av = check_decoding()
    assert sndfile.ok and "FLAC" in sndfile.found
    assert av.ok and "PyAV" in av.found and "M4A, AAC" in av.found
    with monkeypatch.context() as hidden:
        hidden.setitem(sys.modules, "av", None)
        _, av = check_decoding()
        assert (av.ok, av.mend) == (None, f"{sys.executable} -m pip install av")
        assert "can't be read: PyAV is not installed" in av.found and "M4A, AAC" in av.found
    (tmp_path / "av.py").write_text("import no_such_part\n")
    monkeypatch.delitem(sys.modules, "av")
    monkeypatch.syspath_prepend(tmp_path)
    _, av = check_decoding()
    assert av.mend.endswith("--force-reinstall av")
    assert av.ok is None and "PyAV can't be loaded: No module named 'no_such_part'" in av.found


def test_the_learned_ear_is_told(monkeypatch):
    """Whether it can hear here, and without it what is done; nothing where it isn't wanted."""
    pytest.importorskip("onnxruntime")
    load_ear.cache_clear()
    settings = default_settings().hearing
    found = check_ear(settings)
    assert found.ok and "onnxruntime" in found.found
    load_ear.cache_clear()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = check_ear(settings)
    assert found.ok is None and "engineered numbers alone" in found.found
    assert found.mend.endswith("onnxruntime")
    assert check_ear(replace(settings, embedding="engineered")).ok


# library


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(90_112, "88 KiB"), (1 << 20, "1 MiB"), (5_000 << 20, "5,000 MiB")]
)
def test_a_small_file_is_not_nothing(n_bytes, text):
    """What is below a MiB is told in KiB."""
    assert size_text(n_bytes) == text


def test_the_library_is_described_and_left_alone(tmp_path):
    """A library that is there is read, counted and not changed; its folders are handed on."""
    file, folder = tmp_path / "mine.klustr", tmp_path / "samples"
    folder.mkdir()
    with Store.open(file) as store:
        store.add_folder(os.fsencode(folder))
    before = file.read_bytes()
    checks, folders = check_library(file)
    assert [check.ok for check in checks] == [True, True]
    assert "in 1 folder" in checks[0].found
    assert folders == [os.fsencode(folder)]
    assert file.read_bytes() == before


def test_libraries_that_cannot_be_used_fail(tmp_path):
    """A newer library, or a file that is none, fails with what to do, and stays as it is."""
    newer = tmp_path / "newer.klustr"
    Store.open(newer).close()
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    none = tmp_path / "none.klustr"
    none.write_bytes(b"RIFF" * 100)
    for file, words in ((newer, "newer release"), (none, "not a klustr library")):
        check = check_library(file)[0][0]
        assert check.ok is False
        assert words in check.found
        assert "--library" in check.mend


def test_a_folder_that_cannot_be_written_fails(tmp_path):
    """A library below something that is no folder can't be made, and the doctor says so."""
    (tmp_path / "file").write_bytes(b"")
    assert not is_writable(tmp_path / "file" / "below")
    assert is_writable(tmp_path / "new" / "below")
    assert not (tmp_path / "new").exists()
    check = check_library(tmp_path / "file" / "below" / "x.klustr")[0][1]
    assert check.ok is False
    assert "can't be written" in check.found


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")
def test_file_systems_are_told_apart():
    """The type of the drive is that of the longest mount point above the path."""
    assert file_system(Path("/proc/self")) == "proc"


# ports


@pytest.fixture
def taken():
    """A port that is taken on UDP and TCP."""
    for _ in range(20):
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
            break
        except OSError:
            tcp.close()
            udp.close()
    yield tcp.getsockname()[1]
    tcp.close()
    udp.close()


def test_a_port_taken_by_another_program_fails(taken):
    """The one who holds it is named where the system tells, and what to do."""
    checks = check_ports(settings_with(osc__port=str(taken), http__port="0"), None)
    assert [check.ok for check in checks] == [False, False, True]
    assert f"{taken} is taken by" in checks[0].found
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in checks[0].found
        assert f"(pid {os.getpid()})" in checks[1].found
    assert "--osc-port 0" in checks[0].mend
    assert check_ports(settings_with(http__port=str(taken), osc__port="0"), None)[2].ok is False
    udp_only = check_ports(settings_with(osc__port=str(taken), osc__tcp="off", http__port="0"), None)
    assert [check.name for check in udp_only] == ["OSC port, UDP", "HTTP port"]


def test_other_machines_are_spoken_of_where_they_are_served():
    """With --lan it is said at which addresses; an address that isn't this machine's can't be had."""
    free = {"osc__port": "0", "http__port": "0", "lan__on": "on"}
    assert check_ports(settings_with(osc__port="0", http__port="0"), None)[-1].name == "HTTP port"
    found = check_ports(settings_with(**free), None)[-1]
    assert found.name == "other machines"
    assert found.ok is bool(lan_address())
    assert (lan_address() or "no address") in found.found
    taken = check_ports(settings_with(lan__on="on", lan__host="203.0.113.77"), None)
    assert [check.ok for check in taken[:3]] == [False] * 3
    beyond = check_ports(settings_with(**free, lan__host="8.8.8.8"), None)[-1]
    assert (beyond.ok, beyond.found) == (False, "8.8.8.8 is no private network's: nobody is answered there")


def test_the_daemons_own_ports_are_fine(taken, tmp_path):
    """A port held by this library's daemon is as it should be, found through the whole doctor."""
    file = tmp_path / "mine.klustr"
    settings = settings_with(
        library__file=str(file), osc__port=str(taken), http__port="0", audio__output="off", midi__input="off"
    )
    with daemon_lock(file):
        write_daemon_info(DaemonInfo(os.getpid(), str(file), taken, 0, "0"))
        checks = [
            check for check in run_checks(settings, library_file(settings)) if check.name.startswith("OSC")
        ]
    assert [check.ok for check in checks] == [True, True]
    assert all(f"the daemon is running there (pid {os.getpid()})" in check.found for check in checks)


def test_a_free_port_is_free_again_afterwards():
    """Looking at a port twice finds it free twice: the doctor holds nothing."""

    def is_free_twice() -> bool:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            settings = settings_with(osc__port=str(probe.getsockname()[1]), http__port="0")
        return all(check.ok for _ in range(2) for check in check_ports(settings, None))

    assert any(is_free_twice() for _ in range(5))  # another program may take one in between


# sound and MIDI


def test_what_is_switched_off_is_not_looked_at():
    """Audio and MIDI off are said to be off, with the flag that turns them on."""
    settings = settings_with(audio__output="off", midi__input="off")
    for check, flag in (
        (check_audio(settings.audio), "--audio on"),
        (check_midi(settings.midi), "--midi on"),
    ):
        assert check.ok is None
        assert flag in check.mend


ALSA_DEFAULTS = Path("/usr/share/alsa/alsa.conf")


@pytest.fixture
def alsa(tmp_path, monkeypatch):
    """An ALSA configuration with one device that plays into a file."""
    if not ALSA_DEFAULTS.exists():
        pytest.skip("needs Linux with ALSA's configuration (libportaudio2 brings it)")
    config = tmp_path / "asound.conf"
    config.write_text(
        f"<{ALSA_DEFAULTS}>\n"
        f'pcm.cap {{ type file slave.pcm "null" file "{tmp_path / "cap.raw"}" format "raw" }}\n'
        'pcm.!default { type plug slave.pcm "cap" }\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))


def test_the_output_device_is_named(alsa):
    """With a real PortAudio device the library, the device and its rate are told; a wrong name fails."""
    found = check_audio(settings_with(audio__device="cap").audio, limit_s=60)
    assert found.ok, found
    assert "PortAudio" in found.found
    assert "cap" in found.found
    assert " Hz" in found.found
    wrong = check_audio(settings_with(audio__device="Scarlett").audio, limit_s=60)
    assert wrong.ok is False
    assert "no output device matches 'Scarlett'" in wrong.found
    assert "cap" in wrong.mend


def test_no_sound_system_is_no_failure():
    """With no device, or no library at all, the bridge still runs and the finding says what to do."""
    check = check_audio(default_settings().audio)
    assert check.ok is not False
    assert check.ok or check.mend


def test_a_sound_system_that_takes_too_long_is_told():
    """When nothing answers in time the doctor goes on and names the ways out."""
    check = check_audio(default_settings().audio, limit_s=0.001)
    assert check.ok is None
    assert "no answer within 0.001 s" in check.found
    assert "--audio off" in check.mend


def test_midi_is_never_a_failure():
    """Without MIDI packages, system or controllers the bridge runs, and the finding says what to do."""
    check = check_midi(default_settings().midi)
    assert check.ok is not False
    assert check.ok or check.mend


# the machine


def test_directories_are_counted_without_following_links(tmp_path):
    """Every directory counts once, a link in a circle ends, a missing folder counts nothing."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    (tmp_path / "file.wav").write_bytes(b"")
    if sys.platform != "win32":
        (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert count_directories([os.fsencode(tmp_path), b"/nowhere at all"]) == (4, True)
    assert count_directories([os.fsencode(tmp_path)], limit_s=-1) == (0, False)


def test_watching_follows_the_settings(tmp_path):
    """Watch limits matter only where the system's events are used."""
    assert "as the settings say" in check_watching(settings_with(index__watch="poll").index, []).found
    check = check_watching(default_settings().index, [os.fsencode(tmp_path)])
    assert check.ok is not False
    if sys.platform == "linux":
        assert check.found.startswith("1 directory") or check.mend.count("sysctl")


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux'")
def test_too_few_watches_are_told_with_the_command(tmp_path):
    """More directories than watches: the folders get polled, and sysctl mends it."""
    limits = tmp_path / "inotify"
    limits.mkdir()
    (limits / "max_user_watches").write_text("3", encoding="utf-8")
    for name in "abcd":
        (tmp_path / name).mkdir()
    check = check_watching(default_settings().index, [os.fsencode(tmp_path)], limits)
    assert check.ok is None
    assert "6 directories, 3 watches allowed" in check.found
    assert "sudo sysctl -w fs.inotify.max_user_watches=524288" in check.mend


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux'")
def test_used_up_inotify_instances_are_noticed():
    """When the system gives no instance any more, asking for one tells; afterwards it works again."""
    program = (
        "import os, resource\n"
        "from klustr_bridge.doctor.machine import inotify_starts\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "os.close(free := os.dup(0))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))\n"  # the same error, and it harms nobody
        "before = inotify_starts()\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))\n"
        "print(before, inotify_starts())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "False True\n"


def test_cores_memory_and_files_are_told():
    """More workers than the memory holds is told with a number that fits."""
    assert check_machine(default_settings().index).found
    many = replace(default_settings().index, workers=1_000_000)
    check = check_machine(many)
    assert check.ok is None
    assert "--workers " in check.mend
    assert check_open_files().ok is not False


def test_caches_are_found(tmp_path, monkeypatch):
    """The cache's size is told, and where compiled code is kept."""
    checks = check_caches()
    assert all(check.ok for check in checks)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    assert str(tmp_path / "compiled") in check_caches()[1].found
    (tmp_path / "home").write_bytes(b"in the way")
    assert check_caches()[0].ok is False
