"""The command that plays the running bridge by MIDI and says what came of it: midi test."""

import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import Sequence
from typing import Final

from klustr_bridge.bridge.midi_ports import MidiPorts, PortsState
from klustr_bridge.cli.library import running_daemon
from klustr_bridge.client import Client, NoAnswerError, Point
from klustr_bridge.errors import BridgeError
from klustr_bridge.settings import LoadedSettings

PORT: Final = "klustr-bridge"
_N_MOVES: Final = 16
_N_KEYS: Final = 4
_LOOK_S: Final = 10.0
_HIT_S: Final = 1.0
_PAUSE_S: Final = 0.15
_DO: Final = "klustr-bridge midi monitor shows what comes in"


def play_test(loaded: LoadedSettings) -> int:
    """Move over the map and press keys on the bridge's own port; 1 if nothing came of it."""
    daemon = running_daemon(loaded.settings)
    if daemon is None:
        raise BridgeError("no bridge is running; start it: klustr-bridge")
    with Client(port=daemon.osc_port) as client:
        client.hello("klustr-bridge midi test")
        client.view(loaded.settings.map.view)  # the one that MIDI moves in
        points = client.points()
        if not points:
            raise BridgeError("the bridge has no map yet; try again when its folders are heard")
        return asyncio.run(_play(client, _spread(points)))


def _spread(points: Sequence[Point]) -> list[Point]:
    """Choose some sounds that lie one after another in different corners."""
    by_x = sorted(points, key=lambda point: (point.x, point.y))
    step = max(1, len(by_x) // _N_MOVES)
    chosen = by_x[::step][:_N_MOVES]
    half = (len(chosen) + 1) // 2
    pairs = itertools.zip_longest(chosen[:half], reversed(chosen[half:]))
    return [point for pair in pairs for point in pair if point is not None]


class _Way:
    """The way into the running bridge, while the test lasts."""

    def __init__(self) -> None:
        self._state = PortsState()
        self._looked = asyncio.Event()
        self._ports = MidiPorts("no input is needed", lambda message: None, self._see, ())
        self._ports.want_outputs()
        self.output = ""

    async def __aenter__(self) -> "_Way":
        self._ports.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._looked.wait()
        self.output = self._own_port() or ""
        if not self.output:
            await self._ports.stop()
            reason = "is it started with --midi on and --midi-virtual on? On Windows there are no such ports"
            raise BridgeError(self._state.problem or f"the running bridge has no port {PORT!r}; {reason}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._ports.stop()

    def send(self, *data: int) -> None:
        """Send a message."""
        self._ports.send(bytes(data), self.output)

    def _own_port(self) -> str | None:
        """Return the bridge's port; the clients that it listens by are ``klustr-bridge 1`` and so on."""
        return next((each for each in self._state.outputs if each.partition(":")[0] == PORT), None)

    def _see(self, state: PortsState) -> None:
        self._state = state
        if state.problem or self._own_port():
            self._looked.set()


async def _play(client: Client, points: Sequence[Point]) -> int:
    async with _Way() as way:
        print(f"playing {way.output}: {len(points)} moves, {_N_KEYS} keys")
        waits_s = [wait_s for point in points if (wait_s := await _move(client, way, point)) is not None]
        n_played = await _press(client, way)
    told = f", {statistics.median(waits_s) * 1000.0:.1f} ms from move to hit" if waits_s else ""
    print(f"{len(waits_s)} of {len(points)} moves hit a sound{told}; {_N_KEYS} keys, {n_played} sounds")
    if waits_s and n_played:
        if n_played > _N_KEYS:
            print("something else plays, too, or hears the same: these numbers are not of this test alone")
        return 0
    print(f"what is sent does not get through, or is mapped to something else; {_DO}")
    return 1


async def _move(client: Client, way: _Way, point: Point) -> float | None:
    """Point at a sound; return after how many seconds MIDI hit one, None if it did not."""
    for _ in client.events(timeout=0.001):  # of what was before
        pass
    begun_s = time.monotonic()
    for control, value in ((12, point.x), (13, point.y)):
        way.send(0xB0, control, round(value * 127))
    await asyncio.sleep(0)
    wait_s: float | None = None
    while wait_s is None and (left_s := begun_s + _HIT_S - time.monotonic()) > 0.0:
        with contextlib.suppress(NoAnswerError):
            if (await asyncio.to_thread(client.wait, "/klustr/hit", left_s))[-1] == "midi":
                wait_s = time.monotonic() - begun_s
    await asyncio.sleep(_PAUSE_S)
    return wait_s


async def _press(client: Client, way: _Way) -> int:
    """Press keys; return how many sounds were played meanwhile."""
    before = client.health()["plays"]
    for _ in range(_N_KEYS):
        way.send(0x90, 60, 100)
        await asyncio.sleep(_PAUSE_S)
        way.send(0x80, 60, 0)
    await asyncio.sleep(_PAUSE_S)
    return int(client.health()["plays"] - before)
