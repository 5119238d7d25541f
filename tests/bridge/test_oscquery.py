"""The OSCQuery namespace agrees with the command table, and questions about it with the proposal."""

import json
from typing import Any

import pytest

from klustr_bridge.bridge.arguments import bind
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.oscquery import HEARABLE, answer, heard, host_info, namespace
from klustr_bridge.bridge.vocabulary import MAX_CURSOR, MAX_K
from klustr_bridge.errors import QueryError
from klustr_bridge.sound.kinds import KINDS

NODES = namespace(COMMANDS.values(), HEARABLE)
HOST = host_info("127.0.0.1", 7475, "127.0.0.1", 7477)
ATTRIBUTES = {
    "FULL_PATH",
    "CONTENTS",
    "TYPE",
    "ACCESS",
    "RANGE",
    "DESCRIPTION",
    "EXTENDED_TYPE",
    "OVERLOADS",
}


def lowest(kind: str, limits: dict[str, Any]) -> Any:
    if "VALS" in limits:
        return limits["VALS"][0]
    return limits.get("MIN", {"i": 1, "f": 0.0, "s": "/some/text"}[kind])


def highest(kind: str, limits: dict[str, Any]) -> Any:
    if "VALS" in limits:
        return limits["VALS"][-1]
    return limits.get("MAX", lowest(kind, limits))


@pytest.mark.parametrize("address", sorted(COMMANDS))
def test_a_command_can_be_sent_as_its_node_says(address: str) -> None:
    """Every form that the node names is taken at both ends of its ranges, and refused beyond them."""
    command, node = COMMANDS[address], NODES[address]
    assert node["FULL_PATH"] == address
    assert node["ACCESS"] == 2
    assert node["DESCRIPTION"] == command.help
    assert set(node) <= ATTRIBUTES
    n_required = sum(not argument.optional for argument in command.arguments)
    assert node.get("TYPE", "") == "".join(argument.type for argument in command.arguments[:n_required])
    forms = [node] if n_required else []
    forms += node.get("OVERLOADS", [])
    assert max((len(form["TYPE"]) for form in forms), default=0) == len(command.arguments)
    for form in forms:
        kinds, ranges = form["TYPE"], form["RANGE"]
        assert len(kinds) == len(ranges) == len(form["EXTENDED_TYPE"])
        low = [lowest(kind, limits) for kind, limits in zip(kinds, ranges, strict=True)]
        high = [highest(kind, limits) for kind, limits in zip(kinds, ranges, strict=True)]
        for values in (low, high):
            assert all(
                type(value) is {"i": int, "f": float, "s": str}[kind]
                for kind, value in zip(kinds, values, strict=True)
            )
            bind(command, tuple(values))
        for place, limits in enumerate(ranges):
            beyond = [limits["MIN"] - 1] if "MIN" in limits else []
            beyond += [limits["MAX"] + 1] if "MAX" in limits else []
            beyond += ["no such word"] if "VALS" in limits else []
            for value in beyond:
                with pytest.raises(QueryError):
                    bind(command, (*low[:place], value, *low[place + 1 :]))


def test_some_nodes_in_full() -> None:
    """A move is two floats and maybe a cursor; a mode is a word or a number; a goodbye takes nothing."""
    place = {"MIN": 0.0, "MAX": 1.0}
    assert NODES["/klustr/xy"]["TYPE"] == "ff"
    assert NODES["/klustr/xy"]["RANGE"] == [place, place]
    assert NODES["/klustr/xy"]["OVERLOADS"] == [
        {
            "TYPE": "ffi",
            "RANGE": [place, place, {"MIN": 0, "MAX": MAX_CURSOR}],
            "EXTENDED_TYPE": ["x", "y", "cursor"],
        }
    ]
    assert NODES["/klustr/near/xy"]["TYPE"] == "iffi"
    assert NODES["/klustr/near/xy"]["RANGE"] == [{}, place, place, {"MIN": 1, "MAX": MAX_K}]
    assert NODES["/klustr/audition"]["OVERLOADS"][0]["RANGE"] == [{"MIN": 0, "MAX": 1}]
    assert NODES["/klustr/filter/kind"]["RANGE"] == [{"VALS": list(KINDS)}]
    assert not {"TYPE", "RANGE", "OVERLOADS", "CONTENTS"} & set(NODES["/klustr/bye"])
    assert [form["TYPE"] for form in NODES["/klustr/stop"]["OVERLOADS"]] == ["i"]


def test_the_root_holds_every_command() -> None:
    """Walking CONTENTS from the root finds each command and push once, at its own path, as JSON."""
    found = []

    def walk(node: dict[str, Any], path: str) -> None:
        assert node["FULL_PATH"] == (path or "/")
        if node["ACCESS"]:
            found.append(path)
        for name, child in node.get("CONTENTS", {}).items():
            walk(child, f"{path}/{name}")

    walk(json.loads(json.dumps(NODES["/"], allow_nan=False)), "")
    assert sorted(found) == sorted([*COMMANDS, *(push.address for push in HEARABLE)])
    assert NODES["/klustr/trigger"]["TYPE"] == "i"
    assert NODES["/klustr/trigger"]["CONTENTS"]["xy"] is NODES["/klustr/trigger/xy"]
    assert NODES["/klustr/near"]["ACCESS"] == 0


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/klustr/xy", "VALUE", 204),  # a known attribute, but nothing can be read
        ("/klustr/near", "RANGE", 204),
        ("/klustr/bye", "TYPE", 204),
        ("/klustr/epoch", "VALUE", 204),
        ("/klustr/xy", "LISTEN", 400),
        ("/klustr/xy", "HTML", 400),
        ("/klustr/xy", "CLIPMODE", 400),
        ("/klustr/xy", "description", 400),
        ("/klustr/xy", "TYPE&RANGE", 400),
        ("/klustr/xy", "NONSENSE", 400),
        ("/klustr/nothing", "", 404),
        ("/klustr/nothing", "TYPE", 404),
        ("/klustr/xy/", "", 404),
        ("", "", 404),
        ("//", "", 404),
        ("/klustr/../klustr/xy", "", 404),
        ("/etc/passwd", "", 404),
    ],
)
def test_what_is_not_there_has_its_code(path: str, query: str, code: int) -> None:
    """204 for an attribute the node lacks, 400 for one that isn't served, 404 for no such address."""
    assert answer(NODES, HOST, path, query) == (code, None)


def test_one_attribute_alone() -> None:
    """An attribute named in the query is all that comes back."""
    assert answer(NODES, HOST, "/klustr/xy", "TYPE") == (200, {"TYPE": "ff"})
    assert answer(NODES, HOST, "/klustr/xy", "TYPE=") == (200, {"TYPE": "ff"})
    assert answer(NODES, HOST, "/klustr/xy", "FULL_PATH") == (200, {"FULL_PATH": "/klustr/xy"})


@pytest.mark.parametrize("path", ["/", "/klustr/xy", "/nowhere"])
def test_host_info_at_any_path(path: str) -> None:
    """It names where OSC listens, and promises only what is served."""
    code, host = answer(NODES, HOST, path, "HOST_INFO")
    assert code == 200
    assert host is not None
    assert (host["OSC_IP"], host["OSC_PORT"], host["OSC_TRANSPORT"]) == ("127.0.0.1", 7475, "UDP")
    assert (host["WS_IP"], host["WS_PORT"]) == ("127.0.0.1", 7477)
    assert host["EXTENSIONS"]["LISTEN"]
    for name, served in host["EXTENSIONS"].items():
        if name == "LISTEN":  # said over the web socket
            continue
        assert (answer(NODES, HOST, "/klustr/xy", name)[0] in (200, 204)) == served, name


def test_a_push_can_be_read_and_listened_to() -> None:
    """Its node has the types of what is pushed; VALUE is there once something was."""
    node = NODES["/klustr/hit"]
    assert (node["ACCESS"], node["TYPE"]) == (1, "iifffs")
    assert answer(NODES, HOST, "/klustr/hit", "VALUE", {}) == (204, None)
    values = {"/klustr/hit": [0, 7, 0.5, 0.5, 0.0, "osc"]}
    assert answer(NODES, HOST, "/klustr/hit", "VALUE", values) == (200, {"VALUE": values["/klustr/hit"]})
    assert answer(NODES, HOST, "/klustr/hit", "", values) == (200, {**node, "VALUE": values["/klustr/hit"]})
    assert "/klustr/play" not in NODES  # goes to the client that caused it, and to nobody else


def test_listen_and_ignore() -> None:
    """A path is listened to until it is ignored; what nothing is pushed at changes nothing."""
    hit = heard('{"COMMAND": "LISTEN", "DATA": "/klustr/hit"}', set())
    assert hit == {"/klustr/hit"}
    both = heard('{"COMMAND": "LISTEN", "DATA": "/klustr/beat"}', hit)
    assert both == {"/klustr/hit", "/klustr/beat"}
    assert heard('{"COMMAND": "IGNORE", "DATA": "/klustr/hit"}', both) == {"/klustr/beat"}
    for text in (
        '{"COMMAND": "LISTEN", "DATA": "/klustr/xy"}',
        '{"COMMAND": "LISTEN", "DATA": "/klustr/play"}',
        '{"COMMAND": "LISTEN", "DATA": ["/klustr/beat"]}',
        '{"COMMAND": "START_CHAOS", "DATA": "/klustr/beat"}',
        '{"COMMAND": "LISTEN"}',
        "{}",
    ):
        assert heard(text, hit) == hit, text


@pytest.mark.parametrize("text", ["", "LISTEN", "[]", "17", '{"COMMAND": ', "[" * 50_000])
def test_what_is_no_command_of_the_web_socket(text: str) -> None:
    """Anything but a JSON object is refused."""
    with pytest.raises(ValueError):
        heard(text, set())
