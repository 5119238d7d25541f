"""Whether a file is still what it was when it was looked at."""

import os
from pathlib import Path
from typing import Final

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""

MISSING: Final[Stamp] = (-1, -1)


def file_stamp(path: bytes | Path) -> Stamp:
    """Return the stamp of a file, `MISSING` where there is none; reading says better why not."""
    try:
        status = os.stat(path)
    except OSError:
        return MISSING
    return status.st_size, status.st_mtime_ns
