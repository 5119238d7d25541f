"""The process that plays: an engine, driven by what its parent writes.

Orders and reports are JSON, one message each (`wire`). Nothing but the engine lives here, so that the audio
callback shares its interpreter with the loaders of sounds alone; it goes when its parent goes.
"""

import contextlib
import gc
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, Final

import psutil

from klustr_bridge.errors import PlayerError
from klustr_bridge.player import wire
from klustr_bridge.player.engine import Engine
from klustr_bridge.processes import die_with_parent, ignore_ctrl_c
from klustr_bridge.settings import AudioSettings

STATUS_EVERY_S: Final = 0.5
_SWITCH_S: Final = 0.0002
"""A loader gives the interpreter to the audio callback this soon; Python's own 5 ms are a whole block."""

_ACK_BYTES: Final = 2048

HANGS: Final = 4
"""Exit code of a process that the audio system holds up."""


def main(orders: Connection, reports: Connection, audio: AudioSettings, recordings: str) -> None:
    """Play until told to close, or until the parent is gone.

    Parameters
    ----------
    orders, reports : Connection
        To read from and to write to, as `wire` says.
    audio : AudioSettings
        How to play.
    recordings : str
        Folder for recordings.
    """
    ignore_ctrl_c()
    die_with_parent()
    _raise_priority()
    sys.setswitchinterval(_SWITCH_S)
    child = _Child(orders, reports, audio, recordings)
    gc.collect()
    gc.freeze()  # what is there now stays: no collection walks it in the audio callback
    clean = child.run()
    # An audio system that hangs, or that died, can hold up even the exit of the process.
    os._exit(0 if clean else 1)


def _raise_priority() -> None:
    """Come before others where the system lets us; the audio system's own thread often does anyway."""
    with contextlib.suppress(psutil.Error, OSError):
        psutil.Process().nice(getattr(psutil, "HIGH_PRIORITY_CLASS", -10))


class _Child:
    def __init__(
        self, orders: Connection, reports: Connection, audio: AudioSettings, recordings: str
    ) -> None:
        self._orders = orders
        self._reports = reports
        self._reporting = threading.Lock()
        self._closing = threading.Event()
        self._unread = 0
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="player-disk")
        self._engine = Engine(audio, recordings, lambda message: self._report({"problem": message}))

    def run(self) -> bool:
        """Carry out orders until told to close; return whether everything ended well."""
        threading.Thread(target=self._look_after, name="player-check", daemon=True).start()
        limit_s = None
        while limit_s is None:
            try:
                data = self._orders.recv_bytes()
            except (EOFError, OSError):
                limit_s = 0.5
                break
            self._unread += len(data)
            if self._unread >= _ACK_BYTES:
                self._report({"read": self._unread})
                self._unread = 0
            limit_s = self._obey(wire.loads(data))
        self._closing.set()
        self._engine.fade_out()
        return self._engine.close(limit_s)

    def _obey(self, order: list[Any]) -> float | None:
        """Carry out one order; return how long closing may take, if that is what it asks for."""
        match order:
            case [wire.PLAY, voice, request]:
                self._engine.play(voice, wire.unpack(request))
            case [wire.STOP, voice, fade_s]:
                self._engine.stop(voice, fade_s)
            case [wire.PREFETCH, request]:
                self._engine.prefetch([wire.unpack(request)])
            case [wire.RECORD, on, number]:
                self._disk.submit(self._record, on, number)
            case [wire.CLOSE, limit_s]:
                return float(limit_s)
        return None

    def _record(self, on: bool, number: int) -> None:
        answer: dict[str, Any] = {"answer": number}
        try:
            path, seconds = self._engine.start_recording() if on else self._engine.stop_recording()
            answer |= {"path": os.fsdecode(path), "seconds": seconds}
        except PlayerError as error:
            answer["error"] = str(error)
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        self._report(answer)

    def _look_after(self) -> None:
        """Report how things are, also as a sign of life."""
        engine = self._engine
        while True:
            engine.check()
            self._report(
                {
                    "describe": engine.describe(),
                    "trouble": engine.problem,
                    "settled": engine.wait_until_settled(0.0),
                    "health": engine.health(),
                }
            )
            if engine.hangs:
                self._give_up()
            if self._closing.wait(STATUS_EVERY_S if engine.wait_until_settled(0.0) else 0.02):
                return

    def _give_up(self) -> None:
        """End: a sound server that died leaves PortAudio waiting for minutes, and the parent starts anew."""
        with contextlib.suppress(PlayerError):
            self._engine.stop_recording()
        os._exit(HANGS)

    def _report(self, fields: dict[str, Any]) -> None:
        with self._reporting, contextlib.suppress(OSError):
            self._reports.send_bytes(wire.dumps(fields))
