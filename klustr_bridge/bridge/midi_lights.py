"""The lights of pads: kept to what lies on the pads, on every controller that has them.

This module owns which output shows which input's pads, and when to look whether they show the right thing.
Colours are the room `midi`'s, what lies on the pads is `midi_pads`'.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from klustr_bridge.bridge.midi_child import changed
from klustr_bridge.bridge.midi_pads import PadSounds
from klustr_bridge.errors import QueryError
from klustr_bridge.midi import Controller
from klustr_bridge.midi.bindings import names_port
from klustr_bridge.midi.lights import Lights
from klustr_bridge.midi.names import output_of
from klustr_bridge.navigator import Navigator

LOOK_S: Final = 0.1
"""Maps, filters and cursors change without telling; to compare what is laid with what is shown is quick."""


class _Lit:
    """A controller that shows its pads."""

    def __init__(self, controller: Controller, output: str) -> None:
        self.controller = controller
        self.output = output
        self.lights = Lights(controller)
        self.shown: object = None


class PadLights:
    """Lights the pads of controllers.

    Parameters
    ----------
    navigator : Navigator
        Knows the kinds of sounds.
    pads : PadSounds
        What lies on the pads.
    program : callable
        Returns the bank of pins that an input is on.
    send : callable
        Sends a message to an output, by its name.

    Attributes
    ----------
    unlit : tuple of str
        Inputs that are to have lights, and no output for them is there.
    """

    def __init__(
        self,
        navigator: Navigator,
        pads: PadSounds,
        program: Callable[[str], int],
        send: Callable[[bytes, str], None],
    ) -> None:
        self._navigator = navigator
        self._pads = pads
        self._program = program
        self._send = send
        self._lit: dict[str, _Lit] = {}
        self._outputs: tuple[str, ...] = ()
        self.unlit: tuple[str, ...] = ()
        self._timer: asyncio.TimerHandle | None = None

    def see(self, controllers: Mapping[str, Controller], outputs: Sequence[str]) -> None:
        """Take note of the inputs, how each is understood, and of the outputs there are."""
        before, self._lit = self._lit, {}
        others = set(changed(self._outputs, outputs))
        self._outputs = tuple(outputs)
        self.unlit = ()
        for port, controller in controllers.items():
            output = lights_output(port, controller, outputs)
            if output is None:
                if controller.lights:
                    self.unlit = (*self.unlit, port)
                continue
            known = before.get(port)
            is_same = known is not None and (known.controller, known.output) == (controller, output)
            if known is not None and is_same and output not in others:
                self._lit[port] = known
                continue
            if known is not None and known.output in outputs and not is_same:
                self._darken(known)
            self._lit[port] = _Lit(controller, output)
            for message in _each(controller.setup):
                self._send(message, output)
        for port in before.keys() - self._lit.keys():
            if before[port].output in outputs:
                self._darken(before[port])
        if self._lit and self._timer is None:
            self._look()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that lights are shown on."""
        return tuple(dict.fromkeys(lit.output for lit in self._lit.values()))

    def press(self, port: str, note: int, *, is_down: bool) -> None:
        """Show that a pad is down, or up again."""
        lit = self._lit.get(port)
        if lit is not None:
            self._say(lit, lit.lights.press(note, is_down=is_down))

    def stop(self) -> None:
        """Leave all pads dark."""
        for lit in self._lit.values():
            self._darken(lit)
        self._lit = {}
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Show what has changed on the pads, and come back."""
        if self._lit:
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)
        else:
            self._timer = None
        for port, lit in self._lit.items():
            laid = [self._pads.laid(pads) for pads in lit.controller.pads]
            layouts = [layout for layout in laid if layout is not None]
            if len(layouts) < len(laid):  # not yet
                continue
            pins = lit.controller.pins.get(self._program(port), {})
            state = (layouts, pins, self._navigator.corpus)
            if not _are_same(state, lit.shown):
                self._say(lit, lit.lights.lay(self._kinds(lit.controller, layouts, pins)))
                lit.shown = state

    def _kinds(
        self,
        controller: Controller,
        layouts: Sequence[Mapping[tuple[int, int], int]],
        pins: Mapping[int, str],
    ) -> dict[int, str]:
        kinds: dict[int, str] = {}
        for pads, layout in zip(controller.pads, layouts, strict=True):
            for row in range(pads.rows):
                for column in range(pads.columns):
                    kinds.setdefault(pads.note(column, row), self._kind(layout.get((column, row))))
        for note, uid in pins.items():
            try:
                kinds[note] = self._kind(self._navigator.resolve(uid))
            except QueryError:  # it is not in this library
                kinds[note] = ""
        return kinds

    def _kind(self, sound_id: int | None) -> str:
        if sound_id is None:
            return ""
        try:
            return self._navigator.kind(sound_id)
        except QueryError:  # it has gone just now
            return ""

    def _darken(self, lit: _Lit) -> None:
        self._say(lit, lit.lights.darken())

    def _say(self, lit: _Lit, messages: Sequence[bytes]) -> None:
        for message in messages:
            self._send(message, lit.output)


def lights_output(port: str, controller: Controller, outputs: Sequence[str]) -> str | None:
    """Return the name of the output where an input's pads are shown; None: nowhere."""
    if not controller.lights:
        return None
    if controller.output:
        return next((each for each in outputs if names_port(controller.output, each)), None)
    return output_of(port, outputs)


def _each(messages: bytes) -> list[bytes]:
    """Return system exclusive messages one by one."""
    return [part + b"\xf7" for part in messages.split(b"\xf7")[:-1]]


def _are_same(state: tuple[object, ...], shown: object) -> bool:
    """Whether the very same layouts of the very same map are shown: they are never changed, only replaced."""
    if not isinstance(shown, tuple):
        return False
    layouts, pins, corpus = state
    assert isinstance(layouts, list)
    return (
        pins == shown[1]
        and corpus is shown[2]
        and len(layouts) == len(shown[0])
        and all(one is other for one, other in zip(layouts, shown[0], strict=True))
    )
