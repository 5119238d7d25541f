"""Owns the decoded sounds: read, resampled to the device's rate, kept within a bound of memory.

Files are only ever read on the loader threads here, never in the caller. This module must not
know of voices or devices. The loaders are daemon threads: one that hangs on an unplugged network
drive must not keep the process from ending.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from klustr_bridge.errors import RefusedSound
from klustr_bridge.files import file_stamp
from klustr_bridge.player.loading import Format, LoadedSound, Part, load_head

MAX_CACHE_BYTES = 64 * 1024 * 1024
N_LOADERS = 2
MOST_LOADERS = 8
"""Loaders that wait for a disk that does not answer are joined by others, up to so many in all."""

HANGING_S = 1.0
TOLD_HANGING_S = 5.0
MAX_JOBS = 256
MAX_PREFETCHES = 64
MAX_WAITING = 16
"""A part that takes so long that it is played more often meanwhile is not played more often than that."""

CHECK_AGAIN_S = 1.0
"""A sound found in the cache is compared with its file this often at most."""

REPORT_AGAIN_S = 60.0
MAX_REPORTED = 1024

Ready = Callable[[LoadedSound | None], None]


@dataclass(slots=True)
class _Job:
    """A part to load and who waits for it; nobody waits for a prefetched one."""

    part: Part
    waiting: list[Ready] = field(default_factory=list)
    loading: bool = False
    begun_s: float = 0.0
    told: bool = False


class SoundCache:
    """The sounds last played or prefetched, oldest use dropped first.

    Callbacks are called on a loader thread.

    Parameters
    ----------
    on_problem : callable
        Told in one sentence when a file can't be loaded; once a minute for each file.
    max_bytes : int
        Bound of the samples kept. A sound larger than this is played but not kept.
    """

    def __init__(self, on_problem: Callable[[str], None], *, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self.max_bytes = max_bytes
        self.n_bytes = 0
        self.n_hits = 0
        self.n_misses = 0
        self.n_refused = 0
        self.n_overrun = 0
        self._on_problem = on_problem
        self._sounds: OrderedDict[Part, LoadedSound] = OrderedDict()
        self._checked_s: dict[Part, float] = {}
        self._jobs: OrderedDict[Part, _Job] = OrderedDict()
        self._to_check: OrderedDict[Part, None] = OrderedDict()
        self._reported_s: OrderedDict[bytes, float] = OrderedDict()
        self._format = (0, 0)
        self._prefetching = False
        self._closed = False
        self._changed = threading.Condition()
        self._loaders: list[threading.Thread] = []

    @property
    def format(self) -> Format:
        """What the device takes."""
        return self._format

    @property
    def n_sounds(self) -> int:
        """Sounds kept now."""
        return len(self._sounds)

    @property
    def n_jobs(self) -> int:
        """Loads and prefetches not finished yet."""
        return len(self._jobs)

    def set_format(self, sample_rate: int, n_channels: int) -> None:
        """Say what the device takes; sounds prepared for something else are dropped."""
        with self._changed:
            if (sample_rate, n_channels) == self._format:
                return
            self._format = (sample_rate, n_channels)
            self._sounds.clear()
            self._checked_s.clear()
            self.n_bytes = 0

    def get(self, part: Part) -> LoadedSound | None:
        """Return a sound if it is here now; never reads a file.

        A file that has changed since is noticed in the background: it is heard anew from the
        next time on.
        """
        now = time.perf_counter()
        with self._changed:
            sound = self._sounds.get(part)
            if sound is None:
                self.n_misses += 1
                return None
            self.n_hits += 1
            self._sounds.move_to_end(part)
            if now - self._checked_s.get(part, 0.0) > CHECK_AGAIN_S:
                self._checked_s[part] = now
                self._to_check[part] = None
                self._wake()
            return sound

    def load(self, part: Part, ready: Ready) -> None:
        """Load a part and hand it to `ready`, or None when it can't be had.

        The newest request is served first: what a hand asks for last is what it wants to hear.
        """
        dropped: list[Ready] = []
        with self._changed:
            job = self._jobs.get(part)
            if job is None:
                dropped += self._make_room()
                job = self._jobs[part] = _Job(part)
            if len(job.waiting) >= MAX_WAITING:
                dropped.append(job.waiting.pop(0))
            job.waiting.append(ready)
            if not job.loading:
                self._jobs.move_to_end(part)
            self._wake()
        self._hand_over(dropped, None)

    def prefetch(self, parts: Iterable[Part]) -> None:
        """Load parts in the background, after everything that is waited for.

        The latest first, for they are near to where the hand is now; the oldest of too many are given up.
        """
        with self._changed:
            for part in parts:
                if part in self._sounds or (part in self._jobs and self._jobs[part].waiting):
                    continue
                self._jobs.setdefault(part, _Job(part))
                self._jobs.move_to_end(part)
            prefetches = [job for job in self._jobs.values() if not job.waiting and not job.loading]
            for job in prefetches[: max(0, len(prefetches) - MAX_PREFETCHES)]:
                del self._jobs[job.part]
            self._wake()

    def close(self) -> None:
        """Let the loaders end; whoever still waits hears nothing more."""
        with self._changed:
            self._closed = True
            self._jobs.clear()
            self._to_check.clear()
            self._sounds.clear()
            self.n_bytes = 0
            self._changed.notify_all()

    def _wake(self) -> None:
        """Start the loaders on the first need of them, then wake them."""
        if self._closed:
            return
        while len(self._loaders) < self._n_wanted_loaders():
            loader = threading.Thread(target=self._run, name="player-loader", daemon=True)
            self._loaders.append(loader)
            loader.start()
        self._changed.notify_all()

    def _n_wanted_loaders(self) -> int:
        now = time.perf_counter()
        n_hanging = sum(job.loading and now - job.begun_s > HANGING_S for job in self._jobs.values())
        return min(MOST_LOADERS, N_LOADERS + n_hanging)

    def check(self, now: float) -> None:
        """Tell of files whose disk does not answer, and see that others are loaded; never blocks.

        Parameters
        ----------
        now : float
            ``time.perf_counter()``.
        """
        with self._changed:
            late = [
                job
                for job in self._jobs.values()
                if job.loading and not job.told and now - job.begun_s > TOLD_HANGING_S
            ]
            for job in late:
                job.told = True
            if self._jobs:
                self._wake()
        for job in late:
            self.report(job.part.path, "its disk does not answer")

    def _make_room(self) -> list[Ready]:
        """Give up the oldest job not begun when there are too many, a prefetch rather than a play.

        Returns who has waited for it.
        """
        if len(self._jobs) < MAX_JOBS:
            return []
        idle = [job for job in self._jobs.values() if not job.loading]
        job = next((job for job in idle if not job.waiting), idle[0] if idle else None)
        if job is None:
            return []
        del self._jobs[job.part]
        self.n_overrun += 1
        return job.waiting

    def _next_job(self) -> _Job | None:
        """Choose: the newest load somebody waits for, else the newest prefetch, one at a time."""
        for job in reversed(self._jobs.values()):
            if job.waiting and not job.loading:
                return job
        if not self._prefetching:
            for job in reversed(self._jobs.values()):
                if not job.loading:
                    return job
        return None

    def _run(self) -> None:
        """Work, on a loader thread, until the cache is closed."""
        while True:
            with self._changed:
                job = self._next_job()
                while job is None and not self._to_check and not self._closed:
                    self._changed.wait()
                    job = self._next_job()
                if self._closed:
                    return
                if job is None:
                    part, _ = self._to_check.popitem(last=False)
                else:
                    job.loading, job.begun_s = True, time.perf_counter()
                    prefetching = not job.waiting
                    self._prefetching = self._prefetching or prefetching
                    wanted = self._format
            if job is None:
                self._compare(part)
            else:
                self._finish(job, self._read(job.part, wanted), wanted, prefetching)

    def _read(self, part: Part, wanted: Format) -> LoadedSound | None:
        """Read and prepare one part; a file that can't be read is reported, never raised."""
        if wanted[0] <= 0:
            return None
        try:
            return load_head(part, wanted)
        except RefusedSound as refused:
            self.report(part.path, str(refused))
        except Exception as error:  # a decoder's own fault must not end the loader
            self.report(part.path, f"{type(error).__name__}: {error}")
        return None

    def _finish(self, job: _Job, sound: LoadedSound | None, wanted: Format, prefetching: bool) -> None:
        """Keep what was loaded and hand it to those who wait."""
        with self._changed:
            if prefetching:
                self._prefetching = False
            if self._jobs.get(job.part) is job:
                del self._jobs[job.part]
            if wanted != self._format or self._closed:
                sound = None
            if sound is not None:
                self._keep(job.part, sound)
            waiting = list(job.waiting)
            self._changed.notify_all()
        self._hand_over(waiting, sound)

    def _keep(self, part: Part, sound: LoadedSound) -> None:
        """Put a sound into the cache and drop the longest unused ones beyond the bound."""
        self._drop(part)
        if sound.samples.nbytes > self.max_bytes:
            return
        self._sounds[part] = sound
        self._checked_s[part] = time.perf_counter()
        self.n_bytes += sound.samples.nbytes
        while self.n_bytes > self.max_bytes:
            self._drop(next(iter(self._sounds)))

    def _drop(self, part: Part) -> None:
        """Forget a sound."""
        sound = self._sounds.pop(part, None)
        self._checked_s.pop(part, None)
        if sound is not None:
            self.n_bytes -= sound.samples.nbytes

    def _compare(self, part: Part) -> None:
        """Drop a sound whose file is no longer what was read."""
        stamp = file_stamp(part.path)
        with self._changed:
            sound = self._sounds.get(part)
            if sound is not None and sound.stamp != stamp:
                self._drop(part)
                self._changed.notify_all()

    def _hand_over(self, waiting: list[Ready], sound: LoadedSound | None) -> None:
        """Call those who wait; an error of theirs must not end the loader."""
        for ready in waiting:
            try:
                ready(sound)
            except Exception as error:
                self._tell(f"a loaded sound could not be played: {type(error).__name__}: {error}")

    def report(self, path: bytes, reason: str) -> None:
        """Count a file that can't be played, and say so unless it was said just now."""
        now = time.perf_counter()
        with self._changed:
            self.n_refused += 1
            said_s = self._reported_s.get(path)
            if said_s is not None and now - said_s < REPORT_AGAIN_S:
                return
            self._reported_s[path] = now
            self._reported_s.move_to_end(path)
            if len(self._reported_s) > MAX_REPORTED:
                self._reported_s.popitem(last=False)
        self._tell(f"can't play {path.decode('utf-8', 'backslashreplace')}: {reason}")

    def _tell(self, message: str) -> None:
        """Report, whatever the listener does with it."""
        with suppress(Exception):
            self._on_problem(message)
