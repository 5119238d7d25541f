"""What patches and code can send, and which answers they take: extracted from the files as they are."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from klustr_bridge.bridge.answers import PUSHES, REPLIES
from klustr_bridge.bridge.arguments import bind
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.errors import QueryError
from tests.max_patches.max_peer import PACKAGE, node
from tests.max_patches.patches import Box, Patch, boxes, class_of, levels, lines

PARTS = PACKAGE / "making" / "javascript"
Words = list[Any]

_SAMPLES: dict[str, Words] = {
    "pak 0. 0.": [0.3, 0.7],
    "route xy points": [0.3, 0.7],
    "int": [42],
    "flonum": [0.5],
    "toggle": [1],
    "route all": ["kick"],
    "dropfile": ["C:/My Samples/kick.wav"],
    "unpack 0 0": [42],
    "unpack 0 0 0. 0. 0. s": [42],
}
"""What comes from the box before a ``prepend``, by its text or class."""

_VALUES: dict[str, Any] = {
    "sound.id": 42,
    "neighbour.id": 42,
    "this.current.id": 42,
    "id": 42,
    "sound.uid": "r2qw7nbq756vcoax",
    "x": 0.3,
    "y": 0.7,
    "velocity": 1,
    "0.8": 0.8,
    "8": 8,
    "velocity / 127": 0.5,
    'klustrFromMaxPath(args.join(" "))': "C:/My Samples/kick.wav",
    "me.client.count": 16,
}
"""What stands for the variables of the code's own messages."""


def atoms(text: str) -> Words:
    """Return a message box's text as Max reads it: quoted texts whole, numbers as numbers."""
    return [_atom(word) for word in shlex.split(text.replace("\\", "\\\\"))]


def _atom(word: str) -> Any:
    if re.fullmatch(r"-?\d+", word):
        return int(word)
    return float(word) if re.fullmatch(r"-?\d*\.\d*", word) and word != "." else word


def said(patch: Patch) -> Iterator[Words]:
    """Every message of a patch that goes to the bridge, or to code that talks to it."""
    for level in levels(patch):
        by_id = {box["id"]: box for box in boxes(level)}
        for source, _, destination, inlet in lines(level):
            if not _is_listener(by_id[destination]) or inlet:
                continue
            box = by_id[source]
            if box["maxclass"] == "message":
                for text in str(box["text"]).split(","):
                    yield atoms(text)
            elif class_of(box) == "prepend":
                yield from _prepended(level, by_id, box)
            else:
                assert class_of(box) in ("js", "v8", "udpreceive", "receive", "inlet"), box


def _is_listener(box: Box) -> bool:
    return class_of(box) in ("udpsend", "klustr.client", "js", "v8") or box.get("text") == "send klustr.help"


def _prepended(level: Patch, by_id: dict[str, Box], prepend: Box) -> Iterator[Words]:
    head = atoms(prepend["text"].removeprefix("prepend "))
    sources = [by_id[source] for source, _, destination, _ in lines(level) if destination == prepend["id"]]
    assert sources, prepend
    for source in sources:
        text = str(source.get("text") or source["maxclass"])
        yield [*head, *(_SAMPLES.get(text, []))]


def own_words() -> set[str]:
    """The messages that the code takes for itself."""
    found = set()
    for part in PARTS.glob("*.js"):
        found |= set(re.findall(r'case "(\w+)":', part.read_text(encoding="utf-8")))
    return found


def code_messages() -> list[Words]:
    """Every message in plain words that the code says by itself."""
    found = []
    for part in sorted(PARTS.glob("*.js")):
        text = part.read_text(encoding="utf-8")
        for inner in re.findall(r"\.(?:say|ask)\(\[(.*?)\](?:,|\)|\.concat)", text):
            if inner != "messagename":
                found.append([_value(word) for word in _split(inner)])
    return found


def code_packets() -> list[Words]:
    """Every packet that the code sends by its address."""
    found = []
    for part in sorted(PARTS.glob("*.js")):
        text = part.read_text(encoding="utf-8")
        for address, inner in re.findall(r'\.send\("(/klustr/\w+)", \[(.*?)\]\)', text):
            values: dict[str, Any] = {"client.name": "Max", "port": 7476, "req": -7}
            found.append([address, *(values[word] for word in _split(inner))])
    return found


def _split(inner: str) -> list[str]:
    return [word.strip() for word in re.split(r",\s*(?![^(]*\))", inner) if word.strip()]


def _value(word: str) -> Any:
    return word.strip('"') if word.startswith('"') else _VALUES[word]


def translated(messages: list[Words]) -> list[dict[str, Any]]:
    """Ask the package's own code what it sends for messages in plain words."""
    done = subprocess.run(
        [
            node(),
            str(Path(__file__).with_name("translate.js")),
            str(PACKAGE / "javascript" / "klustr.client.js"),
        ],
        input=json.dumps(messages),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        check=True,
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def refused(address: str, arguments: Words) -> str | None:
    """Return what the command table has against a packet, None where it takes it."""
    if address not in COMMANDS:
        return f"unknown address {address}"
    try:
        bind(COMMANDS[address], tuple(arguments))
    except QueryError as error:
        return str(error)
    return None


def unrouted(client: Patch) -> set[str]:
    """Return the answers and pushes that klustr.client has no way out for."""
    return {address for address in (*REPLIES, *PUSHES) if not _comes_out(client, address)}


def _comes_out(client: Patch, address: str) -> bool:
    """Follow an answer from the code through ``p answers`` to an outlet of klustr.client."""
    code = next(box for box in boxes(client) if class_of(box) == "js")
    answers = next(box for box in boxes(client) if box.get("text") == "p answers")
    outer = set(lines(client))
    if (code["id"], 2, answers["id"], 0) not in outer:
        return False
    inner = answers["patcher"]
    by_id = {box["id"]: box for box in boxes(inner)}
    route = next(box for box in boxes(inner) if class_of(box) == "route")
    addresses = route["text"].split()[1:]
    if address not in addresses:
        return False
    word = address.removeprefix("/klustr/").removesuffix(".reply")
    outlet = 2 if address in PUSHES else 1
    ends = [box["id"] for box in boxes(client) if box["maxclass"] == "outlet" and box["index"] == outlet]
    if (answers["id"], outlet - 1, ends[0], 0) not in outer:
        return False
    for source, number, named, _ in lines(inner):
        if source == route["id"] and number == addresses.index(address):
            box = by_id[named]
            if box.get("text") == f"prepend {word}":
                targets = [by_id[to] for start, _, to, _ in lines(inner) if start == named]
                return any(to["maxclass"] == "outlet" and to["index"] == outlet for to in targets)
    return False
