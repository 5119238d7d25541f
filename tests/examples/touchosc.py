"""TouchOSC as far as the layout's script needs it: a Lua 5.1, its functions, and the labels it writes to.

Written from TouchOSC's manual; it stands in for a program that does not run without a screen.
"""

from pathlib import Path
from typing import Any

import py2tosc
from lupa import lua51
from py2tosc import Control

LAYOUT = Path(__file__).parents[2] / "examples/touchosc/klustr.tosc"

_AROUND = """
    return function(texts, send, millis)
        self = {}
        function self:findByName(name, recursive)
            if texts[name] == nil then return nil end
            return { values = setmetatable({}, { __newindex = function(_, _, text) texts[name] = text end }) }
        end
        function sendOSC(message) send(message[1], message[2]) end
        function getMillis() return millis() end
        return function(path, ...)
            local arguments = {}
            for i = 1, select('#', ...) do arguments[i] = { value = select(i, ...) } end
            onReceiveOSC({ path, arguments }, {})
        end
    end
"""

Sent = tuple[str, tuple[object, ...]]


class Script:
    """The script of the layout, running; `sent` is what it has sent, `texts` what its labels show."""

    def __init__(self, root: Control) -> None:
        self.sent: list[Sent] = []
        self.texts = {str(c.get("name")): "" for c in _all(root) if c.control_type.value == "LABEL"}
        self.now_ms = 0.0
        self._lua: Any = lua51.LuaRuntime(unpack_returned_tuples=True)
        texts = self._lua.table_from(self.texts)
        self._texts = texts
        self._receive = self._lua.execute(_AROUND)(texts, self._send, lambda: self.now_ms)
        self._lua.execute(root.get("script"))

    def call(self, function: str, *arguments: object) -> list[Sent]:
        """Call one of the script's functions and return what it sent."""
        return self._during(lambda: self._lua.globals()[function](*arguments))

    def receive(self, address: str, *values: object) -> list[Sent]:
        """Hand it a message from the bridge and return what it sent."""
        return self._during(lambda: self._receive(address, *values))

    def shown(self, name: str) -> str:
        return str(self._texts[name])

    def captions(self, key: str) -> list[tuple[str, str]]:
        """Return name and text of the captions of one row of choices."""
        return [(name, self.shown(name)) for name in self.texts if name.startswith(f"{key} ")]

    def _during(self, action: Any) -> list[Sent]:
        before = len(self.sent)
        action()
        return self.sent[before:]

    def _send(self, path: str, arguments: Any) -> None:
        convert = {"i": int, "f": float, "s": str}
        values = [convert[argument["tag"]](argument["value"]) for argument in arguments.values()]
        self.sent.append((path, tuple(values)))


def notified(script: str, x: float) -> list[tuple[str, object]]:
    """Return what a button's own script tells the layout's script when its value becomes `x`."""
    told: list[tuple[str, object]] = []
    lua: Any = lua51.LuaRuntime(unpack_returned_tuples=True)
    lua.globals().self = lua.table_from({"values": lua.table_from({"x": x})})
    lua.globals().root = lua.table_from({"notify": lambda _root, key, value: told.append((key, value))})
    lua.execute(script)
    lua.globals().onValueChanged("x")
    lua.globals().onValueChanged("touch")
    return told


def scripts(root: Control) -> list[str]:
    """Return the scripts of the controls below the root."""
    return [str(control.get("script")) for control in _all(root)[1:] if control.has("script")]


def _all(root: Control) -> list[Control]:
    return [root, *(control for child in root.children for control in _all(child))]


def load() -> Control:
    """Return the root of the layout that is in the repository."""
    return py2tosc.load(LAYOUT).root


def osc_messages(root: Control) -> list[tuple[str, list[tuple[str, object]]]]:
    """Return the address of every OSC message of the layout, with the kind and value of its arguments."""
    messages = [m for c in _all(root) for m in c.messages if isinstance(m, py2tosc.OscMessage)]
    return [
        (
            "".join(partial.value for partial in message.path),
            [(str(partial.type), _fixed(partial)) for partial in message.arguments],
        )
        for message in messages
        if message.send and message.enabled
    ]


def _fixed(partial: py2tosc.Partial) -> object:
    convert = {"FLOAT": float, "INTEGER": int, "STRING": str}[str(partial.conversion)]
    return convert(partial.value) if str(partial.type) == "CONSTANT" else partial.value
