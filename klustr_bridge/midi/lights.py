"""Lights: the colours of pads, by the kinds of their sounds.

Pure: what lies on the pads comes in, messages go out, only where something has changed.

References
----------
Novation, *Launchpad X* and *Launchpad Mini [MK3] programmer's reference manual*, "Colour palette": a note's
velocity is a colour, its channel how it lights (1: steadily). Push 1 and the APC mini mk2 have these, too.
Ableton, *Push 2 MIDI and Display Interface Manual*, 2.6: the default palette.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from klustr_bridge.midi.bindings import LIGHTS, Controller

DARK: Final = 0
_LAUNCHPAD: Final = {
    "unknown": 1,  # grey
    "kick": 5,  # red
    "snare": 13,  # yellow
    "rim": 12,  # pale yellow
    "clap": 57,  # rose
    "closed_hat": 37,  # azure
    "open_hat": 45,  # blue
    "ride": 49,  # violet
    "crash": 53,  # magenta
    "tom": 9,  # orange
    "conga": 8,  # pale orange
    "cowbell": 16,  # pale lime
    "shaker": 33,  # turquoise
    "tambourine": 29,  # sea green
    "perc": 17,  # lime
    "bass": 21,  # green
    "synth": 41,  # royal blue
    "vocal": 56,  # pale rose
    "fx": 48,  # pale violet
    "loop": 52,  # pale magenta
}
_PUSH_2: Final = {
    "unknown": 124,  # dark grey
    "kick": 127,  # red
    "snare": 8,  # yellow
    "rim": 8,
    "clap": 25,  # pink
    "closed_hat": 15,  # turquoise
    "open_hat": 125,  # blue
    "ride": 22,  # purple
    "crash": 22,
    "tom": 3,  # orange
    "conga": 3,
    "cowbell": 126,  # green
    "shaker": 126,
    "tambourine": 126,
    "perc": 126,
    "bass": 123,  # light grey
    "synth": 123,
    "vocal": 123,
    "fx": 123,
    "loop": 123,
}
PALETTES: Final[dict[str, dict[str, int]]] = {"launchpad": _LAUNCHPAD, "push2": _PUSH_2}
"""Colours of kinds, by the names of `bindings.LIGHTS`."""

PRESSED: Final = {"launchpad": 3, "push2": 122}
"""White: a pad that is down."""

assert set(PALETTES) == set(PRESSED) == set(LIGHTS)


class Lights:
    """What the pads of one controller show.

    Parameters
    ----------
    controller : Controller
        With `lights`.
    """

    def __init__(self, controller: Controller) -> None:
        self._palette = PALETTES[controller.lights] | dict(controller.colours)
        self._pressed = PRESSED[controller.lights]
        self._status = 0x90 | (controller.lights_channel - 1)
        self._colours: dict[int, int] = {}
        self._shown: dict[int, int] = {}
        self._down: set[int] = set()

    def lay(self, kinds: Mapping[int, str]) -> list[bytes]:
        """Show what lies on all the pads.

        Parameters
        ----------
        kinds : mapping of int to str
            Kinds of the sounds by the pads' notes, empty where there is none.

        Returns
        -------
        list of bytes
            Messages, for the pads that show something else now; at first for all.
        """
        self._colours = {note: self._palette.get(kind, DARK) for note, kind in kinds.items()}
        return self._show(self._colours.keys() | self._shown.keys())

    def press(self, note: int, *, is_down: bool) -> list[bytes]:
        """Show that a pad is down, or up again."""
        (self._down.add if is_down else self._down.discard)(note)
        return self._show({note} & self._colours.keys())

    def darken(self) -> list[bytes]:
        """Show nothing any more."""
        self._colours = {}
        self._down = set()
        return self._show(self._shown.keys())

    def _show(self, notes: Iterable[int]) -> list[bytes]:
        messages = []
        for note in sorted(notes):
            colour = self._colours.get(note, DARK)
            if colour and note in self._down:
                colour = self._pressed
            if colour != self._shown.get(note):
                self._shown[note] = colour
                messages.append(bytes([self._status, note, colour]))
        return messages
