"""What the demo library holds: kinds, styles, how many of each, and their file names.

This module owns the plan and turns one planned sound into audio. It must not write files.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from klustr_bridge.demo import drums, metal, tonal
from klustr_bridge.demo.synthesis import Audio, finish

Recipe = Callable[[Generator, str], Audio]

RECIPE_VERSION = 1
"""Raised whenever any sound changes, so that an older demo library is made anew."""


@dataclass(frozen=True, slots=True)
class Group:
    """All sounds of one kind.

    Attributes
    ----------
    kind : str
        One of the names in ``sound/kinds.py``.
    folder, word : str
        Where the files lie and what their names begin with.
    recipe : callable
        Makes audio from a generator and a style.
    styles : dict of str to int
        How many sounds of each style.
    fade_share : float
        Part of each sound over which its end fades out.
    """

    kind: str
    folder: str
    word: str
    recipe: Recipe
    styles: dict[str, int]
    fade_share: float = 0.25


@dataclass(frozen=True, slots=True)
class DemoSound:
    """One planned sound: its kind, style and place below the library's folder."""

    kind: str
    style: str
    path: str
    recipe: Recipe
    fade_share: float


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished sound: audio within -1..1, and the bits a sample it is to be stored with."""

    audio: Audio
    bits: int


def _even(n: int, *styles: str) -> dict[str, int]:
    return dict.fromkeys(styles, n)


GROUPS = (
    Group(
        "kick",
        "Kicks",
        "Kick",
        drums.kick,
        {"Deep": 5, "Punchy": 5, "808": 5, "909": 5, "Acoustic": 6, "Hard": 4, "Lofi": 4, "Short": 4},
    ),
    Group(
        "snare",
        "Snares",
        "Snare",
        drums.snare,
        {"808": 5, "909": 5, "Acoustic": 7, "Tight": 5, "Fat": 4, "Noise": 4, "Lofi": 4},
    ),
    Group("rim", "Rims", "Rim", drums.rim, {"808": 4, "Wood": 5, "Click": 5}),
    Group("clap", "Claps", "Clap", drums.clap, _even(5, "808", "Tight", "Room", "Big")),
    Group(
        "closed_hat",
        "Closed Hats",
        "Closed Hat",
        metal.closed_hat,
        _even(6, "808", "909", "Acoustic", "Noise", "Lofi"),
    ),
    Group(
        "open_hat",
        "Open Hats",
        "Open Hat",
        metal.open_hat,
        _even(4, "808", "909", "Acoustic", "Noise", "Lofi"),
        0.15,
    ),
    Group("ride", "Cymbals", "Ride", metal.ride, _even(4, "Bright", "Dark", "Bell"), 0.4),
    Group("crash", "Cymbals", "Crash", metal.crash, _even(3, "Bright", "Dark", "Trash", "Splash"), 0.4),
    Group("tom", "Toms", "Tom", drums.tom, {"Floor": 4, "Low": 5, "Mid": 5, "High": 4, "808": 4}),
    Group("conga", "Percussion", "Conga", drums.conga, {"Open": 4, "Slap": 3, "Muted": 3}),
    Group("cowbell", "Percussion", "Cowbell", metal.cowbell, {"808": 5, "Metal": 5}),
    Group("shaker", "Percussion", "Shaker", tonal.shaker, _even(4, "Egg", "Long", "Cabasa")),
    Group("tambourine", "Percussion", "Tambourine", metal.tambourine, {"Hit": 4, "Shake": 4}),
    Group(
        "perc",
        "Percussion",
        "Perc",
        tonal.perc,
        {"Wood": 4, "Clave": 3, "Glass": 3, "Metal": 4, "Guiro": 3, "Zap": 3},
    ),
    Group("bass", "Basses", "Bass", tonal.bass, _even(4, "Sub", "FM", "Acid", "Reese", "Pluck")),
    Group("synth", "Synths", "Synth", tonal.synth, {"Blip": 6, "Chip": 3, "Chime": 3, "Stab": 3, "Pluck": 3}),
)


def plan() -> tuple[DemoSound, ...]:
    """Every sound of the demo library, in the order in which they are made."""
    return tuple(
        DemoSound(
            group.kind,
            style,
            f"{group.folder}/{group.word} {style} {number:02d}.wav",
            group.recipe,
            group.fade_share,
        )
        for group in GROUPS
        for style, count in group.styles.items()
        for number in range(1, count + 1)
    )


def render(sound: DemoSound, seed: int) -> Rendered:
    """Synthesise one sound; the same for a seed whatever else has been made before.

    Parameters
    ----------
    sound : DemoSound
        One of `plan`.
    seed : int
        At least 0; another seed gives another library of the same names.

    Returns
    -------
    Rendered
        Audio of shape (n_frames,) or (n_frames, 2) at 44.1 kHz with a peak of -6 to -0.5 dBFS.
    """
    rng = np.random.default_rng([seed, zlib.crc32(sound.path.encode())])
    bits = 16 if sound.style in ("Lofi", "Chip") or rng.random() < 0.3 else 24
    peak_db = float(rng.uniform(-6.0, -0.5))
    with np.errstate(under="ignore"):
        audio = sound.recipe(rng, sound.style)
    return Rendered(finish(audio, peak_db, sound.fade_share), bits)
