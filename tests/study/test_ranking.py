"""The ranking: paired intervals over packs, and what a choice is worth where it wasn't made."""

import math

import numpy as np
import pytest

from klustr_bridge.study.ranking import held_out_share, ranked

PACKS = np.repeat([f"pack {n}" for n in range(10)], 20)
LABELS = np.tile(["kick", "snare"], 100)


def test_the_best_is_first_and_lies_behind_nobody() -> None:
    """Maps come by their share; the best lies 0 behind itself."""
    rng = np.random.default_rng(1)
    good = rng.random(200) * 0.1 + 0.8
    places = ranked([good - 0.3, good, good - 0.1], LABELS, PACKS, 1)
    assert [place.number for place in places] == [1, 2, 0]
    assert places[0].behind.value == places[0].behind.high == 0.0
    assert places[1].behind.value == pytest.approx(0.1)
    assert places[0].share.value == pytest.approx(good.mean())


def test_a_steady_lead_is_sure_and_a_lead_by_one_pack_is_not() -> None:
    """What leads in every pack leads in all resamples; what leads by one lucky pack doesn't."""
    base = np.full(200, 0.5)
    steady = base + 0.05
    lucky = base.copy()
    lucky[PACKS == "pack 3"] = 1.0
    assert ranked([steady, base], LABELS, PACKS, 1)[1].behind.low > 0.0
    lead = ranked([lucky, base], LABELS, PACKS, 1)[1].behind
    assert lead.value == pytest.approx(0.05) and lead.low <= 0.0


def test_two_maps_are_drawn_with_the_same_packs() -> None:
    """Two noisy maps a constant apart are so in every draw: the lag has no width, their shares have."""
    rng = np.random.default_rng(3)
    noisy = np.repeat(rng.random(10), 20)
    lag = ranked([noisy + 0.1, noisy], LABELS, PACKS, 1)[1]
    assert lag.behind.low == pytest.approx(0.1) and lag.behind.high == pytest.approx(0.1)
    assert lag.share.high - lag.share.low > 0.1


def test_classes_count_the_same_over_classes() -> None:
    """Three quarters kicks at 1, one quarter snares at 0: 75 % over sounds, half over classes."""
    labels = np.tile(["kick", "kick", "kick", "snare"], 50)
    place = ranked([(labels == "kick").astype(float)], labels, PACKS, 1)[0]
    assert (place.share.value, place.share_classes.value) == (0.75, 0.5)


def test_sounds_that_were_not_asked_do_not_count() -> None:
    """NaN stands for no answer."""
    share = np.full(200, 0.5)
    share[:50] = np.nan
    share[50:100] = 1.0
    assert ranked([share], LABELS, PACKS, 1)[0].share.value == pytest.approx((50 + 100 * 0.5) / 150)
    nothing = ranked([np.full(200, np.nan)], LABELS, PACKS, 1)[0]
    assert math.isnan(nothing.share.value)


def test_a_choice_is_looked_at_in_the_pack_that_had_no_say() -> None:
    """By hand: two packs, two maps; each pack gets the map that the other one likes."""
    packs = np.repeat(["one", "two"], 2)
    first, second = np.array([1.0, 1.0, 0.2, 0.2]), np.array([0.0, 0.0, 0.6, 0.6])
    # pack one is judged by the map that is best in two (the second: 0), two by the first (.2)
    assert held_out_share([first, second], packs) == pytest.approx((2 * 0.0 + 2 * 0.2) / 4)
    assert math.isnan(held_out_share([first], np.array(["one"] * 4)))
