"""Runs the message side of a patch, as Max does: from right to left, depth first.

It knows the few control objects that the package uses; whatever else a message comes to, such as js or
groove~, is taken down in `log`. A test says what those give out with `emit`.
"""

import re
from typing import Any

from tests.max_patches.patches import Box, Patch, boxes, class_of, lines

Message = list[Any]
BANG: Message = ["bang"]


class Runner:
    """A patch and the subpatchers in it.

    Parameters
    ----------
    patch : dict
        What is within ``patcher``.
    """

    def __init__(self, patch: Patch, log: list[tuple[str, int, Message]] | None = None) -> None:
        self.boxes = {box["id"]: box for box in boxes(patch)}
        self.log = [] if log is None else log
        self.out: list[tuple[int, Message]] = []
        self._lines = list(lines(patch))
        self._state: dict[str, Message] = {}
        self._inner = {
            box["id"]: Runner(box["patcher"], self.log) for box in self.boxes.values() if "patcher" in box
        }

    def find(self, text: str) -> Box:
        """Return the only box of that text; where there is none, the only one of that class."""
        found = [box for box in self.boxes.values() if box.get("text") == text]
        found = found or [box for box in self.boxes.values() if class_of(box) == text]
        (box,) = found
        return box

    def inner(self, text: str) -> "Runner":
        """Return the runner of a subpatcher."""
        return self._inner[self.find(text)["id"]]

    def emit(self, box: Box, outlet: int, *message: Any) -> None:
        """Have a box give out a message."""
        targets = [line for line in self._lines if line[:2] == (box["id"], outlet)]
        for _, _, target, inlet in sorted(targets, key=self._place, reverse=True):
            self.send(self.boxes[target], inlet, list(message))

    def _place(self, line: tuple[str, int, str, int]) -> tuple[float, float]:
        x, y, *_ = self.boxes[line[2]]["patching_rect"]
        return x, y

    def send(self, box: Box, inlet: int, message: Message) -> None:
        """Have a box take a message."""
        words = str(box.get("text", "")).split() or [box["maxclass"]]
        act = {
            "route": self._route,
            "prepend": self._prepend,
            "unpack": self._unpack,
            "pack": self._pack,
            "pak": self._pack,
            "t": self._trigger,
            "int": self._int,
            "+": self._sum,
            ">": self._above,
            "-": self._sum,
            "/": self._sum,
            "split": self._split,
        }.get(class_of(box))
        if box["maxclass"] == "message":
            self._message(box, inlet, message)
        elif box["maxclass"] == "outlet":
            self.out.append((box["index"], message))
        elif box["id"] in self._inner:
            self._enter(box, inlet, message)
        elif act:
            act(box, words[1:], inlet, message)
        else:
            self.log.append((" ".join(words), inlet, message))

    def _enter(self, box: Box, inlet: int, message: Message) -> None:
        inner = self._inner[box["id"]]
        (entry,) = [b for b in inner.boxes.values() if b["maxclass"] == "inlet" and b["index"] == inlet + 1]
        inner.emit(entry, 0, *message)
        self.drain(box)

    def drain(self, box: Box) -> None:
        """Pass on what has come out of a subpatcher."""
        inner = self._inner[box["id"]]
        came, inner.out = inner.out, []
        for index, message in came:
            self.emit(box, index - 1, *message)

    def _message(self, box: Box, inlet: int, message: Message) -> None:
        assert inlet == 0
        if message[0] == "set":
            self.log.append(("message", 0, message))
            return
        for part in str(box["text"]).split(","):
            words = [_filled(word, message) for word in part.split()]
            self.emit(box, 0, *words)

    def _route(self, box: Box, words: list[str], inlet: int, message: Message) -> None:
        for outlet, word in enumerate(words):
            if str(message[0]) == word:
                self.emit(box, outlet, *(message[1:] or BANG))
                return
        self.emit(box, len(words), *message)

    def _prepend(self, box: Box, words: list[str], inlet: int, message: Message) -> None:
        self.emit(box, 0, *map(_atom, words), *message)

    def _unpack(self, box: Box, words: list[str], inlet: int, message: Message) -> None:
        for outlet in reversed(range(min(len(words), len(message)))):
            self.emit(box, outlet, message[outlet])

    def _pack(self, box: Box, words: list[str], inlet: int, message: Message) -> None:
        kept = self._state.setdefault(box["id"], [_atom(word) for word in words])
        if message != BANG:
            kept[inlet : inlet + len(message)] = message
        if inlet == 0 or class_of(box) == "pak":
            self.emit(box, 0, *kept)

    def _trigger(self, box: Box, words: list[str], inlet: int, message: Message) -> None:
        for outlet in reversed(range(len(words))):
            word = words[outlet]
            self.emit(box, outlet, *(BANG if word == "b" else message if word in "filsa" else [_atom(word)]))

    def _int(self, box: Box, words: list[str], inlet: int, message: Message) -> None:
        if message != BANG:
            self._state[box["id"]] = message
        if inlet == 0:
            self.emit(box, 0, *self._state.get(box["id"], [0]))

    def _sum(self, box: Box, words: list[str], inlet: int, message: Message) -> None:
        other = float(words[0])
        value = {"+": message[0] + other, "-": message[0] - other, "/": message[0] / other}[class_of(box)]
        self.emit(box, 0, value if "." in words[0] else int(value))

    def _above(self, box: Box, words: list[str], inlet: int, message: Message) -> None:
        self.emit(box, 0, int(message[0] > float(words[0])))

    def _split(self, box: Box, words: list[str], inlet: int, message: Message) -> None:
        low, high = map(float, words)
        self.emit(box, 0 if low <= message[0] <= high else 1, *message)


def _filled(word: str, message: Message) -> Any:
    number = re.fullmatch(r"\$(\d)", word)
    return message[int(number[1]) - 1] if number else _atom(word)


def _atom(word: str) -> Any:
    if re.fullmatch(r"-?\d+", word):
        return int(word)
    return float(word) if re.fullmatch(r"-?(\d+\.\d*|\.\d+)", word) else word
