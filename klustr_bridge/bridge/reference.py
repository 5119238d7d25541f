"""The written reference of the protocol, made from the command table.

This module owns the layout of that page and no fact of the protocol beyond the rules that hold for
every command.
"""

from itertools import groupby
from typing import Final

from klustr_bridge.bridge.answers import PUSHES, REPLIES
from klustr_bridge.bridge.codec import MAX_ATOMS, MAX_BUNDLE_DEPTH, MAX_BUNDLE_MESSAGES, MAX_PACKET
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.framing import MAX_FRAME
from klustr_bridge.bridge.schedule import HORIZON_S
from klustr_bridge.bridge.session import (
    FAILS_A_SECOND,
    FAILS_BURST,
    LEASE_S,
    MAX_STRANGERS,
    MAX_SUBSCRIBERS,
)
from klustr_bridge.bridge.vocabulary import FAIL_CODES, PROTOCOL, Answer, Argument, Command

_INTRODUCTION: Final = f"""\
# The OSC protocol, version {PROTOCOL}

<!-- Made from the command table (klustr_bridge/bridge/commands.py); do not edit by hand. -->

UDP and TCP on the same port, 7475 unless set otherwise, for programs on the same machine, and with `--lan`
for those of the network, within [bounds](http.md#a-phone-or-tablet). Over TCP,
packets are framed by a length prefix or by SLIP, told apart by the first byte; a packet has at most
{MAX_FRAME:,} bytes. The web sockets of the HTTP port take the same commands, as OSC or as JSON: see
[http.md](http.md).

## Rules

* The bridge sends the types `i`, `f` and `s` only. It takes a number as `i` or `f` (also `d`, `h`, `T`,
  `F`) wherever one is declared, and a number where a text is declared. A whole number must be whole
  and in range; nothing may be NaN or infinite.
* Coordinates are 0..1, (0, 0) at the lower left. Durations are seconds. Velocities are 0..1.
* `id` is a positive int32, unique for ever within a library. `uid` is made from the audio itself and
  is the same on every machine.
* `req` is a number of your choice; the answer carries it back.
* A packet has at most {MAX_PACKET:,} bytes. Lists come in parts: `i req, i part, i parts, i n` and then
  `n` entries; `part` counts from 1 to `parts`, and `n` is the number of entries in that packet. A
  packet holds at most {MAX_ATOMS} values of a list: {MAX_ATOMS // 4} quadruples, {MAX_ATOMS // 3} triples.
  An empty list is one packet: part 1 of 1, n = 0.
* A string that fits no packet gets `fail ... toobig`; nothing is cut short silently.
* A path that is not valid UTF-8 is written with each such byte, and each literal backslash, as `\\xNN`,
  and is taken back that way. On Windows paths are written with `/`; both separators are taken.
* What can't be done is answered by `/klustr/fail`, at most {FAILS_BURST:.0f} at once
  and {FAILS_A_SECOND:.0f} a second to each client. Codes: {", ".join(f"`{code}`" for code in FAIL_CODES)}.
  Packets that are not OSC are counted in `/klustr/health`, never answered; so are the bridge's own
  answers when they come back to it.
* Bundles are unpacked in order, {MAX_BUNDLE_DEPTH} deep and {MAX_BUNDLE_MESSAGES} messages long at most.
  A time tag in the past or "immediately" runs at once; one up to {HORIZON_S:.0f} s ahead waits for its time.

## Who gets the answer

Answers go to the address and port that a request came from, or back on its TCP connection. A program
that listens elsewhere, as Max does, first says `/klustr/hello`: from then on answers go to the port
named there, at the sender's own IP address always. Hello also subscribes to pushes, until {LEASE_S:.0f} s
after the client's last packet; send `/klustr/ping` now and then. (A web socket's lasts as long as the
socket.) At most {MAX_SUBSCRIBERS} subscriptions
live at a time; one that names the same destination as an older one replaces it. Of clients that never said
hello, filters and modes are kept for the {MAX_STRANGERS} that were heard last.

`/klustr/hit` goes to every subscriber. `/klustr/play` goes only to the client whose action caused it,
so that two devices in one Live Set never both sound; play it yourself if you asked for
`/klustr/player client` or `both`. What MIDI plays is sounded by the bridge, or by the one subscriber that
last asked for `/klustr/player client`, which then gets its `/klustr/play`; what the map page plays likewise,
unless the page has asked for `/klustr/player client` itself. Cursors, audition mode, player,
filters and weights belong to the client, favourites and kinds to the library.

Other machines get `denied` for what is "only from this machine". Their `/klustr/play` names the file without
its folder, their `/klustr/player client` is for their own plays, and `/klustr/error` does not go there.
"""


def render() -> str:
    """Render the page.

    Returns
    -------
    str
        Markdown, ends with a newline.
    """
    parts = [_INTRODUCTION, "\n## Commands\n"]
    for group, commands in groupby(COMMANDS.values(), key=lambda command: command.group):
        parts.append(f"\n### {group}\n\n")
        parts.append("| address | arguments | answer | |\n|---|---|---|---|\n")
        parts.extend(_command_row(command) for command in commands)
    for title, answers in (("Answers", REPLIES), ("Pushes", PUSHES)):
        parts.append(f"\n## {title}\n\n| address | arguments | |\n|---|---|---|\n")
        parts.extend(_answer_row(answer) for answer in answers.values())
    return "".join(parts)


def _command_row(command: Command) -> str:
    reply = f"`{command.reply}`" if command.reply else ""
    return f"| `{command.address}` | {_arguments(command.arguments)} | {reply} | {command.help} |\n"


def _answer_row(answer: Answer) -> str:
    listed = f"({_arguments(answer.items)})\\*" if answer.items else ""
    arguments = ", ".join(part for part in (_arguments(answer.arguments), listed) if part)
    return f"| `{answer.address}` | {arguments} | {answer.help} |\n"


def _arguments(arguments: tuple[Argument, ...]) -> str:
    return ", ".join(_argument(argument) for argument in arguments)


def _argument(argument: Argument) -> str:
    text = f"`{argument.type} {argument.name}`"
    if argument.repeated:
        text += " ..."
    limits = _limits(argument)
    if limits:
        text += f" ({limits})"
    return f"[{text}]" if argument.optional or argument.repeated else text


def _limits(argument: Argument) -> str:
    if argument.choices:
        numbers = "".join(f", {word} = {i}" for i, word in enumerate(argument.numbered))
        return " ".join(argument.choices) + numbers
    unit = f" {argument.unit}" if argument.unit else ""
    if argument.high is not None:
        return f"{argument.low:g}..{argument.high:g}{unit}"
    if argument.low is not None and argument.name not in ("id", "n", "part", "parts"):
        return f"from {argument.low:g}{unit}"
    return unit.strip()


if __name__ == "__main__":
    print(render(), end="")
