"""Hearing the kinds of sounds that no name tells, beside the indexer's loop.

Owns the thread that guesses and the guesses that wait to be written, a few at each step. The thread only
reads the library, by a connection of its own: with 100,000 sounds it works for seconds to minutes, the loop
for milliseconds. How a kind is guessed is the layout's.
"""

import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from klustr_bridge.errors import KlustrError
from klustr_bridge.layout.kinds import KindGuesser
from klustr_bridge.library import heard_kinds
from klustr_bridge.library.heard_kinds import HeardKind, ToldBy, UnnamedSounds
from klustr_bridge.library.spaces import ENGINEERED, Space
from klustr_bridge.library.store import Store
from klustr_bridge.sound.kinds import KINDS

# Sounds are guessed anew when so many more than the last time are known by name.
_GROWTH = 1.2
# Looking for new sounds takes time in proportion to the library: at most this share of one core.
_SHARE = 0.1
# Writing so many takes a few milliseconds.
_WRITTEN_AT_ONCE = 200
_SAME_CONFIDENCE = 0.005
_STOP_S = 5.0


@dataclass(slots=True)
class _Round:
    """One look through the library, and what came of it.

    Attributes
    ----------
    asked_at : (int, bool)
        Generation of the library, and whether it was settled.
    heard : deque of HeardKind
        What is new.
    told_by : ToldBy or None
        What told the kinds of all others; None where only new ones were listened to.
    trouble : str
        Why it failed; empty where it didn't.
    """

    asked_at: tuple[int, bool]
    heard: deque[HeardKind] = field(default_factory=deque)
    told_by: ToldBy | None = None
    trouble: str = ""


class KindsByEar:
    """Has a kind heard in each live sound that no name tells one of.

    New sounds are listened to soon. All are heard anew once the library is settled and much more is known by
    name, it hears by another ear than before, or the user has corrected a kind.

    Parameters
    ----------
    store : Store
        Written with what is heard.
    notice : callable
        ``notice(where, message)`` for what the user should know.
    """

    def __init__(self, store: Store, notice: Callable[[str, str], None]) -> None:
        self._store = store
        self._notice = notice
        self._ear = _Ear(store.path)
        self._connection, self._ready = multiprocessing.Pipe(duplex=False)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._round = _Round((-1, False))
        self._next = 0.0
        self._told = ""

    @property
    def connections(self) -> list[Connection]:
        """What to wait on: ready when a look through the library has ended."""
        return [self._connection] if self._thread is not None else []

    @property
    def content(self) -> bool:
        """Whether the settled library, as it is now, has been looked through and nothing waits."""
        return not self._busy and self._round.asked_at == (self._store.generation, True)

    def due_s(self, now: float, settled: bool) -> float | None:
        """Seconds until `step` has something to do, None where nothing is new or a thread is at it."""
        if self._thread is not None:
            return None
        if self._busy:
            return 0.0
        return max(0.0, self._next - now) if self._is_new(self._store.generation, settled) else None

    def step(self, settled: bool) -> None:
        """Write some of what was heard, or begin to listen if there is something new and it is time."""
        if self._thread is not None:
            if self._thread.is_alive():
                return
            self._end_round()
        if self._busy:
            self._write_some()
            return
        generation = self._store.generation
        if self._is_new(generation, settled) and time.monotonic() >= self._next:
            self._begin_round((generation, settled))

    def close(self) -> None:
        """End the thread; what it has heard is heard again the next time."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                return
        self._connection.close()
        self._ready.close()

    @property
    def _busy(self) -> bool:
        return self._thread is not None or bool(self._round.heard) or self._round.told_by is not None

    def _is_new(self, generation: int, settled: bool) -> bool:
        looked_at, was_settled = self._round.asked_at
        return generation != looked_at or (settled and not was_settled)

    def _begin_round(self, asked: tuple[int, bool]) -> None:
        self._round = _Round(asked)
        self._thread = threading.Thread(target=self._listen, args=(self._round,), name="kinds", daemon=True)
        self._thread.start()

    def _listen(self, to: _Round) -> None:
        began = time.monotonic()
        try:
            self._ear.listen(to, self._stopping)
        except KlustrError as error:  # the sounds stay unknown until the library changes
            to.trouble = str(error)
        except Exception as error:
            to.trouble = f"{type(error).__name__}: {error}"
        now = time.monotonic()
        self._next = now + (now - began) / _SHARE
        self._ready.send_bytes(b"!")

    def _end_round(self) -> None:
        self._thread = None
        while self._connection.poll():
            self._connection.recv_bytes()
        if self._round.trouble and self._round.trouble != self._told:
            self._notice("kinds", f"the kinds of sounds without a name stay unknown: {self._round.trouble}")
        self._told = self._round.trouble

    def _write_some(self) -> None:
        heard, (looked_at, settled) = self._round.heard, self._round.asked_at
        unchanged = self._store.generation == looked_at
        portion = [heard.popleft() for _ in range(min(len(heard), _WRITTEN_AT_ONCE))]
        self._store.set_heard_kinds(portion, told_by=self._round.told_by, last=not heard)
        if not heard:
            self._round.told_by = None
            if unchanged:  # but for this: it need not be looked through again
                self._round.asked_at = (self._store.generation, settled)


class _Ear:
    """Guesses, in a thread; keeps those who tell until many more are known."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._guesser: KindGuesser | None = None
        self._told_by = (0, Space(ENGINEERED, 0))

    def listen(self, to: _Round, stopping: threading.Event) -> None:
        """Look through the library as it is now and leave what is new in the round."""
        with Store.open(self._library, writable=False) as store, store.view() as view:
            n_known, space = heard_kinds.count_known(view.connection), view.space
            before = view.kinds_told_by
            is_other_ear = space.size > 0 and space.hearing != before.hearing
            all_of_them = to.asked_at[1] and (is_other_ear or n_known > _GROWTH * before.n_known)
            is_stale = all_of_them or self._told_by[1] != space or n_known > _GROWTH * self._told_by[0]
            heard: deque[HeardKind] = deque()
            for unnamed in heard_kinds.read_unnamed(view.connection, all_of_them=all_of_them):
                if stopping.is_set():
                    return
                if is_stale or self._guesser is None:
                    known = heard_kinds.read_known(view.connection)
                    is_learned = known.space.is_learned
                    self._guesser = KindGuesser(known.embedding, known.kind_codes, is_learned=is_learned)
                    self._told_by, is_stale = (n_known, space), False
                heard.extend(_guessed(self._guesser, unnamed))
        to.heard = heard
        to.told_by = ToldBy(n_known, space.hearing) if all_of_them else None


def _guessed(guesser: KindGuesser, unnamed: UnnamedSounds) -> Iterator[HeardKind]:
    """What is heard in a portion of sounds, as far as it is another than before."""
    codes, confidence = guesser.guess(unnamed.embedding, unnamed.is_loop)
    rows = zip(unnamed.ids.tolist(), codes.tolist(), confidence.tolist(), unnamed.heard, strict=True)
    for sound_id, code, sure, (kind, before) in rows:
        if kind != KINDS[code] or abs(sure - before) > _SAME_CONFIDENCE:
            yield HeardKind(sound_id, KINDS[code], sure)
