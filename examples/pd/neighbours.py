"""The part of the Pd example that knows the sound under the cursor and the sounds most like it."""

from canvas import Box, Canvas

N_NEIGHBOURS = 8
REQ_HIT, REQ_SIMILAR, REQ_NAME = 1, 2, 11
_COLUMN = 145


def neighbours() -> Canvas:
    """Asks what each hit is called, and lists the eight sounds most like it."""
    canvas = Canvas(1300, 640)
    answers, send = canvas.object(20, 20, "r klustr.answers"), canvas.object(20, 600, "s klustr.send")
    which = canvas.object(20, 50, "route hit info.reply near.reply fail")
    canvas.chain(answers, which)
    hit = _under_the_cursor(canvas, which, send)
    _doing(canvas, hit, send)
    names = _names(canvas, which)
    _listing(canvas, which, names, send)
    says = canvas.object(700, 90, "unpack s f s s")
    canvas.line(which, says, 3)
    canvas.line(says, canvas.object(700, 120, "s klustr.fail"), 3)
    return canvas


def _under_the_cursor(canvas: Canvas, which: Box, send: Box) -> Box:
    hit, fork = canvas.object(20, 90, "unpack f f"), canvas.object(60, 120, "t f f f")
    about = canvas.message(60, 150, f"/klustr/info {REQ_HIT} $1")
    canvas.chain(which, hit)
    canvas.line(hit, fork, 1)
    canvas.chain(fork, about, send)
    canvas.line(fork, canvas.object(120, 180, "s klustr.id"), 2)
    return fork


def _doing(canvas: Canvas, hit: Box, send: Box) -> None:
    """What the buttons do with the sound that was hit last; nothing while there is none."""
    buttons = (
        ("again", "/klustr/trigger $1 1"),
        ("favourite", "/klustr/favourite $1 1"),
        ("similar", f"/klustr/similar {REQ_SIMILAR} $1 {N_NEIGHBOURS}"),
    )
    for i, (name, text) in enumerate(buttons):
        x = 20 + 240 * i
        press, keep = canvas.object(x, 210, f"r klustr.{name}"), canvas.object(x, 235, "f")
        some, command = canvas.object(x, 260, "moses 1"), canvas.message(x, 285, text)
        canvas.chain(press, keep, some)
        canvas.line(some, command, 1)
        canvas.line(command, send)
        canvas.line(hit, keep, 1, 1)


def _names(canvas: Canvas, which: Box) -> Box:
    """Part answers about sounds by what they were asked for."""
    reqs = " ".join(str(req) for req in (REQ_HIT, *range(REQ_NAME, REQ_NAME + N_NEIGHBOURS)))
    req, known = canvas.object(300, 90, f"route {reqs}"), canvas.object(300, 120, "unpack f s s s f f f")
    canvas.line(which, req, 1)
    canvas.line(req, known)
    for i, (outlet, name) in enumerate(((2, "name"), (3, "sort"), (6, "seconds"))):
        canvas.line(known, canvas.object(300 + 120 * i, 150, f"s klustr.{name}"), outlet)
    return req


def _listing(canvas: Canvas, which: Box, names: Box, send: Box) -> None:
    """Take four numbers a sound off the answer, as often as there are places in the window."""
    ours, first = canvas.object(20, 320, f"route {REQ_SIMILAR}"), canvas.object(20, 345, "t a b")
    split = canvas.object(20, 370, "list split 3")
    none, blank = canvas.message(1180, 490, "0"), canvas.symbol_message(1180, 345, "-")
    canvas.line(which, ours, 2)
    canvas.chain(ours, first, split)
    canvas.line(first, none, 1)  # fewer than eight may come: what was there before is gone
    canvas.line(first, blank, 1)
    rest, outlet = split, 1
    for i in range(N_NEIGHBOURS):
        x = 20 + _COLUMN * i
        one = canvas.object(x, 430, "list split 4")
        canvas.line(rest, one, outlet)
        rest, outlet = one, 1
        keep = _place(canvas, x, i, one, send)
        canvas.line(none, keep, 0, 1)
        name, called = canvas.object(x + 20, 370 if i else 400, "unpack f s s"), f"s klustr.name-{i + 1}"
        shown = canvas.object(x + 20, 400 if i else 415, called)
        canvas.line(names, name, 1 + i)
        canvas.line(name, shown, 2)
        canvas.line(blank, shown)


def _place(canvas: Canvas, x: int, i: int, one: Box, send: Box) -> Box:
    """Ask for the name of one sound, and play it when its button is pressed."""
    number, both = canvas.object(x, 460, "unpack f"), canvas.object(x, 490, "t f f")
    ask = canvas.message(x, 520, f"/klustr/info {REQ_NAME + i} $1")
    press, keep = canvas.object(x + 60, 545, f"r klustr.near-{i + 1}"), canvas.object(x + 90, 490, "f")
    some, play = canvas.object(x, 545, "moses 1"), canvas.message(x, 570, "/klustr/trigger $1 1")
    canvas.chain(one, number, both, ask, send)
    canvas.line(both, keep, 1, 1)
    canvas.chain(press, keep, some)
    canvas.line(some, play, 1)
    canvas.line(play, send)
    return keep
