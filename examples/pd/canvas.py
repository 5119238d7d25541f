"""A Pd patch as Python sees it: boxes at places, lines between them, and the text of the file.

Owns the file format of Pd's patches as far as the patches here need it. Knows nothing of klustr-bridge.
"""

import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

_COLOURS = "#fcfcfc #000000 #000000"


class Box(NamedTuple):
    """A box by its place in the file, which is how Pd's lines name it."""

    number: int


class Canvas:
    """A patch; lines go from outlet to inlet, by number, 0 where nothing is said."""

    def __init__(self, width: int, height: int) -> None:
        self._boxes = [f"#N canvas 80 80 {width} {height} 12;"]
        self._lines: list[str] = []
        self._before: list[str] = []
        self._after: list[str] = []

    def object(self, x: int, y: int, text: str) -> Box:
        """Put an object; the text's commas and semicolons are atoms of their own."""
        return self._add(f"#X obj {x} {y} {_escaped(text, ',;$')};")

    def message(self, x: int, y: int, text: str) -> Box:
        """Put a message box."""
        return self._add(f"#X msg {x} {y} {_escaped(text, ',;$')};")

    def symbol_message(self, x: int, y: int, text: str) -> Box:
        """Put a message box that holds one symbol, spaces and all."""
        return self._add(f"#X msg {x} {y} symbol {_escaped(text, ' ,;')};")

    def note(self, x: int, y: int, text: str) -> Box:
        """Put a comment on one line."""
        return self._add(f"#X text {x} {y} {_escaped(text, ',;')}, f {len(text) + 2};")

    def slider(self, x: int, y: int, name: str, kind: str, length: int, start: float = 0.0) -> Box:
        """Put a slider of 0 to 1, ``hsl`` or ``vsl``, that starts at `start`."""
        size = f"{length} 18" if kind == "hsl" else f"18 {length}"
        value = round(start * (length - 1) * 100)
        style = f"{name} {name}.set empty 0 -9 0 12 {_COLOURS} {value} 1"
        return self._add(f"#X obj {x} {y} {kind} {size} 0 1 0 {int(start > 0)} {style};")

    def radio(self, x: int, y: int, name: str, cells: int) -> Box:
        style = f"{name} {name}.set empty 0 -8 0 12 {_COLOURS} 0"
        return self._add(f"#X obj {x} {y} vradio 20 1 0 {cells} {style};")

    def button(self, x: int, y: int, name: str) -> Box:
        return self._add(f"#X obj {x} {y} bng 20 250 50 0 {name} {name}.set empty 17 7 0 12 {_COLOURS};")

    def number_box(self, x: int, y: int, name: str, high: float, start: float) -> Box:
        style = f"0 1 {name} {name}.set empty 0 -8 0 12 {_COLOURS} {start:g} 256"
        return self._add(f"#X obj {x} {y} nbx 6 20 0 {high:g} {style};")

    def shown_text(self, x: int, y: int, name: str, width: int) -> Box:
        """Put a field that shows what is sent to `name` as a label: a box for symbols shows their escapes."""
        style = f"empty {name} empty 5 11 0 12 #fcfcfc #000000 0"
        return self._add(f"#X obj {x} {y} cnv 10 {width} 22 {style};")

    def shown_number(self, x: int, y: int, name: str, width: int) -> Box:
        return self._add(f"#X floatatom {x} {y} {width} 0 0 0 - {name} - 0;")

    def panel(self, x: int, y: int, width: int, height: int, colour: str) -> Box:
        """Put a coloured ground, below the boxes that come after it."""
        return self._add(
            f"#X obj {x} {y} cnv 15 {width} {height} empty empty empty 20 12 0 14 {colour} #404040 0;"
        )

    def declare(self, text: str) -> None:
        """Put what has to stand before the canvas: a data structure."""
        self._before.append(f"#N {text};")

    def show_scalar(self, text: str, side: int) -> None:
        """Show one scalar, in a square of `side` pixels and units, in whatever patch this one is put."""
        self._boxes.append(f"#X scalar {text} \\;;")
        self._after.append(f"#X coords 0 {side} {side} 0 {side} {side} 2 0 0;")

    def line(self, source: Box, destination: Box, outlet: int = 0, inlet: int = 0) -> None:
        self._lines.append(f"#X connect {source.number} {outlet} {destination.number} {inlet};")

    def chain(self, *boxes: Box) -> None:
        """Connect each box's first outlet with the next one's first inlet."""
        for source, destination in pairwise(boxes):
            self.line(source, destination)

    def text(self) -> str:
        return "\n".join([*self._before, *self._boxes, *self._after, *self._lines, ""])

    def save(self, path: Path) -> None:
        path.write_text(self.text(), encoding="utf-8")

    def _add(self, text: str) -> Box:
        self._boxes.append(text)
        return Box(len(self._boxes) - 2)


def _escaped(text: str, what: str) -> str:
    parted = text if " " in what else re.sub(" *([,;])", r" \1", text)
    return re.sub(f"([{what}])", r"\\\1", parted)
