"""Drum kits around a sound: what is chosen for each kind, and what never is."""

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.corpus import Corpus, SnapshotFolder
from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import ClientState, Navigator
from klustr_bridge.navigator.kits import KIT, kit_around
from klustr_bridge.sound.aspects import LEARNED, WHOLE_SIZE
from tests.corpus.snapshots import ROOT, Made, MadeSound, below, snapshot_of
from tests.navigator.parts import LIBRARY, a_client, corpus_of

RIGHT_ANGLES = (0, 90, 180, 270)


def towards(degrees: float) -> tuple[float, float]:
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


class Sounds:
    """Sounds by their characters: directions, of which every kind has all four right angles to each.

    So the mean of each kind is 0, and the likeness of two characters is the cosine between their directions.
    """

    def __init__(self) -> None:
        self.made: list[MadeSound] = []
        self._ids: Iterator[int] = count(1)

    def add(self, kind: str, degrees: float, *folders: str, others: str = "elsewhere", **more: object) -> int:
        """Add a sound of a direction in a folder, and three of the others in another; return its id."""
        first = 0
        for angle in RIGHT_ANGLES:
            sound_id = next(self._ids)
            first = first or sound_id
            place = below(*((others,) if angle else folders), f"{sound_id}.wav")
            self.made.append(MadeSound(sound_id, [place], (0.5, 0.5), towards(degrees + angle), kind, **more))  # type: ignore[arg-type]
        return first

    def corpus(self, **columns: Sequence[float]) -> Corpus:
        snapshot = snapshot_of(Made(self.made, n_dimensions=len(self.made[0].embedding)))
        sound = snapshot.sound | {name: np.array(value, np.float32) for name, value in columns.items()}
        return Corpus(replace(snapshot, sound=sound, folders=(SnapshotFolder(ROOT, 0, "watched"),)))


def kit_of(corpus: Corpus, sound_id: int, client: ClientState | None = None) -> list[tuple[str, int]]:
    return asyncio.run(Navigator(None, None, corpus).kit(client or a_client(), sound_id))


def test_a_kit_is_of_one_character() -> None:
    """Each lies off the mean of its kind in the direction of the sound asked about, which comes first."""
    sounds = Sounds()
    kick = sounds.add("kick", 30)
    alike = {kind: sounds.add(kind, 30) for kind in ("snare", "closed_hat", "ride")}
    for kind in ("snare", "closed_hat", "ride", "kick"):
        sounds.add(kind, 60)
    expected = [("kick", kick), *((kind, alike[kind]) for kind in KIT if kind in alike)]
    assert kit_of(sounds.corpus(), kick) == expected
    assert kit_of(sounds.corpus(), alike["ride"])[:3] == [
        ("ride", alike["ride"]),
        ("kick", kick),
        ("snare", alike["snare"]),
    ]


def test_the_ear_has_no_say_in_characters() -> None:
    """In learned rows the engineered beginning alone counts, be the ear's numbers larger and contrary."""
    sounds = Sounds()
    kick = sounds.add("kick", 30)
    alike, contrary = sounds.add("snare", 30), sounds.add("snare", 60)
    heard_as = {kick: 60.0, alike: 200.0, contrary: 60.0}
    for at, made in enumerate(sounds.made):
        first = made.id - (made.id - 1) % len(RIGHT_ANGLES)
        learned = np.zeros(WHOLE_SIZE)
        learned[:2] = made.embedding
        learned[LEARNED][:2] = 50 * np.array(towards(heard_as[first] + 90 * (made.id - first)))
        sounds.made[at] = replace(made, embedding=tuple(learned))
    assert dict(kit_of(sounds.corpus(), kick)) == {"kick": kick, "snare": alike}


def test_the_sounds_of_one_folder_go_before_but_not_at_any_price() -> None:
    """The nearest folder with the kind counts as .6 of likeness, wherever in it the file lies."""
    sounds = Sounds()
    kick = sounds.add("kick", 0, "808", "kicks")
    own_snare = sounds.add("snare", 60, "808", "snares")  # likeness .5, with the folder 1.1
    sounds.add("snare", 0, "909", "snares")  # likeness 1
    sounds.add("clap", 85, "808", "claps")  # likeness .09, with the folder .69
    other_clap = sounds.add("clap", 0, "909", "claps")
    kit = dict(kit_of(sounds.corpus(), kick))
    assert kit == {"kick": kick, "snare": own_snare, "clap": other_clap}


def test_two_toms_lie_apart() -> None:
    """Of two of the same character the second is the one that doesn't sound where the first does."""
    sounds = Sounds()
    kick = sounds.add("kick", 0)
    toms = [sounds.add("tom", 0) for _ in range(3)]
    pitch = {toms[0]: 100.0, toms[1]: 104.0, toms[2]: 160.0, kick: 50.0}
    pitches = [pitch.get(sound.id, 440.0) for sound in sounds.made]
    corpus = sounds.corpus(pitch_hz=pitches)
    assert kit_of(corpus, kick) == [("kick", kick), ("tom", toms[0]), ("tom", toms[2])]
    assert kit_of(corpus, toms[2]) == [("tom", toms[2]), ("kick", kick), ("tom", toms[0])]
    pitches[sounds.made.index(next(s for s in sounds.made if s.id == kick))] = 100.0
    assert kit_of(sounds.corpus(pitch_hz=pitches), kick)[1] == ("tom", toms[2])


def test_open_and_closed_hats_do_not_mask_each_other() -> None:
    """They are one instrument: the same brightness is right."""
    sounds = Sounds()
    closed = sounds.add("closed_hat", 0)
    same, higher = sounds.add("open_hat", 0), sounds.add("open_hat", 5)
    brightness = [9000.0 if sound.id == higher else 4000.0 for sound in sounds.made]
    assert kit_of(sounds.corpus(brightness_hz=brightness), closed)[1] == ("open_hat", same)
    claps = [replace(sound, kind="clap") if sound.kind == "open_hat" else sound for sound in sounds.made]
    sounds.made = claps
    assert kit_of(sounds.corpus(brightness_hz=brightness), closed)[1] == ("clap", higher)


def test_kinds_that_are_sure_go_before() -> None:
    """A guessed kind is taken where nothing surer is about as much alike."""
    sounds = Sounds()
    kick = sounds.add("kick", 0)
    guessed, named = sounds.add("snare", 0), sounds.add("snare", 20)
    sure = [0.5 if sound.id == guessed else 1.0 for sound in sounds.made]
    assert kit_of(sounds.corpus(), kick)[1] == ("snare", guessed)
    assert kit_of(sounds.corpus(kind_confidence=sure), kick)[1] == ("snare", named)


def test_filters_hold_but_for_kinds() -> None:
    """A producer who looks at kicks alone gets a whole kit all the same, of short sounds if so wanted."""
    sounds = Sounds()
    kick = sounds.add("kick", 0)
    long, short = sounds.add("snare", 0, duration_s=3.0), sounds.add("snare", 20, duration_s=0.5)
    corpus, client = sounds.corpus(), a_client()
    navigator = Navigator(None, None, corpus)
    navigator.filter_kinds(client, ["kick"])
    assert kit_of(corpus, kick, client) == [("kick", kick), ("snare", long)]
    navigator.filter_duration(client, 0.0, 1.0)
    assert kit_of(corpus, kick, client) == [("kick", kick), ("snare", short)]


def test_loops_and_slices_are_in_no_kit() -> None:
    """But a kit may be made around one."""
    sounds = Sounds()
    kick, snare = sounds.add("kick", 0), sounds.add("snare", 20)
    loop, part = len(sounds.made) + 1, len(sounds.made) + 2
    sounds.made.append(MadeSound(loop, [below("loop.wav")], embedding=towards(0), kind="loop"))
    sounds.made.append(MadeSound(part, [], embedding=towards(0), kind="snare", parent=loop, frames=(0, 500)))
    corpus = sounds.corpus()
    assert kit_of(corpus, kick) == [("kick", kick), ("snare", snare)]
    assert kit_of(corpus, part)[:2] == [("snare", part), ("kick", kick)]
    assert len(kit_of(corpus, loop)) == 3
    client = a_client()
    Navigator(None, None, corpus).filter_duration(client, 0.0, 100.0)
    sounds.made = [sound for sound in sounds.made if sound.kind != "snare" or sound.parent]
    assert kit_of(sounds.corpus(), kick, client) == [("kick", kick)]


def test_a_sound_of_unknown_kind_has_a_kit_too() -> None:
    """It is compared with the others of unknown kind; alone it tells nothing, and the kit is still whole."""
    sounds = Sounds()
    for kind in KIT:
        sounds.add(kind, 0)
    strange = sounds.add("unknown", 30)
    near = {s.kind: s.id for s in reversed(sounds.made) if s.embedding == towards(0)}
    kit = kit_of(sounds.corpus(), strange)
    assert kit[0] == ("unknown", strange)
    assert [kind for kind, _ in kit[1:]] == list(KIT)
    assert all(found == near[kind] for kind, found in kit[1:] if kind != "tom")
    sounds.made = [sound for sound in sounds.made if sound.kind != "unknown" or sound.id == strange]
    assert [kind for kind, _ in kit_of(sounds.corpus(), strange)[1:]] == list(KIT)


def test_the_same_library_makes_the_same_kit() -> None:
    """Equals go by id, and no sound is in a kit twice."""
    sounds = Sounds()
    for kind in KIT * 2:
        sounds.add(kind, 0)
    corpus = sounds.corpus()
    kits = [kit_around(corpus, 0, None) for _ in range(3)]
    assert kits[0] == kits[1] == kits[2]
    assert len(kits[0]) == len(set(kits[0])) == len(KIT)


@pytest.mark.parametrize(("sound_id", "code"), [(99, "notfound"), (7, "notready")])
def test_what_has_no_kit_is_said(tmp_path: Path, sound_id: int, code: str) -> None:
    """An unknown id, and a file that waits for its analysis."""
    with pytest.raises(QueryError) as error:
        kit_of(corpus_of(tmp_path, LIBRARY), sound_id)
    assert error.value.code == code


def test_sounds_that_wait_to_be_heard_anew_are_in_no_kit() -> None:
    """Their embeddings are blank."""
    sounds = Sounds()
    kick, _, again = sounds.add("kick", 0), sounds.add("snare", 90), sounds.add("snare", 0)
    sounds.made = [
        replace(sound, embedding=(math.nan, math.nan)) if sound.id == again else sound
        for sound in sounds.made
    ]
    (_, chosen) = kit_of(sounds.corpus(), kick)[1]
    assert chosen != again
