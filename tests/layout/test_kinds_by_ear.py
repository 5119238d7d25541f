"""Kinds of sounds without a name, told by the sounds they are like."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.kinds import LEAST_CONFIDENCE, LOOP_CONFIDENCE, KindGuesser, can_guess
from klustr_bridge.sound.kinds import KIND_CODES, KINDS
from klustr_bridge.types import Float32Array
from tests.sounds import DRUMS, RATE, embed

N_DIMS = 12
LOOP = KIND_CODES["loop"]


def cloud(n: int, kinds: list[int], *, spread: float, seed: int) -> tuple[Float32Array, NDArray[np.uint8]]:
    """Points of some kinds, in turn; those of a kind lie around one centre."""
    centres = np.random.default_rng(1).normal(scale=10.0, size=(len(KINDS), N_DIMS))
    codes = np.resize(np.array(kinds, np.uint8), n)
    noise = np.random.default_rng(seed).normal(scale=spread, size=(n, N_DIMS))
    return (centres[codes] + noise).astype(np.float32), codes


def test_drums_are_known_by_their_sound() -> None:
    """Made-up drums that nobody named get the kinds of those that are named."""

    def drums(seeds: range) -> tuple[Float32Array, NDArray[np.uint8]]:
        each = [(embed(make(seed), RATE), KIND_CODES[kind]) for kind, make in DRUMS.items() for seed in seeds]
        return np.array([one for one, _ in each]), np.array([code for _, code in each], np.uint8)

    known, new = drums(range(12)), drums(range(100, 106))
    kinds, confidence = KindGuesser(*known).guess(new[0])
    assert kinds.dtype == np.uint8 and confidence.dtype == np.float32
    said = kinds != 0
    assert said.mean() > 0.8 and (kinds[said] == new[1][said]).mean() > 0.9
    assert (confidence[said] >= LEAST_CONFIDENCE).all() and (confidence[~said] == 0).all()


def test_what_is_far_from_all_known_sounds_stays_unknown() -> None:
    """The scale is the library's own: a sound many times farther than neighbours usually are is no guess."""
    known = cloud(160, list(range(1, 9)), spread=1.0, seed=2)
    guesser = KindGuesser(*known)
    near, codes = cloud(16, list(range(1, 9)), spread=1.0, seed=3)
    kinds, confidence = guesser.guess(near)
    assert (kinds == codes).all() and confidence.min() > 0.7
    far, nothing = guesser.guess(near + 100.0, least_confidence=0.0)
    assert (far == 0).all() and (nothing == 0).all()
    larger = KindGuesser(1000 * known[0], known[1]).guess(1000 * near)
    assert (larger[0] == kinds).all() and larger[1] == pytest.approx(confidence, abs=1e-5)


def test_neighbours_of_many_minds_say_little() -> None:
    """Where the kinds lie mixed up no guess is made, and a guess that is asked for anyway is unsure."""
    points = np.random.default_rng(4).normal(size=(400, N_DIMS)).astype(np.float32)
    codes = np.resize(np.arange(1, 9, dtype=np.uint8), 400)
    guesser = KindGuesser(points[:300], codes[:300])
    kinds, _ = guesser.guess(points[300:])
    assert (kinds == 0).mean() > 0.9
    forced, confidence = guesser.guess(points[300:], least_confidence=0.0)
    assert (forced != 0).all() and confidence.mean() < 0.4


def test_a_rare_kind_is_not_outvoted_by_a_common_one() -> None:
    """Right between two kinds, the one of which there are fewer sounds is the better guess."""
    rng = np.random.default_rng(5)
    points = rng.normal(scale=0.05, size=(200, N_DIMS))
    others, other_codes = cloud(60, list(range(3, 9)), spread=1.0, seed=6)
    # On one line, so that the middle has a few more common neighbours than rare ones.
    points[:180, 0], points[180:, 0] = np.linspace(-20, -0.5, 180), np.linspace(0.5, 3, 20)
    codes = np.concatenate([np.repeat([1, 2], [180, 20]), other_codes]).astype(np.uint8)
    guesser = KindGuesser(np.concatenate([points, others + 100]).astype(np.float32), codes)
    kinds, _ = guesser.guess(np.zeros((1, N_DIMS), np.float32), least_confidence=0.0)
    assert kinds[0] == 2


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_handful_of_known_sounds_is_no_reason_to_guess(n: int) -> None:
    """So few sounds, of so few kinds, tell nothing, even of the very same sound."""
    known, codes = cloud(n, [1, 2], spread=1.0, seed=7)
    kinds, confidence = KindGuesser(known, codes).guess(cloud(4, [1, 2], spread=1.0, seed=7)[0])
    assert kinds.tolist() == [0] * 4 and confidence.tolist() == [0] * 4
    assert KindGuesser(known, codes).guess(np.zeros((0, N_DIMS), np.float32))[0].shape == (0,)


def test_one_kind_can_not_be_told_from_others() -> None:
    """Where every known sound is a kick, a sound is not called a kick for want of another word."""
    known, codes = cloud(100, [1], spread=1.0, seed=8)
    kinds, _ = KindGuesser(known, codes).guess(cloud(10, [1, 2], spread=1.0, seed=9)[0])
    assert (kinds == 0).all()


@pytest.mark.parametrize(
    ("n", "n_kinds"), [(11, 5), (12, 5), (6, 7), (7, 7), (400, 4), (400, 5), (400, 1), (0, 0), (9, 6), (8, 6)]
)
def test_it_is_known_beforehand_whether_anything_is_guessed(n: int, n_kinds: int) -> None:
    """It goes by the surest sound there can be: one that equals many of one kind, all others being far."""
    codes = np.ones(n, np.uint8)
    codes[: max(n_kinds - 1, 0)] = range(2, n_kinds + 1)
    points = np.zeros((n, N_DIMS), np.float32)
    points[codes > 1] = 1e3 * np.eye(N_DIMS, dtype=np.float32)[codes[codes > 1]]
    _, confidence = KindGuesser(points, codes).guess(np.zeros((1, N_DIMS), np.float32), least_confidence=0.0)
    assert can_guess(n, n_kinds) == (confidence[0] >= LEAST_CONFIDENCE)


def test_equal_sounds_are_no_trouble() -> None:
    """Many known sounds at one place: what stands there too is of their kind, all else is unknown."""
    codes = np.repeat(np.arange(1, 9, dtype=np.uint8), 30)
    known = np.zeros((len(codes), N_DIMS), np.float32)
    known[codes > 1] = np.eye(N_DIMS, dtype=np.float32)[codes[codes > 1]]
    kinds, confidence = KindGuesser(known, codes).guess(np.array([known[0], known[40], known[0] + 0.1]))
    assert kinds.tolist() == [1, 2, 0] and confidence[:2].min() > 0.8


def test_only_what_is_told_to_be_a_loop_is_one() -> None:
    """Loops have no vote, so nothing is called a loop by them; what is told to be a loop is one."""
    known, codes = cloud(180, [*range(1, 9), LOOP], spread=1.0, seed=10)
    near_loops, _ = cloud(5, [LOOP], spread=1.0, seed=11)
    guesser = KindGuesser(known, codes)
    assert LOOP not in guesser.guess(near_loops, least_confidence=0.0)[0]
    told = np.array([True, False, True, False, False])
    kinds, confidence = guesser.guess(near_loops, told)
    assert (kinds == LOOP).tolist() == told.tolist() and (
        confidence[told] == np.float32(LOOP_CONFIDENCE)
    ).all()
    alone = KindGuesser(known[codes == LOOP], codes[codes == LOOP])
    assert alone.guess(near_loops, told)[0].tolist() == [LOOP, 0, LOOP, 0, 0]


def test_a_guess_is_the_same_in_any_company() -> None:
    """Neither the order of the known sounds nor the other sounds asked about change a guess."""
    known, codes = cloud(300, list(range(1, 13)), spread=6.0, seed=12)
    new, _ = cloud(50, list(range(1, 13)), spread=6.0, seed=13)
    kinds, confidence = KindGuesser(known, codes).guess(new, least_confidence=0.0)
    order = np.random.default_rng(0).permutation(300)
    for row in (0, 17, 49):
        one = KindGuesser(known[order], codes[order]).guess(new[row : row + 1], least_confidence=0.0)
        assert one[0][0] == kinds[row] and one[1][0] == pytest.approx(float(confidence[row]), abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "codes", "wrong"),
    [((3, 4), [1, 2], "belong together"), ((2, 4), [1, 99], "99 is no code"), ((4,), [1], "belong together")],
)
def test_known_sounds_that_do_not_fit_are_refused(
    shape: tuple[int, ...], codes: list[int], wrong: str
) -> None:
    """The message says what came and what is needed."""
    with pytest.raises(LayoutError, match=wrong):
        KindGuesser(np.zeros(shape, np.float32), np.array(codes, np.uint8))


def test_new_sounds_that_do_not_fit_are_refused() -> None:
    """Other sizes, values that aren't finite and a mask of another length say so."""
    guesser = KindGuesser(*cloud(20, [1, 2], spread=1.0, seed=14))
    with pytest.raises(LayoutError, match=r"needed: \(m, 12\)"):
        guesser.guess(np.zeros((2, 5), np.float32))
    with pytest.raises(LayoutError, match="aren't finite"):
        guesser.guess(np.full((2, N_DIMS), np.nan, np.float32))
    with pytest.raises(LayoutError, match=r"is_loop has shape \(3,\)"):
        guesser.guess(np.zeros((2, N_DIMS), np.float32), np.zeros(3, np.bool_))
    with pytest.raises(LayoutError, match="aren't finite"):
        KindGuesser(np.full((2, 3), np.inf, np.float32), np.array([1, 2], np.uint8))


def test_guessing_loads_nothing_heavy() -> None:
    """Neither scikit-learn nor umap nor numba."""
    ask = (
        "import sys, numpy as np; from klustr_bridge.layout.kinds import KindGuesser;"
        "KindGuesser(np.eye(9, dtype=np.float32), np.arange(1, 10, dtype=np.uint8))"
        ".guess(np.eye(9, dtype=np.float32));"
        "print([name for name in ('sklearn', 'umap', 'numba') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
