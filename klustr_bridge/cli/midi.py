"""Commands about MIDI controllers: midi list, midi monitor, midi learn, midi clip.

All but the last listen themselves, beside a running bridge where the system lets two programs hear one input.
"""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from klustr_bridge.bridge.midi_commands import CANCEL
from klustr_bridge.bridge.midi_lights import lights_output
from klustr_bridge.bridge.midi_ports import DO_WITHOUT, MidiPorts, PortsState
from klustr_bridge.cli.library import running_daemon
from klustr_bridge.client import Client
from klustr_bridge.errors import BridgeError, SettingsError
from klustr_bridge.midi import DEFAULT, HEARD_TYPES, Action, Controller, Decoder, Mapping, port_controller
from klustr_bridge.midi.bindings import make_binding
from klustr_bridge.midi.files import add_binding, load_controllers
from klustr_bridge.midi.learning import Learner, check_target
from klustr_bridge.progress import counted
from klustr_bridge.settings import LoadedSettings, midi_mapping_file

_LOOK_S = 10.0
_LEARN_S = 30.0


class _Ears:
    """All inputs, for as long as a command runs."""

    def __init__(self, loaded: LoadedSettings, are_outputs_wanted: bool = False) -> None:
        self.messages: asyncio.Queue[SimpleNamespace] = asyncio.Queue()
        self.state = PortsState()
        self._looked = asyncio.Event()
        self._ports = MidiPorts(loaded.settings.midi.ports, self.messages.put_nowait, self._see, HEARD_TYPES)
        if are_outputs_wanted:
            self._ports.want_outputs()

    async def __aenter__(self) -> "_Ears":
        self._ports.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._looked.wait()
        if self.state.problem and not self.state.opened:
            await self._ports.stop()
            problem = self.state.problem.removesuffix(f"; {DO_WITHOUT}")
            raise BridgeError(f"{problem}; klustr-bridge doctor says what can be done")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._ports.stop()

    def _see(self, state: PortsState) -> None:
        self.state = state
        if state.looked:
            self._looked.set()


def midi(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Carry out one of the actions."""
    _refuse_wrong(namespace)
    if namespace.action == "clip":
        return _clip(namespace, loaded)
    if namespace.action == "test":
        from klustr_bridge.cli.midi_test import play_test

        return play_test(loaded)
    controllers = load_controllers(midi_mapping_file(loaded.settings))
    if namespace.action == "learn":
        check_target(namespace.target, namespace.cursor)
        daemon = running_daemon(loaded.settings)
        if daemon is not None:
            return _learn_through(daemon.osc_port, namespace, midi_mapping_file(loaded.settings))
        return asyncio.run(_learn(namespace, loaded))
    return asyncio.run((_list if namespace.action == "list" else _monitor)(loaded, controllers))


def _learn_through(osc_port: int, namespace: argparse.Namespace, file: Path) -> int:
    """Have the running bridge learn, so that it does not act on what is moved."""
    print(f"move what is to drive {namespace.target}; the running bridge learns it", file=sys.stderr)
    with Client(port=osc_port) as client:
        try:
            client.command("/klustr/midi/learn", namespace.target, namespace.cursor, timeout=_LEARN_S)
        except KeyboardInterrupt:
            client.send("/klustr/midi/learn", CANCEL)  # or it would play nothing for a while
            raise
    wanted = make_binding({"control": "cc 0", "target": namespace.target, "cursor": namespace.cursor})
    for controller in load_controllers(file):
        for each in controller.bindings:
            if (each.target, each.argument, each.cursor) == (wanted.target, wanted.argument, wanted.cursor):
                print(f"{each.control} of {controller.ports} drives {namespace.target}; written into {file}")
                return 0
    print(
        f"it drives {namespace.target} now; written into the file of the running bridge"
    )  # of other settings
    return 0


def _clip(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Have the running bridge write what was played last, and put it where it was asked for."""
    daemon = running_daemon(loaded.settings)
    if daemon is None:
        raise BridgeError("no bridge is running, so nothing was played; start it: klustr-bridge")
    with Client(port=daemon.osc_port) as client:
        clip = client.midi_clip(namespace.bars)
    path = clip.path
    if namespace.target is not None:
        out = Path(namespace.target).absolute()
        try:
            data = Path(clip.path).read_bytes()
            with out.open("xb") as file:  # never over what has come there meanwhile
                file.write(data)
            Path(clip.path).unlink()
        except OSError as error:
            reason = f"can't move the clip to {out}: {error.strerror or error}; it is in {clip.path}"
            raise BridgeError(reason) from error
        path = str(out)
    print(f"{counted(clip.notes, 'note')} of the last {counted(namespace.bars, 'bar')} in {path}")
    return 0


def _refuse_wrong(namespace: argparse.Namespace) -> None:
    """Refuse words that an action doesn't take."""
    action, word = namespace.action, namespace.target
    if action == "learn" and word is None:
        raise SettingsError("midi learn needs what to drive: klustr-bridge midi learn x")
    if action not in ("learn", "clip") and word is not None:
        raise SettingsError(f"midi {action} takes nothing after it, not {word!r}")
    if action != "clip" or word is None:
        return
    out = Path(word)
    if out.suffix.lower() not in (".mid", ".midi"):
        raise SettingsError(f"clips are MIDI files; {word!r} should end with .mid")
    if os.path.lexists(out):
        raise SettingsError(f"{out} is there already; take another name")
    if not out.absolute().parent.is_dir():
        raise SettingsError(f"there is no folder {out.absolute().parent}; make it first")


async def _list(loaded: LoadedSettings, controllers: Sequence[Controller]) -> int:
    file = midi_mapping_file(loaded.settings)
    async with _Ears(loaded, any(controller.lights for controller in controllers)) as ears:
        for name in ears.state.opened:
            known = port_controller(controllers, name, DEFAULT)
            how = "as any controller" if known is DEFAULT else f"as {known.ports or 'all'} in {file}"
            print(f"{name}: understood {how}{_lights(name, known, ears.state.outputs)}")
        others = [name for name in ears.state.present if name not in ears.state.opened]
        for name in others:
            print(f"{name}: not listened to (midi.ports)")
        if not ears.state.present:
            print("no input is connected")
    return 0


async def _monitor(loaded: LoadedSettings, controllers: Sequence[Controller]) -> int:
    decoders: dict[str, tuple[Decoder, Mapping]] = {}
    heard: set[tuple[str, int, int]] = set()  # controllers: two of them may be one of 14 bits
    async with _Ears(loaded) as ears:
        print(
            f"listening to {', '.join(ears.state.opened) or 'nothing yet'}; Ctrl-C ends it", file=sys.stderr
        )
        loop = asyncio.get_running_loop()
        while True:
            due = [mapping.due_s for _, mapping in decoders.values() if mapping.due_s is not None]
            try:
                async with asyncio.timeout_at(min(due, default=None)):
                    message = await ears.messages.get()
            except TimeoutError:  # a lone X or Y has waited long enough
                for _, mapping in decoders.values():
                    _say(mapping.due(loop.time()))
                continue
            if message.port not in decoders:
                controller = port_controller(controllers, message.port, DEFAULT)
                decoders[message.port] = Decoder(), Mapping(controller, message.port)
            decoder, mapping = decoders[message.port]
            for reading in decoder.read(message):
                if reading.kind == "cc":
                    heard.add((message.port, reading.channel, reading.number))
                pair = [(message.port, reading.channel, reading.number + half) for half in (0, 32)]
                if reading.kind != "cc14" or (reading.is_whole and heard.issuperset(pair)):
                    print(f"{message.port}  {reading.control}  {reading.value}", flush=True)
            _say(mapping.hear(message, loop.time()))


def _say(actions: Sequence[Action]) -> None:
    for action in actions:
        print(f"    {_told(action)}", flush=True)


def _lights(port: str, controller: Controller, outputs: Sequence[str]) -> str:
    """Say where the lights of an input's pads are."""
    if not controller.lights:
        return ""
    output = lights_output(port, controller, outputs)
    if output is None:
        return f"; no output for its lights, found: {', '.join(outputs) or 'none'} (say which: output)"
    return f", lights on {output}"


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
