"""The MIDI surface: a controller moves the cursor and plays what lies under it.

This module owns the one client that MIDI is to the navigator, and the timer of its moves. What
messages mean is the mapping's, which inputs are listened to is the ports'.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Final

from klustr_bridge.bridge.midi_mapping import (
    HEARD_TYPES,
    Action,
    Lift,
    MidiMapping,
    Move,
    StopAll,
    Trigger,
)
from klustr_bridge.bridge.midi_ports import POLL_S, MidiPorts, PortsState, describe
from klustr_bridge.clock import CLOCK_TYPES, MidiClock
from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import ClientState, Event, Navigator
from klustr_bridge.types import NATURAL

ORIGIN: Final = "midi"

_log = logging.getLogger(__name__)


class MidiInput:
    """Listens to the MIDI inputs of this machine.

    A hand on a pad expects to hear what it touches: audition is ``change``, and the bridge's own
    player sounds it, or the OSC client that asked to. The MIDI system is kept in a process of its
    own, where it may hang or crash.

    Parameters
    ----------
    navigator : Navigator
        Moved and played.
    publish : callable
        Gets what each action caused, in order.
    clock : MidiClock, optional
        Gets the messages that make a beat.
    pattern : str
        The inputs to listen to: part of a name, or a pattern with ``*`` and ``?``; "" is all.
    on_change : callable
        Gets a line for people whenever what can be heard has changed.
    view : str
        The view of the map that pads move in.
    backend : str
        A backend of mido, such as ``mido.backends.rtmidi/UNIX_JACK``; "" for mido's own choice.
    poll_s : float
        How often to look for inputs that came or went, seconds.
    """

    def __init__(
        self,
        navigator: Navigator,
        publish: Callable[[Sequence[Event]], None],
        *,
        clock: MidiClock | None = None,
        pattern: str = "",
        on_change: Callable[[str], None] = lambda line: None,
        view: str = NATURAL,
        backend: str = "",
        poll_s: float = POLL_S,
    ) -> None:
        self._navigator = navigator
        self._publish = publish
        self._pattern = pattern
        self._on_change = on_change
        self._client = ClientState(
            name=ORIGIN, audition="change", is_surface=True, view=view, deliver=self._deliver
        )
        self._mapping = MidiMapping()
        self._clock = clock
        types = HEARD_TYPES if clock is None else HEARD_TYPES | CLOCK_TYPES
        self._ports = MidiPorts(pattern, self._hear, self._see, types, backend=backend, poll_s=poll_s)
        self._state = PortsState()
        self._timer: asyncio.TimerHandle | None = None
        self._is_stopping = False

    def start(self) -> None:
        """Start to listen; returns at once, inputs are looked for in the background."""
        self._ports.start()

    async def stop(self) -> None:
        """Stop listening; takes a few seconds at most, even if the MIDI system hangs."""
        self._is_stopping = True
        if self._timer is not None:
            self._timer.cancel()
        await self._ports.stop()

    @property
    def problem(self) -> str | None:
        """What keeps MIDI, or one of the inputs, from working, and what to do; None while all is well."""
        return self._state.problem

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the inputs that are listened to."""
        return self._state.opened

    def describe(self) -> str:
        """Say in one line what is listened to, or why nothing is and what to do."""
        return describe(self._state, self._pattern)

    def _see(self, state: PortsState) -> None:
        if self._is_stopping:
            return
        before, self._state = self.describe(), state
        if (line := self.describe()) != before:
            self._on_change(line)

    def _hear(self, message: SimpleNamespace) -> None:
        if self._is_stopping:
            return
        if self._clock is not None and message.type in CLOCK_TYPES:
            self._clock.hear(message.type, message.at_s, message.port, getattr(message, "pos", 0))
        else:
            self._act(self._mapping.hear(message, time.monotonic()))
            self._arm()

    def _deliver(self, events: Sequence[Event]) -> None:
        """Pass on what comes later than the message that caused it."""
        if not self._is_stopping:
            try:
                self._publish(events)
            except Exception:
                _log.exception("what was played could not be told")

    def _flush(self) -> None:
        self._timer = None
        self._act(self._mapping.due(time.monotonic()))
        self._arm()

    def _arm(self) -> None:
        """Come back when a lone X or Y has waited long enough."""
        due_s = self._mapping.due_s
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_s is not None:
            delay_s = max(0.0, due_s - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._flush)

    def _act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            try:
                events = self._carry_out(action)
                if events:
                    self._publish(events)
            except QueryError as error:  # no map yet: a controller has nowhere to read that
                _log.debug("%s: %s", action, error)
            except Exception:
                _log.exception("the MIDI action %s failed", action)

    def _carry_out(self, action: Action) -> list[Event]:
        match action:
            case Move(x, y):
                return self._navigator.move(self._client, x, y, origin=ORIGIN)
            case Trigger(x, y, velocity):
                return self._navigator.trigger_xy(self._client, x, y, velocity, origin=ORIGIN)
            case Lift():
                self._navigator.lift(self._client)
            case StopAll():
                self._navigator.stop()
        return []
