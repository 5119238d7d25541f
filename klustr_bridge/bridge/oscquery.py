"""The OSCQuery namespace: the command table as the JSON that OSCQuery clients browse.

This module owns what stands in a node and what a question about it is answered with. It is pure: no
socket, no HTTP library, no navigator. What the proposal leaves optional and nothing here serves yet
(LISTEN, PATH_CHANGED, UNIT, ...) is said to be missing in HOST_INFO.

References
----------
https://github.com/Vidvox/OSCQueryProposal, third revision.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from klustr_bridge.bridge.vocabulary import Argument, Command

Node = dict[str, Any]

_NO_VALUE: Final = 0
_WRITE_ONLY: Final = 2
"""Commands can be sent, nothing can be read back over HTTP."""

_EXTENSIONS: Final = {
    "ACCESS": True,
    "VALUE": True,  # known, and answered with 204: no node is readable
    "RANGE": True,
    "DESCRIPTION": True,
    "EXTENDED_TYPE": True,
    "OVERLOADS": True,
    "TAGS": False,
    "UNIT": False,
    "CRITICAL": False,
    "CLIPMODE": False,
    "HTML": False,
    "LISTEN": False,
    "PATH_CHANGED": False,
    "PATH_ADDED": False,
    "PATH_REMOVED": False,
    "PATH_RENAMED": False,
}
_ATTRIBUTES: Final = frozenset(
    {"FULL_PATH", "CONTENTS", "TYPE"} | {name for name, served in _EXTENSIONS.items() if served}
)
_DESCRIPTIONS: Final = {"/": "klustr-bridge", "/klustr": "The map of sounds: move, hear, ask, narrow, keep."}


def namespace(commands: Iterable[Command]) -> dict[str, Node]:
    """Make the tree of nodes.

    TYPE is what must be sent (one word where a command takes any number); OVERLOADS holds the forms
    with optional arguments, or with a number for a word. A command without arguments has no TYPE.

    Parameters
    ----------
    commands : iterable of Command
        The command table.

    Returns
    -------
    dict of str to Node
        Every node, containers too, by its full path; ``/`` holds them all.
    """
    nodes: dict[str, Node] = {}
    for command in commands:
        _node(nodes, command.address).update(_method(command))
    for path, text in _DESCRIPTIONS.items():
        if path in nodes:
            nodes[path].setdefault("DESCRIPTION", text)
    return nodes


def host_info(osc_host: str, osc_port: int) -> Node:
    """Return what ``?HOST_INFO`` is answered with.

    Parameters
    ----------
    osc_host : str
        IP address that OSC listens at.
    osc_port : int
        Its port, the same for UDP and TCP.
    """
    return {
        "NAME": "klustr-bridge",
        "OSC_IP": osc_host,
        "OSC_PORT": osc_port,
        "OSC_TRANSPORT": "UDP",
        "EXTENSIONS": _EXTENSIONS,
    }


def answer(nodes: Mapping[str, Node], host: Node, path: str, query: str) -> tuple[int, Node | None]:
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
    if not query:
        return 200, node
    if query not in _ATTRIBUTES:
        return 400, None
    return (200, {query: node[query]}) if query in node else (204, None)


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
