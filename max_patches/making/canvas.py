"""A patcher that boxes are put on, in pixels, and what Max needs beside what py2max writes."""

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from py2max import Box, Patcher
from py2max.core.common import Rect as Place

Rect = tuple[float, float, float, float]

_STEPS = 1000
OF_SQUARE = f"/ {_STEPS}."
"""Finer than the 128 steps that the square has by itself: those don't reach every sound."""

HEIGHT: Final = 22
_TYPES: Final = ("bang", "int", "float", "signal", "list")
"""What Max writes of an outlet, else nothing; py2max has words of its own for some."""
_LETTER: Final = 6.4
"""Pixels of a letter of Max's 12-point font, rounded up."""


def width_of(text: str) -> float:
    """Return how wide a box must be to show a text."""
    return max(30.0, round(14 + _LETTER * len(text)))


class Canvas:
    """A patcher of a size; boxes go where they are told.

    Parameters
    ----------
    width, height : int
        Of the window.
    major : int
        The version of Max that it is written for.
    """

    def __init__(self, width: int, height: int, major: int = 8) -> None:
        self.patcher = Patcher(validate_connections=True, on_invalid="raise")
        self.patcher.rect = self.patcher.rect._replace(w=width, h=height)
        self.extra: dict[str, Any] = {}
        self.major = major
        self._inner: dict[str, Canvas] = {}
        self._more: dict[str, dict[str, Any]] = {}

    def note(self, x: float, y: float, text: str, *, shown: Rect | None = None, **more: Any) -> Box:
        """Put a comment."""
        rect = Place(x, y, width_of(text), 20)
        return self.also(self.patcher.add_comment(text, patching_rect=rect), **_shown(shown), **more)

    def message(
        self, x: float, y: float, text: str, width: float | None = None, *, shown: Rect | None = None
    ) -> Box:
        """Put a message box."""
        rect = Place(x, y, width or width_of(text), HEIGHT)
        return self.also(self.patcher.add_message(text, patching_rect=rect), **_shown(shown))

    def number(
        self, x: float, y: float, *, whole: bool = False, shown: Rect | None = None, **more: Any
    ) -> Box:
        """Put a number box."""
        maxclass = "number" if whole else "flonum"
        return self.face(maxclass, (x, y, 70, HEIGHT), shown=shown, **more)

    def thing(
        self,
        x: float,
        y: float,
        text: str,
        width: float | None = None,
        *,
        inlets: int | None = None,
        outlets: int | None = None,
        types: Iterable[str] | None = None,
        **more: Any,
    ) -> Box:
        """Put an object; `inlets` and `outlets` where their number depends on the arguments."""
        rect = Place(x, y, width or width_of(text), HEIGHT)
        return self.also(
            self.patcher.add_textbox(text, patching_rect=rect, **_ports(inlets, outlets, types)), **more
        )

    def port(self, x: float, y: float, kind: str, comment: str) -> Box:
        """Put an ``inlet`` or ``outlet``, numbered in the order they are put, from left to right."""
        index = 1 + sum(box.maxclass == kind for box in self.patcher._boxes)
        box = self.patcher.add_textbox(kind, patching_rect=Place(x, y, 30, 30))
        return self.also(box, index=index, comment=comment)

    def also(self, box: Box, **attributes: Any) -> Box:
        """Write further attributes of a box, as Max keeps them."""
        self._more.setdefault(str(box.id), {}).update(attributes)
        return box

    def face(
        self,
        maxclass: str,
        rect: Rect,
        *,
        shown: Rect | None = None,
        inlets: int | None = None,
        outlets: int | None = None,
        types: Iterable[str] | None = None,
        **more: Any,
    ) -> Box:
        """Put a box of the user interface; `shown` is its place in the presentation."""
        told = _ports(inlets, outlets, types)
        box = self.patcher.add_textbox(maxclass, maxclass, patching_rect=Place(*rect), **told)
        return self.also(box, **_shown(shown), **more)

    def square(self, rect: Rect, *, shown: Rect | None = None) -> Box:
        """Put a square whose finger is told in steps; `OF_SQUARE` makes shares of them."""
        return self.face("pictslider", rect, shown=shown, rightvalue=_STEPS, topvalue=_STEPS)

    def inside(self, x: float, y: float, text: str, canvas: "Canvas") -> Box:
        """Put a subpatcher; its inlets and outlets are those of its canvas."""
        ports = [box.maxclass for box in canvas.patcher._boxes]
        n_in, n_out = ports.count("inlet"), ports.count("outlet")
        rect = Place(x, y, width_of(text), HEIGHT)
        canvas.patcher.render()
        box = self.patcher.add_subpatcher(
            text,
            numinlets=n_in,
            numoutlets=n_out,
            outlettype=[""] * n_out,
            patching_rect=rect,
            patcher=canvas.patcher,
        )
        self._inner[str(box.id)] = canvas
        return box

    def lines(self, *lines: tuple[Box, int, Box, int]) -> None:
        """Draw lines: from a box's outlet to a box's inlet."""
        for source, outlet, destination, inlet in lines:
            self.patcher.add_line(source, destination, outlet=outlet, inlet=inlet)

    def chain(self, *boxes: Box) -> None:
        """Draw a line from each box's first outlet to the next one's first inlet."""
        for source, destination in pairwise(boxes):
            self.lines((source, 0, destination, 0))

    def content(self) -> dict[str, Any]:
        """Return the patch as Max would write it."""
        patch: dict[str, Any] = json.loads(self.patcher.to_json())
        patch["patcher"]["appversion"] = _version(self.major)
        for entry in patch["patcher"]["boxes"]:
            box = entry["box"]
            if not box.get("numoutlets"):
                box.pop("outlettype", None)  # Max writes it exactly where there are outlets
            else:
                box["outlettype"] = [kind if kind in _TYPES else "" for kind in box["outlettype"]]
            box |= self._more.get(box["id"], {})
            if box["id"] in self._inner:
                box["patcher"] = self._inner[box["id"]].content()["patcher"]
        patch["patcher"].update(self.extra)
        return patch

    def text(self) -> str:
        """Return the patch's file."""
        return json.dumps(self.content(), indent=1, ensure_ascii=True) + "\n"

    def save(self, path: Path) -> None:
        """Write the patch's file."""
        path.write_text(self.text(), encoding="utf-8")


def _shown(rect: Rect | None) -> dict[str, Any]:
    return {} if rect is None else {"presentation": 1, "presentation_rect": list(rect)}


def _ports(inlets: int | None, outlets: int | None, types: Iterable[str] | None) -> dict[str, Any]:
    told: dict[str, Any] = {} if inlets is None else {"numinlets": inlets}
    kinds = list(types) if types else [""] * (outlets or 0)
    if outlets is not None or types:
        told |= {"numoutlets": outlets or len(kinds), "outlettype": kinds}
    return told


def _version(major: int) -> dict[str, Any]:
    minor, revision = (6, 5) if major == 8 else (0, 0)
    return {"major": major, "minor": minor, "revision": revision, "architecture": "x64", "modernui": 1}
