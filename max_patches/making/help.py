"""The help of klustr.client: every message that it takes, in tabs, and what comes out."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from klustr_bridge.bridge.answers import PUSHES, REPLIES
from klustr_bridge.bridge.vocabulary import Answer, Command
from making.canvas import Canvas, width_of
from making.client import word_of
from making.words import OWN_MESSAGES, examples

_BUS: Final = "klustr.help"
_WIDTH: Final = 1400
_LINE: Final = 200
"""Letters of help that are shown beside a message; all of it stands in docs/protocol.md."""


def client_help() -> Canvas:
    """Return the help patch."""
    canvas = Canvas(_WIDTH + 60, 420)
    canvas.extra["showontab"] = 1
    canvas.note(20, 15, "klustr.client: asks klustr-bridge in plain words, and says what it answers")
    canvas.note(
        20, 40, "Start the bridge (klustr-bridge in a terminal), then click the messages in the tabs."
    )
    receive = canvas.thing(20, 80, f"receive {_BUS}")
    client = canvas.thing(20, 120, "klustr.client", inlets=1, outlets=3)
    prints = [
        canvas.thing(20 + 160 * i, 170, f"print {name}", 140) for i, name in enumerate(("answer", "push"))
    ]
    set_state = canvas.thing(340, 170, "unpack s s", outlets=2)
    state = canvas.thing(340, 200, "prepend set")
    shown = canvas.message(340, 230, "not connected", 420)
    canvas.note(20, 205, "answers and pushes are in the Max console")
    canvas.chain(receive, client)
    canvas.lines((client, 0, prints[0], 0), (client, 1, prints[1], 0), (client, 2, set_state, 0))
    canvas.lines((set_state, 1, state, 0), (state, 0, shown, 0))
    x = 20.0
    for title, rows in _tabs():
        canvas.inside(x, 290, f'p "{title}"', _tab(rows))
        x += width_of(f'p "{title}"') + 10
    canvas.inside(x, 290, 'p "What comes out"', _outputs())
    return canvas


def _tabs() -> list[tuple[str, list[tuple[str, str]]]]:
    tabs = [("Client", list(OWN_MESSAGES))]
    for group, commands in groupby(examples(), key=lambda pair: pair[0].group):
        tabs.append((group, [(text, _short(_allowed(command) + command.help)) for command, text in commands]))
    return tabs


def _allowed(command: Command) -> str:
    """The words that an argument may be, where there are only some."""
    words = [" ".join(argument.choices) for argument in command.arguments if argument.choices]
    return f"({', '.join(words)}) " if words else ""


def _tab(rows: Sequence[tuple[str, str]]) -> Canvas:
    canvas = Canvas(_WIDTH + 300, 140 + 32 * len(rows))
    canvas.extra["showontab"] = 1
    send = canvas.thing(20, 60 + 32 * len(rows), f"send {_BUS}")
    for number, (text, meaning) in enumerate(rows):
        box = canvas.message(20, 20 + 32 * number, text)
        canvas.note(330, 20 + 32 * number, meaning)
        canvas.lines((box, 0, send, 0))
    return canvas


def _outputs() -> Canvas:
    rows = [(_form(answer), _short(answer.help)) for answer in (*REPLIES.values(), *PUSHES.values())]
    canvas = Canvas(_WIDTH + 600, 60 + 24 * len(rows))
    canvas.extra["showontab"] = 1
    for number, (text, meaning) in enumerate(rows):
        canvas.note(20, 20 + 24 * number, text)
        canvas.note(620, 20 + 24 * number, meaning)
    return canvas


def _form(answer: Answer) -> str:
    word = word_of(answer.address)
    names = [argument.name for argument in answer.arguments]
    if answer.items:
        return f"{word} item REQ NUMBER {' '.join(argument.name for argument in answer.items)}"
    return " ".join([word, *names[:8], *(["..."] if len(names) > 8 else [])])


def _short(text: str) -> str:
    plain = text.replace("`", "")
    return plain if len(plain) <= _LINE else plain[: plain.rfind(" ", 0, _LINE)] + " ..."
