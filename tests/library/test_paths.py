"""Paths between bytes and text, and folders that hold them."""

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import paths

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")

names = st.binary(max_size=60).map(lambda raw: raw.replace(b"\0", b""))


@given(names)
def test_every_path_survives_export(path: bytes) -> None:
    """Exported paths can be read back byte for byte, and are clean Unicode."""
    text = paths.to_export(path, "/")
    text.encode("utf-8")
    assert paths.from_export(text, "/") == path


@given(names.map(lambda raw: raw.replace(b"/", b"")))
def test_every_windows_path_survives_export(path: bytes) -> None:
    """On Windows separators are exported as slashes and come back as backslashes."""
    text = paths.to_export(path, "\\")
    assert paths.from_export(text, "\\") == path


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\")))
def test_clean_names_are_exported_as_they_are(text: str) -> None:
    """Valid UTF-8 without a backslash needs no escape."""
    assert paths.to_export(text.encode(), "/") == text


@pytest.mark.parametrize(
    ("path", "text"),
    [(b"a\xffb", r"a\xffb"), (rb"a\b", r"a\x5cb"), (rb"\xff", r"\x5cxff"), (b"\xc3\xa9 \xc3", r"é \xc3")],
)
def test_stated_escape(path: bytes, text: str) -> None:
    r"""Bytes that aren't UTF-8 and backslashes become \xNN."""
    assert paths.to_export(path, "/") == text


@pytest.mark.parametrize("text", ["a\\b", "\\", r"\xg0", r"\x5", "\ud800"])
def test_bad_escape_is_refused_plainly(text: str) -> None:
    """A text that no export has written is a library error, not a crash."""
    with pytest.raises(LibraryError):
        paths.from_export(text, "/")


@given(names)
def test_text_is_reversible(path: bytes) -> None:
    """The system's text of a path leads back to its bytes."""
    if sys.platform != "win32":
        assert paths.from_text(paths.to_text(path)) == path


@posix_only
@pytest.mark.parametrize(
    ("given_path", "plain"),
    [(b"/a//b/../c/", b"/a/c"), (b"//a", b"/a"), (b"/", b"/"), ("/é", "/é".encode()), (b"/a/.", b"/a")],
)
def test_normalise(given_path: bytes | str, plain: bytes) -> None:
    """Folders are stored in one spelling."""
    assert paths.normalise(given_path) == plain


def test_normalise_makes_absolute() -> None:
    """A relative folder is taken from where the program was started."""
    assert paths.normalise("x") == os.path.join(os.getcwdb(), b"x")


@posix_only
def test_below_is_by_whole_names() -> None:
    """A folder holds what is below it, not itself and not its namesakes' content."""
    assert paths.is_below(b"/a/b", b"/a")
    assert not paths.is_below(b"/a", b"/a")
    assert not paths.is_below(b"/ab", b"/a")
    assert paths.is_below(b"/ab", b"/")
    assert paths.relative(b"/a/b/c", b"/a") == b"b/c"
    assert paths.relative(b"/a", b"/") == b"a"
    assert paths.containing(b"/a/b/c", [b"/a", b"/a/b", b"/a/bc"]) == b"/a/b"
    assert paths.containing(b"/x", [b"/a"]) is None


@posix_only
@given(names, st.sampled_from([b"/", b"/a", b"/a/b"]))
def test_bounds_hold_exactly_what_is_below(rest: bytes, folder: bytes) -> None:
    """A range of byte strings finds the same paths as the question itself."""
    path = b"/" + rest
    low, high = paths.bounds_below(folder)
    assert (low <= path < high) == path.startswith(paths.with_separator(folder))
