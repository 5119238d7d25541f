"""The settings in words: the reference page and the settings in force.

Owns: ``docs/settings.md`` (made by `reference_markdown`) and the answer of
``klustr-bridge config`` (made by `describe`). Must not read anything.
"""

import json

from klustr_bridge.settings.flags import default_text
from klustr_bridge.settings.load import SETTINGS_VARIABLE, LoadedSettings
from klustr_bridge.settings.table import SECTIONS, TABLE, Setting, Value
from klustr_bridge.settings.tree import flat_values
from klustr_bridge.settings.values import printable

_INTRODUCTION = f"""# Settings

<!-- Made by `python -m klustr_bridge.settings`; change klustr_bridge/settings/table.py instead. -->

Every setting can be written in a file, given in the environment or as a flag; the flag wins over the
environment, the environment over the file, the file over the default. `klustr-bridge config` says which
values are in force and where each came from.

The file is TOML. It is `settings.toml` in your folder of settings (`~/.config/klustr-bridge` on Linux,
`~/Library/Application Support/klustr-bridge` on macOS, `%LOCALAPPDATA%\\klustr-bridge` on Windows) unless
`--settings FILE` or `{SETTINGS_VARIABLE}` names another one:

```toml
[osc]
port = 7475

[index]
workers = 2
ignore = ["*.bak.wav", "Stems"]
```

A mistake anywhere (an unknown key, a value out of range) is reported with its line, all of them at once,
and nothing starts. An empty environment variable counts as not set. A relative path in the file begins at
the file's folder, elsewhere at the current folder; `~` is your home folder.
"""


def toml_value(value: Value) -> str:
    """Return `value` as TOML.

    Parameters
    ----------
    value : bool, int, float, str or tuple of str
        A value of a setting.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def describe(loaded: LoadedSettings) -> str:
    """Describe the settings in force: ``key = value  # where it came from``, one a line.

    Parameters
    ----------
    loaded : LoadedSettings
        What `load` returned.

    Returns
    -------
    str
        Valid TOML: saved as a settings file it gives the same settings.
    """
    presence = "" if loaded.file_read else " (there is none)"
    lines = [f"# settings file: {printable(str(loaded.file))}{presence}"]
    for key, value in flat_values(loaded.settings).items():
        lines.append(f"{key} = {toml_value(value)}  # {printable(loaded.origins[key])}")
    return "\n".join(lines) + "\n"


def reference_markdown() -> str:
    """Return the reference page of all settings, Markdown."""
    parts = [_INTRODUCTION]
    for section, sentence in SECTIONS.items():
        parts.append(f"\n## {section}\n\n{sentence}\n")
        parts.extend(_entry(setting) for setting in TABLE if setting.section == section)
    return "".join(parts)


def _entry(setting: Setting) -> str:
    default = f"`{default_text(setting)}`" if setting.default not in ("", ()) else "nothing"
    if setting.zero and setting.default == 0:
        default += f" ({setting.zero})"
    return (
        f"\n### `{setting.key}`\n\n{setting.help}.\n\n"
        f"* default: {default}\n* allowed: {setting.allowed()}\n"
        f"* flag: `{setting.flag} {setting.metavar}`\n* environment: `{setting.environment}`\n"
    )
