"""The settings as command-line flags.

Owns: adding a flag for every row of the table to a parser and collecting what was given. Values
stay texts: checking them is the loader's work, so that all mistakes are reported together.
"""

import argparse
from collections.abc import Mapping, Sequence

from klustr_bridge.settings.load import SETTINGS_VARIABLE, LoadedSettings, load
from klustr_bridge.settings.table import BY_KEY, SECTIONS, TABLE, Setting
from klustr_bridge.settings.values import SWITCH_WORDS, show

_FILE = "settings_file"
_SWITCHES = frozenset({BY_KEY["lan.on"].flag})
"""Flags that may stand alone."""


def add_flags(parser: argparse.ArgumentParser, *, listed: bool = True) -> None:
    """Add ``--settings FILE`` and a flag for each setting, in a group a section.

    A flag that isn't given leaves no trace in the namespace, so that a parser and its sub-parsers
    may both have the flags. Give the parser ``allow_abbrev=False``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser, or sub-parser, of a command that works with the settings.
    listed : bool
        Whether its ``--help`` lists them.
    """
    parser.add_argument(
        "--settings",
        metavar="FILE",
        dest=_FILE,
        default=argparse.SUPPRESS,
        help=f"the settings file (default: ${SETTINGS_VARIABLE}, else the user's own settings.toml)"
        if listed
        else argparse.SUPPRESS,
    )
    groups = {section: parser.add_argument_group(f"settings: {section}") for section in SECTIONS}
    for setting in TABLE:
        groups[setting.section].add_argument(
            setting.flag,
            dest=setting.key,
            metavar=setting.metavar,
            default=argparse.SUPPRESS,
            action="append" if setting.type == "list" else "store",
            help=flag_help(setting).replace("%", "%%") if listed else argparse.SUPPRESS,
        )


def with_switches(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with `--lan` that stands alone written out, ``--lan=on``.

    argparse would take the folder after it for its value.
    """
    written: list[str] = []
    for at, word in enumerate(words):
        if word == "--":
            return [*written, *words[at:]]
        after = words[at + 1].strip().lower() if at + 1 < len(words) else ""
        written.append(f"{word}=on" if word in _SWITCHES and after not in SWITCH_WORDS else word)
    return written


def flag_help(setting: Setting) -> str:
    """Return the help of a setting's flag: what it is for, what is allowed, the default."""
    sentence = setting.help[0].lower() + setting.help[1:]
    allowed = "" if setting.type in ("path", "str", "list") else f"; {setting.allowed()}"
    default = "" if setting.default in ("", ()) else f" (default: {default_text(setting)})"
    return f"{sentence}{allowed}{default}"


def default_text(setting: Setting) -> str:
    """Return a setting's default as people would write it."""
    if isinstance(setting.default, bool):
        return "on" if setting.default else "off"
    if isinstance(setting.default, float):
        return f"{setting.default:g}"
    return str(setting.default) if isinstance(setting.default, int | str) else show(list(setting.default))


def given_flags(namespace: argparse.Namespace) -> dict[str, str | Sequence[str]]:
    """Return the flags that were given, by key, for `load`."""
    return {key: value for key, value in vars(namespace).items() if key in BY_KEY}


def load_for(namespace: argparse.Namespace, environ: Mapping[str, str] | None = None) -> LoadedSettings:
    """Load the settings for a parsed command line: `load` with its flags and its settings file."""
    return load(given_flags(namespace), environ, getattr(namespace, _FILE, None))
