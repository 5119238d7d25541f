"""What the package sends is what the daemon takes; what the daemon sends, the package passes on."""

import copy
import json
import re
from pathlib import Path

import pytest
from py2max.maxref import get_object_info

from klustr_bridge.bridge.answers import PUSHES, REPLIES
from klustr_bridge.bridge.commands import COMMANDS
from tests.max_patches.contract import (
    atoms,
    code_messages,
    code_packets,
    own_words,
    refused,
    said,
    translated,
    unrouted,
)
from tests.max_patches.max_peer import PACKAGE
from tests.max_patches.patches import Patch, boxes, class_of, levels, lines, load, patch_files

CLIENT = PACKAGE / "patchers/klustr.client.maxpat"


def faults(patch: Patch) -> list[str]:
    """What the command table has against the messages of a patch."""
    own, found, plain = own_words(), [], []
    for message in said(patch):
        if str(message[0]).startswith("/"):
            found.append(refused(message[0], message[1:]))
        elif message[0] not in own:
            plain.append(message)
    for message, answer in zip(plain, translated(plain), strict=True):
        found.append(
            f"{message}: {answer['error']}"
            if "error" in answer
            else refused(answer["address"], answer["args"])
        )
    return [fault for fault in found if fault]


@pytest.mark.peers
@pytest.mark.parametrize("path", patch_files(), ids=lambda path: path.name)
def test_the_daemon_takes_what_a_patch_says(path: Path) -> None:
    """Each message box and each prepend gives an address and arguments that the command table accepts."""
    patch = load(path)
    assert list(said(patch))
    assert faults(patch) == []


@pytest.mark.peers
def test_a_message_that_the_daemon_does_not_know_would_be_found() -> None:
    """The check can fail: a wrong word, a value out of range, one argument too many."""
    for right, wrong in (
        ("audition change", "audition sideways"),
        ("duration 0. 0.5", "duration 0. 0.5 1."),
        ("random", "randomly"),
    ):
        patch = load(PACKAGE / "extras/klustr.maxpat")
        (box,) = [box for box in boxes(patch) if box.get("text") == right]
        box["text"] = wrong
        assert len(faults(patch)) == 1
    patch = load(PACKAGE / "patchers/klustr.first-steps.maxpat")
    (box,) = [box for box in boxes(patch) if box.get("text") == "/klustr/status 1"]
    box["text"] = "/klustr/statues 1"
    assert faults(patch) == ["unknown address /klustr/statues"]


@pytest.mark.peers
def test_the_help_has_every_command() -> None:
    """Nothing can be asked of the daemon that klustr.client's help doesn't show."""
    own = own_words()
    plain = [
        message for message in said(load(PACKAGE / "help/klustr.client.maxhelp")) if message[0] not in own
    ]
    assert all(level["showontab"] for level in levels(load(PACKAGE / "help/klustr.client.maxhelp")))
    shown = {answer["address"] for answer in translated(plain)}
    assert shown == set(COMMANDS) - {"/klustr/hello", "/klustr/bye"}


def test_the_help_has_the_clients_own_messages() -> None:
    """What klustr.client takes beside the daemon's commands stands in its help, but for the clock's tick."""
    text = (PACKAGE / "making/javascript/shell_common.js").read_text(encoding="utf-8")
    own = set(re.findall(r'case "(\w+)":', text))
    shown = {message[0] for message in said(load(PACKAGE / "help/klustr.client.maxhelp"))}
    assert own - {"tick"} <= shown


def test_no_message_is_one_that_js_keeps_for_itself() -> None:
    """Js and v8 show their text at `open`, and have more such words: these never reach the code."""
    kept: set[str] = set()
    for name in ("js", "v8"):
        kept |= set((get_object_info(name) or {})["methods"]) - {"anything", "list", "bang", "int", "float"}
    assert {"open", "read", "compile"} <= kept
    words = own_words() | {address.split("/")[2] for address in COMMANDS}
    words |= set(re.findall(r"^    (\w+): ", (PACKAGE / "making/javascript/words.js").read_text(), re.M))
    assert len(words) > 60 and not words & kept


@pytest.mark.peers
def test_messages_in_the_readme_are_taken() -> None:
    """What the package's page shows as messages can be sent."""
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    shown = [atoms(message) for message in re.findall(r"^\| `([^`]+)` \|", text, re.M)]
    plain = [message for message in shown if message[0] not in own_words()]
    assert len(plain) > 5 and len(shown) == len(plain) + 1
    for message, answer in zip(plain, translated(plain), strict=True):
        assert "error" not in answer, (message, answer)


@pytest.mark.peers
def test_the_daemon_takes_what_the_code_says() -> None:
    """Each message and packet that stands in the code is accepted by the command table."""
    messages, packets = code_messages(), code_packets()
    assert len(messages) > 12 and len(packets) == 3
    for message, answer in zip(messages, translated(messages), strict=True):
        assert "error" not in answer, (message, answer)
        assert refused(answer["address"], answer["args"]) is None, message
    for packet in packets:
        assert refused(packet[0], packet[1:]) is None, packet


def test_nothing_is_sent_past_the_checks() -> None:
    """In the code, packets leave where messages were checked, and in the few places that are listed here."""
    for part in sorted((PACKAGE / "making/javascript").glob("*.js")):
        text = part.read_text(encoding="utf-8")
        sends = re.findall(r"\.send\(([^,]+),", text)
        listed = {
            '"/klustr/hello"',
            '"/klustr/ping"',
            '"/klustr/bye"',
            "address",
            "asked.address",
            "this.modes[i].address",
        }
        assert set(sends) <= (listed if part.name == "client.js" else set()), part.name


def test_addresses_in_the_code_exist() -> None:
    """What is said of single commands in the code is said of commands that there are."""
    for part in sorted((PACKAGE / "making/javascript").glob("*.js")):
        named = set(re.findall(r'"(/klustr/[a-z./]*[a-z])"', part.read_text(encoding="utf-8")))
        assert named <= {*COMMANDS, *REPLIES, *PUSHES}, part.name


def test_every_answer_and_push_comes_out_of_the_client() -> None:
    """Whatever the daemon can send has its word and its outlet in klustr.client."""
    assert unrouted(load(CLIENT)) == set()


@pytest.mark.parametrize("address", [*REPLIES, *PUSHES])
def test_an_answer_that_is_taken_out_is_missed(address: str) -> None:
    """The check can fail: without its word in the route, or without its line, each answer is reported."""
    whole = load(CLIENT)
    for mutate in (_forget, _cut):
        patch = copy.deepcopy(whole)
        mutate(patch, address)
        assert address in unrouted(patch)


def _answers(client: Patch) -> Patch:
    (box,) = [box for box in boxes(client) if box.get("text") == "p answers"]
    inner: Patch = box["patcher"]
    return inner


def _forget(client: Patch, address: str) -> None:
    (route,) = [box for box in boxes(_answers(client)) if class_of(box) == "route"]
    words = route["text"].split()
    route["text"] = " ".join(word if word != address else "/klustr/nothing" for word in words)


def _cut(client: Patch, address: str) -> None:
    inner = _answers(client)
    (route,) = [box for box in boxes(inner) if class_of(box) == "route"]
    number = route["text"].split().index(address) - 1
    cut = [line[:2] == (route["id"], number) for line in lines(inner)]
    assert cut.count(True) == 1
    inner["lines"] = [line for line, gone in zip(inner["lines"], cut, strict=True) if not gone]


def test_the_codes_table_is_the_daemons() -> None:
    """The table in the code names every command and answer, and the width of each list."""
    text = (PACKAGE / "javascript/klustr.client.js").read_text(encoding="utf-8")
    body = text[text.index("var KLUSTR_TABLE = {") :]
    rows = dict(re.findall(r'^    "(/klustr/[^"]+)": (\{.*?\}),?$', body[: body.index("\n};")], re.M))
    assert set(rows) == {*COMMANDS, *REPLIES, *PUSHES}
    for address, answer in {**REPLIES, **PUSHES}.items():
        assert json.loads(rows[address]) == {"header": len(answer.arguments), "item": len(answer.items)}
    for address, command in COMMANDS.items():
        told = json.loads(rows[address])["arguments"]
        assert [(argument["name"], argument["type"]) for argument in told] == [
            (argument.name, argument.type) for argument in command.arguments
        ]


def test_message_boxes_are_read_as_max_reads_them() -> None:
    """Quotes keep a text whole, numbers are numbers."""
    assert atoms('add "C:/My Samples" 42 0.5 -7 1.') == ["add", "C:/My Samples", 42, 0.5, -7, 1.0]
