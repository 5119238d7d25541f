"""From what was written (text or a TOML value) to a checked value of a setting.

Owns: the validators, one a type. They raise `WrongValue` with what is allowed and never
anything else, whatever they are given. Must not know where a value came from.
"""

import difflib
import ipaddress
import math
import re
import unicodedata
from collections.abc import Iterable

from klustr_bridge.settings.table import Setting, Value

SWITCH_WORDS = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}


class WrongValue(Exception):
    """A value isn't allowed; the message says what is. Never leaves this package."""


def suggestion(word: str, candidates: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest candidate, or nothing."""
    close = difflib.get_close_matches(word[:80], list(candidates), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def printable(text: str) -> str:
    """Return `text` with a question mark for everything that can't be shown on one line."""
    return "".join(c if c.isprintable() else "?" for c in text)


def show(value: object, limit: int = 60) -> str:
    """Return `value` as one short printable piece of a message."""
    try:
        text = repr(value) if not isinstance(value, bool) else str(value).lower()
    except (ValueError, RecursionError):  # an int of more digits than Python prints; endless nesting
        return f"a very long {type(value).__name__}"
    text = printable(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def check_value(setting: Setting, value: object) -> Value:
    """Check what was written for a setting and bring it into the setting's type.

    Parameters
    ----------
    setting : Setting
        Its row of the table.
    value : object
        Text (environment, flag), a sequence of texts (repeated flag) or whatever TOML holds.

    Returns
    -------
    Value
        Of the type of ``setting.default``, within the limits.

    Raises
    ------
    WrongValue
        If it isn't allowed.
    """
    if setting.type == "bool":
        return _switch(setting, value)
    if setting.type in ("int", "float"):
        return _number(setting, value)
    if setting.type == "list":
        return _texts(setting, value)
    text = _text(setting, value)
    if setting.type == "choice":
        return _choice(setting, text)
    if setting.type == "host":
        return _host(setting, text)
    if setting.type == "lan":
        return _lan(setting, text)
    if setting.type == "channels":
        return _channels(setting, text)
    return text


def _switch(setting: Setting, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return value == 1
    if isinstance(value, str) and value.strip().lower() in SWITCH_WORDS:
        return SWITCH_WORDS[value.strip().lower()]
    hint = suggestion(value.lower(), ("on", "off", "true", "false")) if isinstance(value, str) else ""
    raise WrongValue(f"allowed: {setting.allowed()}{hint}")


def _number(setting: Setting, value: object) -> int | float:
    wrong = WrongValue(f"allowed: {setting.allowed()}")
    number: int | float
    try:
        if isinstance(value, bool):
            raise wrong
        if isinstance(value, str):
            number = int(value) if setting.type == "int" else float(value)
        elif isinstance(value, int):
            number = value if setting.type == "int" else float(value)
        elif isinstance(value, float) and (setting.type == "float" or value.is_integer()):
            number = value if setting.type == "float" else int(value)
        else:
            raise wrong
    except (ValueError, OverflowError):
        raise wrong from None
    if isinstance(number, float) and not math.isfinite(number):
        raise wrong
    if number == 0 and setting.zero:
        return number
    if (setting.low is not None and number < setting.low) or (
        setting.high is not None and number > setting.high
    ):
        raise wrong
    return number


def _text(setting: Setting, value: object) -> str:
    if not isinstance(value, str):
        raise WrongValue(f"allowed: {setting.allowed()}")
    for character in value:
        if unicodedata.category(character) == "Cc":
            raise WrongValue(f"a control character in it; allowed: {setting.allowed()}")
        if "\ud800" <= character <= "\udfff":
            raise WrongValue("not valid UTF-8, and a settings file could not hold it; use another name")
    return value


def _texts(setting: Setting, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list | tuple):
        raise WrongValue(f"allowed: {setting.allowed()}")
    texts = tuple(_text(setting, part) for part in value)
    return tuple(text for text in texts if text)


def _choice(setting: Setting, text: str) -> str:
    word = text.strip().lower()
    if word in setting.choices:
        return word
    raise WrongValue(f"allowed: {setting.allowed()}{suggestion(word, setting.choices)}")


def _channels(setting: Setting, text: str) -> str:
    found = re.fullmatch(r"\s*([1-9]\d{0,2})\s*(?:-\s*([1-9]\d{0,2})\s*)?", text)
    if found is None or (found[2] is not None and int(found[2]) != int(found[1]) + 1):
        raise WrongValue(f"allowed: {setting.allowed()}")
    return found[1] if found[2] is None else f"{found[1]}-{found[2]}"


def _lan(setting: Setting, text: str) -> str:
    try:
        address = ipaddress.IPv4Address(text.strip())
    except ValueError:
        raise WrongValue(f"allowed: {setting.allowed()}") from None
    if address.is_loopback or address.is_multicast or str(address) == "255.255.255.255":
        raise WrongValue(f"no other machine reaches it there; allowed: {setting.allowed()}")
    return str(address)


def _host(setting: Setting, text: str) -> str:
    host = text.strip()
    if host.lower() == "localhost":
        return "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise WrongValue(f"allowed: {setting.allowed()}{suggestion(host, ['localhost'])}") from None
    if not address.is_loopback:
        raise WrongValue(f"other machines could reach it; allowed: {setting.allowed()}")
    return host
