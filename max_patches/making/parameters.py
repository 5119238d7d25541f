"""Parameters that Live automates, stores and shows: the live.* boxes of the devices."""

from collections.abc import Sequence
from typing import Any, Final

FLOAT: Final = 0
ENUM: Final = 2
BLOB: Final = 3

_STORED_ONLY: Final = 1
_HIDDEN: Final = 2
PLAIN: Final = 1
DECIBEL: Final = 4
"""How Live shows a number."""


def number(
    long_name: str, short_name: str, initial: float, low: float = 0.0, high: float = 1.0, unit: int = PLAIN
) -> dict[str, Any]:
    """Return what a box needs to be a number that Live can automate."""
    return _parameter(
        long_name,
        short_name,
        FLOAT,
        parameter_mmin=low,
        parameter_mmax=high,
        parameter_initial_enable=1,
        parameter_initial=[initial],
        parameter_unitstyle=unit,
    )


def choice(long_name: str, short_name: str, words: Sequence[str]) -> dict[str, Any]:
    """Return what a box needs to be a choice that Live can automate, the first word at the start."""
    return _parameter(
        long_name,
        short_name,
        ENUM,
        parameter_enum=list(words),
        parameter_mmax=len(words) - 1,
        parameter_initial_enable=1,
        parameter_initial=[0],
    )


def click(long_name: str, short_name: str, text: str, *, switch: bool = False) -> dict[str, Any]:
    """Return what a live.text needs to be a switch, or a button.

    A button has nothing that a Set could keep: Live would press it when the Set is opened.
    """
    words = ("off", "on")
    if switch:
        more = choice(long_name, short_name, words)
    else:
        more = _parameter(
            long_name,
            short_name,
            ENUM,
            parameter_enum=list(words),
            parameter_mmax=1,
            parameter_invisible=_HIDDEN,
        )
    return more | {"text": text, "texton": text, "mode": int(switch)}


def memory(long_name: str) -> dict[str, Any]:
    """Return what a pattr needs to keep a list in the Live Set, out of sight."""
    return _parameter(long_name, long_name, BLOB, parameter_invisible=_STORED_ONLY) | {
        "saved_object_attributes": {"parameter_enable": 1, "parameter_mappable": 0}
    }


def _parameter(long_name: str, short_name: str, kind: int, **valueof: Any) -> dict[str, Any]:
    told = {"parameter_longname": long_name, "parameter_shortname": short_name, "parameter_type": kind}
    return {
        "parameter_enable": 1,
        "varname": long_name,
        "saved_attribute_attributes": {"valueof": told | valueof},
    }
