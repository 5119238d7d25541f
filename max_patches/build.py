"""Build the Max patches of this folder: ``python max_patches/build.py``.

A patch is written down here as columns of boxes and the lines between them; py2max knows the objects,
refuses lines to inlets or outlets that they don't have, and writes the JSON.
"""

import json
from pathlib import Path
from typing import Any

from py2max import Box, Patcher

HERE = Path(__file__).parent
BRIDGE_PORT = 7475
REPLY_PORT = 7476


class Canvas:
    """A patcher on which boxes are put at a place, in pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.patcher = Patcher(validate_connections=True, on_invalid="raise")
        self.patcher.rect = self.patcher.rect._replace(w=width, h=height)

    def note(self, x: int, y: int, text: str) -> None:
        self.patcher.add_comment(text, patching_rect=[x, y, 12 + 6 * len(text), 20])

    def message(self, x: int, y: int, text: str, width: int = 180) -> Box:
        return self.patcher.add_message(text, patching_rect=[x, y, width, 22])

    def number(self, x: int, y: int, *, whole: bool = False) -> Box:
        maxclass = "number" if whole else "flonum"
        return self.patcher.add_textbox(maxclass, patching_rect=[x, y, 70, 22])

    def thing(self, x: int, y: int, text: str, width: int = 150, *, outlets: int | None = None) -> Box:
        """Put an object; `outlets` where their number depends on the arguments."""
        rect = [x, y, width, 22]
        if outlets is None:
            return self.patcher.add_textbox(text, patching_rect=rect)
        types = [""] * outlets
        return self.patcher.add_textbox(text, numoutlets=outlets, outlettype=types, patching_rect=rect)

    def lines(self, *lines: tuple[Box, int, Box, int]) -> None:
        for source, outlet, destination, inlet in lines:
            self.patcher.add_line(source, destination, outlet=outlet, inlet=inlet)

    def save(self, path: Path) -> None:
        patch: dict[str, Any] = json.loads(self.patcher.to_json())
        for entry in patch["patcher"]["boxes"]:
            if not entry["box"].get("numoutlets"):
                entry["box"].pop("outlettype", None)  # Max writes it exactly where there are outlets
        path.write_text(json.dumps(patch, indent=1) + "\n", encoding="utf-8")


def first_steps() -> Canvas:
    """A pad that sends ``/klustr/xy``, and what comes back from it."""
    canvas = Canvas(860, 560)
    canvas.note(20, 15, "klustr-bridge: start it, open this patch, drag on the square.")

    canvas.note(20, 45, "1  say hello: answers then come to port 7476")
    load = canvas.thing(20, 70, "loadbang", 60)
    hello = canvas.message(20, 100, f"/klustr/hello Max {REPLY_PORT}")
    timer = canvas.thing(230, 70, "metro 20000 @active 1", 140)
    ping = canvas.message(230, 100, "/klustr/ping 0", 100)
    canvas.note(345, 100, "stay subscribed")

    canvas.note(20, 145, "2  move")
    pad = canvas.patcher.add_textbox("pictslider", patching_rect=[20, 170, 160, 160])
    x, y = canvas.thing(20, 345, "/ 127.", 50), canvas.thing(130, 345, "/ 127.", 50)
    pair = canvas.thing(20, 375, "pak 0. 0.", 70)
    move = canvas.thing(20, 405, "prepend /klustr/xy", 120)

    canvas.note(230, 145, "3  hear")
    words = (
        "/klustr/audition change",
        "/klustr/audition off",
        "/klustr/random",
        "/klustr/stop",
        "/klustr/filter/kind kick",
        "/klustr/filter/clear",
        "/klustr/status 1",
    )
    messages = [canvas.message(230, 170 + 30 * i, text) for i, text in enumerate(words)]
    send = canvas.thing(20, 470, f"udpsend 127.0.0.1 {BRIDGE_PORT}", 170)

    canvas.note(480, 45, "4  what comes back")
    receive = canvas.thing(480, 70, f"udpreceive {REPLY_PORT}", 120)
    addresses = "/klustr/hit /klustr/play /klustr/welcome /klustr/status.reply /klustr/fail"
    route = canvas.thing(480, 105, f"route {addresses}", 360, outlets=6)
    canvas.note(480, 145, "hit: cursor, id, x, y, distance, origin")
    hit = canvas.thing(480, 170, "unpack 0 0 0. 0. 0. s", 200, outlets=6)
    cursor, sound = canvas.number(480, 205, whole=True), canvas.number(555, 205, whole=True)
    place = [canvas.number(630 + 75 * i, 205) for i in range(3)]
    canvas.note(480, 240, "play the sound that was hit last:")
    trigger = canvas.patcher.add_textbox("button", patching_rect=[480, 265, 22, 22])
    keep = canvas.thing(515, 265, "int", 40)
    again = canvas.thing(570, 265, "prepend /klustr/trigger", 150)
    printed = [
        canvas.thing(480, 330 + 30 * i, f"print {name}", 110)
        for i, name in enumerate(("play", "welcome", "status", "fail"))
    ]
    canvas.note(600, 330, "voice, id, velocity, path, start, end")
    canvas.note(600, 360, "version, protocol, epoch, sounds, state")
    canvas.note(600, 390, "req, state, files, sounds, pending, failed, epoch")
    canvas.note(600, 420, "address, req, code, message")

    canvas.lines(
        (load, 0, hello, 0),
        (hello, 0, send, 0),
        (timer, 0, ping, 0),
        (ping, 0, send, 0),
        (pad, 0, x, 0),
        (pad, 1, y, 0),
        (x, 0, pair, 0),
        (y, 0, pair, 1),
        (pair, 0, move, 0),
        (move, 0, send, 0),
        *((message, 0, send, 0) for message in messages),
        (receive, 0, route, 0),
        (route, 0, hit, 0),
        (hit, 0, cursor, 0),
        (hit, 1, sound, 0),
        *((hit, 2 + i, number, 0) for i, number in enumerate(place)),
        (hit, 1, keep, 1),
        (trigger, 0, keep, 0),
        (keep, 0, again, 0),
        (again, 0, send, 0),
        *((route, 1 + i, box, 0) for i, box in enumerate(printed)),
    )
    return canvas


if __name__ == "__main__":
    first_steps().save(HERE / "klustr.first-steps.maxpat")
