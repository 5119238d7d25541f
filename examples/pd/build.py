"""Build the Pd patches of this folder: ``python examples/pd/build.py``; nothing but Python is needed.

The panel (`klustr.pd`) has all that is seen; it is joined to the parts by names: what is moved is sent to
`klustr.x` and so on, every command goes to `klustr.send`, every answer to `klustr.answers`.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from canvas import Canvas  # noqa: E402
from player import player, voice  # noqa: E402
from window import window  # noqa: E402

PORT = 7475
TICK_MS = 3000
N_NEIGHBOURS = 8
KINDS = (
    "", "kick", "snare", "clap", "closed_hat open_hat", "tom", "ride crash", "perc shaker cowbell", "bass",
    "loop",
)  # fmt: skip
AUDITION = ("change", "hold", "retrigger", "off")
PLAYERS = ("internal", "client")
NOBODY = "nothing answers: start klustr-bridge, this patch then goes on by itself"
REQ_HIT, REQ_SIMILAR, REQ_NAME = 1, 2, 11


def client() -> Canvas:
    """The one socket: commands in plain words out, answers in, hello again whenever it was silent."""
    canvas = Canvas(760, 560)
    canvas.note(
        20, 10, "commands come in as messages, as docs/protocol.md has them; argument: the bridge's port"
    )
    commands = canvas.object(20, 40, "inlet")
    both = canvas.object(20, 70, "t a a")
    head, rest = canvas.object(120, 100, "list split 1"), canvas.object(20, 100, "list split 1")
    address = canvas.message(120, 130, "set $1")
    pack, send = canvas.object(20, 170, "oscformat"), canvas.object(20, 200, "list prepend send")
    trim, socket = canvas.object(20, 230, "list trim"), canvas.object(20, 270, "netsend -u -b")
    canvas.chain(commands, both, rest)
    canvas.line(both, head, 1)
    canvas.chain(head, address, pack)
    canvas.line(rest, pack, 1)
    canvas.chain(pack, send, trim, socket)

    load, order = canvas.object(250, 40, "loadbang"), canvas.object(250, 70, "t b b b")
    port, connect = canvas.object(380, 100, "f $1"), canvas.message(380, 130, "connect 127.0.0.1 $1")
    on, tick = canvas.message(250, 100, "1"), canvas.object(250, 130, f"metro {TICK_MS}")
    hello, ping = canvas.message(480, 230, "/klustr/hello Pd 0"), canvas.message(320, 230, "/klustr/ping 0")
    canvas.chain(load, order, on, tick)
    canvas.line(order, hello, 1)
    canvas.line(order, port, 2)
    canvas.chain(port, connect, socket)

    look, heard = canvas.object(250, 160, "t b b"), canvas.object(320, 190, "f 1")
    nothing, clear = canvas.object(400, 190, "sel 0"), canvas.message(250, 190, "0")
    nobody = canvas.symbol_message(480, 260, NOBODY)
    canvas.note(480, 200, "silent for one tick: hello again")
    canvas.chain(tick, look, clear)
    canvas.line(look, heard, 1)
    canvas.line(clear, heard, 0, 1)
    canvas.chain(heard, nothing, hello)
    canvas.line(nothing, nobody)
    canvas.line(nothing, ping, 1)
    canvas.line(hello, both)
    canvas.line(ping, both)

    parse, words = canvas.object(100, 310, "oscparse"), canvas.object(100, 340, "list trim")
    ours, fork = canvas.object(100, 370, "route klustr"), canvas.object(100, 400, "t a a b")
    yes, answers = canvas.message(320, 430, "1"), canvas.object(100, 520, "outlet")
    canvas.line(socket, parse, 1)
    canvas.chain(parse, words, ours, fork, answers)
    canvas.line(fork, yes, 2)
    canvas.line(yes, heard, 0, 1)

    which = canvas.object(200, 430, "route welcome goodbye")
    ready, state = canvas.object(200, 520, "outlet"), canvas.object(480, 520, "outlet")
    then = canvas.object(200, 460, "t b b")
    there, gone = canvas.symbol_message(290, 490, "klustr-bridge answers"), canvas.message(400, 430, "0")
    canvas.note(20, 540, "answers                welcome: send your modes      what to show")
    canvas.line(fork, which, 1)
    canvas.chain(which, then, ready)
    canvas.line(then, there, 1)
    canvas.line(which, gone, 1)
    canvas.line(gone, heard, 0, 1)
    canvas.line(there, state)
    canvas.line(nobody, state)
    return canvas


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


def panel() -> Canvas:
    """What the window's sliders, radios and buttons send."""
    canvas = Canvas(1000, 640)
    x, y = canvas.object(20, 20, "r klustr.x"), canvas.object(140, 20, "r klustr.y")
    late, pair = canvas.object(140, 50, "t b f"), canvas.object(20, 80, "pack f f")
    move, out = canvas.message(20, 110, "/klustr/xy $1 $2"), canvas.object(20, 140, "s klustr.send")
    canvas.chain(x, pair, move, out)
    canvas.line(y, late)
    canvas.line(late, pair, 1, 1)
    canvas.line(late, pair)
    choices(canvas, 20, 190, "klustr.player", tuple(f"/klustr/player {word}" for word in PLAYERS))
    choices(canvas, 260, 190, "klustr.audition", tuple(f"/klustr/audition {word}" for word in AUDITION))
    choices(canvas, 500, 190, "klustr.kind", tuple(f"/klustr/filter/kind {words}".strip() for words in KINDS))

    plain = (("klustr.random", "/klustr/random"), ("klustr.stop", "/klustr/stop"),
             ("klustr.favourites", "/klustr/filter/favourites $1"))  # fmt: skip
    for i, (name, text) in enumerate(plain):
        canvas.chain(
            canvas.object(260 + 240 * i, 20, f"r {name}"),
            canvas.message(260 + 240 * i, 50, text),
            canvas.object(260 + 240 * i, 80, "s klustr.send"),
        )
    short, long = canvas.object(20, 440, "r klustr.shortest"), canvas.object(180, 440, "r klustr.longest")
    late, pair = canvas.object(180, 470, "t b f"), canvas.object(20, 500, "pack f f")
    limit, out = (
        canvas.message(20, 530, "/klustr/filter/duration $1 $2"),
        canvas.object(20, 560, "s klustr.send"),
    )
    pair_long = canvas.object(180, 500, "f 60")
    canvas.chain(short, pair, limit, out)
    canvas.chain(long, late)
    canvas.line(late, pair_long, 1, 1)
    canvas.line(late, pair)
    canvas.line(late, pair, 1, 1)

    canvas.note(260, 440, "the bridge has answered hello: tell it what the window shows")
    ready = canvas.object(260, 470, "r klustr.ready")
    for i, name in enumerate(("player", "audition", "kind", "favourites", "longest")):
        canvas.line(ready, canvas.object(260 + 140 * (i % 3), 510 + 30 * (i // 3), f"s klustr.{name}.set"))
    return canvas


def neighbours() -> Canvas:
    """The sound under the cursor, what it is called, and the eight sounds most like it."""
    canvas = Canvas(1300, 620)
    answers = canvas.object(20, 20, "r klustr.answers")
    which = canvas.object(20, 50, "route hit info.reply near.reply fail")
    hit, fork = canvas.object(20, 90, "unpack f f"), canvas.object(60, 120, "t f f f")
    about, send = (
        canvas.message(60, 150, f"/klustr/info {REQ_HIT} $1"),
        canvas.object(20, 590, "s klustr.send"),
    )
    number = canvas.object(120, 180, "s klustr.id")
    canvas.chain(answers, which, hit)
    canvas.line(hit, fork, 1)
    canvas.chain(fork, about, send)
    canvas.line(fork, number, 2)

    reqs = " ".join(str(req) for req in (REQ_HIT, *range(REQ_NAME, REQ_NAME + N_NEIGHBOURS)))
    req = canvas.object(300, 90, f"route {reqs}")
    known = canvas.object(300, 120, "unpack f s s s f f f")
    canvas.line(which, req, 1)
    canvas.line(req, known)
    for i, (outlet, name) in enumerate(((2, "name"), (3, "sort"), (6, "seconds"))):
        canvas.line(known, canvas.object(300 + 120 * i, 150, f"s klustr.{name}"), outlet)

    for i, (name, text) in enumerate(
        (("again", "/klustr/trigger $1 1"), ("favourite", "/klustr/favourite $1 1"),
         ("similar", f"/klustr/similar {REQ_SIMILAR} $1 {N_NEIGHBOURS}"))
    ):  # fmt: skip
        press, keep = (
            canvas.object(20 + 240 * i, 220, f"r klustr.{name}"),
            canvas.object(20 + 240 * i, 250, "f"),
        )
        some, command = canvas.object(20 + 240 * i, 280, "moses 1"), canvas.message(20 + 240 * i, 310, text)
        canvas.chain(press, keep, some)
        canvas.line(some, command, 1)
        canvas.line(command, send)
        canvas.line(fork, keep, 1, 1)

    ours, split = canvas.object(20, 360, f"route {REQ_SIMILAR}"), canvas.object(20, 390, "list split 3")
    first, none, blank = (
        canvas.object(60, 330, "t a b"),
        canvas.message(1180, 480, "0"),
        canvas.symbol_message(1180, 330, "-"),
    )
    canvas.line(which, ours, 2)
    canvas.chain(ours, first, split)
    canvas.line(first, none, 1)  # fewer than eight may come: what was there before is gone
    canvas.line(first, blank, 1)
    rest, outlet = split, 1
    for i in range(N_NEIGHBOURS):
        x = 20 + 145 * i
        one, number = canvas.object(x, 420, "list split 4"), canvas.object(x, 450, "unpack f")
        canvas.line(rest, one, outlet)
        both, ask = canvas.object(x, 480, "t f f"), canvas.message(x, 510, f"/klustr/info {REQ_NAME + i} $1")
        press, keep = canvas.object(x + 50, 360, f"r klustr.near-{i + 1}"), canvas.object(x + 100, 480, "f")
        some, play = canvas.object(x + 90, 540, "moses 1"), canvas.message(x, 565, "/klustr/trigger $1 1")
        name, called = (
            canvas.object(x, 330, "unpack f s s"),
            canvas.object(x + 10, 345, f"s klustr.name-{i + 1}"),
        )
        canvas.chain(one, number, both, ask, send)
        canvas.line(both, keep, 1, 1)
        canvas.chain(press, keep, some)
        canvas.line(some, play, 1)
        canvas.line(play, send)
        canvas.line(req, name, 1 + i)
        canvas.line(name, called, 2)
        canvas.line(blank, called)
        canvas.line(none, keep, 0, 1)
        rest, outlet = one, 1

    says = canvas.object(700, 90, "unpack s f s s")
    canvas.line(which, says, 3)
    canvas.line(says, canvas.object(700, 120, "s klustr.fail"), 3)
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
    "klustr.labels.pd": labels,
    "klustr.player~.pd": player,
    "klustr.voice~.pd": voice,
}

if __name__ == "__main__":
    for name, make in PATCHES.items():
        make().save(HERE / name)
