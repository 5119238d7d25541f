"""Names of ports: what of them stays from one session to the next, and which two belong to one controller.

Pure. Names are those that the MIDI systems make: ``nanoPAD2:nanoPAD2 nanoPAD2 _ PAD 20:0`` (ALSA),
``nanoPAD2 1`` (Windows), ``a2j:nanoPAD2 [20] (capture): nanoPAD2 MIDI 1`` (JACK, by a2jmidid),
``Midi-Bridge:nanoPAD2 2:(capture_0) nanoPAD2 _ PAD`` (JACK, by PipeWire).
"""

import re
from collections.abc import Sequence
from typing import Final

from klustr_bridge.errors import MidiError

_BRIDGES: Final = ("a2j", "a2jmidid", "midi-bridge")
"""Programs that show the ports of all controllers as their own."""

_UNNAMED: Final = ("system",)
"""JACK's own client: its ports are numbered, not named."""

_AFTER_NAME: Final = re.compile(r"[(\[:]")
_DIRECTION: Final = re.compile(r"\b(in|out|input|output|capture|playback|source|destination)(?=\b|_)")
_WINDOWS: Final = re.compile(r"\bmidi(in|out)(?=\d*\b)")


def plain_name(port: str) -> str:
    """Return what of an input's name stays from one session to the next: without numbers that systems add.

    Raises
    ------
    MidiError
        Nothing stays.
    """
    client, colon, rest = port.partition(":")
    if client.strip().casefold() in _UNNAMED:
        return port.strip()
    name = _AFTER_NAME.split(rest)[0] if colon and client.strip().casefold() in _BRIDGES else client
    words = name.split()
    while len(words) > 1 and re.fullmatch(r"\d+|\(\d+\)", words[-1]):
        words.pop()
    plain = " ".join(words)
    if not plain:
        raise MidiError(f"the input {port!r} has no name to know it by")
    return plain


def output_of(port: str, outputs: Sequence[str]) -> str | None:
    """Return the output of the controller that an input belongs to, None where there is none.

    Parameters
    ----------
    port : str
        The input's name.
    outputs : sequence of str
        Names of all outputs. Of one controller they are the same, but for words such as *in* and *out*.
    """
    if port in outputs:
        return port
    wanted = _without_direction(port)
    return next((output for output in outputs if _without_direction(output) == wanted), None)


def _without_direction(port: str) -> tuple[str, ...]:
    folded = _WINDOWS.sub("midi", port.casefold())
    return tuple(_DIRECTION.sub("", folded).split())
