"""Commands about MIDI controllers: midi list, midi monitor, midi learn.

They listen themselves, beside a running bridge where the system lets two programs hear one input.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence
from types import SimpleNamespace

from klustr_bridge.bridge.midi_ports import MidiPorts, PortsState
from klustr_bridge.cli.library import running_daemon
from klustr_bridge.client import Client
from klustr_bridge.errors import BridgeError, SettingsError
from klustr_bridge.midi import DEFAULT, HEARD_TYPES, Action, Controller, Decoder, Mapping, port_controller
from klustr_bridge.midi.files import add_binding, load_controllers
from klustr_bridge.midi.learning import Learner, check_target
from klustr_bridge.settings import LoadedSettings, midi_mapping_file

_LOOK_S = 10.0
_LEARN_S = 30.0


class _Ears:
    """All inputs, for as long as a command runs."""

    def __init__(self, loaded: LoadedSettings) -> None:
        self.messages: asyncio.Queue[SimpleNamespace] = asyncio.Queue()
        self.state = PortsState()
        self._looked = asyncio.Event()
        self._ports = MidiPorts(loaded.settings.midi.ports, self.messages.put_nowait, self._see, HEARD_TYPES)

    async def __aenter__(self) -> "_Ears":
        self._ports.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._looked.wait()
        if self.state.problem and not self.state.opened:
            await self._ports.stop()
            raise BridgeError(self.state.problem)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._ports.stop()

    def _see(self, state: PortsState) -> None:
        self.state = state
        if state.looked:
            self._looked.set()


def midi(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Carry out one of the actions."""
    if (namespace.action == "learn") != (namespace.target is not None):
        raise SettingsError(
            "midi learn needs what to drive: klustr-bridge midi learn x"
            if namespace.action == "learn"
            else f"midi {namespace.action} takes nothing after it, not {namespace.target!r}"
        )
    controllers = load_controllers(midi_mapping_file(loaded.settings))
    if namespace.action == "learn":
        check_target(namespace.target, namespace.cursor)
        daemon = running_daemon(loaded.settings)
        if daemon is not None:
            return _learn_through(daemon.osc_port, namespace)
        return asyncio.run(_learn(namespace, loaded))
    return asyncio.run((_list if namespace.action == "list" else _monitor)(loaded, controllers))


def _learn_through(osc_port: int, namespace: argparse.Namespace) -> int:
    """Have the running bridge learn, so that it does not act on what is moved."""
    print(f"move what is to drive {namespace.target}; the running bridge learns it", file=sys.stderr)
    with Client(port=osc_port) as client:
        client.command("/klustr/midi/learn", namespace.target, namespace.cursor, timeout=_LEARN_S)
    print(f"learned; klustr-bridge midi list says where it is written: it drives {namespace.target} now")
    return 0


async def _list(loaded: LoadedSettings, controllers: Sequence[Controller]) -> int:
    file = midi_mapping_file(loaded.settings)
    async with _Ears(loaded) as ears:
        for name in ears.state.opened:
            known = port_controller(controllers, name, DEFAULT)
            how = "as any controller" if known is DEFAULT else f"as {known.ports or 'all'} in {file}"
            print(f"{name}: understood {how}")
        others = [name for name in ears.state.present if name not in ears.state.opened]
        for name in others:
            print(f"{name}: not listened to (midi.ports)")
        if not ears.state.present:
            print("no input is connected")
    return 0


async def _monitor(loaded: LoadedSettings, controllers: Sequence[Controller]) -> int:
    decoders: dict[str, tuple[Decoder, Mapping]] = {}
    async with _Ears(loaded) as ears:
        print(
            f"listening to {', '.join(ears.state.opened) or 'nothing yet'}; Ctrl-C ends it", file=sys.stderr
        )
        loop = asyncio.get_running_loop()
        while True:
            message = await ears.messages.get()
            if message.port not in decoders:
                controller = port_controller(controllers, message.port, DEFAULT)
                decoders[message.port] = Decoder(), Mapping(controller, message.port)
            decoder, mapping = decoders[message.port]
            actions = mapping.hear(message, loop.time())
            for reading in decoder.read(message):
                print(f"{message.port}  {reading.control}  {reading.value}", flush=True)
            for action in [*actions, *mapping.due(loop.time() + 1.0)]:
                print(f"    {_told(action)}", flush=True)


async def _learn(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    file = midi_mapping_file(loaded.settings)
    learners: dict[str, Learner] = {}
    async with _Ears(loaded) as ears:
        print(f"move what is to drive {namespace.target}; Ctrl-C gives up", file=sys.stderr)
        while True:
            message = await ears.messages.get()
            found = learners.setdefault(message.port, Learner(namespace.target)).hear(message)
            if found is not None:
                break
    add_binding(file, message.port, found.fields(namespace.target, namespace.cursor))
    print(f"{found.control} of {message.port} drives {namespace.target}; written into {file}")
    return 0


def _told(action: Action) -> str:
    fields = {
        name: getattr(action, name) for name in action.__dataclass_fields__ if name not in ("key", "pads")
    }
    said = ", ".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in fields.items()
        if value != ""
    )
    return f"{type(action).__name__.lower()} {said}".strip()
