"""What the commands print for people: tables, and names that stay on their line.

Owns the look only; it must not ask the library.
"""

import sys
import unicodedata
from collections.abc import Sequence

_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, lone surrogates, ends of lines


def one_line(text: str) -> str:
    r"""Return a name with ``\xNN`` for the bytes of all that would break a line or a terminal.

    `library.paths.from_export` reads it back if `library.paths.to_export` has written it.
    """
    return "".join(_escaped(c) if unicodedata.category(c) in _BREAKS else c for c in text)


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def print_table(rows: Sequence[tuple[str, ...]], nothing: str = "") -> None:
    """Print aligned columns; the last one is left as long as it is.

    Parameters
    ----------
    rows : sequence of tuple of str
        All of the same length.
    nothing : str
        What stands on the standard error where there are no rows.
    """
    if not rows:
        if nothing:
            print(nothing, file=sys.stderr)
        return
    rows = [tuple(map(one_line, row)) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]))
