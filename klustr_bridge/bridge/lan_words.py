"""Where a phone finds the bridge, in words and as a picture that its camera reads.

This module owns what a terminal is told about other machines. It opens nothing.
"""

import contextlib
from collections.abc import Iterator
from typing import Final, Protocol

from klustr_bridge.bridge.lan import ALL, Door, address_with_token, own_addresses

_BORDER: Final = 2
_BLACK_ON_WHITE: Final = "\x1b[30;107m"
_PLAIN: Final = "\x1b[0m"
_BLOCKS: Final = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}

PLAIN_HTTP: Final = (
    "this is plain HTTP: who listens on the network can read the token; a new one: klustr-bridge lan --renew"
)


class Terminal(Protocol):
    """A stream that may be a terminal."""

    def isatty(self) -> bool:
        """Whether it is one."""
        ...

    @property
    def encoding(self) -> str:
        """How it writes text."""
        ...


class OscServed(Protocol):
    """What serves OSC."""

    port: int
    far_host: str | None


def can_draw(out: Terminal, term: str, columns: int, needed: int) -> bool:
    """Whether a picture of so many columns can be shown.

    Parameters
    ----------
    out : Terminal
        Where to.
    term : str
        What the environment says of the terminal, ``TERM``.
    columns, needed : int
        How wide it is, and has to be.
    """
    encoding = (getattr(out, "encoding", "") or "").lower().replace("-", "")
    return out.isatty() and term != "dumb" and encoding.startswith("utf") and columns >= needed


def qr_lines(text: str) -> list[str]:
    """Draw a QR code in half blocks, black on white whatever the terminal's colours.

    Parameters
    ----------
    text : str
        What a camera is to read.

    Returns
    -------
    list of str
        One line for two rows of modules.
    """
    import segno

    code = [[bool(module) for module in row] for row in segno.make(text, error="l", micro=False).matrix]
    side = [False] * _BORDER
    bare = [False] * (len(code[0]) + 2 * _BORDER)
    rows = [bare] * _BORDER + [[*side, *row, *side] for row in code] + [bare] * _BORDER
    if len(rows) % 2:
        rows.append(bare)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    drawn = ("".join(_BLOCKS[pair] for pair in zip(upper, lower, strict=True)) for upper, lower in pairs)
    return [f"{_BLACK_ON_WHITE}{line}{_PLAIN}" for line in drawn]


def width_of(lines: list[str]) -> int:
    """Return how many columns the lines of `qr_lines` take."""
    return max(len(line) - len(_BLACK_ON_WHITE) - len(_PLAIN) for line in lines)


def lines_for_phone(
    host: str, port: int, token: str, out: Terminal, term: str, columns: int
) -> Iterator[str]:
    """Say at which address a phone opens the map, and draw it where that can be shown.

    Parameters
    ----------
    host, port : str, int
        What is served to other machines.
    token : str
        What lets them in.
    out, term, columns : Terminal, str, int
        As for `can_draw`.

    Yields
    ------
    str
        A line.
    """
    addresses = own_addresses(host)
    if not addresses:
        yield "other machines: this one has no address in a network; connect it"
        return
    first, *others = (address_with_token(address, port, token) for address in addresses)
    yield f"on a phone or tablet of this network: {first}"
    picture: list[str] = []
    if out.isatty():
        with contextlib.suppress(ImportError):  # the address is text as well
            picture = qr_lines(first)
    if picture and can_draw(out, term, columns, width_of(picture)):
        yield from picture
    for other in others:
        yield f"  or, in another network of this machine: {other}"
    yield PLAIN_HTTP


def lines_for_start(
    door: Door, port: int, osc: OscServed, out: Terminal, term: str, columns: int
) -> Iterator[str]:
    """Say at the start that other machines are served, and where.

    The token is shown to who sits at a terminal. What goes elsewhere is kept as a log: it says how to see it.
    """
    where = "every address of this machine" if door.host == ALL else door.host
    if osc.far_host is None:
        yield f"other machines may use HTTP, at {where}"
    else:
        yield f"other machines may use HTTP and OSC, at {where}; OSC (port {osc.port}) knows no token"
    if out.isatty():
        yield from lines_for_phone(door.host, port, door.token, out, term, columns)
    else:
        yield "the address for a phone or tablet: klustr-bridge lan"
