"""Which of several files with the same sound to keep, and why.

Owns the order of worth. Pure: it must not look at files.
"""

import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

_COPIES = r"(backups?|bak|copy|copies|kopien?|duplicates?|dupes|archived?|old|trash)"
_FOLDER_OF_COPIES = re.compile(rf"(.*[ ._-])?{_COPIES}([ ._-]*\d+)?", re.IGNORECASE)
_NAME_OF_COPY = re.compile(r".+([ ._-](copy|kopie)([ ._-]*\d+)?| ?\(\d+\))", re.IGNORECASE)
_STEPS_AN_OCTAVE = 5


@dataclass(frozen=True, slots=True)
class Worth:
    """What tells how good a copy of a sound a file is.

    Attributes
    ----------
    path : bytes
        Absolute.
    favourite : bool
        Marked by the user.
    is_lossy : bool
        Whether its format leaves something out.
    channels, sample_rate, bits : int
        As stored; 0 bits where they aren't known.
    length_s : float
        From its onset until next to nothing is left, seconds.
    """

    path: bytes
    favourite: bool = False
    is_lossy: bool = False
    channels: int = 0
    sample_rate: int = 0
    bits: int = 0
    length_s: float = 0.0

    @property
    def order(self) -> tuple[bool, bool, int, int, int, int, bool, int, bytes]:
        """Sorts the best first: each thing counts only where those before it are the same."""
        octaves = math.log2(max(self.length_s, 1e-3))
        return (
            not self.favourite,
            self.is_lossy,
            -self.channels,
            -self.sample_rate,
            -self.bits,
            -round(_STEPS_AN_OCTAVE * octaves),  # 15 % longer tells, less may come from the encoding
            is_spare(self.path),
            len(self.path),
            self.path,
        )


def why_not(other: Worth, kept: Worth) -> str:
    """Say why a file is the worse one of two that hold the same sound."""
    reasons = (
        "the kept one is a favourite",
        "lossy, the kept one is not",
        f"{_channels(other.channels)}, the kept one is {_channels(kept.channels)}",
        f"{other.sample_rate} Hz, the kept one has {kept.sample_rate}",
        f"{other.bits} bits, the kept one has {kept.bits}",
        f"ends after {other.length_s:.2f} s, the kept one after {kept.length_s:.2f}",
        "it or its folder is named as a copy",
        "its path is longer",
        "its path comes later",
    )
    pairs = zip(other.order, kept.order, reasons, strict=True)
    return next((reason for one, best, reason in pairs if one != best), "")


def is_spare(path: bytes) -> bool:
    """Tell whether the name of a file or of a folder of it says that it is a copy: "Backup", "Kick (2)"."""
    *folders, name = os.fsdecode(path).replace("\\", "/").split("/")
    stem = os.path.splitext(name)[0]
    return bool(_NAME_OF_COPY.fullmatch(stem)) or any(_FOLDER_OF_COPIES.fullmatch(one) for one in folders)


def best_first(paths: Iterable[bytes]) -> list[bytes]:
    """Sort files with the very same audio, the one to keep first."""
    return sorted(paths, key=lambda path: Worth(path).order)


def _channels(n: int) -> str:
    return {1: "mono", 2: "stereo"}.get(n, f"{n} channels")
