"""From what a client sent to the values a handler gets, judged by the command table alone.

This module owns the conversions (Pd sends floats only, Max sends the text ``808`` as a number) and the
wording of ``badargs``. It is pure and knows no handler.
"""

import math
from typing import Final

from klustr_bridge.bridge.vocabulary import INT32_HIGH, INT32_LOW, Argument, Command
from klustr_bridge.errors import QueryError

_OVERSHOOT: Final = 1e-6
"""A controller's 1.0 that became 1.0000001 in float32 is meant as 1."""

_LARGEST: Final = 2**63
"""JSON has whole numbers of any length; Python can't make a float of those of more than 308 digits."""

_TYPE_NAMES: Final = {"i": "a whole number", "f": "a number", "s": "a string"}


def bind(command: Command, arguments: tuple[object, ...]) -> list[object]:
    """Convert and check a command's arguments.

    Parameters
    ----------
    command : Command
        From the table.
    arguments : tuple
        As read from the packet.

    Returns
    -------
    list
        int, float or str for each argument given; optional ones that were left out are not in it.

    Raises
    ------
    QueryError
        ``badargs``, naming the argument, its value and what is allowed.
    """
    declared = command.arguments
    last_repeats = bool(declared) and declared[-1].repeated
    n_needed = sum(not (argument.optional or argument.repeated) for argument in declared)
    n_given = len(arguments)
    if n_given < n_needed or (n_given > len(declared) and not last_repeats):
        what = "few" if n_given < n_needed else "many"
        raise QueryError("badargs", f"too {what} arguments ({n_given}); usage: {_usage(command)}")
    values: list[object] = []
    for index, given in enumerate(arguments):
        argument = declared[min(index, len(declared) - 1)]
        values.append(_convert(argument, given))
    return values


def req_of(command: Command, arguments: tuple[object, ...]) -> int:
    """Find the client's request number for a failure message, -1 where there is none.

    Parameters
    ----------
    command : Command
        From the table.
    arguments : tuple
        As read from the packet, unchecked.

    Returns
    -------
    int
        An int32.
    """
    if command.has_req and arguments:
        try:
            return int(str(_convert(command.arguments[0], arguments[0])))
        except QueryError:
            pass
    return -1


def _usage(command: Command) -> str:
    return f"{command.address} {command.usage}".rstrip()


def _convert(argument: Argument, given: object) -> object:
    if isinstance(given, bool):
        given = int(given)
    if isinstance(given, int) and abs(given) > _LARGEST:
        raise _refused(argument, given, f"numbers are at most {_LARGEST}")
    if argument.type == "s":
        return _to_word(argument, given)
    if not isinstance(given, (int, float)):
        raise _refused(argument, given, f"{_TYPE_NAMES[argument.type]} is expected")
    return _to_int(argument, given) if argument.type == "i" else _to_float(argument, given)


def _to_int(argument: Argument, given: int | float) -> int:
    if isinstance(given, float):
        if not given.is_integer():  # false for NaN and the infinities too
            raise _refused(argument, given, "a whole number is expected")
        given = int(given)
    low = INT32_LOW if argument.low is None else argument.low
    high = INT32_HIGH if argument.high is None else argument.high
    if not low <= given <= high:
        raise _refused(argument, given, f"allowed {low:.0f}..{high:.0f}")
    return given


def _to_float(argument: Argument, given: int | float) -> float:
    value = float(given)
    if not math.isfinite(value):
        raise _refused(argument, given, "a finite number is expected")
    low = -math.inf if argument.low is None else argument.low
    high = math.inf if argument.high is None else argument.high
    if not low - _OVERSHOOT <= value <= high + _OVERSHOOT:
        allowed = f"allowed {low:g}..{high:g}" if high < math.inf else f"allowed {low:g} and above"
        raise _refused(argument, given, allowed)
    return min(max(value, low), high)


def _to_word(argument: Argument, given: object) -> str:
    if isinstance(given, (int, float)):
        if argument.numbered:
            if given in range(len(argument.numbered)):
                return argument.numbered[int(given)]
            raise _refused(argument, given, f"allowed {_list(argument.choices)}")
        if isinstance(given, float) and not math.isfinite(given):
            raise _refused(argument, given, "a string is expected")
        given = f"{given:.0f}" if float(given).is_integer() else f"{given:g}"
    if not isinstance(given, str):
        raise _refused(argument, given, "a string is expected")
    if not argument.choices:
        return given
    meant = {_plain(choice): choice for choice in argument.choices}.get(_plain(given))
    if meant is None:
        raise _refused(argument, given, f"allowed {_list(argument.choices)}")
    return meant


def _plain(word: str) -> str:
    """A word as people may write it otherwise: in capitals, with a space or a dash for an underscore."""
    return word.casefold().strip().replace(" ", "_").replace("-", "_")


def _list(words: tuple[str, ...]) -> str:
    return " ".join(words)


def _refused(argument: Argument, given: object, allowed: str) -> QueryError:
    shown = repr(given)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return QueryError("badargs", f"{argument.name} is {shown}; {allowed}")
