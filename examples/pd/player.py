"""The part of the Pd example that sounds: eight voices in turn, their level, and the way out."""

from canvas import Box, Canvas

N_VOICES = 8


def player() -> Canvas:
    """Plays what `/klustr/play` names, while the window says that Pd plays."""
    canvas = Canvas(680, 480)
    answers, play = canvas.object(20, 20, "r klustr.answers"), canvas.object(20, 50, "route play")
    who, gate = canvas.object(160, 50, "r klustr.player"), canvas.object(20, 80, "spigot")
    canvas.chain(answers, play, gate)
    canvas.line(who, gate, 0, 1)
    fork, cut = canvas.object(20, 110, "t a b"), canvas.object(20, 140, "list split 2")
    take, trim = canvas.object(20, 170, "list prepend next"), canvas.object(20, 200, "list trim")
    voices = canvas.object(20, 250, f"clone klustr.voice~ {N_VOICES}")
    canvas.note(130, 140, "voice and id are left out: velocity, path, start, end")
    canvas.chain(gate, fork, cut)
    canvas.line(cut, take, 1)
    canvas.chain(take, trim, voices)
    _ending(canvas, fork, voices)
    level = _level(canvas, who)
    dac = canvas.object(20, 400, "dac~")
    for i, side in enumerate(("left", "right")):
        gain = canvas.object(20 + 140 * i, 340, "*~")
        canvas.line(voices, gain, i)
        canvas.line(level, gain, 0, 1)
        canvas.line(gain, dac, 0, i)
        canvas.line(gain, canvas.object(60 + 140 * i, 370, f"s~ klustr.{side}"))
    canvas.note(260, 400, "for effects of your own: r~ klustr.left and r~ klustr.right")
    return canvas


def _ending(canvas: Canvas, played: Box, voices: Box) -> None:
    """Held sounds end with the next one; all end when the window says so."""
    mode, held = canvas.object(320, 20, "r klustr.audition"), canvas.object(320, 50, "== 1")
    when, stop = canvas.object(240, 80, "spigot"), canvas.object(520, 80, "r klustr.stop")
    end = canvas.message(240, 200, "all stop")
    canvas.note(300, 110, "hold: the next sound ends the one before")
    canvas.chain(mode, held)
    canvas.line(held, when, 0, 1)
    canvas.line(played, when, 1)
    canvas.chain(when, end, voices)
    canvas.line(stop, end)


def _level(canvas: Canvas, who: Box) -> Box:
    """The volume, squared and smoothed; it is there at once when Pd begins to play."""
    level, both = canvas.object(320, 200, "r klustr.volume"), canvas.object(320, 230, "t f f")
    square, ramp = canvas.object(320, 260, "*"), canvas.message(320, 290, "$1 20")
    smooth = canvas.object(320, 340, "line~")
    canvas.chain(level, both, square, ramp, smooth)
    canvas.line(both, square, 1, 1)
    sounding, order = canvas.object(480, 200, "sel 1"), canvas.object(480, 230, "t b b")
    now, on = canvas.object(420, 290, "f"), canvas.message(520, 290, "; pd dsp 1")
    canvas.chain(who, sounding, order, now, smooth)
    canvas.line(square, now, 0, 1)
    canvas.line(order, on, 1)
    return smooth
