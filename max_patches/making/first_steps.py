"""The first steps without klustr.client: what it takes to speak to the bridge, in plain objects."""

from py2max import Box

from making.canvas import OF_SQUARE, Canvas
from making.places import BRIDGE_PORT, CLIENT_PORT

_AT_FIRST = "/klustr/audition change"
"""Said when the patch is opened: a square that is dragged on is to be heard."""

_WORDS = (
    _AT_FIRST,
    "/klustr/audition off",
    "/klustr/random",
    "/klustr/stop",
    "/klustr/filter/kind kick",
    "/klustr/filter/clear",
    "/klustr/status 1",
)


def first_steps() -> Canvas:
    """A pad that sends ``/klustr/xy``, and what comes back from it."""
    canvas = Canvas(940, 560)
    canvas.note(20, 15, "klustr-bridge: start it, open this patch, drag on the square.")
    send = canvas.thing(20, 470, f"udpsend 127.0.0.1 {BRIDGE_PORT}")
    _hello(canvas, send)
    _move(canvas, send)
    _answers(canvas, send)
    return canvas


def _hello(canvas: Canvas, send: Box) -> None:
    canvas.note(20, 45, f"1  say hello: answers then come to port {CLIENT_PORT}")
    load = canvas.thing(20, 70, "loadbang")
    hello = canvas.message(20, 100, f"/klustr/hello Max {CLIENT_PORT}")
    timer = canvas.thing(230, 70, "metro 20000 @active 1")
    ping = canvas.message(230, 100, "/klustr/ping 0")
    canvas.note(345, 100, "stay subscribed")
    canvas.chain(load, hello, send)
    canvas.chain(timer, ping, send)


def _move(canvas: Canvas, send: Box) -> None:
    canvas.note(20, 145, "2  move")
    pad = canvas.square((20, 170, 160, 160))
    x, y = canvas.thing(20, 345, OF_SQUARE), canvas.thing(130, 345, OF_SQUARE)
    pair = canvas.thing(20, 375, "pak 0. 0.")
    move = canvas.thing(20, 405, "prepend /klustr/xy")
    canvas.lines((pad, 0, x, 0), (pad, 1, y, 0), (x, 0, pair, 0), (y, 0, pair, 1))
    canvas.chain(pair, move, send)
    canvas.note(230, 145, "3  hear")
    for number, text in enumerate(_WORDS):
        box = canvas.message(230, 170 + 30 * number, text)
        canvas.chain(box, send)
        if text == _AT_FIRST:
            canvas.chain(canvas.thing(330, 145, "loadbang"), box)


def _answers(canvas: Canvas, send: Box) -> None:
    canvas.note(480, 45, "4  what comes back")
    receive = canvas.thing(480, 70, f"udpreceive {CLIENT_PORT}")
    addresses = "/klustr/hit /klustr/play /klustr/welcome /klustr/status.reply /klustr/fail"
    route = canvas.thing(480, 105, f"route {addresses}", 380, outlets=6)
    canvas.note(480, 145, "hit: cursor, id, x, y, distance, origin")
    hit = canvas.thing(480, 170, "unpack 0 0 0. 0. 0. s", 200, outlets=6)
    cursor, sound = canvas.number(480, 205, whole=True), canvas.number(555, 205, whole=True)
    place = [canvas.number(630 + 75 * i, 205) for i in range(3)]
    canvas.note(480, 240, "play the sound that was hit last:")
    trigger = canvas.face("button", (480, 265, 22, 22))
    keep = canvas.thing(515, 265, "int")
    again = canvas.thing(570, 265, "prepend /klustr/trigger")
    told = (
        ("play", "voice, id, velocity, path, start, end"),
        ("welcome", "version, protocol, epoch, sounds, state"),
        ("status", "req, state, files, sounds, pending, failed, epoch"),
        ("fail", "address, req, code, message"),
    )
    for number, (name, meaning) in enumerate(told):
        printed = canvas.thing(480, 330 + 30 * number, f"print {name}", 90)
        canvas.note(580, 330 + 30 * number, meaning)
        canvas.lines((route, 1 + number, printed, 0))
    canvas.chain(receive, route, hit)
    canvas.lines(
        (hit, 0, cursor, 0),
        (hit, 1, sound, 0),
        *((hit, 2 + i, number, 0) for i, number in enumerate(place)),
        (hit, 1, keep, 1),
    )
    canvas.chain(trigger, keep, again, send)
