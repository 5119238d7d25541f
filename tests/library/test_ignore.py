"""What a library leaves out."""

import os

import pytest

from klustr_bridge.library.ignore import DEFAULT_PATTERNS, IgnoreRules


@pytest.mark.parametrize(
    "name", [b".hidden.wav", b"._Kick.wav", b"Kick.wav.asd", b"a.TMP", b"a.part", b"a.crdownload"]
)
def test_default_files(name: bytes) -> None:
    """Hidden files, macOS twins, analysis files and half downloads are no samples, in any case of letters."""
    assert IgnoreRules(DEFAULT_PATTERNS).ignores(name, False)


@pytest.mark.parametrize(
    "name",
    [
        b".git",
        b"Backup",
        b"backup",
        b"Freeze",
        b"Processed",
        b"Ableton Project Info",
        b"__MACOSX",
        b"$RECYCLE.BIN",
    ],
)
def test_default_folders(name: bytes) -> None:
    """What a DAW or a system leaves behind is not entered."""
    assert IgnoreRules(DEFAULT_PATTERNS).ignores(name, True)


@pytest.mark.parametrize("name", [b"Kick.wav", b"Backup", b"Freeze.wav", b"\xff\xfe.wav", b"partial.wav"])
def test_samples_stay(name: bytes) -> None:
    """Folder patterns don't hit files, and names that aren't UTF-8 are judged like others."""
    assert not IgnoreRules(DEFAULT_PATTERNS).ignores(name, False)


def test_pattern_with_slash_is_about_the_path() -> None:
    """A pattern with a slash is held against the path below the watched folder."""
    rules = IgnoreRules(["Packs/*/Demo", "/Top.wav", "only/here/"])
    demo = os.path.join(b"packs", b"808", b"demo")
    assert rules.ignores(b"demo", True, demo)
    assert not rules.ignores(b"demo", True, os.path.join(b"other", b"demo"))
    assert not rules.ignores(b"demo", True)
    assert rules.hides(b"Top.wav")
    assert not rules.hides(os.path.join(b"sub", b"Top.wav"))
    assert rules.hides(os.path.join(b"only", b"here"), is_dir=True)
    assert not rules.hides(os.path.join(b"only", b"here"))


def test_hidden_by_a_folder_on_the_way() -> None:
    """A path is hidden when any folder on the way to it is."""
    rules = IgnoreRules(DEFAULT_PATTERNS)
    assert rules.hides(os.path.join(b"Set", b"Backup", b"deep", b"kick.wav"))
    assert not rules.hides(os.path.join(b"Set", b"deep", b"kick.wav"))


def test_no_patterns_ignore_nothing() -> None:
    """An empty list takes everything in."""
    rules = IgnoreRules(["", "/"])
    assert not rules.ignores(b".hidden", False) and not rules.hides(b"Backup", is_dir=True)
