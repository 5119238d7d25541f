"""Owns the relation of frames to time: which frame is heard when.

Pure. A device asks for blocks at uneven moments, but plays its frames evenly: single measurements jitter
by a block and more, their slow mean doesn't.
"""

_SHARE = 0.02
"""How much of a measurement counts: the mean of about the last fifty blocks."""

_JUMP_S = 0.05
"""The device stood still, or the clock was wrong: begin anew."""


class FrameClock:
    """Tells the frame that is heard at a time, from the times at which blocks were.

    Parameters
    ----------
    sample_rate : int
        Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._zero_s: float | None = None

    def note(self, frame: int, heard_s: float) -> None:
        """Take note of when a frame, the first of a block, is heard; called by the audio callback."""
        measured_s = heard_s - frame / self._rate
        zero_s = self._zero_s
        if zero_s is None or abs(measured_s - zero_s) > _JUMP_S:
            self._zero_s = measured_s
        else:
            self._zero_s = zero_s + _SHARE * (measured_s - zero_s)

    def frame_at(self, heard_s: float) -> int:
        """Return the frame that is heard at a time, on the clock of `note`; 0 before anything was."""
        return 0 if self._zero_s is None else round((heard_s - self._zero_s) * self._rate)
