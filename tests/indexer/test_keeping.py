"""Which of several files with the same sound to keep, and why."""

import os
import random

import pytest

from klustr_bridge.indexer.keeping import Worth, best_first, is_spare, why_not

PLAIN = Worth(b"/s/kick.wav", False, False, 1, 44100, 16, 0.5)


def worth(**changes: object) -> Worth:
    values = {name: getattr(PLAIN, name) for name in PLAIN.__dataclass_fields__} | changes
    return Worth(**values)  # type: ignore[arg-type]


# The best first; each is worse than the one before it in one thing, and better in all that counts less.
ORDERED = (
    worth(favourite=True, path=b"/s/Backup/a very long name.mp3", is_lossy=True, sample_rate=8000),
    worth(channels=2, sample_rate=8000, path=b"/s/Backup/x.wav"),
    worth(sample_rate=48000, bits=8),
    worth(bits=24, length_s=0.1),
    worth(length_s=1.0, path=b"/s/Backup/kick.wav"),
    worth(path=b"/s/a longer path than the others.wav"),
    worth(path=b"/s/Old/a.wav"),
    worth(path=b"/s/Old/b.wav"),
    worth(path=b"/s/a.mp3", is_lossy=True, channels=2, sample_rate=96000, bits=0, length_s=9.0),
)
WHY = (
    "the kept one is a favourite",
    "mono, the kept one is stereo",
    "44100 Hz, the kept one has 48000",
    "16 bits, the kept one has 24",
    "ends after 0.50 s, the kept one after 1.00",
    "it or its folder is named as a copy",
    "its path comes later",
    "lossy, the kept one is not",
)


def test_what_is_worth_more_comes_first() -> None:
    """A favourite, then lossless, channels, rate, bits, tail, no copy by name, short path."""
    shuffled = list(ORDERED)
    random.Random(1).shuffle(shuffled)
    assert sorted(shuffled, key=lambda one: one.order) == list(ORDERED)


@pytest.mark.parametrize(("kept", "other", "why"), list(zip(ORDERED, ORDERED[1:], WHY, strict=False)))
def test_the_first_thing_that_tells_is_said(kept: Worth, other: Worth, why: str) -> None:
    """That by which the kept one is better, and nothing that counts less."""
    assert why_not(other, kept) == why


def test_tails_that_differ_by_little_do_not_tell() -> None:
    """An encoder's tenth of a second isn't a longer sound."""
    assert why_not(worth(path=b"/s/kick 2.wav"), worth(length_s=0.51)) == "its path is longer"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/s/Backup/Kick.wav", True),
        ("/s/Drums old/Kick.wav", True),
        ("/s/808 Backup 2/Kicks/Kick.wav", True),
        ("/s/Kick copy.wav", True),
        ("/s/Kick - Copy 2.wav", True),
        ("/s/Kick (1).wav", True),
        ("/s/Old School/Kick.wav", False),
        ("/s/Kick 1.wav", False),
        ("/s/Copycat Kicks/Kick.wav", False),
        ("/s/Old.wav", False),
    ],
)
def test_copies_are_known_by_their_names(path: str, expected: bool) -> None:
    """Backup folders and what file managers call copies; no words that merely begin like it."""
    assert is_spare(os.fsencode(path)) is expected


def test_of_the_very_same_audio_the_plain_path_is_kept() -> None:
    """Not the one in a folder of copies though shorter, then the shorter one, then by name."""
    paths = [b"/s/old/k.wav", b"/s/drums/kick.wav", b"/s/b.wav", b"/s/a.wav"]
    assert best_first(paths) == [b"/s/a.wav", b"/s/b.wav", b"/s/drums/kick.wav", b"/s/old/k.wav"]
