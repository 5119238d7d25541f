"""What the doctor finds: one `Check` a thing looked at, and how the findings are shown.

Owns: the shape of a finding, its marks and the verdict. Must not look at anything itself.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

_MARKS = {True: "✓", False: "✗", None: "–"}
_ASCII_MARKS = {True: "+", False: "x", None: "-"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Attributes
    ----------
    name : str
        What was looked at.
    ok : bool or None
        True: it works. False: the bridge can't do its work. None: the bridge runs without it, or
        with less.
    found : str
        What was found, one line.
    mend : str
        The command, or the step, that mends it; empty where there is nothing to mend.
    """

    name: str
    ok: bool | None
    found: str
    mend: str = ""


def ok(checks: Sequence[Check]) -> bool:
    """Return whether the bridge can do its work: nothing has failed, though things may be missing."""
    return all(check.ok is not False for check in checks)


def format_checks(checks: Sequence[Check], encoding: str | None = None) -> str:
    """Lay the findings out for people, without an end of line at the end.

    Parameters
    ----------
    checks : sequence of Check
        The findings.
    encoding : str, optional
        Of the terminal; the standard output's by default. Where it lacks the marks, ASCII ones are used.

    Returns
    -------
    str
        A line for each finding; below what doesn't work, the command that mends it.
    """
    encoding = encoding or getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "".join(_MARKS.values()).encode(encoding)
        marks = _MARKS
    except (LookupError, UnicodeEncodeError):
        marks = _ASCII_MARKS
    width = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        lines.append(f"{marks[check.ok]} {check.name:{width}}  {_one_line(check.found)}")
        if check.mend and check.ok is not True:
            lines.append(f"  {'':{width}}  to mend it: {_one_line(check.mend)}")
    failed = sum(check.ok is False for check in checks)
    missing = sum(check.ok is None for check in checks)
    lines.append("")
    if failed:
        lines.append(
            f"{failed} of {len(checks)} failed: see what mends {'it' if failed == 1 else 'them'} above"
        )
    elif missing:
        lines.append(f"the bridge can run; {missing} of {len(checks)} not available or switched off")
    else:
        lines.append("everything works")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()
