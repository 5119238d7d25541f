"""Every message that klustr.client takes, as an example: for its help, made from the command table."""

from typing import Final

from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.vocabulary import Argument, Command

_EXAMPLES: Final = {
    "x": "0.3",
    "y": "0.7",
    "id": "42",
    "other": "43",
    "from": "42",
    "to": "43",
    "k": "8",
    "n": "8",
    "uid": "r2qw7nbq756vcoax",
    "text": "kick 808",
    "path": '"C:/My Samples/kick.wav"',
    "columns": "8",
    "rows": "8",
    "radius": "0.2",
    "min": "0.",
    "max": "0.5",
    "velocity": "0.8",
    "semitones": "-12",
    "pan": "0.5",
    "weight": "2.",
    "voice": "1",
    "cursor": "0",
    "from_id": "0",
    "on": "1",
    "target": "x",
}
_SHORT: Final = {
    "/klustr/near/xy": "near",
    "/klustr/filter/kind": "kind",
    "/klustr/filter/duration": "duration",
    "/klustr/filter/folder": "folder",
    "/klustr/filter/favourites": "favourites",
    "/klustr/filter/clear": "clear",
    "/klustr/folder/add": "add",
    "/klustr/folder/remove": "remove",
    "/klustr/midi/learn": "learn",
}
_FOLDER: Final = '"C:/My Samples"'
_WHOLE: Final = {"/klustr/find": "find kick 808", "/klustr/problems": "problems 0"}
"""Examples of commands whose further arguments the client fills in, or would take for a part of the text."""

_OWN: Final = ("/klustr/hello", "/klustr/bye")
"""Said by the client itself."""

OWN_MESSAGES: Final = (
    ("connect", "say hello, and go on until the bridge answers (done when the patch is opened)"),
    ("disconnect", "say bye"),
    ("bridge 127.0.0.1 7475", "where the bridge listens; connect again after it"),
    ("count 16", "how many sounds are asked for where a message doesn't say"),
    ('file "C:/My Samples/kick.wav"', "sounds like this file; takes a path as dropfile gives it"),
    ('addfolder "C:/My Samples"', "watch a folder; takes a path as dropfile gives it"),
)
"""Messages that are the client's own, with what they do."""


def examples() -> list[tuple[Command, str]]:
    """Return each command that can be said to klustr.client, and an example in plain words."""
    return [(command, example(command)) for address, command in COMMANDS.items() if address not in _OWN]


def example(command: Command) -> str:
    """Return a message in plain words that is such a command."""
    if command.address in _WHOLE:
        return _WHOLE[command.address]
    name = _SHORT.get(command.address) or command.address.removeprefix("/klustr/").replace("/", " ")
    arguments = command.arguments[1:] if command.has_req else command.arguments
    return " ".join([name, *(_example(command, argument) for argument in arguments if _is_shown(argument))])


def _is_shown(argument: Argument) -> bool:
    return not argument.optional or argument.name in ("velocity", "semitones", "radius", "x", "y")


def _example(command: Command, argument: Argument) -> str:
    if argument.choices:
        named = [word for word in argument.choices if word not in ("off", "unknown")]
        return " ".join(named[:2]) if argument.repeated else named[0]
    if argument.name == "path" and "folder" in command.address:
        return _FOLDER
    return _EXAMPLES[argument.name]
