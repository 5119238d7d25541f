"""What the examples can send: every OSC address and argument list, read out of the files themselves.

Each language has a reader of its own that takes the text of a file. What only running tells is `ANY`.
"""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from klustr_bridge.bridge.arguments import bind
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.vocabulary import Argument
from klustr_bridge.errors import QueryError


class _Any:
    def __repr__(self) -> str:
        return "ANY"


ANY = _Any()
"""A value that is known only when the example runs."""

_ADDRESS = re.compile(r"/klustr/[a-z][a-z./]*[a-z]")


class Sent(NamedTuple):
    """One message that an example can send."""

    address: str
    arguments: tuple[object, ...]


def refusal(sent: Sent) -> str:
    """Say why the command table refuses a message; empty where it takes it."""
    command = COMMANDS.get(sent.address)
    if command is None:
        return f"there is no command {sent.address}"
    last = len(command.arguments) - 1
    values = [
        _allowed(command.arguments[min(i, last)]) if value is ANY and last >= 0 else value
        for i, value in enumerate(sent.arguments)
    ]
    try:
        bind(command, tuple(values))
    except QueryError as error:
        return f"{sent.address} {sent.arguments}: {error}"
    return ""


def _allowed(argument: Argument) -> object:
    if argument.type == "s":
        return argument.choices[0] if argument.choices else "text"
    return argument.low if argument.low is not None else 0


def addresses(text: str) -> set[str]:
    """Return every command that a text names, however it does."""
    return set(_ADDRESS.findall(text)) & set(COMMANDS)


# -- what the languages have in common: calls with arguments parted by commas


def call_arguments(text: str, start: int) -> list[str]:
    """Return the arguments from `start`, just after an opening bracket, to the one that closes it."""
    parts, depth, part, quote = [], 0, "", ""
    for char in text[start:]:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            if depth == 0:
                break
            depth -= 1
        if char == "," and depth == 0 and not quote:
            parts.append(part.strip())
            part = ""
        else:
            part += char
    return [*parts, part.strip()] if part.strip() else parts


def literal(text: str) -> object:
    """Read a number, a quoted text or a symbol; everything else is ANY."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"-?\d*\.\d+", text):
        return float(text)
    if match := re.fullmatch(r"\"([^\"]*)\"|'([^']*)'|\\(\w+)", text):
        return next(group for group in match.groups() if group is not None)
    return ANY


# -- one reader for each language


def of_pd(text: str) -> Iterator[Sent]:
    """Message boxes that are whole messages, and what is connected to an oscformat with an address."""
    records = [record.removeprefix("\n") for record in re.split(r"(?<!\\);", text)]
    boxes = [record.split(" ", 4) for record in records if re.match(r"#X (?!connect|coords)", record)]
    lines = [tuple(map(int, record.split()[2:])) for record in records if record.startswith("#X connect")]
    for box in boxes:
        if box[1] == "msg" and box[4].startswith("/klustr/"):
            for message in re.split(r" \\, ", box[4]):
                address, *words = message.split(" ")
                yield Sent(address, tuple(_pd_value(word) for word in words))
    for number, box in enumerate(boxes):
        if box[1] == "obj" and box[4].startswith("oscformat klustr "):
            address = "/" + "/".join(box[4].split()[1:])
            for source, _, destination, _ in lines:
                if destination == number:
                    yield Sent(address, _pd_fed(boxes[source]))


def _pd_fed(box: list[str]) -> tuple[object, ...]:
    kind, *words = box[4].split()
    if box[1] == "msg":
        return tuple(_pd_value(word) for word in ([] if kind == "list" else [kind]) + words)
    assert kind == "pack", box
    return tuple(ANY for _ in words)


def _pd_value(word: str) -> object:
    return ANY if word.startswith("\\$") else literal(word) if re.match(r"-?[\d.]", word) else word


def of_supercollider(text: str) -> Iterator[Sent]:
    """Calls of send, mode, ask and their like, with a literal address."""
    text = re.sub(r"//.*", "", text)
    for match in re.finditer(r"\.(send|sendMsg|sendAfter|mode|ask)\(", text):
        arguments = call_arguments(text, match.end())
        at = next((i for i, argument in enumerate(arguments) if argument.startswith("'/klustr/")), None)
        if at is None:
            continue
        values = arguments[at + 1 :]
        if match[1] == "ask":  # the arguments are a list, and the class puts the request's number before it
            values = ["0", *call_arguments(values[0], 1)]
        single = [value for value in values if not value.startswith("*")]  # *kinds may be none at all
        yield Sent(arguments[at].strip("'"), tuple(literal(value) for value in single))


def methods_of_supercollider(text: str) -> dict[str, tuple[list[str], str]]:
    """Return parameters and body of each method of the class that sends a command."""
    pattern = re.compile(r"^\t(\w+) \{(?: \|([^|]*)\|)?((?:(?!^\t\w).)*)", re.M | re.S)
    methods = {}
    for name, parameters, body in pattern.findall(text):
        if "/klustr/" in body:
            names = [re.sub(r"=.*", "", p).strip() for p in (parameters or "").split(",")]
            methods[name] = ([n for n in names if n], body)
    return methods


def calls_of_supercollider(text: str, methods: dict[str, tuple[list[str], str]]) -> Iterator[Sent]:
    """What calls such as ``k.player(value)`` send, with their literal arguments put in."""
    for match in re.finditer(r"\bk\.(\w+)(\()?", text):
        if match[1] not in methods:
            continue
        given = call_arguments(text, match.end()) if match[2] else []
        yield from of_supercollider(_filled_in(*methods[match[1]], given))


def _filled_in(names: list[str], body: str, given: list[str]) -> str:
    """Put what a call gives into a method's body, in place of its parameters; not into keys and addresses."""
    if names and names[0].startswith("..."):
        return body.replace("*" + names[0].removeprefix("...").strip(), ", ".join(given))
    for name, value in zip(names, given, strict=False):
        body = re.sub(rf"(?<![\\/.\w]){name}(?![\w/'(])", lambda _, value=value: value, body)
    return body


def of_lua(text: str) -> Iterator[Sent]:
    """Calls of the script's own ``send``."""
    for match in re.finditer(r"\bsend\((?='/klustr/)", text):
        address, *values = call_arguments(text, match.end())
        yield Sent(address.strip("'"), tuple(literal(value) for value in values))


def of_oscsendfile(text: str) -> Iterator[Sent]:
    """One message a line: address, types, values."""
    for line in text.splitlines():
        address, *rest = shlex.split(line)
        convert = {"i": int, "f": float, "s": str}
        types = rest[0] if rest else ""
        yield Sent(address, tuple(convert[t](v) for t, v in zip(types, rest[1:], strict=True)))


def of_python(text: str) -> Iterator[Sent]:
    """Calls of the client's ``send``, ``request`` and ``command`` with a literal address."""
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        first = node.args[0] if node.args else None
        if not (isinstance(first, ast.Constant) and str(first.value).startswith("/klustr/")):
            continue
        if node.func.attr in ("send", "command", "request"):
            values = [a.value if isinstance(a, ast.Constant) else ANY for a in node.args[1:]]
            req = [0] if node.func.attr == "request" else []
            yield Sent(str(first.value), (*req, *values))


def of_notebook(text: str) -> Iterator[Sent]:
    """The code cells of a notebook, as Python."""
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] == "code":
            yield from of_python("".join(cell["source"]))


def of_sonic_pi(text: str) -> Iterator[Sent]:
    """Lines that begin with ``osc``."""
    for match in re.finditer(r"^\s*osc ([^#\n]*)", text, re.M):
        address, *values = call_arguments(match[1], 0)
        yield Sent(str(literal(address)), tuple(literal(value) for value in values))


def of_tidal(text: str) -> Iterator[Sent]:
    """Shapes: ``OSC "address" $ ArgList [(name, default), ...]``."""
    for address, listed in re.findall(r'OSC "([^"]+)" \$ ArgList \[([^]]*)\]', text):
        values = re.findall(r'\("\w+", (Nothing|Just \$ V[FIS] [^)]+)\)', listed)
        yield Sent(address, tuple(ANY if v == "Nothing" else literal(v.split(" ", 3)[3]) for v in values))
