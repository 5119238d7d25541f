"""A voice of the instrument: a buffer~ of its own, and groove~ that plays it."""

from typing import Final

from py2max import Box

from making.canvas import Canvas

_FADE_MS: Final = 5
_CHANNELS_OUTLET: Final = 8  # of info~: the number of channels


def voice(number: int) -> Canvas:
    """Return the subpatcher of a voice: ``replace PATH``, ``play START LENGTH VELOCITY RATE``, ``stop``, ...

    Start and length are milliseconds; a length of 0 plays to the end. ``---`` makes the buffer's name the
    device's own, so that several devices in one Set don't share it.
    """
    canvas = Canvas(760, 460)
    entry = canvas.port(
        20, 15, "inlet", "replace PATH, play START LENGTH VELOCITY RATE, stop, rate R, press P"
    )
    route = canvas.thing(20, 60, "route replace play stop rate press", outlets=6)
    replace = canvas.thing(20, 100, "prepend replace")
    buffer = canvas.thing(20, 135, f"buffer~ ---klustr-{number}", types=["float", "bang"], outlets=2)
    play = canvas.thing(200, 100, "unpack 0. 0. 0. 0.", 200, types=["float"] * 4, outlets=4)
    groove = canvas.thing(
        200, 320, f"groove~ ---klustr-{number} 2 @loop 0", types=["signal"] * 3, inlets=3, outlets=3
    )
    rate = canvas.thing(420, 135, "sig~ 1.", types=["signal"], outlets=1)
    level = canvas.thing(540, 210, "line~ 0.", types=["signal", "bang"], outlets=2)
    canvas.chain(entry, route, replace, buffer)
    canvas.lines((route, 1, play, 0), (route, 3, rate, 0), (play, 3, rate, 0), (rate, 0, groove, 0))
    canvas.lines((play, 0, groove, 0))
    gain = _gain(canvas, route, play, level)
    _ending(canvas, route, play, level, groove)
    outlets = [
        canvas.port(200 + 60 * i, 430, "outlet", comment)
        for i, comment in enumerate(("left", "right", "bang: the file is in"))
    ]
    right = canvas.thing(260, 350, "selector~ 2 1", types=["signal"], inlets=3, outlets=1)
    canvas.lines((groove, 0, right, 1), (groove, 1, right, 2))
    for i, source in enumerate((groove, right)):
        side = canvas.thing(200 + 60 * i, 390, "*~", types=["signal"], inlets=2, outlets=1)
        canvas.lines((source, 0, side, 0), (gain, 0, side, 1), (side, 0, outlets[i], 0))
    canvas.lines((_channels(canvas, buffer, right, number), 0, outlets[2], 0))
    return canvas


def _channels(canvas: Canvas, buffer: Box, right: Box, number: int) -> Box:
    """Put what lets a mono file sound on both sides: groove~ has silence where the buffer has no channel.

    Return what bangs once the file is in and its channels are known.
    """
    read = canvas.thing(20, 170, "t b b", types=["bang", "bang"], outlets=2)
    facts = canvas.thing(
        20,
        250,
        f"info~ ---klustr-{number}",
        types=["float", "list", *["float"] * 5, *["", "int", ""]],
        inlets=1,
        outlets=10,
    )
    is_more = canvas.thing(120, 285, "> 1", types=["int"], inlets=2, outlets=1)
    source = canvas.thing(120, 315, "+ 1", types=["int"], inlets=2, outlets=1)
    canvas.lines((buffer, 1, read, 0), (read, 1, facts, 0), (facts, _CHANNELS_OUTLET, is_more, 0))
    canvas.lines((is_more, 0, source, 0), (source, 0, right, 0))
    return read


def _gain(canvas: Canvas, route: Box, play: Box, level: Box) -> Box:
    """Put the level that a note is struck with, times the swell of the finger's pressure."""
    strike = canvas.thing(540, 135, "t f b", types=["float", "bang"], outlets=2)
    rise = canvas.message(540, 170, "$1 1")
    unpressed = canvas.message(600, 170, "1.")
    swell = canvas.message(660, 170, "$1 10")
    press = canvas.thing(640, 210, "line~ 1.", types=["signal", "bang"], outlets=2)
    gain = canvas.thing(540, 250, "*~", types=["signal"], inlets=2, outlets=1)
    canvas.lines((play, 2, strike, 0), (strike, 0, rise, 0), (rise, 0, level, 0))
    canvas.lines(
        (strike, 1, unpressed, 0), (unpressed, 0, press, 0), (route, 4, swell, 0), (swell, 0, press, 0)
    )
    canvas.lines((level, 0, gain, 0), (press, 0, gain, 1))
    return gain


def _ending(canvas: Canvas, route: Box, play: Box, level: Box, groove: Box) -> None:
    """Put what ends a sound, after its length or at once: it fades first, then stops."""
    begun = canvas.thing(200, 135, "t f b", types=["float", "bang"], outlets=2)
    cancel = canvas.message(365, 170, "stop")
    some = canvas.thing(200, 170, "split 0.001 10000000.", types=["float", "float"], outlets=2)
    begin = canvas.thing(200, 205, "t b f", types=["bang", "float"], outlets=2)
    wait = canvas.thing(200, 240, "delay", types=["bang"], inlets=2, outlets=1)
    over = canvas.thing(420, 205, "t b b", types=["bang", "bang"], outlets=2)
    fade = canvas.message(470, 240, f"0. {_FADE_MS}")
    halt = canvas.thing(420, 275, f"delay {2 * _FADE_MS}", types=["bang"], inlets=2, outlets=1)
    silence = canvas.message(320, 275, "stop")
    canvas.lines((play, 1, begun, 0), (begun, 1, cancel, 0), (cancel, 0, wait, 0), (cancel, 0, halt, 0))
    canvas.lines((begun, 0, some, 0), (some, 0, begin, 0), (begin, 1, wait, 1), (begin, 0, wait, 0))
    canvas.lines((wait, 0, over, 0), (route, 2, over, 0), (over, 1, fade, 0), (fade, 0, level, 0))
    canvas.lines((over, 0, halt, 0), (halt, 0, silence, 0), (silence, 0, groove, 0))
