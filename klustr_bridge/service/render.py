"""The text that each service manager reads, made from a command line.

This module owns quoting for systemd, launchd and the Windows task scheduler. It must not
touch a file or start a program.

References
----------
systemd.service(5) "Command lines", systemd.syntax(7) "Quoting"; launchd.plist(5);
Microsoft, Task Scheduler Schema.
"""

import os
import plistlib
import re
import subprocess
import unicodedata
from collections.abc import Sequence
from xml.sax.saxutils import escape

from klustr_bridge.errors import SettingsError

NAME = "klustr-bridge"
DESCRIPTION = "klustr-bridge: play your sample library"

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:=@+,-]+")


def check_words(command: Sequence[str]) -> None:
    """Refuse what a service file can't hold.

    Raises
    ------
    SettingsError
        If a word has a line break or another control character.
    """
    for word in command:
        if any(unicodedata.category(character) == "Cc" for character in word):
            raise SettingsError(
                f"{word!r} has a control character, which a service's command line can't hold; "
                "rename the folder"
            )


def systemd_word(word: str, *, program: bool = False) -> str:
    """Quote one word of ``ExecStart=``.

    Parameters
    ----------
    word : str
        Bytes that aren't UTF-8 as surrogates, as `os.fsdecode` leaves them.
    program : bool
        Whether it is the first word, in which systemd replaces no variables.

    Returns
    -------
    str
        ASCII or valid UTF-8 that systemd reads as `word`.
    """
    if _PLAIN_WORD.fullmatch(word):
        return word
    quoted = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if not program:
        quoted = quoted.replace("$", "$$")
    # A unit file must be UTF-8; systemd takes any other byte as \xNN.
    return '"' + "".join(_as_escape(c) if "\udc80" <= c <= "\udcff" else c for c in quoted) + '"'


def _as_escape(surrogate: str) -> str:
    return f"\\x{ord(surrogate) - 0xDC00:02x}"


def systemd_unit(command: Sequence[str]) -> bytes:
    """A user unit that runs `command` from login to logout and restarts it when it crashes."""
    check_words(command)
    program, *arguments = command
    line = " ".join([systemd_word(program, program=True), *map(systemd_word, arguments)])
    return f"""\
[Unit]
Description={DESCRIPTION}
After=pipewire.service pulseaudio.service jack.service
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=exec
ExecStart={line}
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2
TimeoutStopSec=20

[Install]
WantedBy=default.target
""".encode()


def launchd_plist(command: Sequence[str], log: str) -> bytes:
    """A launch agent that runs `command` at login; what it prints goes to the file `log`."""
    check_words(command)
    _check_text(command)
    agent = {
        "Label": NAME,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 30,
        # Plays audio on demand: without it launchd slows the process down as background work.
        "ProcessType": "Interactive",
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    return plistlib.dumps(agent)


def windows_task(command: Sequence[str], user: str) -> bytes:
    r"""A task that runs `command` when a user logs on, UTF-16 as ``schtasks /XML`` wants it.

    Parameters
    ----------
    command : sequence of str
        Joined by the rules of the C runtime. The scheduler puts the value in place of the name of
        an existing variable between percent signs; it knows no way to write such a name itself.
    user : str
        ``DOMAIN\name``.
    """
    check_words(command)
    _check_text(command)
    program, *arguments = command
    task = f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{escape(DESCRIPTION)}</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>{escape(user)}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{escape(user)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>5</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(program)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(arguments))}</Arguments>
    </Exec>
  </Actions>
</Task>
"""
    return task.replace("\n", "\r\n").encode("utf-16")


def _check_text(command: Sequence[str]) -> None:
    for word in command:
        try:
            word.encode("utf-8")
        except UnicodeEncodeError as error:
            raise SettingsError(
                f"{os.fsencode(word)!r} isn't valid text, which a service needs here; rename the folder"
            ) from error
