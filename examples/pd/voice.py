"""One voice of the Pd example: a pair of tables with the file that it plays."""

from canvas import Box, Canvas

LONGEST_FRAMES = 2_880_000  # a minute at 48 kHz: Pd reads a file at once, before it goes on


def voice() -> Canvas:
    """Velocity, path, start and end in; the pitch is right whatever rate Pd runs at."""
    canvas = Canvas(760, 760)
    come, stopped = canvas.object(20, 20, "inlet"), canvas.object(20, 50, "route stop")
    parts = canvas.object(20, 80, "unpack f s f f")
    canvas.note(160, 80, "end and start come first, then the path: the file is read, then the velocity")
    canvas.chain(come, stopped)
    canvas.line(stopped, parts, 1)
    file, facts = _reading(canvas, parts)
    right_table = _right_table(canvas, facts)
    gate = _gate(canvas, parts, file)
    ramp = _reckoning(canvas, parts, file, facts, gate)
    _sounding(canvas, ramp, stopped, right_table)
    return canvas


def _reading(canvas: Canvas, parts: Box) -> tuple[Box, Box]:
    tables = canvas.object(160, 110, "list append $0-left $0-right")
    read = canvas.object(160, 140, f"list prepend read -resize -maxsize {LONGEST_FRAMES}")
    trim, file = canvas.object(160, 170, "list trim"), canvas.object(160, 200, "soundfiler")
    facts = canvas.object(260, 230, "unpack f f f")
    canvas.line(parts, tables, 1)
    canvas.chain(tables, read, trim, file)
    canvas.line(file, facts, 1)
    canvas.object(560, 20, "table $0-left 100")
    canvas.object(560, 50, "table $0-right 100")
    return file, facts


def _right_table(canvas: Canvas, facts: Box) -> Box:
    """Of a mono file the right side reads the left table."""
    mono, several = canvas.object(400, 230, "sel 1"), canvas.object(520, 230, "t b")
    left, right = canvas.object(400, 260, "symbol $0-left"), canvas.object(520, 260, "symbol $0-right")
    table = canvas.message(400, 290, "set $1")
    canvas.line(facts, mono, 2)
    canvas.chain(mono, left, table)
    canvas.line(mono, several, 1)
    canvas.chain(several, right, table)
    return table


def _gate(canvas: Canvas, parts: Box, file: Box) -> Box:
    """A file that can't be read has 0 frames: the velocity is then held back, and the window says so."""
    go, frames = canvas.object(20, 230, "t f b"), canvas.object(160, 260, "f")
    nothing, gate = canvas.object(160, 290, "sel 0"), canvas.object(20, 350, "spigot")
    no, yes = canvas.message(160, 320, "0"), canvas.message(210, 320, "1")
    unread = canvas.symbol_message(260, 350, "Pd can't read this file: let klustr-bridge play it")
    canvas.chain(parts, go, gate)
    canvas.line(go, frames, 1)
    canvas.line(file, frames, 0, 1)
    canvas.chain(frames, nothing, no)
    canvas.line(nothing, yes, 1)
    canvas.line(nothing, unread)
    canvas.line(no, gate, 0, 1)
    canvas.line(yes, gate, 0, 1)
    canvas.chain(unread, canvas.object(440, 400, "s klustr.fail"))
    return gate


def _reckoning(canvas: Canvas, parts: Box, file: Box, facts: Box, gate: Box) -> Box:
    """From velocity, start, end, frames and rate to what the two lines need."""
    known = canvas.object(20, 400, "pack f f f f f")
    canvas.line(gate, known)
    canvas.line(parts, known, 2, 1)
    canvas.line(parts, known, 3, 2)
    canvas.line(file, known, 0, 3)
    canvas.line(facts, known, 0, 4)
    last = "if($f3 > 0, min($f3 * $f5, $f4), $f4)"  # an end of 0: its length is not known yet
    where = canvas.object(20, 430, f"expr $f2 * $f5; {last}; ({last} - $f2 * $f5) * 1000 / $f5; $f1")
    ramp = canvas.object(20, 540, "pack f f f f")
    canvas.note(160, 540, "first frame, last frame, milliseconds, velocity")
    canvas.chain(known, where, ramp)
    for outlet in (1, 2, 3):
        canvas.line(where, ramp, outlet, outlet)
    return ramp


def _sounding(canvas: Canvas, ramp: Box, stopped: Box, right_table: Box) -> None:
    place, loud = canvas.message(20, 580, "$1, $2 $3"), canvas.message(160, 580, "$4, 0 2 $3")
    end = canvas.message(320, 580, "0 10")
    position, gain = canvas.object(20, 620, "vline~"), canvas.object(160, 620, "vline~")
    canvas.chain(ramp, place, position)
    canvas.chain(ramp, loud, gain)
    canvas.chain(stopped, end, gain)
    tables = [
        canvas.object(20 + 180 * i, 660, f"tabread4~ $0-{side}") for i, side in enumerate(("left", "right"))
    ]
    canvas.line(right_table, tables[1])
    for i, table in enumerate(tables):
        scaled, out = canvas.object(20 + 180 * i, 690, "*~"), canvas.object(20 + 180 * i, 720, "outlet~")
        canvas.chain(position, table, scaled, out)
        canvas.line(gain, scaled, 0, 1)
