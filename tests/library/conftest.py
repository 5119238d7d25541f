"""A store on an empty file, and its folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from klustr_bridge.library.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "library.klustr") as opened:
        yield opened


@pytest.fixture
def folder(store: Store, tmp_path: Path) -> bytes:
    """A watched folder."""
    return store.add_folder(os.fsencode(tmp_path / "samples")).path
