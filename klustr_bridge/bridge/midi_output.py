"""What is played, as notes: sent out while it is played, and kept for clips.

This module owns the timer that ends notes, and the files of clips. Which key a sound is, and what a clip is,
the room `midi` knows.
"""

import asyncio
import contextlib
import math
import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import mido  # noqa: F401 - clips need it: imported in their thread it would hold up the event loop

from klustr_bridge.clock import SessionClock
from klustr_bridge.errors import QueryError
from klustr_bridge.midi import Controller
from klustr_bridge.midi.clip import MOST_BARS, Clip, Played, Take, midi_file
from klustr_bridge.midi.notes import Keys, Notes, strength
from klustr_bridge.navigator import Navigator, Play

_MOST_OF_A_SECOND: Final = 100
_MOST_HELD: Final = 1024


class WrittenClip(NamedTuple):
    """The file of a clip, and how many notes it has."""

    path: bytes
    n_notes: int


class MidiOutput:
    """Hears of all that is played, whoever plays it.

    Parameters
    ----------
    navigator : Navigator
        Knows the sounds.
    clock : SessionClock
        The beat that clips are cut by.
    folder : Path
        Where clips are written; it need not be there.
    beats_a_bar : int
        At least 1.
    """

    def __init__(self, navigator: Navigator, clock: SessionClock, folder: Path, beats_a_bar: int = 4) -> None:
        self._navigator = navigator
        self._clock = clock
        self._folder = folder
        self._beats_a_bar = beats_a_bar
        self._keys = Keys()
        self._take = Take()
        self._notes = Notes()
        self._send: Callable[[bytes], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._held: dict[int, Played | None] = {}

    def set_controllers(self, controllers: Sequence[Controller]) -> None:
        """Have sounds that are pinned go out as their keys."""
        self._keys = Keys(controllers)

    def send_to(self, send: Callable[[bytes], None]) -> None:
        """Send notes from now on: each message is handed to `send`."""
        self._send = send

    def played(self, play: Play) -> None:
        """Take note of a sound that begins now."""
        try:
            info = self._navigator.info(play.id)
        except QueryError:  # it has gone just now
            return
        note, velocity = self._keys.of(info.uid, info.kind), strength(play.velocity)
        now_s = time.perf_counter()
        beat = self._clock.now(now_s)
        played = Played(now_s, note, velocity, beat.number if beat.playing else None, beat.tempo_bpm)
        if play.voice in self._held:
            played.length_s = math.inf
            self._held[play.voice] = played
        self._take.add(played)
        if self._send is not None:
            self._say(self._notes.play(note, velocity, now_s, played.length_s))
            if self._timer is None:
                self._end_notes()

    def hold(self, voice: int) -> None:
        """Have the note of a voice, which is about to begin, last until `release`."""
        self._held[voice] = None
        if len(self._held) > _MOST_HELD:
            self.release(next(iter(self._held)))

    def release(self, voice: int) -> None:
        """End the note of a voice that was held; no error if it has not begun."""
        played = self._held.pop(voice, None)
        if played is not None:
            played.length_s = time.perf_counter() - played.at_s
            self._say(self._notes.end(played.note))

    async def clip(self, bars: int) -> WrittenClip:
        """Write the last bars of what was played into a new file.

        Raises
        ------
        QueryError
            ``badargs`` for a number of bars there can't be, ``notready`` if nothing was played or the file
            can't be written.
        """
        if not 1 <= bars <= MOST_BARS:
            raise QueryError("badargs", f"bars is {bars}; allowed is 1 to {MOST_BARS}")
        clip = self._take.last(bars, self._beats_a_bar)
        if clip is None:
            raise QueryError("notready", "nothing has been played yet")
        try:
            return await asyncio.to_thread(_write, self._folder, clip)
        except OSError as error:
            reason = f"no clip can be written into {self._folder}: {error.strerror or error}"
            raise QueryError("notready", reason) from error

    def stop(self) -> None:
        """End the notes that sound, and send no more."""
        self._say(self._notes.due(float("inf")))
        self._send = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_notes(self) -> None:
        """End the notes that have lasted, and come back for the next."""
        self._timer = None
        now_s = time.perf_counter()
        self._say(self._notes.due(now_s))
        if (due_s := self._notes.due_s) is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, due_s - now_s), self._end_notes)

    def _say(self, messages: Sequence[bytes]) -> None:
        if self._send is not None:
            for message in messages:
                self._send(message)


def _write(folder: Path, clip: Clip) -> WrittenClip:
    """Write a clip into a new file that is named by the time; for a thread."""
    folder.mkdir(parents=True, exist_ok=True)
    (data, n_notes), name = midi_file(clip), datetime.now().strftime("%Y-%m-%d %H.%M.%S")
    for number in range(1, _MOST_OF_A_SECOND):
        path = folder / f"{name}{f' {number}' if number > 1 else ''}.mid"
        with contextlib.suppress(FileExistsError):
            file = path.open("xb")
            try:
                with file:
                    file.write(data)
            except OSError:
                path.unlink(missing_ok=True)
                raise
            return WrittenClip(os.fsencode(path), n_notes)
    raise FileExistsError(None, f"{path} and those before it are there already")
