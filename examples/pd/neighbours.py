"""The part of the Pd example that knows the sound under the cursor and the sounds most like it."""

from canvas import Box, Canvas

N_NEIGHBOURS = 8
REQ_HIT, REQ_SIMILAR, REQ_NAME = 1, 2, 11


def neighbours() -> Canvas:
    """Asks what each hit is called, and lists the eight sounds most like it."""
    canvas = Canvas(1000, 640)
    answers, send = canvas.object(20, 20, "r klustr.answers"), canvas.object(20, 300, "s klustr.send")
    which = canvas.object(20, 50, "route hit info.reply near.reply fail")
    canvas.chain(answers, which)
    hit = _under_the_cursor(canvas, which, send)
    _doing(canvas, hit)
    _listing(canvas, which)
    says = canvas.object(560, 90, "unpack s f s s")
    canvas.line(which, says, 3)
    canvas.line(says, canvas.object(560, 120, "s klustr.fail"), 3)
    return canvas


def _under_the_cursor(canvas: Canvas, which: Box, send: Box) -> Box:
    hit, fork = canvas.object(20, 90, "unpack f f"), canvas.object(60, 130, "t f f f")
    about = canvas.message(20, 260, f"/klustr/info {REQ_HIT} $1")
    canvas.chain(which, hit)
    canvas.line(hit, fork, 1)
    canvas.chain(fork, about, send)
    canvas.line(fork, canvas.object(130, 160, "s klustr.id"), 2)
    ours, known = canvas.object(250, 90, f"route {REQ_HIT}"), canvas.object(250, 130, "unpack f s s s f f f")
    canvas.line(which, ours, 1)
    canvas.line(ours, known)
    for i, (outlet, name) in enumerate(((2, "name"), (3, "sort"), (6, "seconds"))):
        canvas.line(known, canvas.object(250 + 120 * i, 160, f"s klustr.{name}"), outlet)
    return fork


def _doing(canvas: Canvas, hit: Box) -> None:
    """What the buttons do with the sound that was hit last, if there is one."""
    buttons = (
        ("again", "/klustr/trigger $1 1"),
        ("favourite", "/klustr/favourite $1 1"),
        ("similar", f"/klustr/similar {REQ_SIMILAR} $1 {N_NEIGHBOURS}"),
    )
    for i, (name, text) in enumerate(buttons):
        x = 220 + 240 * i
        press, keep = canvas.object(x, 210, f"r klustr.{name}"), canvas.object(x, 240, "f")
        some, command = canvas.object(x, 270, "moses 1"), canvas.message(x, 300, text)
        canvas.chain(press, keep, some)
        canvas.line(some, command, 1)
        canvas.line(command, canvas.object(x, 330, "s klustr.send"))
        canvas.line(hit, keep, 1, 1)


def _listing(canvas: Canvas, which: Box) -> None:
    """Hand the answer from place to place: each takes its four numbers and hands on the rest."""
    ours, first = canvas.object(20, 380, f"route {REQ_SIMILAR}"), canvas.object(20, 410, "t a b")
    split = canvas.object(20, 440, "list split 3")
    canvas.line(which, ours, 2)
    canvas.chain(ours, first, split)
    canvas.line(first, canvas.object(140, 410, "s klustr.forget"), 1)
    canvas.note(280, 410, "fewer than eight may come: what was there before is gone")
    canvas.note(140, 440, "part, parts and number of sounds are not needed here: eight fit one packet")
    rest, outlet = split, 1
    for i in range(N_NEIGHBOURS):
        place = canvas.object(20 + 240 * (i % 4), 480 + 50 * (i // 4), f"klustr.place {i + 1} {REQ_NAME + i}")
        canvas.line(rest, place, outlet)
        rest, outlet = place, 0


def place() -> Canvas:
    """One sound of the list: its number and the request number for its name are the arguments."""
    canvas = Canvas(620, 420)
    canvas.note(20, 15, "in: id, distance, x, y of this sound, then those of the others, which go on")
    inlet, mine = canvas.object(20, 40, "inlet"), canvas.object(20, 70, "list split 4")
    number, both = canvas.object(20, 130, "unpack f"), canvas.object(20, 160, "t f f")
    ask, about = canvas.object(20, 200, "pack f $2"), canvas.message(20, 230, "/klustr/info $2 $1")
    canvas.chain(inlet, mine, number, both, ask, about, canvas.object(20, 260, "s klustr.send"))
    canvas.line(mine, canvas.object(20, 380, "outlet"), 1)

    press, keep = canvas.object(200, 130, "r klustr.near-$1"), canvas.object(200, 200, "f")
    some, play = canvas.object(200, 230, "moses 1"), canvas.message(200, 260, "/klustr/trigger $1 1")
    canvas.chain(press, keep, some)
    canvas.line(some, play, 1)
    canvas.line(play, canvas.object(200, 290, "s klustr.send"))
    canvas.line(both, keep, 1, 1)

    forget, none = canvas.object(260, 70, "r klustr.forget"), canvas.message(260, 160, "0")
    blank = canvas.symbol_message(400, 290, "-")
    canvas.chain(forget, none)
    canvas.line(forget, blank)
    canvas.line(none, keep, 0, 1)

    answers, info = canvas.object(400, 70, "r klustr.answers"), canvas.object(400, 130, "route info.reply")
    ours, name = canvas.object(400, 160, "route $2"), canvas.object(400, 200, "unpack f s s")
    shown = canvas.object(400, 330, "s klustr.name-$1")
    canvas.chain(answers, info, ours, name)
    canvas.line(name, shown, 2)
    canvas.line(blank, shown)
    return canvas
