import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.layout.growth import FittedMap, needs_neighbour_share, next_fit

_methods = st.sampled_from(["auto", "pca", "tsne", "universal"])
_refits = st.sampled_from(["auto", "manual"])


@pytest.mark.parametrize(
    ("n_live", "settled", "fitted", "n_placed", "share", "expected"),
    [
        # the first sounds
        (0, False, None, 0, None, None),
        (1, False, None, 0, None, "pca"),
        (5_000, True, None, 0, None, "pca"),
        # the first good map
        (299, False, FittedMap("pca", 256), 43, None, None),
        (300, False, FittedMap("pca", 256), 44, None, "tsne"),
        (16, True, FittedMap("pca", 16), 0, None, "tsne"),
        (15, True, FittedMap("pca", 15), 0, None, None),
        # a PCA map of a few sounds is renewed while it grows
        (3, False, FittedMap("pca", 1), 2, None, None),
        (4, False, FittedMap("pca", 1), 3, None, "pca"),
        (64, False, FittedMap("pca", 16), 48, None, "pca"),
        (5, True, FittedMap("pca", 3), 2, None, "pca"),
        # young
        (1_199, False, FittedMap("tsne", 300), 899, None, None),
        (1_200, False, FittedMap("tsne", 300), 900, None, "tsne"),
        (449, True, FittedMap("tsne", 300), 149, None, None),
        (451, True, FittedMap("tsne", 300), 151, None, "tsne"),
        (80, False, FittedMap("tsne", 20), 60, None, "tsne"),
        # grown up
        (30_000, False, FittedMap("tsne", 5_000, 0.4), 25_000, 0.1, None),
        (9_999, True, FittedMap("tsne", 5_000, 0.4), 4_999, None, None),
        (10_001, True, FittedMap("tsne", 5_000, 0.4), 5_001, None, "tsne"),
        (6_000, True, FittedMap("tsne", 5_000, 0.4), 1_000, 0.33, None),
        (6_000, True, FittedMap("tsne", 5_000, 0.4), 1_000, 0.31, "tsne"),
        (5_000, True, FittedMap("tsne", 6_000, 0.4), 0, 0.1, None),
        # another ear
        (400, False, FittedMap("tsne", 400, 0.4, hears_otherwise=True), 0, None, None),
        (400, True, FittedMap("tsne", 400, 0.4, hears_otherwise=True), 0, None, "tsne"),
        (6_000, True, FittedMap("tsne", 6_000, 0.4, hears_otherwise=True), 0, None, "tsne"),
    ],
)
def test_the_rules_as_stated(n_live, settled, fitted, n_placed, share, expected):
    """Each rule of the documentation at both sides of its border."""
    assert (
        next_fit(n_live, settled=settled, fitted=fitted, n_placed=n_placed, neighbour_share=share) == expected
    )


def test_manual_leaves_all_but_the_first_maps_to_the_user():
    """With manual refits the first map and the first good one still come by themselves."""
    assert next_fit(1, settled=False, fitted=None, refit="manual") == "pca"
    assert next_fit(400, settled=False, fitted=FittedMap("pca", 1), n_placed=399, refit="manual") == "tsne"
    grown = {"settled": True, "fitted": FittedMap("tsne", 300), "n_placed": 8_700, "refit": "manual"}
    assert next_fit(9_000, **grown) is None
    other_ear = FittedMap("tsne", 9_000, hears_otherwise=True)
    assert next_fit(9_000, settled=True, fitted=other_ear, refit="manual") is None


def test_manual_begins_once_everything_has_been_heard():
    """A map of the first few sounds is not the one that the user is left with."""
    for method in ("auto", "axes-brightness-length", "tsne", "pca"):
        young = FittedMap("tsne" if method == "auto" else method, 20)
        asked = {"fitted": young, "n_placed": 380, "method": method, "refit": "manual"}
        expected = "tsne" if method == "auto" else method
        assert next_fit(400, settled=True, has_settled=False, **asked) == expected
        assert next_fit(400, settled=False, has_settled=False, **asked) == expected
        assert next_fit(400, settled=True, has_settled=True, **asked) is None


def test_the_method_setting_is_kept():
    """The setting pca never asks for another; the setting tsne begins with it where it can."""
    assert next_fit(400, settled=True, fitted=FittedMap("pca", 400), method="pca") is None
    assert next_fit(400, settled=True, fitted=FittedMap("pca", 100), n_placed=300, method="pca") == "pca"
    assert next_fit(400, settled=False, fitted=None, method="tsne") == "tsne"
    assert next_fit(10, settled=False, fitted=None, method="tsne") == "pca"
    for method in ("umap", "umap-direct", "grid"):
        assert next_fit(400, settled=True, fitted=None, method=method) == method
        assert next_fit(400, settled=True, fitted=FittedMap("pca", 400), method=method) == method


@pytest.mark.parametrize(
    ("n_live", "settled", "fitted", "n_placed", "expected"),
    [
        (1, False, None, 0, "universal"),
        (5_000, True, None, 0, "universal"),
        (299, False, FittedMap("universal", 1), 298, None),
        (300, False, FittedMap("universal", 1), 299, "tsne"),
        (16, True, FittedMap("universal", 1), 15, "tsne"),
        (15, True, FittedMap("universal", 1), 14, None),
        # a library that was begun by another ear
        (16, True, FittedMap("pca", 16), 0, "tsne"),
        (15, True, FittedMap("pca", 15), 0, None),
        (15, True, FittedMap("pca", 3), 12, "universal"),
    ],
)
def test_a_library_of_the_learned_ear_begins_with_the_universal_map(
    n_live, settled, fitted, n_placed, expected
):
    """It takes the part of PCA, and needs no renewal while the library is small."""
    rest = {"settled": settled, "fitted": fitted, "n_placed": n_placed, "is_learned": True}
    assert next_fit(n_live, **rest) == expected


def test_a_universal_map_that_is_asked_for_is_never_fitted_anew():
    """Whatever comes and goes; it is there from the first sound on, and takes the place of a quick one."""
    asked = {"method": "universal", "is_learned": True, "settled": True}
    assert next_fit(1, fitted=None, **asked) == "universal"
    fitted = FittedMap("universal", 1, 0.9)
    assert next_fit(90_000, fitted=fitted, n_placed=89_999, neighbour_share=0.0, **asked) is None
    assert not needs_neighbour_share(90_000, settled=True, fitted=fitted, n_placed=89_999)
    strayed = FittedMap("universal", 1, hears_otherwise=True)
    assert next_fit(40, fitted=strayed, refit="manual", **asked) == "universal"

    assert next_fit(40, fitted=strayed, **(asked | {"settled": False})) is None
    # another map stays until the user asks for the next, or it has become poor
    assert next_fit(40, fitted=FittedMap("tsne", 40), **asked) is None
    assert next_fit(40, fitted=FittedMap("tsne", 10), n_placed=30, **asked) == "universal"


def test_a_universal_map_stays_with_manual_where_the_ear_is_given_up():
    """Only the user has it replaced then; by itself it is."""
    left = FittedMap("universal", 1_000, None, True)
    for method in ("auto", "universal"):
        asked = {"settled": True, "fitted": left, "method": method, "is_learned": False}
        assert next_fit(1_000, refit="manual", **asked) is None
        assert next_fit(1_000, refit="auto", **asked) == "tsne"


def test_without_the_learned_ear_universal_is_auto():
    """A map that was made by it stays while the ear still has sounds to hear, and no longer."""
    asked = {"method": "universal", "is_learned": False}
    assert next_fit(40, settled=True, fitted=None, **asked) == "pca"
    assert next_fit(40, settled=True, fitted=FittedMap("pca", 40), **asked) == "tsne"
    assert next_fit(400, settled=False, fitted=FittedMap("universal", 400), **asked) is None
    assert next_fit(400, settled=True, fitted=FittedMap("universal", 400), **asked) == "tsne"


def test_a_failed_fit_waits_for_the_library_to_double():
    """A fit that always fails doesn't keep a processor busy for ever."""
    assert next_fit(400, settled=True, fitted=None, failed_at=400) is None
    assert next_fit(799, settled=True, fitted=None, failed_at=400) is None
    assert next_fit(800, settled=True, fitted=None, failed_at=400) == "pca"


def _fit(asked, n_live, few_distinct):
    """Return the map that `fit_layout` gives for what was asked."""
    if asked == "universal":
        return FittedMap(asked, n_live, 0.4)
    used = "pca" if asked == "pca" or n_live < 16 else "pca-few" if few_distinct else "tsne"
    return FittedMap(used, n_live, 0.4)


@given(
    n_live=st.integers(0, 50_000),
    settled=st.booleans(),
    method=_methods,
    refit=_refits,
    few_distinct=st.booleans(),
    is_learned=st.booleans(),
    share=st.one_of(st.none(), st.floats(0, 1)),
    old=st.one_of(
        st.none(),
        st.builds(
            FittedMap,
            st.sampled_from(["pca", "tsne", "pca-few", "universal"]),
            st.integers(0, 50_000),
            st.floats(0, 1),
        ),
    ),
    placed_share=st.floats(0, 1),
)
def test_doing_what_is_said_comes_to_rest(
    n_live, settled, method, refit, few_distinct, is_learned, share, old, placed_share
):
    """Whatever the state and however the new map scores: at most two fits, then rest."""
    fitted, n_placed = old, int(placed_share * n_live)
    for _ in range(3):
        asked = next_fit(
            n_live,
            settled=settled,
            fitted=fitted,
            n_placed=n_placed,
            neighbour_share=share,
            method=method,
            refit=refit,
            is_learned=is_learned,
        )
        if asked is None:
            return
        fitted, n_placed = _fit(asked, n_live, few_distinct), 0
    raise AssertionError("still asking for a fit after two")


def test_axes_are_there_from_the_first_sound_on():
    """Other than engines they need no number of sounds, and no quick map before them."""
    method = "axes-brightness-length"
    assert next_fit(1, settled=False, fitted=None, method=method) == method
    assert next_fit(9, settled=False, fitted=FittedMap("pca", 9), method=method) == method
    assert next_fit(9, settled=True, fitted=FittedMap(method, 9), method=method) is None
    assert next_fit(36, settled=False, fitted=FittedMap(method, 9), n_placed=27, method=method) == method


@given(steps=st.lists(st.integers(0, 4_000), max_size=60), few_distinct=st.booleans())
def test_a_library_that_grows_is_fitted_rarely(steps, few_distinct):
    """While sounds come in, the number of fits grows with the logarithm of the library only."""
    n_live, fitted, n_fits = 0, None, 0
    for settled, step in [(False, step) for step in steps] + [(True, 0)] * 3:
        n_live += step
        n_placed = n_live - fitted.n_fitted if fitted else 0
        asked = next_fit(n_live, settled=settled, fitted=fitted, n_placed=n_placed, neighbour_share=0.3)
        if asked is not None:
            fitted, n_fits = _fit(asked, n_live, few_distinct), n_fits + 1
    assert n_fits <= 14
    if n_live:
        assert fitted is not None
        assert n_live < 16 or fitted.method != "pca"


@given(
    n_live=st.integers(1, 50_000),
    settled=st.booleans(),
    fitted=st.one_of(st.none(), st.builds(FittedMap, st.just("tsne"), st.integers(1, 50_000), st.just(0.4))),
    placed_share=st.floats(0, 1),
)
def test_the_share_is_measured_exactly_when_it_decides(n_live, settled, fitted, placed_share):
    """Where no measure is called for, the answer is the same for the best and the worst share."""
    n_placed = int(placed_share * n_live)
    answers = {
        next_fit(n_live, settled=settled, fitted=fitted, n_placed=n_placed, neighbour_share=share)
        for share in (0.0, 1.0)
    }
    assert (len(answers) == 2) == needs_neighbour_share(
        n_live, settled=settled, fitted=fitted, n_placed=n_placed
    )
