"""Owns the voices: what sounds, how loud, and how it ends without a click.

Pure numpy. This module must not know of files, devices, threads or clocks: `Mixer.render` is
called from the audio callback, everything else from the producer's side. Commands cross over in
a bounded ring; the callback takes no lock and allocates nothing that grows.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

from klustr_bridge.types import Float32Array

MAX_VOICES = 16
FADE_S = 0.003
"""Length of every fade-out: short enough to feel immediate, long enough not to click."""

RELEASE_S = 0.2
"""Time the limiter takes to come back from silence to unity gain."""

MAX_PENDING_PLAYS = 192
MAX_PENDING_COMMANDS = 256
MAX_BLOCK_FRAMES = 1024
"""Larger blocks are rendered in parts, so that the work buffers have a fixed size."""


class _Command(NamedTuple):
    """One order for the callback; `samples` None means stop, `voice` None then means all."""

    voice: int | None
    samples: Float32Array | None = None
    start: int = 0
    end: int = 0
    gain: float = 0.0
    cut: bool = False


class _Voice:
    """One playing sound: a window onto samples that nobody writes to."""

    __slots__ = ("cut", "end", "gain", "position", "samples", "start", "voice")

    def __init__(self, voice: int, samples: Float32Array, command: _Command) -> None:
        self.voice = voice
        self.samples = samples
        self.start = command.start
        self.position = command.start
        self.end = command.end
        self.gain = np.float32(command.gain)
        self.cut = command.cut


def velocity_gain(velocity: float) -> float:
    """Return the linear gain of a velocity: its square, as General MIDI sounds take it.

    Parameters
    ----------
    velocity : float
        0..1; anything outside is brought inside.

    Returns
    -------
    float
        0..1; half the velocity is 12 dB down.
    """
    inside = min(1.0, max(0.0, velocity)) if velocity == velocity else 0.0
    return inside * inside


class Mixer:
    """Adds up to `MAX_VOICES` voices into the device's buffer.

    A voice that is stopped, or taken from the oldest when a further one is asked for, fades out
    over `FADE_S`; its fade is worked out at once into a short common tail, so a fading voice
    needs no place of its own. A limiter keeps the sum within full scale: it leaves any sum that
    fits untouched, to the bit, comes down within the frame that would not fit and returns over
    `RELEASE_S`.

    One producer at a time may call `play`, `stop` and `collect` (the player holds a lock for
    that); `render` is called by the audio callback alone.

    Parameters
    ----------
    sample_rate : int
        The device's, Hz.
    n_channels : int
        Channels of the device's buffer.
    """

    def __init__(self, sample_rate: int, n_channels: int = 2) -> None:
        self.sample_rate = sample_rate
        self.n_channels = n_channels
        self.fade_frames = max(1, round(FADE_S * sample_rate))
        self.n_stolen = 0
        self.n_refused = 0
        self.n_limited = 0
        self.n_bad_blocks = 0
        self._commands: deque[_Command] = deque()
        self._finished: deque[Float32Array] = deque(maxlen=4 * MAX_PENDING_COMMANDS)
        self._voices: list[_Voice] = []
        shape = (MAX_BLOCK_FRAMES, n_channels)
        self._scratch: Float32Array = np.zeros(shape, np.float32)
        falling = np.arange(self.fade_frames, 0, -1, dtype=np.float32) / np.float32(self.fade_frames + 1)
        self._falling: Float32Array = falling[:, None]
        self._tail: Float32Array = np.zeros((self.fade_frames, n_channels), np.float32)
        self._next_tail: Float32Array = np.zeros_like(self._tail)
        self._tail_frames = 0
        self._limit_gain = np.float32(1.0)
        self._peaks: Float32Array = np.zeros(MAX_BLOCK_FRAMES, np.float32)
        # In double precision: the offsets are small against a gain near 1.
        self._recovery = np.arange(1, MAX_BLOCK_FRAMES + 1) / (RELEASE_S * sample_rate)
        self._gains = np.zeros(MAX_BLOCK_FRAMES, np.float64)

    # The producer's side.

    def play(
        self,
        voice: int,
        samples: Float32Array,
        *,
        start: int = 0,
        end: int | None = None,
        gain: float = 1.0,
        cut: bool = False,
    ) -> bool:
        """Ask for a voice; it starts with the next block.

        Parameters
        ----------
        voice : int
            A positive number no other sounding voice has.
        samples : ndarray of float32, shape (n_frames, 1 or n_channels)
            At the device's rate, finite; never written to afterwards. Mono goes to every channel.
        start, end : int
            The part to play, in frames; `end` None is the end of `samples`.
        gain : float
            Linear.
        cut : bool
            The part ends before its sound does: fade its last `FADE_S` out.

        Returns
        -------
        bool
            False when too much is waiting (the device has stopped calling): nothing will sound.
        """
        self.collect()
        n_frames = len(samples)
        last = n_frames if end is None else min(end, n_frames)
        first = max(0, start)
        if len(self._commands) >= MAX_PENDING_PLAYS:
            self.n_refused += 1
            return False
        if first < last:
            self._commands.append(_Command(voice, samples, first, last, gain, cut))
        return True

    def stop(self, voice: int | None = None) -> bool:
        """Ask for the fade-out of one voice, or of all; unknown voices are no error.

        Returns
        -------
        bool
            False when too much is waiting. Stopping all is never refused: it replaces what waits.
        """
        if voice is None:
            self._commands.clear()
        elif len(self._commands) >= MAX_PENDING_COMMANDS:
            self.n_refused += 1
            return False
        self._commands.append(_Command(voice))
        return True

    def collect(self) -> None:
        """Let go of the samples of ended voices, so that the callback never frees memory."""
        self._finished.clear()

    @property
    def n_voices(self) -> int:
        """Voices sounding now, fading ones not counted."""
        return len(self._voices)

    # The callback's side.

    def render(self, out: Float32Array) -> None:
        """Fill one block.

        Parameters
        ----------
        out : ndarray of float32, shape (n_frames, n_channels)
            Overwritten; every value ends within -1..1.
        """
        out.fill(0.0)
        self._obey()
        for first in range(0, len(out), MAX_BLOCK_FRAMES):
            block = out[first : first + MAX_BLOCK_FRAMES]
            self._add_tail(block)
            self._add_voices(block)
            self._limit(block)

    def _obey(self) -> None:
        """Carry out the commands that were waiting when the block began."""
        for _ in range(MAX_PENDING_COMMANDS):
            try:
                command = self._commands.popleft()
            except IndexError:  # the producer may clear the ring at any time
                return
            if command.samples is None:
                self._end_voices(command.voice)
                continue
            assert command.voice is not None
            if len(self._voices) >= MAX_VOICES:
                self._fade(self._voices.pop(0))
                self.n_stolen += 1
            self._voices.append(_Voice(command.voice, command.samples, command))

    def _end_voices(self, voice: int | None) -> None:
        """Fade one voice, or all."""
        for playing in tuple(self._voices):
            if voice is None or playing.voice == voice:
                self._voices.remove(playing)
                self._fade(playing)

    def _fade(self, playing: _Voice) -> None:
        """Work the fade-out of a voice into the common tail; silent so far, it just goes."""
        if playing.position > playing.start:
            position = 0
            while position < self.fade_frames:
                n = self._read(playing, min(self.fade_frames - position, MAX_BLOCK_FRAMES))
                if n == 0:
                    break
                stretch = slice(position, position + n)
                self._scratch[:n] *= self._falling[stretch]
                self._tail[stretch] += self._scratch[:n]
                position += n
            self._tail_frames = max(self._tail_frames, position)
        self._finished.append(playing.samples)

    def _read(self, playing: _Voice, n_wanted: int) -> int:
        """Bring the next frames of a voice, gain included, into the work buffer."""
        first = playing.position
        n = min(n_wanted, playing.end - first)
        if n <= 0:
            return 0
        scratch = self._scratch[:n]
        np.multiply(playing.samples[first : first + n], playing.gain, out=scratch)
        if playing.cut:
            fade_from = max(first, playing.end - self.fade_frames)
            if fade_from < first + n:
                in_fade = fade_from - (playing.end - self.fade_frames)
                scratch[fade_from - first :] *= self._falling[in_fade : in_fade + first + n - fade_from]
        playing.position = first + n
        return n

    def _add_tail(self, block: Float32Array) -> None:
        """Add what is still fading, and move the rest of it up."""
        if self._tail_frames == 0:
            return
        n = min(len(block), self.fade_frames)
        block[:n] += self._tail[:n]
        left = self.fade_frames - n
        self._next_tail[:left] = self._tail[n:]
        self._next_tail[left:] = 0.0
        self._tail, self._next_tail = self._next_tail, self._tail
        self._tail_frames = max(0, self._tail_frames - n)

    def _add_voices(self, block: Float32Array) -> None:
        """Add every voice; one that has come to its end leaves its place."""
        ended = False
        for playing in self._voices:
            n = self._read(playing, len(block))
            block[:n] += self._scratch[:n]
            ended = ended or playing.position >= playing.end
        if not ended:
            return
        for playing in tuple(self._voices):
            if playing.position >= playing.end:
                self._voices.remove(playing)
                self._finished.append(playing.samples)

    def _limit(self, block: Float32Array) -> None:
        """Keep a block within full scale, both channels by the same gain.

        The gain of a frame is the lowest that it or any frame before it asks for, the earlier
        ones raised by the recovery since: a running minimum, without a loop over frames.
        """
        n = len(block)
        scratch = self._scratch[:n]
        np.abs(block, out=scratch)
        highest = float(scratch.max(initial=0.0))
        if not highest < np.inf:  # NaN fails this too
            self.n_bad_blocks += 1
            block.fill(0.0)
            return
        if highest <= 1.0 and self._limit_gain >= 1.0:
            return
        self.n_limited += 1
        peaks, gains, recovery = self._peaks[:n], self._gains[:n], self._recovery[:n]
        np.max(scratch, axis=1, out=peaks)
        np.maximum(peaks, 1.0, out=peaks)
        np.divide(1.0, peaks, out=gains)
        gains -= recovery
        np.minimum.accumulate(gains, out=gains)
        np.minimum(gains, self._limit_gain, out=gains)
        gains += recovery
        np.minimum(gains, 1.0, out=gains)
        self._limit_gain = np.float32(gains[-1])
        np.multiply(block, gains[:, None], out=block, casting="same_kind")
        np.clip(block, -1.0, 1.0, out=block)
