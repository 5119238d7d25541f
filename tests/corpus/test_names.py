"""Finding words in names against a plain loop."""

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from klustr_bridge.corpus.names import NameSearch, query_words
from klustr_bridge.corpus.snapshot import ByteRows

ALPHABET = "kic80 _-./éÉß"
NAMES = st.lists(st.text(ALPHABET, min_size=1, max_size=14), max_size=40)


def index_of(names: list[str]) -> NameSearch:
    rows = [name.casefold().encode() + b"\n" for name in names]
    offset = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return NameSearch(ByteRows(np.frombuffer(b"".join(rows), np.uint8), offset))


def kind_of(byte: bytes) -> str:
    if re.fullmatch(rb"[a-z\x80-\xff]", byte):
        return "letter"
    return "digit" if byte.isdigit() else ""


def is_edge(outside: bytes, inside: bytes) -> bool:
    return kind_of(outside) == "" or kind_of(outside) != kind_of(inside)


def level(name: bytes, word: bytes) -> int | None:
    """How well a name holds a word: 0 whole in the file's name ... 3 part of a folder's; None: not."""
    own = max(name.rfind(b"/"), name.rfind(b"\\")) + 1
    levels = []
    for at in range(len(name)):
        if name.startswith(word, at):
            end = at + len(word)
            whole = is_edge(name[at - 1 : at] if at else b"", word[:1]) and is_edge(
                name[end : end + 1], word[-1:]
            )
            levels.append((0 if at >= own else 2) + (0 if whole else 1))
    return min(levels, default=None)


def reference(names: list[str], text: str) -> list[tuple[int, tuple[int, int]]]:
    words = set(text.casefold().encode().split(b" ")) - {b""}
    found = []
    for i, name in enumerate(names):
        levels = [level(name.casefold().encode(), word) for word in words]
        if None not in levels:
            folders = sum(value >= 2 for value in levels)
            parts = sum(value % 2 for value in levels)
            found.append((i, (folders, parts)))
    return found


@settings(max_examples=300, deadline=None)
@given(names=NAMES, text=st.text(ALPHABET, max_size=8))
@example(names=["k"] * 20 + ["kick 808/k", "808 kick"], text="808 kick")
@example(names=["kkk", "k"], text="kk k")
def test_search_equals_a_plain_loop(names, text):
    """Exactly the names with all words are found, and ranked: own name first, whole words first."""
    index, rank = index_of(names).search(query_words(text))
    wanted = reference(names, text)
    assert index.tolist() == [i for i, _ in wanted]
    by_rank = [i for _, i in sorted(zip(rank.tolist(), index.tolist(), strict=True))]
    assert by_rank == [i for i, _ in sorted(wanted, key=lambda row: (row[1], row[0]))]


NAMED = ["kicks/b.wav", "kick/a.wav", "drums/sidekick.wav", "drums/kick_01.wav", "drums/kick01.wav"]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("kick", [{3, 4}, {2}, {1}, {0}]),
        ("KICK 01", [{3, 4}]),
        ("drums kick", [{3, 4}, {2}]),
        ("kick wav", [{3, 4}, {2}, {1}, {0}]),
        ("snare", []),
    ],
)
def test_own_name_and_whole_word_first(text, groups):
    """A producer who types "kick" sees kicks by file name before files in a folder of that name."""
    index, rank = index_of(NAMED).search(query_words(text))
    found = [set(index[rank == value].tolist()) for value in sorted(set(rank.tolist()))]
    assert found == groups


def test_no_word_spans_two_names():
    """The end of one name and the start of the next are never taken for one word."""
    index, _ = index_of(["aki", "ck"]).search(query_words("kick"))
    assert index.tolist() == []
