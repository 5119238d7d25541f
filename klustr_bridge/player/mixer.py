"""Owns the voices: what sounds, how loud, and how it ends without a click.

Pure numpy. This module must not know of files, devices, threads or clocks: `Mixer.render` is
called from the audio callback, everything else from the producer's side. Commands cross over in
a bounded ring; the callback takes no lock and allocates nothing that grows.
"""

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from klustr_bridge.player.streaming import SoundStream
from klustr_bridge.types import Float32Array

VOICES = 32
FADE_S = 0.003
"""Length of a fade-out unless another is asked for: short enough to feel immediate, too long to click."""

MAX_FADE_S = 0.25
RELEASE_S = 0.2
"""Time the limiter takes to come back from silence to unity gain."""

MAX_PENDING_PLAYS = 192
MAX_PENDING_COMMANDS = 256
MAX_SCHEDULED = 128
MAX_BLOCK_FRAMES = 1024
"""Larger blocks are rendered in parts, so that the work buffers have a fixed size."""

_STOLEN_FROM = 8
"""The voice that makes room is the quietest of so many, the oldest ones; not one that has just begun."""


class _Play(NamedTuple):
    """An order to begin a voice."""

    voice: int
    samples: Float32Array
    start: int
    end: int
    gains: Float32Array
    cut: bool
    choke: int
    fade_in: int
    due: int
    stream: SoundStream | None


class _Stop(NamedTuple):
    """An order to end a voice, or all (None), by a fade of so many frames."""

    voice: int | None
    fade: int


class _Voice:
    """One playing sound: a window onto samples that nobody writes to, and what follows them."""

    __slots__ = ("age", "choke", "cut", "end", "fade_in", "gains", "position", "samples", "stream", "voice")

    def __init__(self, order: _Play) -> None:
        self.voice = order.voice
        self.samples = order.samples
        self.position = order.start
        self.end = order.end
        self.gains = order.gains
        self.cut = order.cut
        self.choke = order.choke
        self.fade_in = order.fade_in
        self.stream = order.stream
        self.age = 0


def channel_gains(gain: float, pan: float, *, is_mono: bool, n_channels: int) -> Float32Array:
    """Return the gain of each channel of the device.

    A mono sound is moved at equal power, 0 dB in the middle and 3 dB at the sides; of a stereo sound the
    farther side is turned down. Where there are not two channels there is nothing to move.

    Parameters
    ----------
    gain : float
        Linear.
    pan : float
        -1 (left) to 1 (right).

    Returns
    -------
    ndarray of float32, shape (n_channels,)
    """
    gains = np.full(n_channels, gain, np.float32)
    if n_channels == 2 and pan:
        inside = min(1.0, max(-1.0, pan))
        if is_mono:
            angle = (inside + 1.0) * math.pi / 4.0
            gains *= np.array([math.cos(angle), math.sin(angle)], np.float32) * np.float32(math.sqrt(2.0))
        else:
            gains *= np.array([min(1.0, 1.0 - inside), min(1.0, 1.0 + inside)], np.float32)
    return gains


class Mixer:
    """Adds up to `max_voices` voices into the device's buffer.

    A voice that is stopped, choked by another of its group, or taken when a further one is asked for (the
    quietest of the eight oldest) fades out; its fade is worked out at once into a short common tail, so a
    fading voice needs no place of its own. A limiter keeps the sum within full scale: it leaves any sum that
    fits untouched, to the bit, comes down within the frame that would not fit and returns over `RELEASE_S`.

    One producer at a time may call `play`, `stop` and `collect` (the player holds a lock for
    that); `render` is called by the audio callback alone.

    Parameters
    ----------
    sample_rate : int
        The device's, Hz.
    n_channels : int
        Channels that are played on, 1 or 2.
    max_voices : int
        How many sound at once, fading ones not counted.

    Attributes
    ----------
    frame : int
        Frames rendered so far: the frame that the next block begins with.
    """

    def __init__(self, sample_rate: int, n_channels: int = 2, max_voices: int = VOICES) -> None:
        self.sample_rate = sample_rate
        self.n_channels = n_channels
        self.max_voices = max_voices
        self.fade_frames = max(1, round(FADE_S * sample_rate))
        self.frame = 0
        self.n_stolen = 0
        self.n_choked = 0
        self.n_starved = 0
        self.n_refused = 0
        self.n_limited = 0
        self.n_bad_blocks = 0
        self._commands: deque[_Play | _Stop] = deque()
        self._scheduled: list[_Play] = []
        self._finished: deque[Float32Array] = deque(maxlen=4 * MAX_PENDING_COMMANDS)
        self._voices: list[_Voice] = []
        self._scratch: Float32Array = np.zeros((MAX_BLOCK_FRAMES, n_channels), np.float32)
        self._counting = np.arange(1, MAX_BLOCK_FRAMES + 1, dtype=np.float32)[:, None]
        self._ramp: Float32Array = np.zeros((MAX_BLOCK_FRAMES, 1), np.float32)
        self._max_fade = max(self.fade_frames, round(MAX_FADE_S * sample_rate))
        self._tail: Float32Array = np.zeros((self._max_fade, n_channels), np.float32)
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
        pan: float = 0.0,
        cut: bool = False,
        choke: int = 0,
        fade_in: int = 0,
        due: int = 0,
        stream: SoundStream | None = None,
    ) -> bool:
        """Ask for a voice; it starts with the next block, or at a frame of its own.

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
        pan : float
            As for `channel_gains`.
        cut : bool
            The part ends before its sound does: fade its last `FADE_S` out.
        choke : int
            Fade out the voices of the same group as it starts; 0: none.
        fade_in : int
            Frames, at most `MAX_FADE_S`.
        due : int
            The frame to start with, as `frame` counts; one that has passed is the next block's first.
        stream : SoundStream, optional
            What follows `samples`; given up when the voice ends.

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
        if first < last or stream is not None:
            gains = channel_gains(gain, pan, is_mono=samples.shape[1] == 1, n_channels=self.n_channels)
            fade_in = min(self._max_fade, max(0, fade_in))
            self._commands.append(
                _Play(voice, samples, min(first, last), last, gains, cut, choke, fade_in, due, stream)
            )
        return True

    def stop(self, voice: int | None = None, fade: int | None = None) -> bool:
        """Ask for the fade-out of one voice, or of all; unknown voices are no error.

        A voice that has not started yet never does.

        Parameters
        ----------
        voice : int, optional
            None: all.
        fade : int, optional
            Frames, at most `MAX_FADE_S`; `FADE_S` by default.

        Returns
        -------
        bool
            False when too much is waiting. Stopping all is never refused: it replaces what waits.
        """
        if voice is None:
            self._drop_commands()
        elif len(self._commands) >= MAX_PENDING_COMMANDS:
            self.n_refused += 1
            return False
        frames = self.fade_frames if fade is None else min(self._max_fade, max(self.fade_frames, fade))
        self._commands.append(_Stop(voice, frames))
        return True

    def _drop_commands(self) -> None:
        while True:
            try:
                command = self._commands.popleft()
            except IndexError:
                return
            if isinstance(command, _Play) and command.stream is not None:
                command.stream.abandoned = True

    def collect(self) -> None:
        """Let go of the samples of ended voices, so that the callback never frees memory."""
        self._finished.clear()

    @property
    def n_voices(self) -> int:
        """Voices sounding now, fading ones and those that have not begun not counted."""
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
        done = 0
        while done < len(out):
            n = min(len(out) - done, MAX_BLOCK_FRAMES, self._begin_due())
            block = out[done : done + n]
            self._end_starving(n)
            self._add_tail(block)
            self._add_voices(block)
            self._limit(block)
            self.frame += n
            done += n

    def _obey(self) -> None:
        """Carry out the commands that were waiting when the block began."""
        for _ in range(MAX_PENDING_COMMANDS):
            try:
                command = self._commands.popleft()
            except IndexError:  # the producer may clear the ring at any time
                return
            if isinstance(command, _Stop):
                self._end_voices(command)
            elif command.due > self.frame:
                if len(self._scheduled) < MAX_SCHEDULED:
                    self._scheduled.append(command)
                else:
                    self._give_back(command)
                    self.n_refused += 1
            else:
                self._begin(command)

    def _begin_due(self) -> int:
        """Begin the voices that are due now; return for how many frames no other one is."""
        wait = MAX_BLOCK_FRAMES
        if self._scheduled:
            for order in tuple(self._scheduled):
                if order.due <= self.frame:
                    self._scheduled.remove(order)
                    self._begin(order)
                else:
                    wait = min(wait, order.due - self.frame)
        return wait

    def _begin(self, order: _Play) -> None:
        """Begin a voice: choke its group, and make room if there is none."""
        if order.choke:
            for playing in tuple(self._voices):
                if playing.choke == order.choke:
                    self._end(playing, self.fade_frames)
                    self.n_choked += 1
        if len(self._voices) >= self.max_voices:
            oldest = self._voices[:_STOLEN_FROM]
            begun = [
                playing for playing in oldest if playing.age >= self.fade_frames
            ]  # it may begin with silence
            self._end(min(begun or oldest, key=self._level), self.fade_frames)
            self.n_stolen += 1
        self._voices.append(_Voice(order))

    def _level(self, playing: _Voice) -> float:
        """Return the peak of what a voice would play in the time of a fade."""
        stretch = playing.samples[playing.position : min(playing.end, playing.position + self.fade_frames)]
        if not len(stretch):
            return 0.0
        return float(playing.gains.max()) * max(float(stretch.max()), -float(stretch.min()))

    def _end_voices(self, order: _Stop) -> None:
        """Fade one voice, or all; those that wait for their time go without a sound."""
        for waiting in tuple(self._scheduled):
            if order.voice is None or waiting.voice == order.voice:
                self._scheduled.remove(waiting)
                self._give_back(waiting)
        for playing in tuple(self._voices):
            if order.voice is None or playing.voice == order.voice:
                self._end(playing, order.fade)

    def _end(self, playing: _Voice, fade: int) -> None:
        """Work the fade-out of a voice into the common tail; silent so far, it just goes."""
        self._voices.remove(playing)
        if playing.age:
            if playing.stream is not None:  # fade over what is there: it may be all that ever comes
                fade = max(1, min(fade, playing.stream.n_ready + playing.end - playing.position))
            position = 0
            while position < fade:
                n = self._read(playing, min(fade - position, MAX_BLOCK_FRAMES))
                if n == 0:
                    break
                self._scratch[:n] *= self._falling(position, n, fade)
                self._tail[position : position + n] += self._scratch[:n]
                position += n
            self._tail_frames = max(self._tail_frames, position)
        self._give_back(playing)

    def _give_back(self, ended: "_Voice | _Play") -> None:
        """Leave samples to the producer, which frees them, and say that no more of the stream is wanted."""
        if ended.stream is not None:
            ended.stream.abandoned = True
        self._finished.append(ended.samples)

    def _falling(self, first: int, n: int, length: int) -> Float32Array:
        """Return gains of a fade-out of `length` frames from its frame `first` on, shape (n, 1)."""
        ramp = self._ramp[:n]
        np.subtract(np.float32(length - first + 1), self._counting[:n], out=ramp)
        ramp *= np.float32(1.0 / (length + 1))
        return ramp

    def _rising(self, first: int, n: int, length: int) -> Float32Array:
        """Return gains of a fade-in of `length` frames from its frame `first` on, shape (n, 1)."""
        ramp = self._ramp[:n]
        np.add(np.float32(first), self._counting[:n], out=ramp)
        ramp *= np.float32(1.0 / (length + 1))
        return ramp

    def _read(self, playing: _Voice, n_wanted: int) -> int:
        """Bring the next frames of a voice, gain included, into the work buffer; return how many."""
        done = 0
        while done < n_wanted:
            n = min(n_wanted - done, playing.end - playing.position)
            if n > 0:
                self._read_here(playing, self._scratch[done : done + n])
                done += n
            elif not self._go_on(playing):
                break
        return done

    def _go_on(self, playing: _Voice) -> bool:
        """Step to the next samples of a stream; False where there are none."""
        following = None if playing.stream is None else playing.stream.take()
        if following is None:
            return False
        self._finished.append(playing.samples)
        playing.samples, playing.position, playing.end = following, 0, len(following)
        return True

    def _read_here(self, playing: _Voice, scratch: Float32Array) -> None:
        """Bring frames that are there into a stretch of the work buffer."""
        first, n = playing.position, len(scratch)
        np.multiply(playing.samples[first : first + n], playing.gains, out=scratch)
        if playing.cut:
            begins = playing.end - self.fade_frames
            fade_from = max(first, begins)
            if fade_from < first + n:
                scratch[fade_from - first :] *= self._falling(
                    fade_from - begins, first + n - fade_from, self.fade_frames
                )
        if playing.age < playing.fade_in:
            rising = min(n, playing.fade_in - playing.age)
            scratch[:rising] *= self._rising(playing.age, rising, playing.fade_in)
        playing.position = first + n
        playing.age += n

    def _add_tail(self, block: Float32Array) -> None:
        """Add what is still fading, and move the rest of it up."""
        used = self._tail_frames
        if used == 0:
            return
        n = min(len(block), used)
        block[:n] += self._tail[:n]
        self._next_tail[: used - n] = self._tail[n:used]
        self._tail[:used] = 0.0
        self._tail, self._next_tail = self._next_tail, self._tail
        self._tail_frames = used - n

    def _add_voices(self, block: Float32Array) -> None:
        """Add every voice; one that has come to its end leaves its place."""
        ended = False
        for playing in self._voices:
            n = self._read(playing, len(block))
            block[:n] += self._scratch[:n]
            ended = ended or n < len(block) or playing.position >= playing.end
        if not ended:
            return
        for playing in tuple(self._voices):
            if playing.position >= playing.end and not self._go_on(playing):
                self._voices.remove(playing)
                self._give_back(playing)

    def _end_starving(self, n_frames: int) -> None:
        """Fade what would run dry in the next frames because its file comes too slowly."""
        for playing in tuple(self._voices):
            stream = playing.stream
            if stream is None or stream.ended:  # asked first: all of it is there then
                continue
            if stream.n_ready + playing.end - playing.position < n_frames + self.fade_frames:
                self._end(playing, self.fade_frames)
                self.n_starved += 1

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
