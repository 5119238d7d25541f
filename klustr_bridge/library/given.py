"""What is noted of vectors that somebody else's program has made and that a library goes by.

This module owns the note alone: `vectors` keeps the vectors themselves, `spaces` goes by them.
"""

import json
import sqlite3
from dataclasses import dataclass

NOTED = "vectors"
"""Key of the note in the table ``meta``."""


@dataclass(frozen=True, slots=True)
class Given:
    """Vectors that a library has been given.

    Attributes
    ----------
    number : int
        How many times vectors have been given, these included.
    size : int
        Numbers of each.
    source : str
        Name of the file.
    given_s : float
        Seconds since 1970.
    """

    number: int
    size: int
    source: str
    given_s: float


def read_given(connection: sqlite3.Connection) -> Given | None:
    """What vectors the library goes by, None where it goes by what it hears itself."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (NOTED,)).fetchone()
    noted = json.loads(row[0]) if row is not None else {}
    if not noted.get("size"):
        return None
    return Given(int(noted["number"]), int(noted["size"]), str(noted["source"]), float(noted["given_s"]))
