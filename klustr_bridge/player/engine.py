"""Owns the playing itself: the cache, the mixer and the output put together.

It lives in a process of its own (`process`): nothing else runs beside the audio callback. It must not know
of libraries, ids of sounds, clients or OSC, and raises nothing for a missing audio library, device or file.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from klustr_bridge.errors import PlayerError
from klustr_bridge.player.cache import SoundCache
from klustr_bridge.player.loading import LoadedSound, Part
from klustr_bridge.player.mixer import Mixer
from klustr_bridge.player.output import CLOSE_LIMIT_S, Output, Renderer
from klustr_bridge.player.recording import Recording, shown
from klustr_bridge.player.streaming import StreamReader
from klustr_bridge.player.timing import FrameClock
from klustr_bridge.settings import AudioSettings
from klustr_bridge.types import Float32Array, PlayRequest

MAX_LATE_S: Final = 0.5
"""A sound that took longer to load is not played any more: the hand has moved on."""

MAX_OFF_BEAT_S: Final = 0.05
"""A sound that was to come on a beat is not played so long after it."""

RECORDING_STOP_S: Final = 5.0
_EXPONENTS: Final = {"linear": 1.0, "square": 2.0, "cube": 3.0, "full": 0.0}
_MOST_OF_A_SECOND: Final = 100


def velocity_gain(velocity: float, curve: str) -> float:
    """Return the linear gain of a velocity.

    Parameters
    ----------
    velocity : float
        0..1; anything outside is brought inside.
    curve : str
        ``linear``, ``square`` (as General MIDI sounds take it: half the velocity is 12 dB down), ``cube``,
        or ``full``: 1 for all but silence.

    Returns
    -------
    float
        0..1.
    """
    inside = min(1.0, max(0.0, velocity)) if velocity == velocity else 0.0
    return float(inside ** _EXPONENTS[curve]) if inside else 0.0


class Engine:
    """Plays sample files on this machine's output.

    Every method may be called from any thread and all but `close` and those of recordings return at once:
    files and devices are dealt with on threads of the engine.

    Parameters
    ----------
    audio : AudioSettings
        How to play.
    recordings : str
        Folder for recordings; it need not exist.
    on_problem : callable
        Told in one sentence when something is wrong (no library, no device, a lost device, a file
        that can't be played) or well again. Called on threads of the engine.
    """

    def __init__(self, audio: AudioSettings, recordings: str, on_problem: Callable[[str], None]) -> None:
        self._audio = audio
        self._recordings = os.fsencode(recordings)
        self._on_problem = on_problem
        self._gain = 10.0 ** (audio.gain_db / 20.0)
        self._producing = threading.Lock()
        self._awaited: dict[int, float] = {}
        self._n_plays = 0
        self._n_late = 0
        self._recording: Recording | None = None
        self._mixer: Mixer | None = None
        self._clock: FrameClock | None = None
        self._cache = SoundCache(on_problem, max_bytes=audio.cache_mb * 2**20)
        self._streams = StreamReader(self._cache.report)
        self._output = Output(audio, self._make_renderer, on_problem)

    @property
    def problem(self) -> str | None:
        """Why nothing can be heard and what to do about it; None while all is well or opening."""
        return self._output.problem

    @property
    def hangs(self) -> bool:
        """Whether the audio system has not answered for so long that only another process can help."""
        return self._output.state == "hanging"

    def describe(self) -> str:
        """Say in one line where the sound goes, ``opening``, ``closed`` or why there is none."""
        return self._output.describe()

    def wait_until_settled(self, limit_s: float) -> bool:
        """Wait until the first attempt at opening the device has ended, well or not.

        Returns
        -------
        bool
            False when that took longer than `limit_s`.
        """
        return self._output.settled.wait(limit_s)

    def play(self, voice: int, request: PlayRequest) -> None:
        """Play a file, or a part of it, on a voice of its own.

        At once (or when it is due) when the sound is in the cache, else as soon as it is loaded; not at all
        when that takes longer than `MAX_LATE_S`, or while there is no output.

        Parameters
        ----------
        voice : int
            A positive number that no other sounding voice has.
        request : PlayRequest
            What and how.
        """
        if not self._output.ready or (request.end_s is not None and request.end_s <= request.start_s):
            return
        self._n_plays += 1
        part = Part.of(request)
        sound = self._cache.get(part)
        if sound is not None:
            with self._producing:
                self._start(voice, sound, request)
            return

        def start_late(loaded: LoadedSound | None) -> None:
            with self._producing:
                wanted_s = self._awaited.pop(voice, None)
                if wanted_s is None or loaded is None:
                    return
                limit_s = MAX_LATE_S if request.due_s is None else MAX_OFF_BEAT_S
                if time.perf_counter() - wanted_s > limit_s:
                    self._n_late += 1
                    return
                self._start(voice, loaded, request)

        with self._producing:
            self._awaited[voice] = max(time.perf_counter(), request.due_s or 0.0)
        self._cache.load(part, start_late)

    def stop(self, voice: int | None = None, fade_s: float | None = None) -> None:
        """Fade out one voice, or all; one that has not begun never does."""
        with self._producing:
            if voice is None:
                self._awaited.clear()
            else:
                self._awaited.pop(voice, None)
            if self._mixer is not None:
                fade = None if fade_s is None else round(fade_s * self._mixer.sample_rate)
                self._mixer.stop(voice, fade)

    def prefetch(self, requests: Iterable[PlayRequest]) -> None:
        """Load sounds likely to be played next, after those that are waited for."""
        if self._output.ready:
            self._cache.prefetch([Part.of(request) for request in requests])

    def start_recording(self) -> tuple[bytes, float]:
        """Record what goes to the device into a new file; may wait for the disk.

        Returns
        -------
        tuple of bytes and float
            Its path, made of date and time, and 0. With a recording under way, its path and how long it is
            so far, seconds.

        Raises
        ------
        PlayerError
            There is no output, or the file can't be written.
        """
        if (under_way := self._recording) is not None:
            return under_way.path, max(under_way.seconds, 1.0 / under_way.sample_rate)
        mixer = self._mixer
        if mixer is None or not self._output.ready:
            raise PlayerError(f"nothing can be recorded: {self.problem or self.describe()}")
        name = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
        for number in range(1, _MOST_OF_A_SECOND):
            suffix = f" {number}" if number > 1 else ""
            path = os.path.join(self._recordings, os.fsencode(f"{name}{suffix}.wav"))
            if not os.path.lexists(path):
                break
        recording = Recording(path, mixer.sample_rate, mixer.n_channels, self._end_recording)
        with self._producing:
            self._recording = recording
        self._stop_unfit(mixer.sample_rate, mixer.n_channels)  # the device may have changed just now
        return recording.path, 0.0

    def stop_recording(self) -> tuple[bytes, float]:
        """End the recording; may wait for the disk.

        Returns
        -------
        tuple of bytes and float
            The file's path and how long it is, seconds.

        Raises
        ------
        PlayerError
            There is none under way, or the disk doesn't take the rest of it.
        """
        with self._producing:
            recording, self._recording = self._recording, None
        if recording is None:
            raise PlayerError("nothing is being recorded")
        if not recording.stop(RECORDING_STOP_S):
            raise PlayerError("the disk does not take the end of the recording; it may come later")
        if recording.n_lost:
            lost_s = recording.n_lost / recording.sample_rate
            self._on_problem(f"the disk was too slow: {lost_s:.1f} s are missing in {shown(recording.path)}")
        return recording.path, recording.seconds

    def health(self) -> dict[str, float]:
        """Return counters since the start, and what is in use now."""
        output, cache, mixer, recording = self._output, self._cache, self._mixer, self._recording
        return {
            "player_ready": float(output.ready),
            "player_callbacks": float(output.n_callbacks),
            "player_callback_errors": float(output.n_callback_errors),
            "player_callback_age_s": output.heartbeat_age_s(time.perf_counter()),
            "player_longest_render_ms": 1000.0 * output.longest_render_s,
            "player_mean_render_ms": 1000.0 * output.busy_s / max(1, output.n_callbacks),
            "player_slow_callbacks": float(output.n_slow),
            "player_overdue_callbacks": float(output.n_overdue),
            "player_xruns": float(output.n_xruns),
            "player_reopened": float(output.n_reopened),
            "player_plays": float(self._n_plays),
            "player_late": float(self._n_late),
            "player_refused": float(cache.n_refused),
            "player_voices": float(mixer.n_voices if mixer else 0),
            "player_stolen": float(mixer.n_stolen if mixer else 0),
            "player_choked": float(mixer.n_choked if mixer else 0),
            "player_starved": float(mixer.n_starved if mixer else 0),
            "player_limited": float(mixer.n_limited if mixer else 0),
            "player_overrun": float(
                cache.n_overrun + self._streams.n_refused + (mixer.n_refused if mixer else 0)
            ),
            "player_bad_blocks": float(mixer.n_bad_blocks if mixer else 0),
            "player_loading": float(cache.n_jobs),
            "player_streams": float(self._streams.n_streams),
            "player_cache_sounds": float(cache.n_sounds),
            "player_cache_mb": cache.n_bytes / 2**20,
            "player_cache_hits": float(cache.n_hits),
            "player_cache_misses": float(cache.n_misses),
            "player_recorded_s": recording.seconds if recording else 0.0,
            "player_recording_lost": float(recording.n_lost if recording else 0),
        }

    def check(self) -> None:
        """Look after the device; to be called about once a second. Never blocks."""
        self._output.check(time.perf_counter())
        self._cache.check(time.perf_counter())
        with self._producing:
            if self._mixer is not None:
                self._mixer.collect()

    def close(self, limit_s: float = CLOSE_LIMIT_S) -> bool:
        """Close the device and let the threads end; waits up to `limit_s`, longer for a recording.

        Returns
        -------
        bool
            False when the audio system hangs and was given up after `limit_s`: the process should
            then be ended with ``os._exit``.
        """
        with self._producing:
            self._awaited.clear()
            recording, self._recording = self._recording, None
        if recording is not None:
            recording.stop(RECORDING_STOP_S)
        closed = self._output.close(limit_s)
        self._streams.close()
        self._cache.close()
        return closed

    def fade_out(self, limit_s: float = 0.1) -> None:
        """End everything without a click; waits until that has been handed to the device."""
        mixer = self._mixer
        if mixer is None or not self._output.ready or not mixer.n_voices:
            return
        self.stop()
        heard, until_s = mixer.frame + 2 * mixer.fade_frames, time.perf_counter() + limit_s
        while mixer.frame < heard and time.perf_counter() < until_s:
            time.sleep(0.002)
        time.sleep(min(limit_s, self._output.latency_s))

    def _make_renderer(self, sample_rate: int, n_channels: int) -> Renderer:
        """Make the mixer of a stream about to start; on the output's thread."""
        self._cache.set_format(sample_rate, n_channels)
        self._streams.abandon_all()
        mixer, clock = Mixer(sample_rate, n_channels, self._audio.voices), FrameClock(sample_rate)
        with self._producing:
            self._mixer, self._clock = mixer, clock
        self._stop_unfit(sample_rate, n_channels)

        def render(out: Float32Array, heard_s: float) -> None:
            clock.note(mixer.frame, heard_s)
            mixer.render(out)
            if (recording := self._recording) is not None:
                recording.take(out)

        return render

    def _stop_unfit(self, sample_rate: int, n_channels: int) -> None:
        """End a recording whose file can't take what is played from now on."""
        mixer, recording = self._mixer, self._recording
        if mixer is not None:  # the one in force by now
            sample_rate, n_channels = mixer.sample_rate, mixer.n_channels
        if recording is not None and recording.format != (sample_rate, n_channels):
            recording.stop(0.0)
            self._end_recording(
                recording,
                f"recording stopped: the output device plays {n_channels} channels at {sample_rate} Hz now; "
                f"see {shown(recording.path)}",
            )

    def _end_recording(self, recording: Recording, reason: str) -> None:
        """Note that a recording has ended by itself."""
        with self._producing:
            if self._recording is recording:
                self._recording = None
        self._on_problem(reason)

    def _start(self, voice: int, sound: LoadedSound, request: PlayRequest) -> None:
        """Hand a sound to the mixer; the caller holds the lock."""
        mixer, clock = self._mixer, self._clock
        if mixer is None or clock is None or mixer.sample_rate != sound.sample_rate:
            return
        n_frames, stream = len(sound.samples), None
        end = None if request.end_s is None else sound.frame(request.end_s)
        beyond = sound.goes_on and (end is None or end >= n_frames + mixer.fade_frames)
        if beyond:
            most = None if end is None else end - n_frames
            stream = self._streams.open(
                sound.part, sound.stamp, self._cache.format, n_frames, most, mixer.fade_frames
            )
        last = n_frames if end is None else min(end, n_frames)
        accepted = mixer.play(
            voice,
            sound.samples,
            start=sound.frame(request.start_s),
            end=last,
            gain=self._gain
            * 10.0 ** (request.gain_db / 20.0)
            * velocity_gain(request.velocity, self._audio.velocity_curve),
            pan=request.pan,
            cut=stream is None and (last < n_frames or sound.goes_on),
            choke=request.choke,
            fade_in=round(request.fade_in_s * mixer.sample_rate),
            due=0 if request.due_s is None else clock.frame_at(request.due_s),
            stream=stream,
        )
        if stream is not None and not accepted:
            stream.abandoned = True
