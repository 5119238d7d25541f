"""The doctor: what of the installation works, what doesn't, and the command that mends it.

Owns: the list of checks. It changes nothing and survives anything it looks at: a check that breaks
becomes a finding. A leaf room: only the command line imports it.
"""

from collections.abc import Callable
from pathlib import Path

from klustr_bridge.doctor.check import Check, format_checks, ok
from klustr_bridge.doctor.devices import check_audio, check_midi
from klustr_bridge.doctor.libraries import check_library
from klustr_bridge.doctor.machine import check_caches, check_machine, check_open_files, check_watching
from klustr_bridge.doctor.ports import check_ports
from klustr_bridge.doctor.software import check_decoding, check_ear, check_packages, check_python
from klustr_bridge.library.lock import DaemonInfo, daemon_of
from klustr_bridge.settings import Settings

__all__ = ["Check", "format_checks", "ok", "run_checks"]


def run_checks(settings: Settings, file: Path) -> list[Check]:
    """Look at everything the bridge works with; takes a few seconds.

    Parameters
    ----------
    settings : Settings
        The settings in force.
    file : Path
        The library file in force; it need not exist yet.

    Returns
    -------
    list of Check
        The findings, what is needed first.
    """
    folders: list[bytes] = []
    daemon: list[DaemonInfo | None] = [None]

    def library() -> list[Check]:
        checks, found = check_library(file)
        folders.extend(found)
        return checks

    def ports() -> list[Check]:
        daemon[0] = daemon_of(file)
        return check_ports(settings, daemon[0])

    looks: list[tuple[str, Callable[[], Check | list[Check]]]] = [
        ("Python", check_python),
        ("packages", check_packages),
        ("decoding", check_decoding),
        ("learned ear", lambda: check_ear(settings.hearing)),
        ("library", library),
        ("ports", ports),
        ("audio", lambda: check_audio(settings.audio)),
        ("MIDI", lambda: check_midi(settings.midi)),
        ("watching", lambda: check_watching(settings.index, folders)),
        ("caches", check_caches),
        ("machine", lambda: check_machine(settings.index)),
        ("open files", check_open_files),
    ]
    checks: list[Check] = []
    for name, look in looks:
        try:
            found = look()
        except Exception as error:  # the doctor tells of what is broken, it doesn't break with it
            found = Check(name, None, f"could not be looked at: {type(error).__name__}: {error}")
        checks.extend([found] if isinstance(found, Check) else found)
    return checks
