"""Elements of a page: text from anywhere becomes text, never markup.

Owns escaping and the shape of tables. It must not know what a study is.
"""

import re
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

Content = str | Element | None

# What no text of a page may hold: controls, and halves of characters, as in names of files that are no text.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """A text with whatever can't stand in a page replaced by U+FFFD."""
    return _NO_TEXT.sub("\ufffd", text)


def element(tag: str, *content: Content, **attributes: str | int | None) -> Element:
    """Make an element of a page.

    Parameters
    ----------
    tag : str
    *content : str, Element or None
        What is in it, in order; None is nothing.
    **attributes : str, int or None
        A trailing ``_`` of a name is left out (``class_``), others become ``-`` (``aria_label``); None leaves
        the attribute out.
    """
    names = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    made = Element(tag, {name: clean(str(value)) for name, value in names.items() if value is not None})
    last: Element | None = None
    for part in content:
        if isinstance(part, Element):
            made.append(part)
            last = part
        elif part and last is None:
            made.text = (made.text or "") + clean(part)
        elif part and last is not None:
            last.tail = (last.tail or "") + clean(part)
    return made


def heading(text: str, **attributes: str | int | None) -> Element:
    """A cell that names its column."""
    return element("th", text, **{"scope": "col", **attributes})


def number_heading(text: str, **attributes: str | int | None) -> Element:
    """A cell that names a column of numbers."""
    return heading(text, class_="n", **attributes)


def row_heading(*content: Content) -> Element:
    """A cell that names its row."""
    return element("th", *content, scope="row")


def number(text: str, *, best: bool = False, note: Element | None = None) -> Element:
    """A cell with a number; the best of its column stands out."""
    return element("td", element("strong", text) if best else text, note, class_="n")


def row(*cells: Element) -> Element:
    """A row of a table."""
    return element("tr", *cells)


def table(
    name: str, caption: str, head: Sequence[Element], body: Iterable[Element], class_: str | None = None
) -> Element:
    """A table that scrolls by itself where it is too wide, also by keyboard.

    Parameters
    ----------
    name : str
        Its id; unique on the page.
    caption : str
    head, body : sequence of Element
        Rows.
    class_ : str, optional
    """
    made = element(
        "table", element("caption", element("span", caption, id=f"{name}-caption")), class_=class_, id=name
    )
    SubElement(made, "thead").extend(head)
    SubElement(made, "tbody").extend(body)
    return element(
        "div", made, class_="scroll", role="region", tabindex="0", aria_labelledby=f"{name}-caption"
    )


def side_by_side(*parts: Element | None) -> Element:
    """Parts beside each other where there is room."""
    return element("div", *parts, class_="side")


def page_text(root: Element) -> str:
    """The whole page as it is written to a file."""
    return "<!DOCTYPE html>\n" + tostring(root, encoding="unicode", method="html") + "\n"
