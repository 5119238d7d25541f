"""The file of controllers, followed and written to for a running surface.

This module owns when the file is read, and that what is learned gets into it. What stands in it the room
`midi` knows.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from klustr_bridge.bridge.midi import MidiInput
from klustr_bridge.bridge.midi_output import MidiOutput
from klustr_bridge.errors import MidiError, QueryError
from klustr_bridge.files import MISSING, file_stamp
from klustr_bridge.midi.files import add_binding, load_controllers
from klustr_bridge.midi.learning import check_target
from klustr_bridge.progress import counted

EVERY_S: Final = 1.0


class MappingFile:
    """Keeps a surface to what the file says.

    Parameters
    ----------
    midi : MidiInput
        Understands its inputs so.
    output : MidiOutput
        Sends pinned sounds as their keys.
    file : Path
        Need not be there.
    say : callable
        Gets lines for people.
    """

    def __init__(self, midi: MidiInput, output: MidiOutput, file: Path, say: Callable[[str], None]) -> None:
        self._midi = midi
        self._output = output
        self._file = file
        self._say = say

    async def follow(self, *, is_expected: bool = False) -> None:
        """Read the file now, and again whenever it has changed, until cancelled.

        Parameters
        ----------
        is_expected : bool
            Whether to say so if there is none.
        """
        before, said = MISSING, ""
        if is_expected and not await asyncio.to_thread(self._file.exists):
            self._say(f"MIDI: there is no file {self._file} yet; controllers are understood as any")
        while True:
            stamp = await asyncio.to_thread(file_stamp, self._file)
            if stamp != before:
                before = stamp
                try:
                    line = f"MIDI: {counted(await self._load(), 'controller')} in {self._file}"
                except MidiError as error:
                    line = f"MIDI: {error}; controllers are understood as before"
                    if isinstance(error.__cause__, OSError):  # an editor has it: it is tried again
                        before = (0, 0)
                if line != said or before == stamp:
                    said = line
                    self._say(line)
            await asyncio.sleep(EVERY_S)

    async def learn(self, target: str, cursor: int) -> None:
        """Wait for a control to be moved, and have it drive a target from now on.

        Raises
        ------
        QueryError
            ``badargs`` if there is no such target, ``notready`` if the file can't be written; as of
            `MidiInput.learn`.
        """
        try:
            check_target(target, cursor)
        except MidiError as error:
            raise QueryError("badargs", str(error)) from error
        port, learned = await self._midi.learn(target)
        try:
            await asyncio.to_thread(add_binding, self._file, port, learned.fields(target, cursor))
            await self._load()
        except MidiError as error:
            raise QueryError("notready", str(error)) from error
        self._say(f"MIDI: {learned.control} of {port} drives {target}")

    async def _load(self) -> int:
        controllers = await asyncio.to_thread(load_controllers, self._file)
        self._midi.set_controllers(controllers)
        self._output.set_controllers(controllers)
        return len(controllers)
