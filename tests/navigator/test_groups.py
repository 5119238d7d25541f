"""Groups of near-identical sounds, as far as the sounds are there."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import Navigator
from klustr_bridge.navigator.groups import groups_within
from tests.navigator.parts import LIBRARY, NotingLibrarian, corpus_of


def rows(*pairs: tuple[int, int]) -> np.ndarray:
    return np.array(pairs, np.int32).reshape(-1, 2)


def test_what_is_gone_is_left_out() -> None:
    """Groups of one sound are none; the others are numbered anew, in the order in which they were found."""
    found = rows((1, 9), (1, 2), (2, 4), (2, 7), (5, 8), (5, 3), (5, 1))
    assert groups_within(found, np.array([1, 2, 3, 4, 8, 9])).tolist() == [
        [1, 9],
        [1, 2],
        [2, 8],
        [2, 3],
        [2, 1],
    ]
    assert groups_within(found, np.array([4, 7])).tolist() == [[1, 4], [1, 7]]
    assert groups_within(found, np.array([2, 4], np.int32)).shape == (0, 2)
    assert groups_within(rows(), np.array([1])).shape == (0, 2)


def test_the_librarian_searches_for_the_navigator(tmp_path: Path) -> None:
    """Its answer is kept to the sounds that are known here; without sounds there is nothing to search."""
    librarian = NotingLibrarian()
    found = asyncio.run(Navigator(None, librarian, corpus_of(tmp_path, LIBRARY)).duplicates())
    assert found.tolist() == [[1, 4], [1, 1], [1, 3]] and librarian.asked == [("duplicates",)]
    for navigator, code in (
        (Navigator(None, librarian, Corpus.empty()), "notready"),
        (Navigator(None, None, corpus_of(tmp_path, LIBRARY)), "denied"),
    ):
        with pytest.raises(QueryError) as error:
            asyncio.run(navigator.duplicates())
        assert error.value.code == code
