"""Commands that write a file from the library: export, map, backup."""

import argparse
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from klustr_bridge.cli.asking import open_corpus
from klustr_bridge.cli.library import chosen_library
from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import LibraryError
from klustr_bridge.export import MEASURED, ExportRow, export_rows
from klustr_bridge.library.paths import to_text
from klustr_bridge.library.store import Store
from klustr_bridge.progress import counted
from klustr_bridge.settings import LoadedSettings
from klustr_bridge.types import EVEN_VIEW


def export(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Write one row for each present, analysed file, and for each slice if asked."""
    corpus = open_corpus(chosen_library(loaded.settings))
    n_slices = 0
    chosen = corpus.analysed_files()
    if namespace.slices:
        slices = list(corpus.slices())
        n_slices, chosen = len(slices), chain(chosen, slices)
    n_rows = export_rows(_rows(corpus, chosen), Path(namespace.out))
    none = "no slices (hits of loops are sounds with the setting index.slices on)"
    told = f", {counted(n_slices, 'slice') if n_slices else none}" if namespace.slices else ""
    print(f"{namespace.out}: {counted(n_rows - n_slices, 'file')}{told}")
    return 0


def _rows(corpus: Corpus, chosen: Iterable[tuple[bytes, int]]) -> Iterator[ExportRow]:
    columns = {name: corpus.column(name) for name in MEASURED if name not in ("start_s", "end_s")}
    for path, row in chosen:
        start_s, end_s = corpus.span_s(row)
        x, y = corpus.xy[row].tolist()
        even_x, even_y = corpus.places(EVEN_VIEW).xy[row].tolist()
        yield ExportRow(
            path=path,
            id=int(corpus.ids[row]),
            uid=corpus.uid(row),
            embedding=corpus.embedding[row],
            x=x,
            y=y,
            even_x=even_x,
            even_y=even_y,
            kind=corpus.kind(row),
            kind_source=corpus.kind_source(row),
            start_s=start_s,
            end_s=end_s,
            is_loop=corpus.is_loop(row),
            parent=corpus.parent_id(row),
            epoch=corpus.epoch,
            **{name: float(column[row]) for name, column in columns.items()},
        )


def map(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Draw the map coloured by kind, or by the labels of a CSV."""
    from klustr_bridge.mapplot import draw_map, read_labels

    corpus = open_corpus(chosen_library(loaded.settings))
    if not len(corpus):
        raise LibraryError("the library has no analysed sounds yet; nothing to draw")
    kinds = [corpus.kind(row) for row in range(len(corpus))]
    if namespace.labels:
        labels = read_labels(Path(namespace.labels))
        by_row = {row: labels.get(to_text(path), "unknown") for path, row in corpus.analysed_files()}
        kinds = [by_row[row] for row in range(len(corpus))]
        if not any(kind != "unknown" for kind in kinds):
            raise LibraryError(
                f"no path of {namespace.labels} is a file of the library; "
                "paths are absolute or relative to the CSV's folder"
            )
    draw_map(np.asarray(corpus.places(loaded.settings.map.view).xy), kinds, Path(namespace.out))
    print(f"{namespace.out}: {counted(len(kinds), 'sound')}")
    return 0


def backup(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Copy the library file; SQLite's own backup, safe while a daemon writes."""
    file = chosen_library(loaded.settings)
    if not file.exists():
        raise LibraryError(f"there is no library at {file} yet; nothing to back up")
    out = Path(os.path.abspath(namespace.out))
    if not out.parent.is_dir():
        raise LibraryError(f"there is no folder {out.parent}; make it, or name another")
    if out.exists() and not _is_library(out):
        raise LibraryError(f"{out} is there and is no klustr-bridge library; name another file")
    if out.exists() and not namespace.force:
        raise LibraryError(f"{out} is there already; name another file, or replace it with --force")
    with Store.open(file, writable=False) as store:
        store.backup(out)
    print(f"{out}: backup of {file}")
    return 0


def _is_library(file: Path) -> bool:
    try:
        Store.open(file, writable=False).close()
    except LibraryError:
        return False
    return True
