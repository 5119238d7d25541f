"""The command table as JavaScript: what the client checks every message by.

Made from the tables of the daemon itself, so that it can't say anything else than they do.
"""

import json
from typing import Any

from klustr_bridge.bridge.answers import PUSHES, REPLIES
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.vocabulary import PROTOCOL, Answer, Argument, Command


def table() -> dict[str, Any]:
    """Return commands and answers by address, ready for JSON."""
    answers = {address: _answer(answer) for address, answer in REPLIES.items()}
    pushes = {address: _answer(answer) for address, answer in PUSHES.items()}
    return {
        "protocol": PROTOCOL,
        "commands": {address: _command(command) for address, command in COMMANDS.items()},
        "answers": answers | pushes,
        "pushes": sorted(pushes),
    }


def as_javascript() -> str:
    """Return the table as one statement; a line for each address, so that changes can be read."""
    rows = []
    for name, value in table().items():
        if isinstance(value, dict):
            inner = ",\n".join(f"    {_json(key)}: {_json(entry)}" for key, entry in value.items())
            rows.append(f"  {name}: {{\n{inner}\n  }}")
        else:
            rows.append(f"  {name}: {_json(value)}")
    return (
        "// Made from the daemon's command table (klustr_bridge/bridge/commands.py); do not edit.\n"
        "var KLUSTR_TABLE = {\n" + ",\n".join(rows) + "\n};\n"
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)


def _command(command: Command) -> dict[str, Any]:
    arguments = [_argument(argument) for argument in command.arguments]
    return {"reply": command.reply, "usage": command.usage, "arguments": arguments}


def _answer(answer: Answer) -> dict[str, Any]:
    return {"header": len(answer.arguments), "item": len(answer.items)}


def _argument(argument: Argument) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": argument.name, "type": argument.type}
    for key in ("low", "high"):
        if getattr(argument, key) is not None:
            entry[key] = getattr(argument, key)
    for key in ("optional", "repeated"):
        if getattr(argument, key):
            entry[key] = 1
    for key in ("choices", "numbered"):
        if getattr(argument, key):
            entry[key] = list(getattr(argument, key))
    return entry
