"""The abstraction klustr.client: words in, answers out."""

from typing import Final

from klustr_bridge.bridge.answers import PUSHES, REPLIES
from making.canvas import Canvas
from making.places import BRIDGE_PORT

NAME: Final = "klustr.client"
_ROWS: Final = 12


def word_of(address: str) -> str:
    """Return the word that an answer or push comes out of klustr.client with."""
    return address.removeprefix("/klustr/").removesuffix(".reply")


def client() -> Canvas:
    """Return the abstraction's patch."""
    canvas = Canvas(760, 420)
    canvas.note(30, 10, "klustr.client REPLY-PORT NAME: talks to klustr-bridge. Both may be left out.")
    words = canvas.port(30, 45, "inlet", "messages in plain words: xy 0.3 0.7, similar 42 8")
    starts = canvas.thing(260, 45, "loadbang")
    connect = canvas.message(260, 75, "connect")
    metro = canvas.thing(400, 45, "metro 250 @active 1")
    tick = canvas.message(400, 75, "tick")
    ends = canvas.thing(560, 45, "freebang")
    bye = canvas.message(560, 75, "/klustr/bye")
    code = canvas.thing(
        30, 180, f"js {NAME}.js #1 #2", inlets=2, outlets=4, saved_object_attributes={"parameter_enable": 0}
    )
    send = canvas.thing(30, 240, f"udpsend 127.0.0.1 {BRIDGE_PORT}")
    receive = canvas.thing(300, 180, "udpreceive")  # the code tells it the port
    answers = canvas.inside(230, 240, "p answers", routes())
    outlets = [
        canvas.port(x, 320, "outlet", comment)
        for x, comment in (
            (230, "answers: near item 1 1 42 0.1 0.3 0.7"),
            (330, "pushes: hit 0 42 0.3 0.7 0.01 osc"),
            (430, "state: open, asking, silent, refused, closed, and what it means"),
        )
    ]
    canvas.lines(
        (words, 0, code, 0),
        (starts, 0, connect, 0),
        (connect, 0, code, 0),
        (metro, 0, tick, 0),
        (tick, 0, code, 0),
        (ends, 0, bye, 0),
        (bye, 0, send, 0),
        (code, 0, send, 0),
        (code, 1, receive, 0),
        (receive, 0, code, 1),
        (code, 2, answers, 0),
        (answers, 0, outlets[0], 0),
        (answers, 1, outlets[1], 0),
        (code, 3, outlets[2], 0),
    )
    return canvas


def routes() -> Canvas:
    """Return the subpatcher that has every answer and push by its address, and gives it its word."""
    addresses = [*REPLIES, *PUSHES]
    columns = -(-len(addresses) // _ROWS)
    canvas = Canvas(60 + 200 * columns, 190 + 30 * _ROWS)
    entry = canvas.port(20, 20, "inlet", "answers by address")
    route = canvas.thing(20, 60, "route " + " ".join(addresses), 200 * columns, outlets=len(addresses) + 1)
    canvas.lines((entry, 0, route, 0))
    y = 110 + 30 * _ROWS
    answers = canvas.port(20, y, "outlet", "answers")
    pushes = canvas.port(120, y, "outlet", "pushes")
    unknown = canvas.thing(220, y, "print klustr.unknown")
    for number, address in enumerate(addresses):
        column, row = divmod(number, _ROWS)
        word = canvas.thing(20 + 200 * column, 100 + 30 * row, f"prepend {word_of(address)}")
        target = pushes if address in PUSHES else answers
        canvas.lines((route, number, word, 0), (word, 0, target, 0))
    canvas.lines((route, len(addresses), unknown, 0))
    return canvas
