"""The service's unit, agent and task, read back; installing where there is no service manager."""

import configparser
import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.errors import SettingsError
from klustr_bridge.service import install, remove, status
from klustr_bridge.service.managers import manager_of
from klustr_bridge.service.render import launchd_plist, systemd_unit, systemd_word, windows_task

AWKWARD = [
    "--osc-port=7475",
    "/home/me/My Samples",
    'quo"ted',
    "it's",
    "back\\slash\\",
    "100% %h %n %%",
    "$HOME ${HOME} $$",
    "ünï 鼓 🥁",
    ";",
    "#hash",
    "",
    " lead and trail ",
    "\\n\\x41",
    "<&>]]>",
    "-",
    "@+!:",
]
COMMAND = ["/opt/py thon/bin/python", "-m", "klustr_bridge", *AWKWARD]

words = st.lists(
    st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12), min_size=1, max_size=6
)  # fmt: skip


def exec_start(unit: bytes) -> str:
    parser = configparser.ConfigParser(
        delimiters=("=",), comment_prefixes=("#", ";"), interpolation=None, strict=True
    )
    parser.read_string(unit.decode())
    return parser["Service"]["ExecStart"]


def as_systemd_reads(line: str) -> list[str]:
    """Words by a shell's rules for double quotes (which systemd shares), then specifiers and variables."""
    words = [word.replace("%%", "%") for word in shlex.split(line)]
    return [words[0], *(word.replace("$$", "$") for word in words[1:])]


def test_unit_gives_the_command_back() -> None:
    """Each awkward argument survives the unit's quoting, escapes and specifiers."""
    assert as_systemd_reads(exec_start(systemd_unit(COMMAND))) == COMMAND


@given(words)
def test_unit_gives_any_words_back(words: list[str]) -> None:
    """No text without control characters is changed by the unit, or can add a line to it."""
    unit = systemd_unit(["/usr/bin/python3", *words])
    line = next(line for line in unit.decode().split("\n") if line.startswith("ExecStart="))
    assert as_systemd_reads(line.removeprefix("ExecStart=")) == ["/usr/bin/python3", *words]
    assert unit.count(b"\n") == systemd_unit(["/usr/bin/python3"]).count(b"\n")


def test_plain_words_stay_plain_and_other_bytes_are_escaped() -> None:
    """A unit is pleasant to read, and valid UTF-8 even for a folder whose name isn't."""
    assert systemd_word("/usr/bin/python3") == "/usr/bin/python3"
    assert systemd_word("a\udcffb") == '"a\\xffb"'
    systemd_unit(["/bin/x", "a\udcffb"]).decode("utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_itself_reads_the_unit(tmp_path: Path) -> None:
    """systemd finds no fault in the unit and reads the very arguments out of it."""  # noqa: D403
    folder = tmp_path / "systemd" / "user"
    folder.mkdir(parents=True)
    unit = folder / "klustr-bridge.service"
    unit.write_bytes(systemd_unit([sys.executable, "-m", "klustr_bridge", *AWKWARD]))
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }
    command = ["systemd-analyze", "--user", "--man=no", "verify", str(unit)]
    plain = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (plain.returncode, plain.stdout, plain.stderr) == (0, "", "")
    environment["SYSTEMD_LOG_LEVEL"] = "debug"
    dump = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"Command Line: (.*)", dump.stdout)
    if found is None:
        pytest.skip("this systemd-analyze prints no dump")
    # The dump quotes for a shell; $$ is still there, it is read when the command is started.
    read = [word.replace("$$", "$") for word in shlex.split(found[1].replace("\\$", "$"))]
    assert read == [sys.executable, "-m", "klustr_bridge", *AWKWARD]


def test_plist_gives_the_command_back() -> None:
    """The launch agent starts at login, restarts after a crash only, and has the exact arguments."""
    agent = plistlib.loads(launchd_plist(COMMAND, "/Users/me/Library/Logs/klustr-bridge.log"))
    assert agent["ProgramArguments"] == COMMAND
    assert agent["Label"] == "klustr-bridge"
    assert agent["RunAtLoad"] is True
    assert agent["KeepAlive"] == {"SuccessfulExit": False}


@given(words)
def test_plist_gives_any_words_back(words: list[str]) -> None:
    """Characters that XML can't hold are refused, all others survive."""
    command = ["/usr/bin/python3", *words]
    try:
        content = launchd_plist(command, "/log")
    except SettingsError:
        assert any(re.search("[\ufffe\uffff]", word) for word in words)
        return
    assert plistlib.loads(content)["ProgramArguments"] == command


def split_windows(line: str) -> list[str]:
    """The C runtime's rules for arguments, as Microsoft's "Parsing C command-line arguments" states them."""
    found, word, quoted, begun, i = [], "", False, False, 0
    while i < len(line):
        slashes = len(line[i:]) - len(line[i:].lstrip("\\"))
        i += slashes
        if i < len(line) and line[i] == '"':
            word += "\\" * (slashes // 2)
            if slashes % 2:
                word += '"'
            else:
                quoted = not quoted
            begun, i = True, i + 1
            continue
        word += "\\" * slashes
        begun = begun or slashes > 0
        if i < len(line):
            if line[i] in " \t" and not quoted:
                if begun:
                    found.append(word)
                word, begun = "", False
            else:
                word, begun = word + line[i], True
            i += 1
    return [*found, word] if begun else found


TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


@given(words)
def test_task_gives_any_words_back(words: list[str]) -> None:
    """The task's XML and its command line hold the exact arguments."""
    try:
        content = windows_task(["C:\\Program Files\\python.exe", *words], "PC\\me & you")
    except SettingsError:
        assert any(re.search("[\ufffe\uffff]", word) for word in words)
        return
    assert content.startswith(b"\xff\xfe")
    task = ET.fromstring(content)
    assert task.findtext(f".//{TASK}Command") == "C:\\Program Files\\python.exe"
    assert split_windows(task.findtext(f".//{TASK}Arguments") or "") == words
    assert task.findtext(f".//{TASK}LogonTrigger/{TASK}UserId") == "PC\\me & you"
    assert task.findtext(f".//{TASK}ExecutionTimeLimit") == "PT0S"


def test_task_holds_the_awkward_ones() -> None:
    """Quotes, backslashes before quotes and empty words come through the Windows rules."""
    task = ET.fromstring(windows_task(COMMAND, "me"))
    assert split_windows(task.findtext(f".//{TASK}Arguments") or "") == COMMAND[1:]


@pytest.mark.parametrize("bad", ["a\nb", "a\x00", "\x1b[0m", "a\x85"])
def test_control_characters_are_refused(bad: str) -> None:
    """A folder name can't smuggle a line into a unit."""
    for render in (systemd_unit, lambda c: launchd_plist(c, "/log"), lambda c: windows_task(c, "me")):
        with pytest.raises(SettingsError, match="control character"):
            render(["/usr/bin/python3", bad])


def test_undecodable_names_are_refused_where_text_is_needed() -> None:
    """Property lists and tasks are text; the message shows the bytes."""
    for render in (lambda c: launchd_plist(c, "/log"), lambda c: windows_task(c, "me")):
        with pytest.raises(SettingsError, match=r"\\xff"):
            render(["/usr/bin/python3", "a\udcff"])


def test_each_system_has_its_place(tmp_path: Path) -> None:
    """Files go where the service managers look for them; other systems have none."""
    linux = manager_of("linux", {"XDG_CONFIG_HOME": str(tmp_path / "conf")}, tmp_path)
    assert linux is not None
    assert linux.file == tmp_path / "conf/systemd/user/klustr-bridge.service"
    relative = manager_of("linux", {"XDG_CONFIG_HOME": "conf"}, tmp_path)
    assert relative is not None
    assert relative.file == tmp_path / ".config/systemd/user/klustr-bridge.service"
    mac = manager_of("darwin", {}, tmp_path)
    assert mac is not None
    assert mac.file == tmp_path / "Library/LaunchAgents/klustr-bridge.plist"
    assert mac.runs(0, "\tstate = running\n")
    assert not mac.runs(0, "\tstate = waiting\n")
    assert plistlib.loads(mac.render(["python"]))["StandardErrorPath"].endswith("klustr-bridge.log")
    windows = manager_of(
        "win32", {"LOCALAPPDATA": str(tmp_path), "USERNAME": "me", "USERDOMAIN": "PC"}, tmp_path
    )
    assert windows is not None
    assert windows.file == tmp_path / "klustr-bridge" / "service.xml"
    assert b"P\0C\0\\\0m\0e\0" in windows.render(["python"])
    assert manager_of("freebsd14", {}, tmp_path) is None


def test_windows_task_opens_no_console(tmp_path: Path) -> None:
    """The interpreter without a console window is taken where it lies beside the other."""
    manager = manager_of("win32", {"USERNAME": "me"}, tmp_path)
    assert manager is not None
    python = tmp_path / "python.exe"
    for expected in ("python.exe", "pythonw.exe"):
        task = ET.fromstring(manager.render([str(python), "-m", "x"]))
        assert PureWindowsPath(task.findtext(f".//{TASK}Command") or "").name.split("/")[-1] == expected
        (tmp_path / "pythonw.exe").touch()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, and no way to reach this machine's service manager."""
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def service_file() -> Path:
    manager = manager_of(sys.platform, os.environ, Path.home())
    assert manager is not None
    return manager.file


def test_install_without_a_service_manager(home: Path) -> None:
    """In a container the file is written, and the report says what is missing and what to run."""
    report = install(["--library", str(home / "my lib.sqlite")])
    text = "\n".join(report.lines)
    assert not report.ok
    assert service_file().is_relative_to(home)
    assert service_file().exists()
    assert not list(service_file().parent.glob(".*"))
    assert str(service_file()) in text
    assert "isn't here" in text
    assert "run: " in text
    if sys.platform.startswith("linux"):
        arguments = as_systemd_reads(exec_start(service_file().read_bytes()))
        assert arguments == [sys.executable, "-m", "klustr_bridge", "--library", str(home / "my lib.sqlite")]
        assert "systemctl --user enable klustr-bridge.service" in text


def test_status_before_and_after(home: Path) -> None:
    """Status is not ok without a file, nor where nobody can say whether the service runs."""
    before = status()
    assert not before.ok
    assert "not installed" in before.lines[0]
    install([])
    after = status()
    assert not after.ok
    assert f"installed: {service_file()}" in after.lines
    assert "isn't here" in after.lines[-1]


def test_remove_deletes_what_was_installed(home: Path) -> None:
    """Removing needs no service manager, removes its dead link as well, and can be repeated."""
    install([])
    manager = manager_of(sys.platform, os.environ, Path.home())
    assert manager is not None
    for link in manager.links:
        link.parent.mkdir(parents=True)
        link.symlink_to(manager.file)
    assert remove().ok
    assert not service_file().exists()
    assert not any(os.path.lexists(link) for link in manager.links)
    again = remove()
    assert again.ok
    assert "no service is installed" in again.lines[0]


def test_installing_again_replaces_the_options(home: Path) -> None:
    """The newest options are the ones in the file."""
    install(["--osc-port", "1111"])
    install(["--osc-port", "2222"])
    content = service_file().read_bytes()
    assert "2222".encode("utf-16-le" if sys.platform == "win32" else "ascii") in content
    assert "1111".encode("utf-16-le" if sys.platform == "win32" else "ascii") not in content


def test_a_home_that_cannot_be_written_is_said(home: Path) -> None:
    """A file in the way ends in a report, not in a traceback."""
    service_file().parent.parent.parent.mkdir(parents=True, exist_ok=True)
    blocker = next(p for p in (service_file().parent.parent, service_file().parent) if not p.exists())
    blocker.write_text("")
    report = install([])
    assert not report.ok
    assert "can't be written" in report.lines[0]


SYSTEMCTL = shutil.which("systemctl")


@pytest.mark.skipif(SYSTEMCTL is None, reason="systemctl is not here")
def test_a_service_manager_that_does_not_answer(home: Path) -> None:
    """With systemctl but no user session (ssh, container), its own words and the next step are shown."""
    assert SYSTEMCTL is not None
    (home / "bin" / "systemctl").symlink_to(SYSTEMCTL)
    report = install([])
    text = "\n".join(report.lines)
    assert not report.ok
    assert "bus" in text
    assert "run: systemctl --user daemon-reload; systemctl --user enable" in text
    assert not status().ok
    assert remove().ok
    assert not service_file().exists()
