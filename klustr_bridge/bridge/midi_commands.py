"""What surfaces can ask of MIDI: to learn a control, to write a clip.

This module owns what is said where there is no MIDI; who does it stands elsewhere, and is put in.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from klustr_bridge.bridge.midi_output import WrittenClip
from klustr_bridge.errors import QueryError

if TYPE_CHECKING:
    from klustr_bridge.bridge.midi import MidiInput

CANCEL: Final = "cancel"
"""The target that ends learning."""


class MidiCommands:
    """The way from the commands to MIDI.

    Attributes
    ----------
    learn : callable or None
        Lets the control that is moved next drive a target on a cursor; None without MIDI.
    cancel : callable or None
        Ends that.
    clip : callable or None
        Writes so many bars of what was played.
    told : callable or None
        Tells what is listened to and sent to: see `MidiInput.told`; None without MIDI.
    """

    def __init__(self) -> None:
        self.learn: Callable[[str, int], Awaitable[None]] | None = None
        self.cancel: Callable[[], None] | None = None
        self.clip: Callable[[int], Awaitable[WrittenClip]] | None = None
        self.told: Callable[[], dict[str, Any]] | None = None

    def serve(self, learn: Callable[[str, int], Awaitable[None]], midi: "MidiInput") -> None:
        """Have MIDI learned, and told of, from now on."""
        self.learn, self.cancel, self.told = learn, midi.stop_learning, midi.told

    async def learn_or_cancel(self, target: str, cursor: int) -> None:
        """Learn a control for a target, or end that for the target `CANCEL`."""
        if self.learn is None or self.cancel is None:
            raise QueryError("notready", "MIDI is not listened to; start the bridge with --midi on")
        if target.strip().lower() == CANCEL:
            self.cancel()
        else:
            await self.learn(target, cursor)

    async def write_clip(self, bars: int) -> WrittenClip:
        """Write a clip."""
        if self.clip is None:
            raise QueryError("notready", "nothing is kept for clips")
        return await self.clip(bars)
