"""The settings file: its values, and the line that each of them stands on.

Owns: reading one TOML file into ``{path of the key: Entry}``. `tomllib` does the reading; because it
doesn't tell lines, a small scanner finds them, which may rely on the text being valid TOML.
Must not know which settings exist.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# A file beyond this is no settings file; it is not worth reading.
LARGEST_FILE = 1_000_000

KeyPath = tuple[str, ...]

_KEY = re.compile(r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[ \t]*\.[ \t]*)+""")
_OPENING = re.compile(r"[\[ \t]+")
# A string, a comment, a bracket or the end of the line: all that matters when skipping a value.
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}\n]',
    re.DOTALL,
)


class UnreadableFile(Exception):
    """The file can't be read as TOML; the message says why and where. Never leaves this package."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of the file and its line, counted from 1 (0 where it isn't known)."""

    value: object
    line: int


def read_file(path: Path) -> dict[KeyPath, Entry]:
    """Read a settings file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of tuple of str to Entry
        Path of each value (``("index", "workers")``), tables flattened; an empty table has the
        empty dictionary as its value.

    Raises
    ------
    UnreadableFile
        If it can't be opened, is no UTF-8 or no TOML; the message begins with ``path:line: ``
        where the line is known, else ``path: ``.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableFile(f"{path}: can't be read: {reason}") from None
    if len(content) > LARGEST_FILE:
        raise UnreadableFile(f"{path}: larger than {LARGEST_FILE} bytes: no settings file")
    try:
        text = content.decode("utf-8-sig")  # Windows' editors put a mark in front
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UnreadableFile(f"{path}:{line}: not UTF-8; save it as UTF-8") from None
    return parse_text(text, str(path))


def parse_text(text: str, name: str) -> dict[KeyPath, Entry]:
    """Read settings from `text`; `name` stands for the file in messages. Raises as `read_file` does."""
    text = text.replace("\r\n", "\n")
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise UnreadableFile(f"{name}: nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError, and numbers of thousands of digits
        found = re.fullmatch(r"(.*?) \(at line (\d+), column \d+\)", str(error).splitlines()[0])
        place = f"{name}:{found[2]}" if found else name
        raise UnreadableFile(f"{place}: not valid TOML: {found[1] if found else error}") from None
    lines = key_lines(text)
    return {path: Entry(value, _line_of(path, lines)) for path, value in _flatten(document, ())}


def _flatten(table: dict[str, object], at: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    """Yield every value that is no table, two levels down at most: no setting lies deeper."""
    for key, value in table.items():
        path = (*at, key)
        if isinstance(value, dict) and value and len(path) < 2:
            yield from _flatten(value, path)
        else:
            yield path, value


def _line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int:
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 0


def key_lines(text: str) -> dict[KeyPath, int]:
    r"""Find the line of every key and table header of a valid TOML document.

    Parameters
    ----------
    text : str
        The document, lines ended by ``\n``.

    Returns
    -------
    dict of tuple of str to int
        First line of each key, counted from 1; keys inside inline tables are left out (their
        table's line stands for them).
    """
    lines: dict[KeyPath, int] = {}
    section: KeyPath = ()
    position, line = 0, 1
    while position < len(text):
        character = text[position]
        if character in " \t\n":
            position, line = position + 1, line + (character == "\n")
            continue
        if character == "#":
            position = _line_end(text, position)
            continue
        header = character == "["
        opening = _OPENING.match(text, position)
        match = _KEY.match(text, opening.end() if opening else position)
        path = _split_key(match[0]) if match else ()
        if match and path:
            section = path if header else section
            full = path if header else section + path
            for length in range(1, len(full) + 1):
                lines.setdefault(full[:length], line)
        end = _line_end(text, position) if header else _value_end(text, match.end() if match else position)
        line += text.count("\n", position, end)
        position = end
    return lines


def _split_key(text: str) -> KeyPath:
    """Take a dotted, perhaps quoted key apart, by reading it as TOML itself."""
    try:
        table: object = tomllib.loads(f"{text} = 0")
    except ValueError:
        return ()
    parts: list[str] = []
    while isinstance(table, dict):
        key = next(iter(table))
        parts.append(key)
        table = table[key]
    return tuple(parts)


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _value_end(text: str, position: int) -> int:
    """Return the end of the line on which the value that begins at `position` ends."""
    depth = 0
    for token in _TOKEN.finditer(text, position):
        if token[0] in ("[", "{"):
            depth += 1
        elif token[0] in ("]", "}"):
            depth -= 1
        elif token[0] == "\n" and depth <= 0:
            return token.start()
    return len(text)
