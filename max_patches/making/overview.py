"""The overview, in Max's Extras menu: the map, a pad, neighbours, filters, weights, folders, progress."""

from typing import Final

from py2max import Box

from klustr_bridge.sound.aspects import ASPECTS
from klustr_bridge.sound.kinds import KINDS
from making.canvas import OF_SQUARE, Canvas

MAP_PAGE: Final = "klustr.map.html"
_HINT: Final = "klustr-bridge: start it (klustr-bridge in a terminal), then drag on the square or the map"


def overview() -> Canvas:
    """Return the patch."""
    canvas = Canvas(1240, 860)
    canvas.extra["openinpresentation"] = 1
    canvas.note(20, 10, _HINT, shown=(20, 10, 700, 20))
    client = canvas.thing(20, 700, "klustr.client", 1180, inlets=1, outlets=3)
    answers = _route(canvas, 20, 740, "near info welcome fail")
    pushes = _route(canvas, 420, 740, "hit progress error epoch")
    canvas.lines((client, 0, answers, 0), (client, 1, pushes, 0))
    _pad(canvas, client)
    _modes(canvas, client)
    _filters(canvas, client)
    _weights(canvas, client)
    _files(canvas, client)
    _neighbours(canvas, client, answers, pushes)
    _map(canvas, client, answers, pushes)
    _state(canvas, client, answers, pushes)
    return canvas


def _route(canvas: Canvas, x: float, y: float, words: str) -> Box:
    n = len(words.split())
    return canvas.thing(x, y, f"route {words}", outlets=n + 1)


def _pad(canvas: Canvas, client: Box) -> None:
    canvas.note(20, 45, "move: the nearest sound plays", shown=(20, 45, 200, 20))
    pad = canvas.square((20, 70, 200, 200), shown=(20, 70, 200, 200))
    x, y = canvas.thing(20, 280, OF_SQUARE), canvas.thing(120, 280, OF_SQUARE)
    pair = canvas.thing(20, 310, "pak 0. 0.")
    move = canvas.thing(120, 310, "prepend xy")
    canvas.lines((pad, 0, x, 0), (pad, 1, y, 0), (x, 0, pair, 0), (y, 0, pair, 1))
    canvas.chain(pair, move, client)


def _modes(canvas: Canvas, client: Box) -> None:
    canvas.note(20, 350, "hear", shown=(20, 280, 100, 20))
    load = canvas.thing(20, 375, "loadbang")
    texts = (
        "audition change",
        "audition hold",
        "audition off",
        "random",
        "stop",
        "quantise 16th",
        "quantise off",
        "view even",
        "view natural",
    )
    for number, text in enumerate(texts):
        column, row = divmod(number, 5)
        shown = (20 + 108 * column, 305 + 28 * row, 104, 22)
        box = canvas.message(20 + 112 * column, 405 + 30 * row, text, shown=shown)
        canvas.lines((box, 0, client, 0))
        if number == 0:
            canvas.lines((load, 0, box, 0))


def _filters(canvas: Canvas, client: Box) -> None:
    canvas.note(260, 45, "only sounds of this kind", shown=(250, 45, 160, 20))
    items = [word for kind in ("all", *KINDS) for word in (kind, ",")][:-1]
    menu = canvas.face("umenu", (260, 70, 120, 22), items=items, shown=(250, 70, 140, 22))
    every = canvas.thing(260, 100, "route all", outlets=2)
    no_kind = canvas.message(260, 130, "kind")
    kind = canvas.thing(330, 130, "prepend kind")
    canvas.lines((menu, 1, every, 0), (every, 0, no_kind, 0), (every, 1, kind, 0))
    canvas.lines((no_kind, 0, client, 0), (kind, 0, client, 0))
    canvas.note(260, 165, "favourites only", shown=(250, 100, 110, 20))
    switch = canvas.face("toggle", (380, 163, 24, 24), shown=(366, 99, 24, 24))
    favourites = canvas.thing(260, 190, "prepend favourites")
    canvas.chain(switch, favourites, client)
    for number, text in enumerate(("duration 0. 0.5", "duration 0.5 60.", "clear")):
        shown = (250, 130 + 28 * number, 140, 22)
        canvas.lines((canvas.message(260, 225 + 30 * number, text, shown=shown), 0, client, 0))


def _weights(canvas: Canvas, client: Box) -> None:
    canvas.note(260, 350, "what counts: 0. to 2.", shown=(250, 225, 150, 20))
    start = canvas.thing(400, 300, "loadmess set 1.", 110)
    for number, aspect in enumerate(ASPECTS):
        y = 375 + 32 * number
        place = 250 + 28 * number
        canvas.note(940 + 90 * (number % 3), 670 - 25 * (number // 3), aspect, shown=(320, place, 80, 20))
        box = canvas.number(260, y, minimum=0.0, maximum=2.0, shown=(250, place, 64, 22))
        canvas.lines((start, 0, box, 0))
        weight = canvas.thing(340, y, f"prepend weight {aspect}", 165)
        canvas.chain(box, weight, client)


def _files(canvas: Canvas, client: Box) -> None:
    for number, (title, word) in enumerate(
        (("drop a folder: it is watched", "addfolder"), ("drop a sound: what is like it?", "file"))
    ):
        y = 580 + 58 * number
        canvas.note(20, y, title, shown=(20 + 230 * number, 460, 200, 20))
        drop = canvas.face("dropfile", (260, y, 160, 45), shown=(20 + 230 * number, 484, 190, 60))
        prepend = canvas.thing(430, y + 20, f"prepend {word}", 95)
        canvas.chain(drop, prepend, client)


def _neighbours(canvas: Canvas, client: Box, answers: Box, pushes: Box) -> None:
    canvas.note(530, 45, "neighbours: click an id to hear it", shown=(430, 45, 230, 20))
    table = canvas.face(
        "jit.cellblock", (530, 70, 250, 290), shown=(430, 70, 230, 290), cols=2, rows=17, colhead=0, rowhead=0
    )
    cell = canvas.thing(530, 375, "route 0", outlets=2)
    chosen = canvas.thing(600, 375, "unpack 0 0", outlets=2)
    hear = canvas.thing(690, 375, "prepend trigger")
    canvas.chain(table, cell, chosen)
    canvas.lines((chosen, 1, hear, 0), (hear, 0, client, 0))

    canvas.note(530, 410, "of the sound that was hit last", shown=(430, 370, 200, 20))
    ask = canvas.face("button", (745, 410, 24, 24), shown=(636, 369, 24, 24))
    last = canvas.thing(530, 440, "int")
    similar = canvas.thing(580, 440, "prepend similar")
    about = canvas.thing(700, 440, "prepend info")
    hit = canvas.thing(530, 470, "unpack 0 0 0. 0. 0. s", 200, outlets=6)
    canvas.lines((pushes, 0, hit, 0), (hit, 1, last, 1), (hit, 1, about, 0), (about, 0, client, 0))
    canvas.chain(ask, last, similar, client)

    form = canvas.thing(530, 510, "route start item", outlets=3)
    clear = canvas.message(650, 510, "clear all")
    row = canvas.thing(530, 540, "unpack 0 0 0 0. 0. 0.", 200, outlets=6)
    less = canvas.thing(540, 570, "- 1")
    sound = canvas.thing(580, 570, "pack 0 0 0")
    far = canvas.thing(680, 570, "pack 1 0 0.")
    put = canvas.thing(580, 600, "prepend set")
    canvas.chain(answers, form, clear, table)
    canvas.lines((form, 1, row, 0), (row, 1, less, 0), (less, 0, sound, 1), (less, 0, far, 1))
    canvas.lines((row, 2, sound, 2), (row, 3, far, 2))
    go = canvas.thing(680, 630, "t 1 0", types=["int", "int"], outlets=2)
    canvas.lines((row, 0, go, 0), (go, 0, far, 0), (go, 1, sound, 0), (sound, 0, put, 0), (far, 0, put, 0))
    canvas.lines((put, 0, table, 0))


def _map(canvas: Canvas, client: Box, answers: Box, pushes: Box) -> None:
    canvas.note(810, 45, "the map: drag on it", shown=(690, 45, 200, 20))
    page = canvas.face("jweb", (810, 70, 400, 400), shown=(690, 70, 323, 323))
    load = canvas.thing(810, 480, "loadbang")
    read = canvas.message(890, 480, f"readfile {MAP_PAGE}")
    canvas.chain(load, read, page)
    said = canvas.thing(810, 515, "route xy points", outlets=3)
    move = canvas.thing(940, 515, "prepend xy")
    points = canvas.message(1040, 515, "points")
    canvas.lines((page, 0, said, 0), (said, 0, move, 0), (move, 0, client, 0))
    canvas.lines((said, 1, points, 0), (points, 0, client, 0))
    canvas.lines((pushes, 3, points, 0), (answers, 2, points, 0))
    shown = canvas.thing(810, 550, "route points hit added moved removed", outlets=6)
    for number, word in enumerate(("points", "hit", "added", "moved", "removed")):
        back = canvas.thing(810 + 80 * number, 585 + 30 * (number % 2), f"prepend {word}")
        canvas.lines((shown, number, back, 0), (back, 0, page, 0))
    canvas.lines((client, 0, shown, 0), (client, 1, shown, 0))


def _state(canvas: Canvas, client: Box, answers: Box, pushes: Box) -> None:
    for number, (x, y, text) in enumerate(
        ((20, 785, "state"), (20, 815, "last sound"), (640, 785, "progress"), (640, 815, "errors"))
    ):
        canvas.note(x, y, text, shown=(480, 410 + 34 * number, 80, 20))
    split = canvas.thing(880, 740, "unpack s s", outlets=2)
    canvas.lines((client, 2, split, 0))
    told = (
        (split, 1, 110, 785, 500),
        (answers, 1, 110, 815, 500),
        (pushes, 1, 720, 785, 480),
        (pushes, 2, 720, 815, 480),
    )
    for number, (source, outlet, x, y, width) in enumerate(told):
        box = canvas.message(x, y, "", width, shown=(560, 410 + 34 * number, 453, 22))
        put = canvas.thing(980 + 110 * (number % 2), 740 + 22 * (number // 2), "prepend set", 100)
        canvas.lines((source, outlet, put, 0), (put, 0, box, 0))
        if source is pushes and outlet == 2:
            canvas.lines((answers, 3, put, 0))
