"""The window of the Pd example: what is seen, and the parts beside it."""

from canvas import Canvas

_GROUND, _BUSY = "#dde7ee", "#f2e6d8"


def window(port: int, kinds: tuple[str, ...], audition: tuple[str, ...], n_neighbours: int) -> Canvas:
    """All controls, and the four parts that do the work."""
    canvas = Canvas(860, 714)
    canvas.panel(10, 10, 840, 62, _BUSY)
    canvas.note(20, 14, "klustr-bridge: start it, open this patch, drag the cross")
    canvas.shown_text(20, 40, "klustr.state.label", 460)
    canvas.note(500, 14, "what was refused last:")
    canvas.shown_text(500, 40, "klustr.fail.label", 340)
    _pad(canvas)
    _under_the_cursor(canvas)
    _hearing(canvas, audition)
    _narrowing(canvas, kinds)
    _likeness(canvas, n_neighbours)
    _parts(canvas, port)
    return canvas


def _pad(canvas: Canvas) -> None:
    canvas.panel(10, 82, 270, 290, _GROUND)
    canvas.note(20, 86, "move: drag the cross or the sliders")
    canvas.slider(24, 114, "klustr.y", "vsl", 200)
    canvas.object(54, 114, "klustr.pad")
    canvas.slider(54, 330, "klustr.x", "hsl", 200)


def _under_the_cursor(canvas: Canvas) -> None:
    canvas.panel(10, 382, 840, 64, _GROUND)
    canvas.note(20, 386, "under the cursor")
    canvas.shown_text(24, 410, "klustr.name.label", 250)
    canvas.shown_text(282, 410, "klustr.sort.label", 100)
    canvas.note(392, 410, "id")
    canvas.shown_number(414, 410, "klustr.id", 7)
    canvas.shown_number(482, 410, "klustr.seconds", 6)
    canvas.note(532, 410, "s")
    for i, (name, text) in enumerate((("random", "random"), ("again", "again"), ("favourite", "favourite"))):
        canvas.button(570 + 88 * i, 410, f"klustr.{name}")
        canvas.note(592 + 88 * i, 410, text)


def _hearing(canvas: Canvas, audition: tuple[str, ...]) -> None:
    canvas.panel(290, 82, 190, 290, _GROUND)
    canvas.note(300, 86, "hear")
    canvas.radio(300, 114, "klustr.audition", len(audition))
    words = {"change": "each new sound", "hold": "until the next", "retrigger": "every move", "off": "silent"}
    for i, mode in enumerate(audition):
        canvas.note(326, 114 + 20 * i, words[mode])
    canvas.radio(300, 214, "klustr.player", 2)
    canvas.note(326, 214, "klustr-bridge plays")
    canvas.note(326, 234, "Pd plays (DSP on)")
    canvas.slider(300, 282, "klustr.volume", "hsl", 120, start=0.8)
    canvas.note(426, 280, "volume")
    canvas.button(300, 334, "klustr.stop")
    canvas.note(322, 334, "stop everything")


def _narrowing(canvas: Canvas, kinds: tuple[str, ...]) -> None:
    canvas.panel(490, 82, 360, 290, _GROUND)
    canvas.note(500, 86, "keep to")
    canvas.radio(500, 114, "klustr.kind", len(kinds))
    for i, words in enumerate(kinds):
        canvas.note(526, 114 + 20 * i, words.replace(" ", ", ").replace("_", " ") or "every kind")
    canvas.number_box(700, 114, "klustr.shortest", 3600, 0)
    canvas.note(782, 114, "seconds")
    canvas.note(700, 136, "to")
    canvas.number_box(700, 160, "klustr.longest", 3600, 3600)
    canvas.note(782, 160, "seconds")
    canvas.radio(700, 200, "klustr.favourites", 2)
    canvas.note(724, 200, "all sounds")
    canvas.note(724, 220, "favourites")


def _likeness(canvas: Canvas, n_neighbours: int) -> None:
    canvas.panel(10, 456, 840, 150, _GROUND)
    canvas.button(24, 466, "klustr.similar")
    canvas.note(48, 466, "the sounds most like it, nearest first: press to hear")
    rows = (n_neighbours + 1) // 2
    for i in range(n_neighbours):
        x, y = 24 + 410 * (i // rows), 494 + 26 * (i % rows)
        canvas.button(x, y, f"klustr.near-{i + 1}")
        canvas.shown_text(x + 30, y, f"klustr.name-{i + 1}.label", 360)


def _parts(canvas: Canvas, port: int) -> None:
    commands = canvas.object(20, 620, "r klustr.send")
    client = canvas.object(20, 650, f"klustr.client {port}")
    canvas.line(commands, client)
    for i, name in enumerate(("answers", "ready", "state")):
        canvas.line(client, canvas.object(20 + 130 * i, 680, f"s klustr.{name}"), i)
    for i, part in enumerate(("klustr.panel", "klustr.neighbours", "klustr.player~", "klustr.labels")):
        canvas.object(440 + 200 * (i % 2), 650 + 30 * (i // 2), part)
    canvas.note(440, 620, "the parts: open them to see how it is done")
    canvas.note(160, 620, "commands of your own: s klustr.send")
