"""The command table is whole: handlers, replies, reference and the small client agree with it."""

import inspect

import pytest

from klustr_bridge.bridge.answers import PUSHES, REPLIES
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.handlers import Handlers
from klustr_bridge.bridge.reference import render
from klustr_bridge.bridge.vocabulary import (
    AUDITION_MODES,
    HEADER,
    MAX_CURSOR,
    MAX_K,
    MAX_PADS_A_SIDE,
    MAX_RADIUS,
    MAX_STEPS,
    PLAYER_MODES,
)
from klustr_bridge.client import conversation
from klustr_bridge.navigator import AUDITION_MODES as NAVIGATOR_AUDITION
from klustr_bridge.navigator import PLAYER_MODES as NAVIGATOR_PLAYER
from klustr_bridge.navigator import checks


@pytest.mark.parametrize("address", sorted(COMMANDS))
def test_every_command_is_whole(address: str) -> None:
    """It has a handler that takes its arguments, a known reply, help, and optional arguments last."""
    command = COMMANDS[address]
    parameters = list(inspect.signature(getattr(Handlers, command.handler)).parameters.values())[2:]
    if command.arguments and command.arguments[-1].repeated:
        assert parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL
    else:
        optional = [p.default is not inspect.Parameter.empty for p in parameters]
        assert optional == [a.optional for a in command.arguments]
        assert optional == sorted(optional)
    assert command.reply == "" or command.reply in REPLIES
    assert command.help.endswith(".")
    assert command.address == address
    assert all(a.type in ("i", "f", "s") for a in command.arguments)
    assert not any(part.isdigit() for part in address.split("/"))  # Pd makes floats of those
    if command.reply and command.reply not in ("/klustr/welcome", "/klustr/done", "/klustr/synced"):
        assert command.has_req


@pytest.mark.parametrize("answer", [*REPLIES.values(), *PUSHES.values()], ids=lambda answer: answer.address)
def test_every_answer_has_plain_types_and_help(answer: object) -> None:
    """Only i, f and s leave the bridge, and every list stands after a header."""
    assert set(answer.types + answer.item_types) <= set("ifs")  # type: ignore[attr-defined]
    assert answer.help.endswith(".")  # type: ignore[attr-defined]
    if answer.items:  # type: ignore[attr-defined]
        assert answer.arguments[: len(HEADER)] == HEADER  # type: ignore[attr-defined]


def test_no_handler_is_without_command() -> None:
    """What is implemented stands in the table."""
    methods = {
        name for name, _ in inspect.getmembers(Handlers, inspect.isfunction) if not name.startswith("_")
    }
    assert methods - {"by_address"} == {command.handler for command in COMMANDS.values()}


def test_the_reference_tells_every_address_and_argument() -> None:
    """The written reference leaves nothing of the table out."""
    text = render()
    for command in COMMANDS.values():
        assert f"| `{command.address}` |" in text
        assert command.help in text
    for answer in (*REPLIES.values(), *PUSHES.values()):
        assert f"| `{answer.address}` |" in text
        assert all(f"`{a.type} {a.name}`" in text for a in (*answer.arguments, *answer.items))
    assert text.endswith("|\n")


def test_the_small_client_knows_the_lists_and_pushes_of_the_table() -> None:
    """The client carries its own copy, so that it imports fast; it says the same."""
    shapes = {a.address: (len(a.arguments) - len(HEADER), len(a.items)) for a in REPLIES.values() if a.items}
    assert shapes == conversation._LIST_SHAPES
    assert set(PUSHES) == conversation._PUSHES


def test_limits_and_words_are_the_navigators() -> None:
    """The table promises what the navigator takes."""
    assert AUDITION_MODES == NAVIGATOR_AUDITION
    assert PLAYER_MODES == NAVIGATOR_PLAYER
    assert MAX_K == checks.MOST_NEIGHBOURS
    assert (MAX_PADS_A_SIDE, MAX_STEPS) == (checks.MOST_PADS_A_SIDE, checks.MOST_STEPS)
    assert MAX_RADIUS == checks.MOST_RADIUS
    assert MAX_CURSOR == checks.MOST_CURSORS - 1
