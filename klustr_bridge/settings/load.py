"""Settings from their four sources: defaults, then file, then environment, then flags.

Owns: the order of the sources, where each value came from, and the report of every mistake at
once. Must not know what a setting is for.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from klustr_bridge.errors import SettingsError
from klustr_bridge.settings.places import default_settings_file
from klustr_bridge.settings.table import (
    BY_ENVIRONMENT,
    BY_KEY,
    ENVIRONMENT_PREFIX,
    SECTIONS,
    TABLE,
    Setting,
    Value,
)
from klustr_bridge.settings.tomlfile import Entry, KeyPath, UnreadableFile, read_file
from klustr_bridge.settings.tree import Settings, build_settings
from klustr_bridge.settings.values import WrongValue, check_value, printable, show, suggestion

SETTINGS_VARIABLE = "KLUSTR_SETTINGS"


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings in force and where they came from.

    Attributes
    ----------
    settings : Settings
        The settings in force.
    origins : dict of str to str
        For each key ``default``, ``file PATH:LINE``, ``environment NAME`` or ``flag --NAME``.
    file : Path
        The settings file that was looked at.
    file_read : bool
        Whether there was such a file.
    """

    settings: Settings
    origins: dict[str, str]
    file: Path
    file_read: bool


@dataclass(slots=True)
class _Gathered:
    """What the sources have said so far; a later source overwrites an earlier one."""

    values: dict[str, Value] = field(default_factory=lambda: {s.key: s.default for s in TABLE})
    origins: dict[str, str] = field(default_factory=lambda: {s.key: "default" for s in TABLE})
    mistakes: list[str] = field(default_factory=list)

    def take(
        self, setting: Setting, value: object, origin: str, place: str, base: Path | None = None
    ) -> None:
        """Take one value, or note the mistake; relative paths begin at `base` (None: the current folder)."""
        try:
            checked = check_value(setting, value)
            if setting.type == "path" and isinstance(checked, str) and checked:
                checked = _absolute(checked, base)
        except WrongValue as wrong:
            self.mistakes.append(f"{place} = {show(value)}: {wrong}")
            return
        self.values[setting.key] = checked
        self.origins[setting.key] = origin


def load(
    flags: Mapping[str, str | Sequence[str]] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Path | str | None = None,
) -> LoadedSettings:
    """Load the settings: defaults, overwritten by the file, the environment and the flags in turn.

    Parameters
    ----------
    flags : mapping of str to str or sequence of str, optional
        What the command line said, by key (``"osc.port"``), as `given_flags` returns it.
    environ : mapping of str to str, optional
        The environment; by default this process'. An empty variable counts as not set.
    file : Path or str, optional
        The settings file; by default ``$KLUSTR_SETTINGS``, else the user's own, which may be missing.

    Returns
    -------
    LoadedSettings
        The settings, and where each came from.

    Raises
    ------
    SettingsError
        If anything is wrong; the message lists every mistake of every source, one a line.
    """
    environ = os.environ if environ is None else environ
    gathered = _Gathered()
    chosen, named = _choose_file(environ, file)
    file_read = False
    if named or _is_there(chosen):
        try:
            entries = read_file(chosen)
            file_read = True
            _take_file(gathered, entries, chosen)
        except UnreadableFile as error:
            gathered.mistakes.append(str(error))
    _take_environment(gathered, environ)
    _take_flags(gathered, flags or {})
    _check_together(gathered)
    if gathered.mistakes:
        count = len(gathered.mistakes)
        heading = "1 mistake in the settings:" if count == 1 else f"{count} mistakes in the settings:"
        raise SettingsError("\n  ".join([heading, *map(printable, gathered.mistakes)]))
    return LoadedSettings(build_settings(gathered.values), gathered.origins, chosen, file_read)


def _choose_file(environ: Mapping[str, str], file: Path | str | None) -> tuple[Path, bool]:
    if file is not None and str(file):
        chosen, named = str(file), True
    elif environ.get(SETTINGS_VARIABLE):
        chosen, named = environ[SETTINGS_VARIABLE], True
    else:
        return default_settings_file(), False
    try:
        return Path(_absolute(chosen, None)), named
    except WrongValue:
        return Path(chosen), named


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _absolute(text: str, base: Path | None) -> str:
    try:
        path = Path(text).expanduser()
        return str((base / path) if base is not None else path.absolute())
    except (RuntimeError, OSError, ValueError) as error:
        raise WrongValue(f"no usable path: {error}") from None


def _take_file(gathered: _Gathered, entries: Mapping[KeyPath, Entry], file: Path) -> None:
    for path, entry in entries.items():
        place = f"{file}:{entry.line}" if entry.line else str(file)
        key, section = ".".join(path), path[0]
        setting = BY_KEY.get(key) if len(path) == 2 else None
        if setting is not None:
            gathered.take(setting, entry.value, f"file {place}", f"{place}: {key}", file.parent)
        elif len(path) == 1 and section in SECTIONS:
            if entry.value != {}:
                gathered.mistakes.append(
                    f"{place}: {key} = {show(entry.value)}: {key} is a section, not a setting; "
                    f"write [{key}] and its settings below"
                )
        elif len(path) == 1 and isinstance(entry.value, dict):
            gathered.mistakes.append(f"{place}: no section [{_word(key)}]{suggestion(key, SECTIONS)}")
        else:
            why = "" if section in SECTIONS or len(path) == 1 else f"no section [{_word(section)}], so "
            gathered.mistakes.append(f"{place}: {why}no setting {_word(key)}{_nearest_key(key, section)}")


def _word(key: str) -> str:
    return show(key)[1:-1] or "''"


def _nearest_key(key: str, section: str) -> str:
    """Suggest among the section's own keys first, then among all, then by the name alone."""
    name = key.rpartition(".")[2]
    own = {setting.name: setting.key for setting in TABLE if setting.section == section}
    names = {setting.name: setting.key for setting in TABLE}
    for word, candidates in ((name, own), (key, {k: k for k in BY_KEY}), (name, names)):
        found = suggestion(word, candidates)
        if found:
            return f"; did you mean '{candidates[found.split(chr(39))[1]]}'?"
    return ""


def _take_environment(gathered: _Gathered, environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX) or name == SETTINGS_VARIABLE:
            continue
        setting = BY_ENVIRONMENT.get(name)
        place = f"environment {_word(name)}"
        if setting is None:
            hint = suggestion(name, [*BY_ENVIRONMENT, SETTINGS_VARIABLE])
            gathered.mistakes.append(f"{place} = {show(environ[name])}: no setting is named so{hint}")
        elif environ[name]:
            gathered.take(setting, environ[name], place, place)


def _take_flags(gathered: _Gathered, flags: Mapping[str, str | Sequence[str]]) -> None:
    for key, value in flags.items():
        setting = BY_KEY.get(key)
        if setting is None:
            gathered.mistakes.append(f"flag for {_word(key)}: no such setting{_nearest_key(key, '')}")
        else:
            gathered.take(setting, value, f"flag {setting.flag}", f"flag {setting.flag}")


def _check_together(gathered: _Gathered) -> None:
    """Check what no single setting can tell."""
    osc, http = gathered.values["osc.port"], gathered.values["http.port"]
    if osc == http and osc != 0 and gathered.values["osc.tcp"]:
        gathered.mistakes.append(
            f"osc.port ({gathered.origins['osc.port']}) and http.port ({gathered.origins['http.port']}) "
            f"are both {osc}: give one of them another port, or 0 for any free one"
        )
