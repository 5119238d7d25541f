"""The part of the Pd example that speaks with the bridge: one socket, kept alive, found again."""

from typing import NamedTuple

from canvas import Box, Canvas

TICK_MS = 3000
NOBODY = "nothing answers: start klustr-bridge, this patch then goes on by itself"


class _Clock(NamedTuple):
    """What the ticks go by, and what they send and say."""

    heard: Box
    nobody: Box
    hello: Box
    ping: Box


def client() -> Canvas:
    """Commands in; out come answers, a bang after each welcome, and what to show."""
    canvas = Canvas(760, 570)
    canvas.note(
        20,
        10,
        "commands come in as messages, as docs/protocol.md has them (the argument is the bridge's port)",
    )
    commands, socket = _sending(canvas)
    clock = _ticking(canvas, commands, socket)
    _hearing(canvas, socket, clock)
    return canvas


def _sending(canvas: Canvas) -> tuple[Box, Box]:
    """From a message to a packet; the address is set before what follows it comes."""
    inlet, both = canvas.object(20, 40, "inlet"), canvas.object(20, 70, "t a a")
    head, rest = canvas.object(120, 100, "list split 1"), canvas.object(20, 100, "list split 1")
    address, pack = canvas.message(120, 130, "set $1"), canvas.object(20, 170, "oscformat")
    send, trim = canvas.object(20, 200, "list prepend send"), canvas.object(20, 230, "list trim")
    socket = canvas.object(20, 270, "netsend -u -b")
    canvas.chain(inlet, both, rest)
    canvas.line(both, head, 1)
    canvas.chain(head, address, pack)
    canvas.line(rest, pack, 1)
    canvas.chain(pack, send, trim, socket)
    return both, socket


def _ticking(canvas: Canvas, commands: Box, socket: Box) -> _Clock:
    """Hello at the start; at each tick a ping where something was heard, else hello again."""
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
    nobody = canvas.symbol_message(250, 300, NOBODY)
    canvas.note(450, 190, "silent for one tick: hello again")
    canvas.chain(tick, look, clear)
    canvas.line(look, heard, 1)
    canvas.line(clear, heard, 0, 1)
    canvas.chain(heard, nothing, hello)
    canvas.line(nothing, nobody)
    canvas.line(nothing, ping, 1)
    canvas.line(hello, commands)
    canvas.line(ping, commands)
    return _Clock(heard, nobody, hello, ping)


def _hearing(canvas: Canvas, socket: Box, clock: _Clock) -> None:
    """From a packet to the outlets; whatever comes shows that the bridge is there."""
    parse, words = canvas.object(100, 310, "oscparse"), canvas.object(100, 340, "list trim")
    ours, fork = canvas.object(100, 370, "route klustr"), canvas.object(100, 400, "t a a b")
    yes, answers = canvas.message(320, 400, "1"), canvas.object(100, 510, "outlet")
    canvas.line(socket, parse, 1)
    canvas.chain(parse, words, ours, fork, answers)
    canvas.line(fork, yes, 2)
    canvas.line(yes, clock.heard, 0, 1)

    which = canvas.object(200, 430, "route welcome goodbye pong")
    then = canvas.object(200, 460, "t b b b")
    ready, state = canvas.object(200, 510, "outlet"), canvas.object(500, 510, "outlet")
    there, gone = canvas.symbol_message(290, 480, "klustr-bridge answers"), canvas.message(400, 430, "0")
    canvas.note(100, 535, "answers")
    canvas.note(200, 535, "welcome: send your modes")
    canvas.note(500, 535, "what to show")
    canvas.line(fork, which, 1)
    canvas.chain(which, then, ready)
    canvas.line(then, there, 1)
    canvas.line(then, clock.ping, 2)
    canvas.line(which, gone, 1)
    canvas.line(gone, clock.heard, 0, 1)
    canvas.line(there, state)
    canvas.line(clock.nobody, state)
    _knowing_the_run(canvas, which, clock.hello)


def _knowing_the_run(canvas: Canvas, which: Box, hello: Box) -> None:
    """Hello where a pong tells another run of the bridge than the one before: it was started anew."""
    number, both = canvas.object(560, 350, "unpack 0 0"), canvas.object(560, 380, "t f f")
    other, new = canvas.object(560, 410, "expr $f2 != 0 && $f1 != $f2"), canvas.object(560, 440, "sel 1")
    canvas.note(620, 440, "started anew: hello again")
    canvas.line(which, number, 2)
    canvas.line(number, both, 1)
    canvas.line(both, other, 1)
    canvas.line(both, other, 0, 1)
    canvas.chain(other, new, hello)
