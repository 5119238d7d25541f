"""Pictures of the patches, for the documentation: drawn from their boxes, as Max lays them out."""

from html import escape
from typing import Any, Final

from making.canvas import Canvas

_STYLE: Final = """\
text { font: 11px Arial, Helvetica, sans-serif; fill: #1d2126; }
.page { fill: #e4e6e8; } .comment { fill: none; }
.object { fill: #3f464e; } .object-text { fill: #f4f5f6; }
.message { fill: #c9ced3; stroke: #8b939b; } .face { fill: #fafbfb; stroke: #8b939b; }
.line { fill: none; stroke: #6c747c; stroke-width: 1.1; } .signal { stroke: #a8882a; stroke-width: 1.8; }
.port { fill: #20252a; } .mark { fill: #4a90c8; stroke: none; }
"""
_PAD: Final = 12


def picture(canvas: Canvas, presented: tuple[int, int] | None = None) -> str:
    """Return a patch as SVG: with its lines, or as a device of a width and height shows itself."""
    patch = canvas.content()["patcher"]
    boxes = [entry["box"] for entry in patch["boxes"]]
    if presented:
        width, height = presented
        shown = [(box, box["presentation_rect"]) for box in boxes if box.get("presentation")]
        body = [_box(box, rect, ports=False) for box, rect in shown]
    else:
        rects = {box["id"]: box["patching_rect"] for box in boxes}
        width = round(max(x + w for x, _, w, _ in rects.values())) + _PAD
        height = round(max(y + h for _, y, _, h in rects.values())) + _PAD
        body = [_line(entry["patchline"], boxes, rects) for entry in patch["lines"]]
        body += [_box(box, rects[box["id"]], ports=True) for box in boxes]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
    page = f'<rect class="page" width="{width}" height="{height}"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", page, *body, "</svg>"]) + "\n"


def _box(box: dict[str, Any], rect: list[float], *, ports: bool) -> str:
    x, y, width, height = rect
    kind = _kind(box)
    parts = []
    if kind != "comment":
        corner = 6 if kind == "message" else 3
        parts.append(
            f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{corner}"/>'
        )
    parts.append(_mark(box["maxclass"], rect))
    text = _text(box)
    if text:
        letters = "object-text" if kind == "object" else ""
        fits = text[: max(1, int((width - 4) / 5.6))] if kind != "comment" else text
        middle = y + min(height, 22) / 2 + 4
        parts.append(f'<text class="{letters}" x="{x + 5}" y="{middle:g}">{escape(fits)}</text>')
    if ports:
        parts += [_port(box, rect, i, outlet=False) for i in range(box["numinlets"]) if kind != "comment"]
        parts += [_port(box, rect, i, outlet=True) for i in range(box["numoutlets"])]
    return "".join(parts)


def _kind(box: dict[str, Any]) -> str:
    maxclass = box["maxclass"]
    named = {"comment": "comment", "newobj": "object", "message": "message"}
    return named.get(maxclass, "face")


def _text(box: dict[str, Any]) -> str:
    if box["maxclass"] in ("newobj", "message", "comment", "live.text"):
        return str(box.get("text", ""))
    if box["maxclass"] in ("live.menu", "live.dial", "live.gain~"):
        return str(box["saved_attribute_attributes"]["valueof"]["parameter_shortname"])
    if box["maxclass"] in ("umenu", "jweb", "jit.cellblock", "dropfile"):
        words = {"umenu": "...", "jweb": "the map", "jit.cellblock": "id, distance", "dropfile": "drop here"}
        return words[box["maxclass"]]
    return ""


def _mark(maxclass: str, rect: list[float]) -> str:
    """Draw what tells a dial, a square or a button from a plain box."""
    x, y, width, height = rect
    middle, centre = x + width / 2, y + height / 2
    if maxclass == "pictslider":
        return f'<circle class="mark" cx="{middle}" cy="{centre}" r="7"/>'
    if maxclass == "live.dial":
        return f'<circle class="mark" cx="{middle}" cy="{centre + 4}" r="{min(width, height) / 4:g}"/>'
    if maxclass in ("button", "toggle"):
        return f'<circle class="mark" cx="{middle}" cy="{centre}" r="{width / 3:g}"/>'
    if maxclass == "live.gain~":
        long, low = (width - 10) * 0.7, y + height - 12
        return f'<rect class="mark" x="{x + 5}" y="{low}" width="{long:g}" height="6"/>'
    return ""


def _at(box: dict[str, Any], rect: list[float], index: int, *, outlet: bool) -> tuple[float, float]:
    x, y, width, height = rect
    count = box["numoutlets"] if outlet else box["numinlets"]
    along = 0.0 if count < 2 else (width - 16) * index / (count - 1)
    return x + 8 + along, y + height if outlet else y


def _port(box: dict[str, Any], rect: list[float], index: int, *, outlet: bool) -> str:
    x, y = _at(box, rect, index, outlet=outlet)
    return f'<rect class="port" x="{x - 3:g}" y="{y - 1.5:g}" width="6" height="3"/>'


def _line(line: dict[str, Any], boxes: list[dict[str, Any]], rects: dict[str, list[float]]) -> str:
    by_id = {box["id"]: box for box in boxes}
    (source, outlet), (destination, inlet) = line["source"], line["destination"]
    x1, y1 = _at(by_id[source], rects[source], outlet, outlet=True)
    x2, y2 = _at(by_id[destination], rects[destination], inlet, outlet=False)
    signal = " signal" if by_id[source]["outlettype"][outlet] == "signal" else ""
    bend = max(12.0, abs(y2 - y1) / 3)
    curve = f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    return f'<path class="line{signal}" d="{curve}"/>'
