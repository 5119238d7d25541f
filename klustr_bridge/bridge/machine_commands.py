"""The part of the command table that is about the bridge's own machine, and not about sounds.

This module owns these commands and their answers; `commands` and `answers` take them into the table.
"""

from collections.abc import Iterator
from typing import Final

from klustr_bridge.bridge.vocabulary import HEADER, ID, PLAYER_MODES, REQ, Answer, Argument, Command
from klustr_bridge.types import VIEWS

WAYS: Final = ("udp", "tcp", "web")

CLIENTS_REPLY: Final = Answer(
    "/klustr/clients.reply",
    HEADER,
    (
        Argument("name", "s"),
        Argument("over", "s", choices=WAYS),
        Argument("host", "s"),
        Argument("port", "i", 0, 65535),
        Argument("view", "s", choices=VIEWS),
        Argument("player", "s", choices=PLAYER_MODES),
        Argument("silent", "f", 0.0, unit="s"),
        Argument("dropped", "i", 0),
        Argument("own", "i", 0, 1),
    ),
    "Who is subscribed: the name of its hello (empty for OSCQuery's `LISTEN`), its address (over UDP where "
    "pushes go), its view of the map and player, how long since its last packet, pushes it has lost because "
    "too many waited, and whether it is the one that asks.",
)


def machine_commands(done: str) -> Iterator[Command]:
    """List the commands; `done` is the address that says a library command is finished."""
    group = "The machine"
    yield Command(
        "/klustr/reveal",
        group,
        (ID,),
        done,
        "Shows the sound's file in the file manager of the bridge's machine. Where nothing can show it, the "
        "answer is `notready`, and names the path. At most five in a row, then one a second; beyond that it "
        "is `busy`. Only from this machine.",
        "reveal",
        holds_up=False,
    )
    yield Command(
        "/klustr/clients",
        group,
        (REQ,),
        CLIENTS_REPLY.address,
        "Who is subscribed. Only from this machine.",
        "clients",
    )
