"""What counts for similarity, and what keeps two sounds apart."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import Navigator
from klustr_bridge.sound import embedding
from klustr_bridge.sound.aspects import ASPECTS, EMBEDDING_SIZE, LEARNED, LEARNED_LOOP, WHOLE_SIZE
from klustr_bridge.sound.tone import N_SHAPE, N_TONALITY
from tests.corpus.snapshots import Made, MadeSound, below
from tests.navigator.parts import LIBRARY, NotingLibrarian, a_client, corpus_of


def apart(**by: float) -> np.ndarray:
    """An embedding that lies apart from zero by so much in some aspects."""
    vector = np.zeros(EMBEDDING_SIZE, np.float32)
    for aspect, distance in by.items():
        vector[ASPECTS[aspect].stop - 1] = distance
    return vector


SOUNDS = [apart(), apart(attack=3, length=4), apart(pitch=4), apart(attack=6)]


@pytest.fixture
def navigator(tmp_path: Path) -> Navigator:
    made = [
        MadeSound(number, [below(f"{number}.wav")], (0.1 * number, 0.5), vector.tolist())
        for number, vector in enumerate(SOUNDS, 1)
    ]
    return Navigator(None, NotingLibrarian(), corpus_of(tmp_path, Made(made, n_dimensions=EMBEDDING_SIZE)))


def found(navigator: Navigator, client: object) -> list[tuple[int, float]]:
    return [(n.id, round(n.distance, 5)) for n in navigator.similar(client, 1, 9)]  # type: ignore[arg-type]


def test_weights_scale_what_is_similar_for_one_client(navigator: Navigator) -> None:
    """An aspect's share of the distance is multiplied; other clients, and the map, stay as they are."""
    client, other = a_client(), a_client()
    before = found(navigator, client)
    assert before == [(3, 4.0), (2, 5.0), (4, 6.0)]
    navigator.set_weight(client, "pitch", 2)
    navigator.set_weight(client, "attack", 0.5)
    assert found(navigator, client) == [(4, 3.0), (2, round(18.25**0.5, 5)), (3, 8.0)]
    assert [n.id for n in navigator.similar_vector(client, SOUNDS[0], 2)] == [1, 4]
    assert [n.id for n in navigator.similar_path(client, below("1.wav"), 1)] == [4]
    assert found(navigator, other) == before
    navigator.set_weight(client, "Pitch", 1)
    navigator.set_weight(client, "attack", 1)
    assert found(navigator, client) == before


def test_what_counts_for_nothing_is_no_distance(navigator: Navigator) -> None:
    """Ties go by id, even where nothing counts at all."""
    client = a_client()
    for aspect in ASPECTS:
        navigator.set_weight(client, aspect, 0)
    assert found(navigator, client) == [(2, 0.0), (3, 0.0), (4, 0.0)]
    assert set(navigator.why(client, 1, 2).values()) == {0.0}


def test_weights_and_filters_go_together(navigator: Navigator) -> None:
    """What the filters leave out never comes back by a weight."""
    client = a_client()
    navigator.filter_duration(client, 0.0, 1.0)
    navigator.set_weight(client, "length", 0)
    assert [n for n, _ in found(navigator, client)] == [2, 3, 4]
    navigator.filter_favourites(client, True)
    assert found(navigator, client) == []


def test_why_shares_the_squared_distance(navigator: Navigator) -> None:
    """The shares add up to one, weighed as the client weighs, whichever sound is named first."""
    client = a_client()
    shares = navigator.why(client, 1, 2)
    assert list(shares) == list(ASPECTS)
    assert shares == navigator.why(client, 2, 1)
    assert (shares["attack"], shares["length"]) == (pytest.approx(9 / 25), pytest.approx(16 / 25))
    navigator.set_weight(client, "length", 0)
    assert navigator.why(client, 1, 2)["attack"] == 1.0
    assert set(navigator.why(client, 3, 3).values()) == {0.0}


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda n, c: n.set_weight(c, "colour", 1), "badargs"),
        (lambda n, c: n.set_weight(c, "body", 2.1), "badargs"),
        (lambda n, c: n.set_weight(c, "body", -0.1), "badargs"),
        (lambda n, c: n.set_weight(c, "body", float("nan")), "badargs"),
        (lambda n, c: n.why(c, 1, 99), "notfound"),
    ],
)
def test_wrong_weights_are_refused(navigator: Navigator, ask, code: str) -> None:
    """Nothing has changed then."""
    client = a_client()
    with pytest.raises(QueryError) as error:
        ask(navigator, client)
    assert error.value.code == code
    assert client.weights == a_client().weights


def test_sounds_of_another_release_have_no_aspects(tmp_path: Path) -> None:
    """They are as similar as they were, but neither weighed nor explained."""
    client, navigator = a_client(), Navigator(None, NotingLibrarian(), corpus_of(tmp_path, LIBRARY))
    assert navigator.similar(client, 1, 1)
    with pytest.raises(QueryError) as error:
        navigator.why(client, 1, 2)
    assert error.value.code == "notready"
    navigator.set_weight(client, "body", 2)
    with pytest.raises(QueryError, match="analysed anew"):
        navigator.similar(client, 1, 1)
    navigator.set_weight(client, "body", 1)
    assert navigator.similar(client, 1, 1)


def learned(tmp_path: Path) -> Navigator:
    """The same sounds heard by the learned ear, too: 3 is apart from 1 by 12 in that, 2 and 4 are not."""
    whole = np.zeros((len(SOUNDS), WHOLE_SIZE), np.float32)
    whole[:, :EMBEDDING_SIZE] = SOUNDS
    whole[2, LEARNED.start + 5], whole[2, LEARNED_LOOP] = 12 * 0.6, 12 * 0.8
    made = [
        MadeSound(number, [below(f"{number}.wav")], (0.1 * number, 0.5), vector.tolist())
        for number, vector in enumerate(whole, 1)
    ]
    wanted = Made(made, n_dimensions=WHOLE_SIZE, hearing="learned")
    return Navigator(None, NotingLibrarian(), corpus_of(tmp_path, wanted))


def test_weights_leave_what_was_learned_as_it_is(tmp_path: Path) -> None:
    """It is added to the aspects as they are weighed, and is all that counts where none of them does."""
    client, navigator = a_client(), learned(tmp_path)
    assert found(navigator, client) == [(2, 5.0), (4, 6.0), (3, round(160**0.5, 5))]
    navigator.set_weight(client, "pitch", 2)
    assert found(navigator, client)[2] == (3, round((4 * 16 + 144) ** 0.5, 5))
    for aspect in ASPECTS:
        navigator.set_weight(client, aspect, 0)
    assert found(navigator, client) == [(2, 0.0), (4, 0.0), (3, 12.0)]


def test_why_tells_the_share_of_what_was_learned(tmp_path: Path) -> None:
    """Under a word of its own beside the aspects; where there is nothing of it, the word is there with 0."""
    client, navigator = a_client(), learned(tmp_path)
    shares = navigator.why(client, 1, 3)
    assert list(shares) == [*ASPECTS, "impression"] and sum(shares.values()) == pytest.approx(1)
    assert (shares["pitch"], shares["impression"]) == (pytest.approx(16 / 160), pytest.approx(144 / 160))
    navigator.set_weight(client, "pitch", 0)
    assert navigator.why(client, 1, 3)["impression"] == 1.0
    assert navigator.why(client, 1, 2)["impression"] == 0.0


def test_a_file_heard_by_more_is_compared_by_what_counts(tmp_path: Path) -> None:
    """While a library is heard anew a file from outside has more numbers than the library shows."""
    heard = [*SOUNDS[1].tolist(), *[9.0] * (WHOLE_SIZE - EMBEDDING_SIZE)]
    made = [
        MadeSound(number, [below(f"{number}.wav")], (0.1 * number, 0.5), vector.tolist())
        for number, vector in enumerate(SOUNDS, 1)
    ]
    corpus = corpus_of(tmp_path, Made(made, n_dimensions=EMBEDDING_SIZE))
    navigator = Navigator(None, NotingLibrarian(heard), corpus)
    nearest = asyncio.run(navigator.similar_file(a_client(), below("x.wav"), 1))
    assert [(n.id, n.distance) for n in nearest] == [(2, 0.0)]


def test_a_longer_embedding_of_another_release_has_no_aspects(tmp_path: Path) -> None:
    """What it begins with isn't known: its length alone doesn't tell."""
    vector = [0.0] * WHOLE_SIZE
    made = Made([MadeSound(1, [below("1.wav")], (0.5, 0.5), vector)], n_dimensions=WHOLE_SIZE)
    with pytest.raises(QueryError) as error:
        Navigator(None, NotingLibrarian(), corpus_of(tmp_path, made)).why(a_client(), 1, 1)
    assert error.value.code == "notready"


def test_the_aspects_are_as_long_as_what_is_listened_to() -> None:
    """The table of aspects stands apart from the listening, and says the same."""
    n_timbre, n_spans = embedding.N_COEFFICIENTS - 1, len(embedding.SPAN_EDGES) - 1
    assert {name: columns.stop - columns.start for name, columns in ASPECTS.items()} == {
        "attack": 2 * n_timbre + 3,
        "body": n_timbre + N_TONALITY + 1,
        "tail": n_timbre,
        "brightness": n_spans + 1,
        "pitch": N_SHAPE + 2,
        "length": 3,
    }
    assert embedding.ASPECTS is ASPECTS
