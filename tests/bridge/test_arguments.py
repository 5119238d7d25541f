"""Arguments: what Pd, Max and others send becomes what the table declares, or is refused with words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.bridge.arguments import bind, req_of
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.errors import QueryError

ANYTHING = st.one_of(
    st.integers(), st.floats(), st.text(max_size=10), st.booleans(), st.none(), st.binary(max_size=4)
)


@pytest.mark.parametrize(
    ("address", "given_values", "expected"),
    [
        ("/klustr/near/xy", (7.0, 0, True, 10.0), [7, 0.0, 1.0, 10]),  # Pd sends floats only
        ("/klustr/near/xy", (7, 1.0000001, -1e-9, 10), [7, 1.0, 0.0, 10]),
        ("/klustr/find", (1, 808, 10), [1, "808", 10]),  # Max makes numbers of such texts
        ("/klustr/find", (1, 808.0, 10), [1, "808", 10]),
        ("/klustr/find", (1, 0.5, 10), [1, "0.5", 10]),
        ("/klustr/audition", (0,), ["off"]),
        ("/klustr/audition", (1.0,), ["change"]),
        ("/klustr/audition", (True,), ["change"]),
        ("/klustr/audition", ("hold",), ["hold"]),
        ("/klustr/filter/kind", (), []),
        ("/klustr/filter/kind", ("kick", "Closed Hat"), ["kick", "closed_hat"]),
        ("/klustr/xy", (0.5, 0.5), [0.5, 0.5]),
        ("/klustr/xy", (0.5, 0.5, 3), [0.5, 0.5, 3]),
        ("/klustr/favourite", (3, True), [3, 1]),
    ],
)
def test_what_clients_mean_is_understood(
    address: str, given_values: tuple[object, ...], expected: list[object]
) -> None:
    """Numbers come as any numeric type, words as numbers where that is meant; ends belong to a range."""
    bound = bind(COMMANDS[address], given_values)
    assert bound == expected
    assert [type(value) for value in bound] == [type(value) for value in expected]


@pytest.mark.parametrize(
    ("address", "given_values", "words"),
    [
        ("/klustr/near/xy", (1, 0.5, 0.5), "too few arguments (3); usage: /klustr/near/xy i req, f x"),
        ("/klustr/ping", (1, 2), "too many arguments (2)"),
        ("/klustr/near/xy", (1, 0.5, 0.5, 0), "k is 0; allowed 1..1000"),
        ("/klustr/near/xy", (1, 0.5, 0.5, 2.5), "k is 2.5; a whole number is expected"),
        ("/klustr/near/xy", (1, math.nan, 0.5, 5), "x is nan; a finite number is expected"),
        ("/klustr/near/xy", (1, 0.5, math.inf, 5), "y is inf"),
        ("/klustr/near/xy", (1, 1.2, 0.5, 5), "x is 1.2; allowed 0..1"),
        ("/klustr/near/xy", (1, "a", 0.5, 5), "x is 'a'; a number is expected"),
        ("/klustr/ping", (2**31,), "req is 2147483648; allowed -2147483648..2147483647"),
        ("/klustr/ping", (math.nan,), "req is nan"),
        ("/klustr/xy", (10**400, 0.5), "numbers are at most 9223372036854775808"),
        ("/klustr/find", (1, -(10**400), 5), "numbers are at most 9223372036854775808"),
        ("/klustr/ping", (None,), "req is None"),
        ("/klustr/info", (1, 0), "id is 0; allowed 1..2147483647"),
        ("/klustr/find", (1, math.nan, 5), "text is nan"),
        ("/klustr/find", (1, b"blob", 5), "text is b'blob'; a string is expected"),
        ("/klustr/audition", ("loud",), "mode is 'loud'; allowed off change retrigger hold"),
        ("/klustr/audition", (2,), "mode is 2"),
        ("/klustr/filter/kind", ("kick", "zither"), "kind is 'zither'; allowed unknown kick"),
        ("/klustr/filter/duration", (-1, 5), "min is -1; allowed 0 and above"),
    ],
)
def test_a_refusal_names_the_value_and_what_is_allowed(
    address: str, given_values: tuple[object, ...], words: str
) -> None:
    """Every refusal is badargs and says what to send instead."""
    with pytest.raises(QueryError) as refused:
        bind(COMMANDS[address], given_values)
    assert refused.value.code == "badargs"
    assert words in str(refused.value)


@given(st.sampled_from(sorted(COMMANDS)), st.lists(ANYTHING, max_size=6))
def test_anything_is_bound_to_the_declared_types_or_refused(address: str, values: list[object]) -> None:
    """No values raise anything but badargs, and what passes has the declared types and ranges."""
    command = COMMANDS[address]
    assert -(2**31) <= req_of(command, tuple(values)) < 2**31
    try:
        bound = bind(command, tuple(values))
    except QueryError as error:
        assert error.code == "badargs"
        return
    for index, value in enumerate(bound):
        argument = command.arguments[min(index, len(command.arguments) - 1)]
        assert type(value) is {"i": int, "f": float, "s": str}[argument.type]
        if argument.low is not None:
            assert value >= argument.low  # type: ignore[operator]
        if argument.high is not None:
            assert value <= argument.high  # type: ignore[operator]


def test_the_request_number_is_found_for_failures() -> None:
    """A failure carries req wherever one was readable."""
    assert req_of(COMMANDS["/klustr/info"], (9.0, "x")) == 9
    assert req_of(COMMANDS["/klustr/info"], ("x",)) == -1
    assert req_of(COMMANDS["/klustr/info"], ()) == -1
    assert req_of(COMMANDS["/klustr/trigger"], (9,)) == -1
