"""The XY pad of the Pd example: a cross whose middle is dragged, drawn by one of Pd's data structures."""

from canvas import Canvas

SIDE = 200  # pixels, and the range of the cross: Pd looks for whole numbers under the mouse
STRUCT = "klustr-pad"


def pad() -> Canvas:
    """Sends x and y together as `klustr.xy`; follows the sliders."""
    canvas = Canvas(560, 440)
    canvas.declare(f"struct {STRUCT} float px float py")
    changed = canvas.object(20, 20, f"struct {STRUCT} float px float py")
    canvas.object(20, 50, f"drawpolygon 930 2 px 0 px py px {SIDE}")
    canvas.object(20, 80, f"drawpolygon 930 2 0 py px py {SIDE} py")
    moved, where = canvas.object(20, 120, "route change"), canvas.object(20, 150, f"get {STRUCT} px py")
    canvas.chain(changed, moved, where)
    both = canvas.object(20, 280, "pack f f")
    for i, (x, axis) in enumerate(((20, "x"), (160, "y"))):
        inside = canvas.object(x, 180, f"clip 0 {SIDE}")
        share, fork = canvas.object(x, 205, f"/ {SIDE}"), canvas.object(x, 230, "t f f")
        show = canvas.message(x + 60, 255, "set $1")
        canvas.line(where, inside, i)
        canvas.chain(inside, share, fork)
        canvas.line(fork, both, 0, i)
        canvas.line(fork, show, 1)
        canvas.line(show, canvas.object(x + 80, 280, f"s klustr.{axis}.set"))
    canvas.line(both, canvas.object(20, 310, "s klustr.xy"))

    canvas.note(320, 20, "the sliders move the cross")
    for i, axis in enumerate("xy"):
        y = 60 + 150 * i
        moved, size = canvas.object(320, y, f"r klustr.{axis}"), canvas.object(320, y + 25, f"* {SIDE}")
        order, put = canvas.object(320, y + 50, "t f b"), canvas.object(320, y + 125, f"set {STRUCT} p{axis}")
        find = canvas.message(370, y + 75, "traverse pd-klustr.pad.pd, next")
        point = canvas.object(370, y + 100, "pointer")
        canvas.chain(moved, size, order, put)
        canvas.line(order, find, 1)
        canvas.line(find, point)
        canvas.line(point, put, 0, 1)

    canvas.note(150, 380, "the sliders start where the cross is")
    middle = canvas.message(20, 380, "set 0.5")
    canvas.line(canvas.object(20, 340, "loadbang"), middle)
    for i, axis in enumerate("xy"):
        canvas.line(middle, canvas.object(20 + 150 * i, 410, f"s klustr.{axis}.set"))
    canvas.show_scalar(f"{STRUCT} {SIDE // 2} {SIDE // 2}", SIDE)
    return canvas
