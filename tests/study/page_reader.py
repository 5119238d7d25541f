"""Reads a report's page as a browser would: its tables, and what tags are in it."""

from html.parser import HTMLParser


class PageReader(HTMLParser):
    """What is on a page.

    Attributes
    ----------
    tables : dict of str to list of list of str
        Rows of cells by the table's id, head included.
    strong : dict of str to list of list of str
        The same with what isn't bold left out.
    tags : set of str
    text : str
        Of everything but the style.
    images : list of dict
        Attributes of each.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.strong: dict[str, list[list[str]]] = {}
        self.tags: set[str] = set()
        self.text = ""
        self.images: list[dict[str, str | None]] = []
        self._open: list[str] = []
        self._table = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        if tag == "img":
            self.images.append(given)
        if tag not in ("img", "meta", "link", "br"):
            self._open.append(tag)
        if tag == "table":
            self._table = str(given["id"])
            self.tables[self._table], self.strong[self._table] = [], []
        for rows in (self.tables, self.strong):
            if tag == "tr":
                rows[self._table].append([])
            elif tag in ("td", "th"):
                rows[self._table][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if {"td", "th"} & set(self._open):
            self.tables[self._table][-1][-1] += data
            if "strong" in self._open:
                self.strong[self._table][-1][-1] += data

    def cell(self, table: str, row: str, column: int) -> str:
        """A cell of the row whose first cell begins so."""
        (found,) = (cells for cells in self.tables[table] if cells and cells[0].startswith(row))
        return found[column]
