"""Owns the bridge's own sound: `open_player` gives the one player of a process.

Its parts: `mixer` (voices), `cache` (sounds ready to play), `output` and `portaudio` (the device).
This room must not know of libraries, ids of sounds, clients or OSC. Nothing in it raises for a
missing audio library, device or file: those are told, and everything else goes on.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterable

from klustr_bridge.errors import PlayerError
from klustr_bridge.player import portaudio
from klustr_bridge.player.cache import LoadedSound, Part, SoundCache
from klustr_bridge.player.mixer import MAX_VOICES, Mixer, velocity_gain
from klustr_bridge.player.output import CLOSE_LIMIT_S, Output, Renderer

__all__ = ["MAX_VOICES", "LocalPlayer", "list_devices", "open_player"]

MAX_LATE_S = 0.5
"""A sound that took longer to load is not played any more: the hand has moved on."""

MAX_VOICE_NUMBER = 2**31 - 1


def open_player(
    *,
    device: str = "",
    sample_rate: int = 0,
    gain_db: float = 0.0,
    on_problem: Callable[[str], None],
) -> "LocalPlayer":
    """Open the player; returns at once, the device is opened in the background.

    Parameters
    ----------
    device : str
        Part of an output device's name, its number, or "" for the system's default.
    sample_rate : int
        Hz; 0, or a rate the device refuses, means the device's own. Sounds are resampled to it.
    gain_db : float
        Of everything played, dB.
    on_problem : callable
        Told in one sentence when something is wrong (no library, no device, a lost device, a file
        that can't be played) or well again. Called on threads of the player: it should only pass
        the message on.

    Returns
    -------
    LocalPlayer
        Also where there is no library or device: `LocalPlayer.problem` then says what to do.
    """
    return LocalPlayer(device, sample_rate, gain_db, on_problem)


def list_devices() -> list[str]:
    """Return one line for each output device, the default one marked; for ``doctor``.

    Not for the process of a running player.

    Raises
    ------
    PlayerError
        The library is missing or the audio system can't be used; the message says what to do.
    """
    try:
        devices = portaudio.output_devices(portaudio.load())
    except portaudio.LibraryMissing as error:
        raise PlayerError(str(error)) from error
    return [
        f"{device}, {device.n_channels} channels, {device.sample_rate} Hz"
        + (", default" if device.is_default else "")
        for device in devices
    ]


class LocalPlayer:
    """Plays sample files on this machine's output; made by `open_player`.

    Every method may be called from any thread and all but `close` return at once: files and
    devices are dealt with on the player's own threads.
    """

    def __init__(
        self, device: str, sample_rate: int, gain_db: float, on_problem: Callable[[str], None]
    ) -> None:
        self._gain = 10.0 ** (gain_db / 20.0)
        self._producing = threading.Lock()
        self._numbers = itertools.count()
        self._awaited: dict[int, float] = {}
        self._n_plays = 0
        self._n_late = 0
        self._mixer: Mixer | None = None
        self._cache = SoundCache(on_problem)
        self._output = Output(device, sample_rate, self._make_renderer, on_problem)

    @property
    def problem(self) -> str | None:
        """Why nothing can be heard and what to do about it; None while all is well or opening."""
        return self._output.problem

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

    def play(
        self,
        path: bytes,
        *,
        start_s: float = 0.0,
        end_s: float | None = None,
        velocity: float = 1.0,
        loudness_db: float | None = None,
    ) -> int:
        """Play a file, or a part of it, on a voice of its own.

        At once when the sound is in the cache, else as soon as it is loaded; not at all when that
        takes longer than `MAX_LATE_S`, or while there is no output. At most 30 s are played.

        Parameters
        ----------
        path : bytes
            Absolute.
        start_s, end_s : float
            The part, seconds; `end_s` None is the end of the file.
        velocity : float
            0..1; the gain is its square.
        loudness_db : float, optional
            Of the sound, as analysed. Not used yet: sounds are played at their own level.

        Returns
        -------
        int
            The voice, a positive int32, also when nothing can be heard.
        """
        voice = next(self._numbers) % MAX_VOICE_NUMBER + 1
        if not self._output.ready or (end_s is not None and end_s <= start_s):
            return voice
        self._n_plays += 1
        gain = self._gain * velocity_gain(velocity)
        part = Part.of(path, start_s, end_s)
        sound = self._cache.get(part)
        if sound is not None:
            with self._producing:
                self._start(voice, sound, start_s, end_s, gain)
            return voice

        def start_late(loaded: LoadedSound | None) -> None:
            with self._producing:
                asked_s = self._awaited.pop(voice, None)
                if asked_s is None or loaded is None:
                    return
                if time.monotonic() - asked_s > MAX_LATE_S:
                    self._n_late += 1
                    return
                self._start(voice, loaded, start_s, end_s, gain)

        with self._producing:
            self._awaited[voice] = time.monotonic()
        self._cache.load(part, start_late)
        return voice

    def stop(self, voice: int | None = None) -> None:
        """Fade out one voice, or all; one that is still being loaded never starts."""
        with self._producing:
            if voice is None:
                self._awaited.clear()
            else:
                self._awaited.pop(voice, None)
            if self._mixer is not None:
                self._mixer.stop(voice)

    def prefetch(self, paths: Iterable[bytes]) -> None:
        """Load sounds likely to be played next, after those that are waited for."""
        if self._output.ready:
            self._cache.prefetch(paths)

    def health(self) -> dict[str, float]:
        """Return counters since the start, and what is in use now."""
        output, cache, mixer = self._output, self._cache, self._mixer
        return {
            "player_ready": float(output.ready),
            "player_callbacks": float(output.n_callbacks),
            "player_callback_errors": float(output.n_callback_errors),
            "player_callback_age_s": output.heartbeat_age_s(time.monotonic()),
            "player_longest_render_ms": 1000.0 * output.longest_render_s,
            "player_xruns": float(output.n_xruns),
            "player_reopened": float(output.n_reopened),
            "player_plays": float(self._n_plays),
            "player_late": float(self._n_late),
            "player_refused": float(cache.n_refused),
            "player_voices": float(mixer.n_voices if mixer else 0),
            "player_stolen": float(mixer.n_stolen if mixer else 0),
            "player_limited": float(mixer.n_limited if mixer else 0),
            "player_loading": float(cache.n_jobs),
            "player_cache_sounds": float(cache.n_sounds),
            "player_cache_mb": cache.n_bytes / 2**20,
            "player_cache_hits": float(cache.n_hits),
            "player_cache_misses": float(cache.n_misses),
        }

    def check(self) -> None:
        """Look after the device; to be called about once a second. Never blocks."""
        self._output.check(time.monotonic())
        with self._producing:
            if self._mixer is not None:
                self._mixer.collect()

    def close(self, limit_s: float = CLOSE_LIMIT_S) -> bool:
        """Close the device and let the threads end; waits up to `limit_s`.

        Returns
        -------
        bool
            False when the audio system hangs and was given up after `limit_s`: the process should
            then be ended with ``os._exit`` once everything else is closed.
        """
        with self._producing:
            self._awaited.clear()
        closed = self._output.close(limit_s)
        self._cache.close()
        return closed

    def _make_renderer(self, sample_rate: int, n_channels: int) -> Renderer:
        """Make the mixer of a stream about to start; on the output's thread."""
        self._cache.set_format(sample_rate, n_channels)
        mixer = Mixer(sample_rate, n_channels)
        with self._producing:
            self._mixer = mixer
        return mixer.render

    def _start(
        self, voice: int, sound: LoadedSound, start_s: float, end_s: float | None, gain: float
    ) -> None:
        """Hand a sound to the mixer; the caller holds the lock."""
        mixer = self._mixer
        if mixer is None or mixer.sample_rate != sound.sample_rate:
            return
        n_frames = len(sound.samples)
        start = round((start_s - sound.offset_s) * sound.sample_rate)
        end = n_frames
        if end_s is not None:
            end = min(n_frames, round((end_s - sound.offset_s) * sound.sample_rate))
        cut = end < n_frames or sound.cut
        mixer.play(voice, sound.samples, start=start, end=end, gain=gain, cut=cut)
