"""How much memory this process holds: one small function.

This module owns nothing else.
"""

import os
from pathlib import Path

_STATM = Path("/proc/self/statm")


def resident_mb() -> float:
    """Resident memory of this process, 10^6 bytes."""
    try:
        pages = int(_STATM.read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        import psutil  # where there is no /proc

        return float(psutil.Process().memory_info().rss) / 1e6
