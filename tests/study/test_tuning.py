"""Choosing a map: by kinds where names tell them, else by neighbours; only a sure gain counts as one."""

import numpy as np
import pytest

from klustr_bridge.errors import StudyError
from klustr_bridge.study.tuning import FOLDERS, KINDS, NEIGHBOURS, SINGLE, Choice, Sounds, choose
from klustr_bridge.types import Float32Array

N_OF_A_KIND = 40
CODES = np.repeat(np.arange(3), N_OF_A_KIND)
METHODS = ("umap-direct-15-0.1", "umap-direct-10-0.01", "tsne-15")


def embeddings() -> Float32Array:
    rng = np.random.default_rng(4)
    return (6 * rng.normal(size=(3, 16))[CODES] + rng.normal(size=(len(CODES), 16))).astype(np.float32)


def sounds(xy: Float32Array, *, named: bool = True) -> Sounds:
    kinds = np.array(["kick", "snare", "tom"])[CODES] if named else np.full(len(CODES), "")
    return Sounds(
        embeddings=embeddings(),
        xy=xy,
        kinds=kinds,
        kind_codes=(CODES + 1).astype(np.uint8) if named else np.zeros(len(CODES), np.uint8),
        packs=np.array([f"pack {n % 8}" for n in range(len(CODES))]),
    )


def shuffled_map() -> Float32Array:
    return np.random.default_rng(1).random((len(CODES), 2)).astype(np.float32)


def chosen(given: Sounds, **further: object) -> Choice:
    told: list[str] = []
    return choose(given, seed=1, from_scratch=True, methods=METHODS, tell=told.append, **further)  # type: ignore[arg-type]


@pytest.mark.parametrize("named", [True, False])
def test_any_good_map_is_surely_better_than_a_shuffled_one(named: bool) -> None:
    """The score of the map in force is that of chance; all others gain, the best first."""
    choice = chosen(sounds(shuffled_map(), named=named))
    assert choice.judged_by == (KINDS if named else NEIGHBOURS)
    assert choice.is_sure and choice.drawn == FOLDERS
    assert {one.method for one in choice.tried} == set(METHODS)
    values = [one.share.value for one in choice.tried]
    assert values == sorted(values, reverse=True)
    by_chance = 1 / 3 if named else 10 / 119
    assert choice.in_force.value == pytest.approx(by_chance, abs=0.05)
    for one in choice.tried:
        assert one.gain.value == pytest.approx(one.share.value - choice.in_force.value)
        assert 0.3 < one.least_gain <= one.gain.low
    if named:
        assert choice.tried[0].share.value == 1.0


def test_a_map_that_cannot_be_bettered_stays() -> None:
    """Where the map in force keeps all kinds together there is nothing to gain, and no gain is sure."""
    rng = np.random.default_rng(2)
    perfect = (
        np.array([[0.1, 0.1], [0.5, 0.9], [0.9, 0.1]])[CODES] + rng.normal(0, 0.01, (len(CODES), 2))
    ).astype(np.float32)
    choice = chosen(sounds(perfect))
    assert choice.in_force.value == 1.0
    assert not choice.is_sure
    assert choice.tried[0].gain.value <= 0.0


def test_a_folder_for_each_kind_counts_as_no_folder() -> None:
    """Where all kicks are in Kicks no kick has others outside: then all sounds are its neighbourhood."""
    given = sounds(shuffled_map())
    for packs in (given.kinds, np.full(len(CODES), "one")):
        choice = chosen(Sounds(given.embeddings, given.xy, given.kinds, given.kind_codes, packs))
        assert (choice.judged_by, choice.drawn) == (KINDS, SINGLE)
        assert choice.in_force.low < choice.in_force.value < choice.in_force.high
        assert choice.tried[0].share.value == 1.0
        assert choice.in_force.value == pytest.approx(1 / 3, abs=0.05)


def test_a_method_that_fails_is_told_and_the_others_go_on() -> None:
    """What can't be made is left out, with its reason; nothing at all is an error."""
    given = sounds(shuffled_map())
    choice = choose(
        given, seed=1, from_scratch=True, methods=("umap-direct-15-0.1", "nonsense"), tell=lambda line: None
    )
    assert [one.method for one in choice.tried] == ["umap-direct-15-0.1"]
    assert "unknown layout method 'nonsense'" in choice.failed["nonsense"]
    with pytest.raises(StudyError, match="none of the maps could be made: unknown layout method"):
        choose(given, seed=1, from_scratch=True, methods=("nonsense",), tell=lambda line: None)


def test_few_sounds_have_nothing_to_choose() -> None:
    """Below 16 sounds there is one map."""
    given = sounds(shuffled_map())
    few = Sounds(given.embeddings[:9], given.xy[:9], given.kinds[:9], given.kind_codes[:9], given.packs[:9])
    with pytest.raises(StudyError, match="9 sounds have one map; 16 are needed"):
        choose(few, seed=1, from_scratch=True)
