"""The MIDI surface: controllers move cursors and play what lies under them.

This module owns the one client that MIDI is to the navigator, the timer of its moves, and the voices of keys
that are held. What messages mean is the room `midi`'s, which inputs are listened to is the ports'.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any, Final

from klustr_bridge.bridge.midi_child import changed
from klustr_bridge.bridge.midi_held import Begin, HeldVoices
from klustr_bridge.bridge.midi_learning import Learning
from klustr_bridge.bridge.midi_lights import PadLights
from klustr_bridge.bridge.midi_output import MidiOutput
from klustr_bridge.bridge.midi_pads import PadSounds
from klustr_bridge.bridge.midi_ports import POLL_S, MidiPorts, PortsState, describe
from klustr_bridge.clock import CLOCK_TYPES, MidiClock
from klustr_bridge.errors import KlustrError, QueryError
from klustr_bridge.midi import (
    DEFAULT,
    HEARD_TYPES,
    Action,
    Command,
    Controller,
    Hit,
    Key,
    Lift,
    Mapping,
    Move,
    Pads,
    Release,
    StopAll,
    Trigger,
    port_controller,
)
from klustr_bridge.midi.learning import Learned
from klustr_bridge.navigator import ClientState, Event, Navigator, Play
from klustr_bridge.navigator import Hit as HitEvent
from klustr_bridge.types import NATURAL

ORIGIN: Final = "midi"
_MOST_INPUTS: Final = 64

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
    controllers : sequence of Controller
        How inputs are understood: the first whose name matches; others as `DEFAULT` has it.
    virtual : str
        Name of an input of the bridge's own; empty: none.
    notes : str
        Name of an output of the bridge's own, for notes of what is played; empty: none.
    pattern : str
        The inputs to listen to: part of a name, or a pattern with ``*`` and ``?``; "" is all.
    on_change : callable
        Gets a line for people whenever what can be heard has changed.
    view : str
        The view of the map that pads move in.
    output : MidiOutput, optional
        Told which notes are held; writes clips.
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
        controllers: Sequence[Controller] = (),
        virtual: str = "",
        notes: str = "",
        pattern: str = "",
        on_change: Callable[[str], None] = lambda line: None,
        view: str = NATURAL,
        output: MidiOutput | None = None,
        backend: str = "",
        poll_s: float = POLL_S,
    ) -> None:
        self._navigator = navigator
        self._publish = publish
        self._controllers = controllers
        self._pattern = pattern
        self._notes = notes
        self._on_change = on_change
        self._client = ClientState(
            name=ORIGIN, audition="change", is_surface=True, view=view, deliver=self._deliver
        )
        self._mappings: OrderedDict[str, tuple[Controller, Mapping]] = OrderedDict()
        self._places: dict[int, tuple[float, float]] = {}
        self._pads = PadSounds(navigator, self._client)
        self._output = output
        if output is None:
            self._held = HeldVoices(navigator.stop)
        else:
            self._held = HeldVoices(navigator.stop, output.hold, output.release)
        self._down: set[Key] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._learning = Learning()
        self._clock = clock
        types = HEARD_TYPES if clock is None else HEARD_TYPES | CLOCK_TYPES
        self._ports = MidiPorts(
            pattern, self.hear, self._see, types, virtual=virtual, notes=notes, backend=backend, poll_s=poll_s
        )
        self._state = PortsState()
        self._lights = PadLights(navigator, self._pads, self._program_of, self._ports.send)
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
        self._lights.stop()
        self._pads.close()
        self._held.clear()
        for task in self._tasks:
            task.cancel()
        await self._ports.stop()

    @property
    def problem(self) -> str | None:
        """What keeps MIDI, or one of the inputs, from working, and what to do; None while all is well."""
        return self._state.problem

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the inputs that are listened to."""
        return self._state.opened

    @property
    def client(self) -> ClientState:
        """What MIDI is to the navigator."""
        return self._client

    def describe(self) -> str:
        """Say in one line what is listened to, or why nothing is and what to do."""
        line = describe(self._state, self._pattern)
        if self._lights.unlit and self._state.outputs:
            line += f"; no output for the lights of {', '.join(self._lights.unlit)} (name one: output)"
        return line

    def told(self) -> dict[str, Any]:
        """Tell for ``/status`` what is listened to and sent to, and what is wrong."""
        own = self._state.own
        outputs = [*self._lights.outputs, *(name for name in own if name == self._notes)]
        return {
            "midi": self.describe(),
            "midi_problem": self.problem,
            "midi_inputs": [*self.ports, *(name for name in own if name != self._notes)],
            "midi_outputs": outputs,
        }

    def hear(self, message: SimpleNamespace) -> None:
        """Take a message, as `MidiPorts` hands it on."""
        if self._is_stopping:
            return
        if self._clock is not None and message.type in CLOCK_TYPES:
            self._clock.hear(message.type, message.at_s, message.port, getattr(message, "pos", 0))
            return
        controller, mapping = self._mapping_of(message.port)
        actions = mapping.hear(message, time.monotonic())
        was_learning = self._learning.is_on
        if was_learning:
            self._learning.hear(message)
            mapping.forget_moves()
        self._act(controller, actions, is_silent=was_learning)
        self._arm()

    def set_controllers(self, controllers: Sequence[Controller]) -> None:
        """Understand inputs in another way from now on; cursors and fingers stay where they are."""
        if self._is_stopping:
            return
        self._controllers = controllers
        self._pads.keep(pads for controller in controllers for pads in controller.pads)
        for port, (before, mapping) in list(self._mappings.items()):
            controller = port_controller(controllers, port, DEFAULT)
            if controller != before:
                anew = Mapping(controller, port)
                anew.go_on_from(mapping)
                self._mappings[port] = controller, anew
        self._show_pads()

    def send(self, message: bytes) -> None:
        """Send a message by the bridge's own output, if there is one."""
        self._ports.send(message)

    async def learn(self, target: str) -> tuple[str, Learned]:
        """Wait for a control to be moved and return its input and what it is; nothing is played meanwhile.

        Raises
        ------
        QueryError
            As of `Learning.wait`.
        """
        return await self._learning.wait(target)

    def stop_learning(self) -> None:
        """Play again, whoever waits for a control; no error if nobody does."""
        self._learning.cancel()

    def _program_of(self, port: str) -> int:
        found = self._mappings.get(port)
        return 0 if found is None else found[1].program

    def _show_pads(self) -> None:
        """Let the lights know which controllers there are, where any has some."""
        if any(controller.lights for controller in self._controllers):
            self._ports.want_outputs()
        controllers = {port: port_controller(self._controllers, port, DEFAULT) for port in self._state.opened}
        self._lights.see(controllers, self._state.outputs)

    def _mapping_of(self, port: str) -> tuple[Controller, Mapping]:
        found = self._mappings.get(port)
        if found is None:
            controller = port_controller(self._controllers, port, DEFAULT)
            found = self._mappings[port] = controller, Mapping(controller, port)
            for cursor, (x, y) in self._places.items():
                found[1].moved(cursor, x, y)
            if len(self._mappings) > _MOST_INPUTS:
                self._let_go(next(iter(self._mappings)))
        return found

    def _see(self, state: PortsState) -> None:
        if self._is_stopping:
            return
        before, gone = self.describe(), changed(self._state.opened, state.opened)
        if state.problem and not state.opened and not state.present:  # all is lost, the own port too
            gone = list(self._mappings)
        self._state = state
        for port in gone:
            self._let_go(port)
        self._show_pads()
        if (line := self.describe()) != before:
            self._on_change(line)

    def _let_go(self, port: str) -> None:
        """End what the keys of an input hold that has gone: they can't be let go any more."""
        self._mappings.pop(port, None)
        self._down = {key for key in self._down if key.port != port}
        self._held.end_all_of(port)

    def _deliver(self, events: Sequence[Event]) -> None:
        """Pass on what comes later than the message that caused it."""
        for event in events:
            if isinstance(event, Play):
                self._held.has_begun(event.voice)
        self._tell(events)

    def _tell(self, events: Sequence[Event]) -> None:
        if not self._is_stopping:
            try:
                self._publish(events)
            except Exception:
                _log.exception("what was played could not be told")

    def _flush(self) -> None:
        self._timer = None
        for controller, mapping in list(self._mappings.values()):
            self._act(controller, mapping.due(time.monotonic()), is_silent=self._learning.is_on)
        self._arm()

    def _arm(self) -> None:
        """Come back when a lone X or Y has waited long enough."""
        due = [mapping.due_s for _, mapping in self._mappings.values()]
        due_s = min((each for each in due if each is not None), default=None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_s is not None:
            delay_s = max(0.0, due_s - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._flush)

    def _act(self, controller: Controller, actions: Sequence[Action], *, is_silent: bool) -> None:
        """Carry out what a controller asks for; of what it asks silently only what ends something."""
        for action in actions:
            if is_silent and not isinstance(action, Release | Lift):
                continue
            if isinstance(action, Hit | Release):
                self._lights.press(action.key.port, action.key.number, is_down=isinstance(action, Hit))
            try:
                events = self._carry_out(controller, action)
                self._share(action, events)
                if events:
                    self._publish(events)
            except QueryError as error:  # no map yet: a controller has nowhere to read that
                _log.debug("%s: %s", action, error)
            except Exception:
                _log.exception("the MIDI action %s failed", action)

    def _carry_out(self, controller: Controller, action: Action) -> list[Event]:
        match action:
            case Move(x, y, cursor):
                return self._navigator.move(self._client, x, y, cursor, origin=ORIGIN)
            case Trigger(x, y, velocity, cursor, key):
                trigger, client = self._navigator.trigger_xy, self._client
                return self._begin(
                    controller,
                    key,
                    lambda voice: trigger(client, x, y, velocity, cursor, ORIGIN, voice),
                )
            case Hit():
                return self._hit(controller, action)
            case Release(key):
                self._down.discard(key)
                self._held.end(key)
            case Lift(cursor):
                self._navigator.lift(self._client, cursor)
            case StopAll():
                self._held.clear()
                self._pads.forget_hits()
                self._navigator.stop()
            case Command():
                return self._command(action)
        return []

    def _all_pads(self) -> list[Pads]:
        return [pads for controller, _ in self._mappings.values() for pads in controller.pads]

    def _share(self, action: Action, events: Sequence[Event]) -> None:
        """Let all inputs, and pads over its neighbourhood, know where a cursor is now."""
        places: list[tuple[int, float, float]] = []
        if isinstance(action, Move | Trigger):
            places.append((action.cursor, action.x, action.y))
        elif isinstance(action, Command):
            places += [(event.cursor, event.x, event.y) for event in events if isinstance(event, HitEvent)]
        for cursor, x, y in places:
            self._places[cursor] = x, y
            for _, mapping in self._mappings.values():
                mapping.moved(cursor, x, y)
            if cursor == 0:
                self._pads.moved(x, y, self._all_pads())

    def _begin(self, controller: Controller, key: Key | None, begin: Begin) -> list[Event]:
        """Begin a sound; with a gate it ends with its key."""
        return self._held.begin(key if controller.gate else None, begin)

    def _hit(self, controller: Controller, hit: Hit) -> list[Event]:
        if hit.pads is None:
            return self._play_hit(controller, hit, self._navigator.resolve(hit.uid))
        self._down.add(hit.key)

        def play(sound_id: int) -> None:
            if controller.gate and hit.key not in self._down:  # let go before the pads were laid out
                return
            try:
                self._tell(self._play_hit(controller, hit, sound_id))
            except QueryError as error:  # it has gone meanwhile
                _log.debug("%s: %s", hit, error)

        self._pads.at(hit.pads, hit.column, hit.row, play)
        return []

    def _play_hit(self, controller: Controller, hit: Hit, sound_id: int) -> list[Event]:
        trigger, client = self._navigator.trigger, self._client
        return self._begin(
            controller, hit.key, lambda voice: trigger(client, sound_id, hit.velocity, on_voice=voice)
        )

    def _command(self, command: Command) -> list[Event]:
        navigator, client = self._navigator, self._client
        match command.name:
            case "random":
                return navigator.random(client, command.cursor, origin=ORIGIN)
            case "clear":
                navigator.clear_filters(client)
            case "kind":
                is_on = client.filters.kinds == frozenset({command.argument})
                navigator.filter_kinds(client, [] if is_on else [command.argument])
            case "audition":
                navigator.set_audition(client, command.argument)
            case "quantise":
                navigator.set_quantise(client, command.argument)
            case "view":
                navigator.set_view(client, command.argument)
            case "relayout":
                self._later(navigator.relayout())
            case "clip":
                if self._output is not None:
                    self._later(self._output.clip(int(command.argument)))
            case "favourite":
                sound_id = client.cursors.get(command.cursor)
                if sound_id is not None:
                    self._later(navigator.set_favourite(sound_id, not navigator.info(sound_id).favourite))
        return []

    def _later(self, work: Awaitable[object]) -> None:
        """Let the librarian do something; what goes wrong is only noted."""

        async def do() -> None:
            try:
                await work
            except KlustrError as error:
                _log.warning("MIDI: %s", error)

        task = asyncio.ensure_future(do())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
