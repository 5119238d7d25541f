"""The part of the Pd example that sounds: eight voices, each a table with the file that it plays."""

from canvas import Canvas

N_VOICES = 8
LONGEST_FRAMES = 2_880_000  # a minute at 48 kHz: Pd reads a file at once, before it goes on


def player() -> Canvas:
    """Plays what `/klustr/play` names, while the window says that Pd plays."""
    canvas = Canvas(640, 480)
    answers, play = canvas.object(20, 20, "r klustr.answers"), canvas.object(20, 50, "route play")
    who, gate = canvas.object(120, 50, "r klustr.player"), canvas.object(20, 80, "spigot")
    canvas.chain(answers, play, gate)
    canvas.line(who, gate, 0, 1)
    fork, cut = canvas.object(20, 110, "t a b"), canvas.object(20, 140, "list split 2")
    take, trim = canvas.object(20, 170, "list prepend next"), canvas.object(20, 200, "list trim")
    voices = canvas.object(20, 250, f"clone klustr.voice~ {N_VOICES}")
    canvas.note(130, 140, "off: voice and id; what stays is velocity, path, start, end")
    canvas.chain(gate, fork, cut)
    canvas.line(cut, take, 1)
    canvas.chain(take, trim, voices)

    mode, held = canvas.object(320, 20, "r klustr.audition"), canvas.object(320, 50, "== 1")
    when, stop = canvas.object(240, 80, "spigot"), canvas.object(380, 80, "r klustr.stop")
    end = canvas.message(240, 200, "all stop")
    canvas.note(300, 110, "hold: the next sound ends the one before")
    canvas.chain(mode, held)
    canvas.line(held, when, 0, 1)
    canvas.line(fork, when, 1)
    canvas.chain(when, end, voices)
    canvas.line(stop, end)

    level, square = canvas.object(320, 230, "r klustr.volume"), canvas.object(320, 260, "*")
    both, smooth = canvas.object(320, 245, "t f f"), canvas.object(320, 320, "line~")
    ramp = canvas.message(320, 290, "$1 20")
    canvas.chain(level, both, square, ramp, smooth)
    canvas.line(both, square, 1, 1)
    sounding, both = canvas.object(470, 230, "sel 1"), canvas.object(470, 260, "t b b")
    now, on = canvas.object(400, 290, "f"), canvas.message(500, 290, "; pd dsp 1")
    canvas.note(470, 320, "the first sound does not fade in")
    canvas.chain(who, sounding, both, now, smooth)
    canvas.line(square, now, 0, 1)
    canvas.line(both, on, 1)
    dac = canvas.object(20, 400, "dac~")
    for i, side in enumerate(("left", "right")):
        gain = canvas.object(20 + 120 * i, 340, "*~")
        canvas.line(voices, gain, i)
        canvas.line(smooth, gain, 0, 1)
        canvas.line(gain, dac, 0, i)
        canvas.line(gain, canvas.object(20 + 120 * i, 370, f"s~ klustr.{side}"))
    canvas.note(260, 370, "for effects of your own: r~ klustr.left and r~ klustr.right")
    return canvas


def voice() -> Canvas:
    """One voice: velocity, path, start and end in; the pitch is right whatever rate Pd runs at."""
    canvas = Canvas(760, 700)
    come, stopped = canvas.object(20, 20, "inlet"), canvas.object(20, 50, "route stop")
    parts = canvas.object(20, 80, "unpack f s f f")
    canvas.note(160, 80, "end and start come first, then the path: the file is read; then the velocity")
    canvas.chain(come, stopped)
    canvas.line(stopped, parts, 1)

    table_names = canvas.object(160, 110, "list append $0-left $0-right")
    read = canvas.object(160, 140, f"list prepend read -resize -maxsize {LONGEST_FRAMES}")
    trim, file = canvas.object(160, 170, "list trim"), canvas.object(160, 200, "soundfiler")
    facts, mono = canvas.object(260, 230, "unpack f f f"), canvas.object(400, 230, "sel 1")
    left, right = canvas.object(400, 260, "symbol $0-left"), canvas.object(520, 260, "symbol $0-right")
    right_table = canvas.message(400, 290, "set $1")
    canvas.line(parts, table_names, 1)
    canvas.chain(table_names, read, trim, file)
    canvas.line(file, facts, 1)
    canvas.line(facts, mono, 2)
    canvas.chain(mono, left, right_table)
    several = canvas.object(460, 230, "t b")
    canvas.line(mono, several, 1)
    canvas.line(several, right)
    canvas.line(right, right_table)

    # a file that can't be read has 0 frames: the velocity is then held back, and the window says so
    go, frames = canvas.object(20, 230, "t f b"), canvas.object(160, 260, "f")
    nothing, no, yes = (
        canvas.object(160, 290, "sel 0"),
        canvas.message(160, 320, "0"),
        canvas.message(210, 320, "1"),
    )
    unread = canvas.symbol_message(260, 350, "Pd can't read this file: let klustr-bridge play it")
    gate = canvas.object(20, 350, "spigot")
    canvas.chain(parts, go, gate)
    canvas.line(go, frames, 1)
    canvas.line(file, frames, 0, 1)
    canvas.chain(frames, nothing, no)
    canvas.line(nothing, yes, 1)
    canvas.line(nothing, unread)
    canvas.line(no, gate, 0, 1)
    canvas.line(yes, gate, 0, 1)
    canvas.line(unread, canvas.object(260, 380, "s klustr.fail"))

    all_known = canvas.object(20, 400, "pack f f f f f")
    canvas.line(gate, all_known)
    canvas.line(parts, all_known, 2, 1)
    canvas.line(parts, all_known, 3, 2)
    canvas.line(file, all_known, 0, 3)
    canvas.line(facts, all_known, 0, 4)
    last = "if($f3 > 0, min($f3 * $f5, $f4), $f4)"
    line = f"expr $f2 * $f5 ; {last} ; ({last} - $f2 * $f5) * 1000 / $f5 ; $f1"
    where = canvas.object(20, 430, line)
    ramp = canvas.object(20, 480, "pack f f f f")
    canvas.chain(all_known, where, ramp)
    for outlet in (1, 2, 3):
        canvas.line(where, ramp, outlet, outlet)
    canvas.note(300, 480, "first frame, last frame, milliseconds, velocity")
    place, loud = canvas.message(20, 520, "$1, $2 $3"), canvas.message(160, 520, "$4, 0 2 $3")
    end = canvas.message(300, 520, "0 10")
    position, gain = canvas.object(20, 560, "vline~"), canvas.object(160, 560, "vline~")
    canvas.chain(ramp, place, position)
    canvas.chain(ramp, loud, gain)
    canvas.chain(stopped, end, gain)

    canvas.object(560, 20, "table $0-left 100")
    canvas.object(560, 50, "table $0-right 100")
    for i, side in enumerate(("left", "right")):
        sound, scaled = (
            canvas.object(20 + 180 * i, 600, f"tabread4~ $0-{side}"),
            canvas.object(20 + 180 * i, 630, "*~"),
        )
        canvas.chain(position, sound, scaled, canvas.object(20 + 180 * i, 660, "outlet~"))
        canvas.line(gain, scaled, 0, 1)
        if side == "right":
            canvas.line(right_table, sound)
    return canvas
