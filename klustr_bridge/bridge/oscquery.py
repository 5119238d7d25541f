"""The OSCQuery namespace: the command table as the JSON that OSCQuery clients browse.

This module owns what stands in a node, what a question about it is answered with, and what a client's
LISTEN and IGNORE mean. It is pure: no socket, no HTTP library, no navigator. What the proposal leaves
optional and nothing here serves yet (PATH_CHANGED, UNIT, ...) is said to be missing in HOST_INFO.

References
----------
https://github.com/Vidvox/OSCQueryProposal, third revision.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from klustr_bridge.bridge.answers import PUSHES
from klustr_bridge.bridge.vocabulary import Answer, Argument, Command

Node = dict[str, Any]

_NO_VALUE: Final = 0
_READ_ONLY: Final = 1
"""Pushes can be listened to; the last one of those that stand for a state can be read."""
_WRITE_ONLY: Final = 2
"""Commands can be sent, nothing can be read back over HTTP."""

_OF_ONE_CLIENT: Final = frozenset({"/klustr/play", "/klustr/goodbye"})
HEARABLE: Final = tuple(answer for address, answer in PUSHES.items() if address not in _OF_ONE_CLIENT)
"""The pushes that can be listened to: whoever plays a sound gets its ``/klustr/play``, and nobody else."""

_HEARABLE_ADDRESSES: Final = frozenset(answer.address for answer in HEARABLE)

_EXTENSIONS: Final = {
    "ACCESS": True,
    "VALUE": True,  # of pushes; known, and answered with 204, of commands
    "RANGE": True,
    "DESCRIPTION": True,
    "EXTENDED_TYPE": True,
    "OVERLOADS": True,
    "TAGS": False,
    "UNIT": False,
    "CRITICAL": False,
    "CLIPMODE": False,
    "HTML": False,
    "LISTEN": True,
    "PATH_CHANGED": False,
    "PATH_ADDED": False,
    "PATH_REMOVED": False,
    "PATH_RENAMED": False,
}
_ATTRIBUTES: Final = frozenset(
    {"FULL_PATH", "CONTENTS", "TYPE"} | {name for name, served in _EXTENSIONS.items() if served}
) - {"LISTEN"}  # a word of the web socket
_DESCRIPTIONS: Final = {"/": "klustr-bridge", "/klustr": "The map of sounds: move, hear, ask, narrow, keep."}


def namespace(commands: Iterable[Command], pushes: Iterable[Answer] = ()) -> dict[str, Node]:
    """Make the tree of nodes.

    TYPE is what must be sent (one word where a command takes any number); OVERLOADS holds the forms
    with optional arguments, or with a number for a word. A command without arguments has no TYPE.

    Parameters
    ----------
    commands : iterable of Command
        The command table.
    pushes : iterable of Answer
        What can be listened to.

    Returns
    -------
    dict of str to Node
        Every node, containers too, by its full path; ``/`` holds them all.
    """
    nodes: dict[str, Node] = {}
    for command in commands:
        _node(nodes, command.address).update(_method(command))
    for push in pushes:
        node = {"ACCESS": _READ_ONLY, "DESCRIPTION": push.help, **_typed(push.arguments)}
        _node(nodes, push.address).update(node)
    for path, text in _DESCRIPTIONS.items():
        if path in nodes:
            nodes[path].setdefault("DESCRIPTION", text)
    return nodes


def host_info(osc_host: str, osc_port: int, web_host: str, web_port: int) -> Node:
    """Return what ``?HOST_INFO`` is answered with.

    Parameters
    ----------
    osc_host : str
        IP address that OSC listens at.
    osc_port : int
        Its port, the same for UDP and TCP.
    web_host : str
        IP address of the web socket, where LISTEN is said.
    web_port : int
        Its port, that of HTTP.
    """
    return {
        "NAME": "klustr-bridge",
        "OSC_IP": osc_host,
        "OSC_PORT": osc_port,
        "OSC_TRANSPORT": "UDP",
        "WS_IP": web_host,
        "WS_PORT": web_port,
        "EXTENSIONS": _EXTENSIONS,
    }


def answer(
    nodes: Mapping[str, Node],
    host: Node,
    path: str,
    query: str,
    values: Mapping[str, list[Any]] | None = None,
) -> tuple[int, Node | None]:
    """Answer a question about the namespace.

    Parameters
    ----------
    nodes : mapping of str to Node
        As made by `namespace`.
    host : Node
        As made by `host_info`.
    path : str
        Full path of a node, decoded.
    query : str
        Name of one attribute, or empty for the whole node.
    values : mapping of str to list, optional
        What was pushed last, by address.

    Returns
    -------
    tuple of int and Node or None
        HTTP status: 200; 204 if the node has no such attribute; 400 for an attribute that isn't
        known or served; 404 for a path without node. The node is there with 200 only.
    """
    query = query.removesuffix("=")
    if query == "HOST_INFO":  # of the whole server, so the path doesn't matter
        return 200, host
    node = nodes.get(path)
    if node is None:
        return 404, None
    if values and path in values:
        node = {**node, "VALUE": values[path]}
    if not query:
        return 200, node
    if query not in _ATTRIBUTES:
        return 400, None
    return (200, {query: node[query]}) if query in node else (204, None)


def heard(text: str, addresses: set[str]) -> set[str]:
    """Return what a client listens to after a command of the web socket.

    Parameters
    ----------
    text : str
        Such as ``{"COMMAND": "LISTEN", "DATA": "/klustr/hit"}``.
    addresses : set of str
        What it has listened to so far.

    Returns
    -------
    set of str
        Paths that nothing is ever pushed at, and commands that nobody knows, change nothing.

    Raises
    ------
    ValueError
        If the text is not JSON of that form.
    """
    try:
        said = json.loads(text)
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None
    if not isinstance(said, dict):
        raise ValueError("an object with COMMAND and DATA is expected")
    command, path = said.get("COMMAND"), said.get("DATA")
    if not isinstance(path, str) or path not in _HEARABLE_ADDRESSES:
        return addresses
    if command == "LISTEN":
        return addresses | {path}
    return addresses - {path} if command == "IGNORE" else addresses


def _node(nodes: dict[str, Node], path: str) -> Node:
    """Find or make a node and the containers above it."""
    if (node := nodes.get(path)) is not None:
        return node
    node = nodes[path] = {"FULL_PATH": path, "ACCESS": _NO_VALUE}
    if path != "/":
        above, _, name = path.rpartition("/")
        _node(nodes, above or "/").setdefault("CONTENTS", {})[name] = node
    return node


def _method(command: Command) -> Node:
    main, *others = _forms(command.arguments)
    node: Node = {"ACCESS": _WRITE_ONLY, "DESCRIPTION": command.help, **_typed(main)}
    if overloads := [_typed(form) for form in others]:
        node["OVERLOADS"] = overloads
    return node


def _forms(arguments: tuple[Argument, ...]) -> Iterator[tuple[Argument, ...]]:
    """List the argument lists that a command takes, the plainest first."""
    n_required = sum(not argument.optional for argument in arguments)
    required = arguments[:n_required]
    yield required
    for place, argument in enumerate(required):
        if argument.numbered:
            number = replace(argument, type="i", low=0, high=len(argument.numbered) - 1, choices=())
            yield (*required[:place], number, *required[place + 1 :])
    for n_arguments in range(n_required + 1, len(arguments) + 1):
        yield arguments[:n_arguments]


def _typed(form: tuple[Argument, ...]) -> Node:
    if not form:
        return {}
    return {
        "TYPE": "".join(argument.type for argument in form),
        "RANGE": [_range(argument) for argument in form],
        "EXTENDED_TYPE": [argument.name for argument in form],
    }


def _range(argument: Argument) -> Node:
    if argument.choices:
        return {"VALS": list(argument.choices)}
    number = int if argument.type == "i" else float
    limits = {"MIN": argument.low, "MAX": argument.high}
    return {name: number(limit) for name, limit in limits.items() if limit is not None}
