"""Build the Pd patches of this folder: ``python examples/pd/build.py``; nothing but Python is needed.

The panel (`klustr.pd`) has all that is seen; it is joined to the parts by names: what is moved is sent to
`klustr.x` and so on, every command goes to `klustr.send`, every answer to `klustr.answers`.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from canvas import Box, Canvas  # noqa: E402
from client import client  # noqa: E402
from neighbours import N_NEIGHBOURS, neighbours, place  # noqa: E402
from pad import pad  # noqa: E402
from player import player  # noqa: E402
from voice import voice  # noqa: E402
from window import window  # noqa: E402

PORT = 7475
KINDS = (
    "", "kick", "snare", "clap", "closed_hat open_hat", "tom", "ride crash", "perc shaker cowbell", "bass",
    "loop",
)  # fmt: skip
AUDITION = ("change", "hold", "retrigger", "off")
PLAYERS = ("internal", "client")


def choices(canvas: Canvas, x: int, y: int, name: str, messages: tuple[str, ...]) -> None:
    """Send one message for each cell of a radio."""
    cell = canvas.object(x, y, f"r {name}")
    pick = canvas.object(x, y + 30, "sel " + " ".join(str(i) for i in range(len(messages))))
    out = canvas.object(x, y + 70 + 30 * len(messages), "s klustr.send")
    canvas.line(cell, pick)
    for i, text in enumerate(messages):
        message = canvas.message(x + 20, y + 60 + 30 * i, text)
        canvas.line(pick, message, i)
        canvas.line(message, out)


def pair(canvas: Canvas, x: int, y: int, names: tuple[str, str], start: str, message: str) -> Box:
    """Send one message with the values of two controls whenever one of them is moved; return their pair."""
    first, second = (canvas.object(x + 150 * i, y, f"r {name}") for i, name in enumerate(names))
    order, both = canvas.object(x + 150, y + 30, "t b f"), canvas.object(x, y + 60, f"pack {start}")
    words, out = canvas.message(x, y + 90, message), canvas.object(x, y + 120, "s klustr.send")
    canvas.chain(first, both, words, out)
    canvas.chain(second, order, both)
    canvas.line(order, both, 1, 1)
    return both


def panel() -> Canvas:
    """What the window's sliders, radios and buttons send."""
    canvas = Canvas(1000, 680)
    middle = pair(canvas, 20, 20, ("klustr.x", "klustr.y"), "0.5 0.5", "/klustr/xy $1 $2")
    together, apart = canvas.object(220, 80, "r klustr.xy"), canvas.object(220, 110, "unpack f f")
    canvas.chain(together, apart, middle)
    canvas.line(apart, middle, 1, 1)
    lengths = ("klustr.shortest", "klustr.longest")
    pair(canvas, 20, 410, lengths, "f 3600", "/klustr/filter/duration $1 $2")
    choices(canvas, 20, 190, "klustr.player", tuple(f"/klustr/player {word}" for word in PLAYERS))
    choices(canvas, 280, 190, "klustr.audition", tuple(f"/klustr/audition {word}" for word in AUDITION))
    choices(canvas, 560, 150, "klustr.kind", tuple(f"/klustr/filter/kind {words}".strip() for words in KINDS))
    plain = (
        ("klustr.random", "/klustr/random"),
        ("klustr.stop", "/klustr/stop"),
        ("klustr.favourites", "/klustr/filter/favourites $1"),
    )
    for i, (name, text) in enumerate(plain):
        canvas.chain(
            canvas.object(330 + 220 * i, 20, f"r {name}"),
            canvas.message(330 + 220 * i, 50, text),
            canvas.object(330 + 220 * i, 80, "s klustr.send"),
        )
    canvas.note(20, 560, "the bridge has answered hello: tell it what the window shows")
    ready = canvas.object(20, 590, "r klustr.ready")
    for i, name in enumerate(("player", "audition", "kind", "favourites", "longest")):
        canvas.line(ready, canvas.object(20 + 180 * i, 630, f"s klustr.{name}.set"))
    return canvas


def labels() -> Canvas:
    """Shows names and states in the window's fields."""
    canvas = Canvas(700, 420)
    names = ("state", "fail", "name", "sort", *(f"name-{i + 1}" for i in range(N_NEIGHBOURS)))
    for i, name in enumerate(names):
        x, y = 20 + 220 * (i % 3), 20 + 100 * (i // 3)
        canvas.chain(
            canvas.object(x, y, f"r klustr.{name}"),
            canvas.message(x, y + 30, "label $1"),
            canvas.object(x, y + 60, f"s klustr.{name}.label"),
        )
    return canvas


PATCHES = {
    "klustr.pd": lambda: window(PORT, KINDS, AUDITION, N_NEIGHBOURS),
    "klustr.client.pd": client,
    "klustr.panel.pd": panel,
    "klustr.neighbours.pd": neighbours,
    "klustr.place.pd": place,
    "klustr.pad.pd": pad,
    "klustr.labels.pd": labels,
    "klustr.player~.pd": player,
    "klustr.voice~.pd": voice,
}

if __name__ == "__main__":
    for name, make in PATCHES.items():
        make().save(HERE / name)
