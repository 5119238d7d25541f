"""What each system's service manager wants to be told, as plain data.

This module owns file places and commands for systemd, launchd and the Windows task
scheduler. It must not run anything.
"""

import getpass
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from klustr_bridge.service.render import NAME, launchd_plist, systemd_unit, windows_task


@dataclass(frozen=True, slots=True)
class Step:
    """One command for the service manager; `needed` tells whether its failure matters."""

    command: tuple[str, ...]
    needed: bool = True


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """A service manager and how to talk to it.

    Attributes
    ----------
    name : str
        As the user knows it.
    file : Path
        Where the unit, agent or task is written.
    render : callable
        Makes the file's bytes from the daemon's command line.
    install, stop, after_removal : tuple of Step
        What to run once the file is written; before it is deleted; after that.
    links : tuple of Path
        What the manager itself leaves beside the file.
    query : tuple of str
        The command that tells whether the service runs.
    runs : callable
        Whether the output of `query` (its exit code, its text) says so.
    log_hint : str
        Where the daemon's messages go.
    """

    name: str
    file: Path
    render: Callable[[Sequence[str]], bytes]
    install: tuple[Step, ...]
    stop: tuple[Step, ...]
    after_removal: tuple[Step, ...]
    links: tuple[Path, ...]
    query: tuple[str, ...]
    runs: Callable[[int, str], bool]
    log_hint: str


def manager_of(platform: str, environment: Mapping[str, str], home: Path) -> ServiceManager | None:
    """The service manager of a platform (a value of `sys.platform`), or None where none is known."""
    if platform == "darwin":
        return _launchd(home)
    if platform == "win32":
        return _windows(environment, home)
    return _systemd(environment, home) if platform.startswith("linux") else None


def _systemd(environment: Mapping[str, str], home: Path) -> ServiceManager:
    # The specification of XDG_CONFIG_HOME: relative values are to be ignored.
    given = Path(environment.get("XDG_CONFIG_HOME", ""))
    folder = (given if given.is_absolute() else home / ".config") / "systemd" / "user"
    unit = f"{NAME}.service"
    systemctl = ("systemctl", "--user")
    return ServiceManager(
        name="systemd",
        file=folder / unit,
        render=systemd_unit,
        install=(
            Step((*systemctl, "daemon-reload")),
            Step((*systemctl, "enable", unit)),
            Step((*systemctl, "restart", unit)),
        ),
        stop=(Step((*systemctl, "disable", "--now", unit)),),
        after_removal=(Step((*systemctl, "daemon-reload"), needed=False),),
        links=(folder / "default.target.wants" / unit,),
        query=(*systemctl, "is-active", unit),
        runs=lambda code, text: code == 0 and text.strip() == "active",
        log_hint=f"journalctl --user -u {NAME} shows its messages",
    )


def _launchd(home: Path) -> ServiceManager:
    log = home / "Library" / "Logs" / f"{NAME}.log"
    file = home / "Library" / "LaunchAgents" / f"{NAME}.plist"
    domain = f"gui/{os.getuid()}" if sys.platform != "win32" else "gui"
    stop = ("launchctl", "bootout", f"{domain}/{NAME}")
    return ServiceManager(
        name="launchd",
        file=file,
        render=lambda command: launchd_plist(command, str(log)),
        install=(Step(stop, needed=False), Step(("launchctl", "bootstrap", domain, str(file)))),
        stop=(Step(stop),),
        after_removal=(),
        links=(),
        query=("launchctl", "print", f"{domain}/{NAME}"),
        runs=lambda code, text: code == 0 and "state = running" in text,
        log_hint=f"its messages are in {log}",
    )


def _windows(environment: Mapping[str, str], home: Path) -> ServiceManager:
    data = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    file = data / NAME / "service.xml"
    name = environment.get("USERNAME") or getpass.getuser()
    user = f"{environment['USERDOMAIN']}\\{name}" if environment.get("USERDOMAIN") else name
    return ServiceManager(
        name="the Windows task scheduler",
        file=file,
        render=lambda command: windows_task(_without_console(command), user),
        install=(
            Step(("schtasks", "/End", "/TN", NAME), needed=False),
            Step(("schtasks", "/Create", "/TN", NAME, "/XML", str(file), "/F")),
            Step(("schtasks", "/Run", "/TN", NAME)),
        ),
        stop=(
            Step(("schtasks", "/End", "/TN", NAME), needed=False),
            Step(("schtasks", "/Delete", "/TN", NAME, "/F")),
        ),
        after_removal=(),
        links=(),
        query=("schtasks", "/Query", "/TN", NAME, "/V", "/FO", "CSV", "/NH"),
        # The state is printed in the user's language; 267009 (SCHED_S_TASK_RUNNING) is not.
        runs=lambda code, text: code == 0 and "267009" in text,
        log_hint="run klustr-bridge in a terminal to see its messages",
    )


def _without_console(command: Sequence[str]) -> list[str]:
    """Take the interpreter that opens no console window, where it lies beside the usual one."""
    program, *arguments = command
    quiet = Path(program).with_name("pythonw.exe")
    if Path(program).name.lower() == "python.exe" and quiet.exists():
        program = str(quiet)
    return [program, *arguments]
