"""The indexer: decides what is done next, from a file on disk to a position on the map.

Owns the loop's one step: scan a little, hand files to the workers, commit what they heard, keep
every sound placed, publish snapshots. Single-threaded; runs in the librarian process beside a
daemon, or in the command ``klustr-bridge index``. Must not know any surface.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from klustr_bridge.errors import IndexerError, LibraryError, QueryError
from klustr_bridge.indexer.cells_process import CellsKeeper
from klustr_bridge.indexer.duplicates_process import DuplicatesSearch
from klustr_bridge.indexer.ears import Ears
from klustr_bridge.indexer.epochs import NEEDS_THE_EAR
from klustr_bridge.indexer.kinds_by_ear import KindsByEar
from klustr_bridge.indexer.messages import Notice, ProgressReport, Reply, Request
from klustr_bridge.indexer.placing import MapKeeper
from klustr_bridge.indexer.pool import AnalysisPool
from klustr_bridge.indexer.publishing import Publisher
from klustr_bridge.indexer.scanning import Scanner
from klustr_bridge.indexer.watching import Hints
from klustr_bridge.indexer.worker import Analyse, Answer
from klustr_bridge.library import handed
from klustr_bridge.library.ignore import DEFAULT_PATTERNS, IgnoreRules
from klustr_bridge.library.kind_sources import AUTO
from klustr_bridge.library.rows import Counts
from klustr_bridge.library.store import Store
from klustr_bridge.settings import Settings
from klustr_bridge.sound.decode import NEEDS_AV, can_decode_av
from klustr_bridge.sound.kinds import KINDS
from klustr_bridge.types import FileStamp, FoundFile, Int32Array, Outcome

_COMMIT_EVERY_S = 0.5
_COMMIT_AT = 64
_REPORT_EVERY_S = 0.125
_IDLE_STEP_S = 1.0
# A file that changes or can't be reached each time it is to be heard waits for the next scan.
_MOST_TRIES = 6

Done = Callable[[Reply], None]


@dataclass(frozen=True, slots=True)
class _PutOff:
    """A file that was gone or changing when its turn came: how often, and until when it waits."""

    tries: int
    until: float


class Indexer:
    """Turns files into sounds and sounds into positions, step by step.

    Parameters
    ----------
    store : Store
        Open for writing; the caller holds the writer lock.
    settings : Settings
        Those of ``index``, ``hearing`` and ``layout`` count here.
    send : callable
        Takes `SnapshotReady`, `ProgressReport` and `Notice`.
    snapshot_directory : Path or None
        Where snapshots go; None writes none (indexing once, without a daemon).
    watch : bool
        Whether folders are watched after their scan.
    analyse : callable, optional
        What the workers do with a file, other than to hear it by the settings.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        send: Callable[[object], None],
        snapshot_directory: Path | None = None,
        watch: bool = False,
        analyse: Analyse | None = None,
    ) -> None:
        store.show_slices(settings.index.slices)
        self._store = store
        self._settings = settings
        self._send = send
        self._publisher = Publisher(store, snapshot_directory, send, self._note)
        ignore = IgnoreRules([*DEFAULT_PATTERNS, *settings.index.ignore])
        self._scanner = Scanner(store, ignore, settle_s=settings.index.settle_s, notice=self._note)
        self._ears = Ears(store, settings.hearing, self._note)
        self._pool = AnalysisPool(
            settings.index.workers or multiprocessing.cpu_count(),
            analyse or self._ears.analyse,
            time_limit_s=settings.index.time_limit_s,
            memory_limit_mb=settings.index.memory_limit_mb,
        )
        self._map = MapKeeper(store, settings.layout, self._note)
        self._kinds = KindsByEar(store, self._note)
        self._duplicates = DuplicatesSearch(store)
        self._cells = CellsKeeper(self._publisher.tell_again, self._note)
        self._hints = Hints(self._scanner, ignore, settings.index, self._note) if watch else None
        self._at_work: dict[int, FoundFile] = {}
        self._asked: dict[int, tuple[Request, Done]] = {}
        self._put_off: dict[bytes, _PutOff] = {}
        self._answers: list[tuple[FoundFile, Answer]] = []
        self._next_commit = 0.0
        self._next_report = 0.0
        self._next_rescan = time.monotonic() + settings.index.rescan_s
        self._counts = (-1, Counts(0, 0, 0, 0, 0))
        self._last_report: ProgressReport | None = None
        self.rescan()

    # -- what can be asked -------------------------------------------------------------------

    def add_folder(self, path: bytes) -> None:
        """Watch the folder at `path` from now on and scan it.

        Raises
        ------
        IndexerError
            If there is no such folder.
        """
        real = os.path.realpath(os.path.abspath(path))
        if not os.path.isdir(real):
            raise IndexerError(f"{os.fsdecode(path)} is not a folder; name an existing one")
        added = self._store.add_folder(real)
        if added.outcome in ("covered", "known"):
            return
        self._reload_folders()
        self._scanner.scan(real)

    def remove_folder(self, path: bytes) -> None:
        """Forget the folder's files; their sounds keep id, uid and position should they come back.

        Raises
        ------
        LibraryError
            If the library has no such folder.
        """
        real = os.path.realpath(os.path.abspath(path))
        known = {folder.path for folder in self._store.folders()}
        if real not in known and path not in known:
            listed = ", ".join(sorted(os.fsdecode(folder) for folder in known)) or "none"
            raise LibraryError(f"{os.fsdecode(path)} is not a folder of this library; its folders: {listed}")
        self._store.remove_folder(real if real in known else path)
        self._reload_folders()

    def rescan(self, when_done: Callable[[], None] | None = None) -> None:
        """Queue a walk of every folder; `when_done` is called after the last.

        Vectors that the command line has left beside the library are taken first.
        """
        try:
            handed.take(self._store)
        except LibraryError as error:
            self._note("vectors", str(error))
        self._put_off.clear()
        self._retry_with_av()
        left = len(self._scanner.folders)
        if not left and when_done:
            when_done()

        def one_done() -> None:
            nonlocal left
            left -= 1
            if not left and when_done:
                when_done()

        for folder in self._scanner.folders:
            self._scanner.scan(folder, one_done)

    def _retry_with_av(self) -> None:
        """Hear the files that were refused for want of a decoder which has been installed since."""
        if self._store.has_refused(NEEDS_AV) and can_decode_av():
            self._store.requeue_refused(NEEDS_AV)

    def relayout(self, when_done: Callable[[str | None], None] | None = None) -> None:
        """Fit a new epoch; `when_done` gets None, or why it could not be done."""
        self._map.demand(when_done or (lambda _reason: None))

    def request(self, request: Request, done: Done) -> None:
        """Carry out what the serving process asks; `done` is called with the reply.

        Raises
        ------
        KlustrError
            If it can't be done.
        """

        def end(reason: str | None) -> None:
            code = "notready" if reason and reason.endswith(NEEDS_THE_EAR) else "internal"
            done(Reply(request.token, code, reason) if reason else Reply(request.token))

        def published(reason: str | None) -> None:
            self._publisher.when_published(lambda unpublished: end(reason or unpublished))

        match request.action:
            case "add_folder":
                self.add_folder(request.path)
                self._publisher.when_published(end)
            case "remove_folder":
                self.remove_folder(request.path)
                self._publisher.when_published(end)
            case "rescan":
                self.rescan(lambda: self._publisher.when_published(end))
            case "relayout":
                self.relayout(published)
            case "candidate":
                self._map.demand_candidate(request.value, published)
            case "take_candidate":
                self._map.take_candidate()
                self._publisher.when_published(end)
            case "drop_candidate":
                self._map.drop_candidate()
                self._publisher.when_published(end)
            case "favourite":
                self._store.set_favourite(request.sound_id, request.value == "1")
                self._publisher.when_published(end)
            case "kind":
                if request.value not in (*KINDS, AUTO):
                    known = " ".join((*KINDS, AUTO))
                    raise QueryError("badargs", f"unknown kind {request.value!r}; known: {known}")
                self._store.set_kind(request.sound_id, None if request.value == AUTO else request.value)
                self._publisher.when_published(end)
            case "backup":
                self._store.backup(Path(os.fsdecode(request.path)))
                end(None)
            case "analyse":
                self._asked[self._pool.submit(request.path, first=True)] = (request, done)
            case "duplicates":
                self._duplicates.demand(partial(_reply_to_search, request, done))
            case _:
                raise QueryError("unknown", f"the librarian knows no action {request.action!r}")

    # -- the loop ----------------------------------------------------------------------------

    @property
    def connections(self) -> list[multiprocessing.connection.Connection]:
        """What to wait on between steps, beside the time that `step` returns."""
        watched = [self._hints.connection] if self._hints else []
        beside = (self._map, self._kinds, self._duplicates, self._cells)
        waited_for = [connection for each in beside for connection in each.connections]
        return [*self._pool.connections, *waited_for, *watched]

    @property
    def settled(self) -> bool:
        """Whether everything found on disk has been heard, placed and committed."""
        return (
            not self._scanner.scanning
            and not self._scanner.waiting
            and not self._at_work
            and not self._answers
            and not self._store.take_pending(1, self._given_up())
        )

    @property
    def finished(self) -> bool:
        """Whether it is settled, its map and kinds are as wanted, and what it has is published."""
        return self.settled and self._map.content and self._kinds.content and self._publisher.up_to_date

    def step(self) -> float:
        """Do a portion of what there is to do.

        Returns
        -------
        float
            Seconds after which to step again though no connection became ready.
        """
        now = time.monotonic()
        if self._hints:
            self._hints.pass_on()
        if self._settings.index.rescan_s and now >= self._next_rescan:
            self._next_rescan = now + self._settings.index.rescan_s
            self.rescan()
        self._scanner.step()
        self._collect()
        self._hand_out()
        self._commit(now)
        self._ears.step(self.settled)
        self._map.step(self.settled)
        self._kinds.step(self.settled)
        self._duplicates.step()
        # who hears that it is done must not find a state from before it was asked
        self._publisher.step(lambda: self._report(float("inf")))
        self._cells.step(self._publisher.place if self._publisher.up_to_date and self.settled else None)
        self._report(now)
        return self._pause(now)

    def close(self) -> None:
        """Stop watching and end the workers; what was heard but not committed is committed first."""
        if self._hints:
            self._hints.close()
        try:
            self._collect()
            self._commit(float("inf"))
        finally:
            self._pool.close()
            self._map.close()
            self._kinds.close()
            self._duplicates.close()
            self._cells.close()

    def _collect(self) -> None:
        for answer in self._pool.collect():
            if answer.token in self._asked:
                _reply_to_asked(answer, *self._asked.pop(answer.token))
                continue
            file = self._at_work.pop(answer.token)
            self._answers.append((file, answer))

    def _hand_out(self) -> None:
        if (room := self._pool.room) <= 0:
            return
        now = time.monotonic()
        busy = {file.path for file in self._at_work.values()} | {file.path for file, _ in self._answers}
        busy |= {path for path, put_off in self._put_off.items() if now < put_off.until}
        for file in self._store.take_pending(room, busy):
            self._at_work[self._pool.submit(file.path)] = file

    def _commit(self, now: float) -> None:
        if not self._answers or (now < self._next_commit and len(self._answers) < _COMMIT_AT):
            return
        self._next_commit = now + _COMMIT_EVERY_S
        outcomes: list[Outcome] = []
        for file, answer in self._answers:
            changed = answer.stamp is not None and not _same_content(answer.stamp, file.stamp)
            if changed or (answer.analysis is None and answer.reason is None):
                # gone or changed since it was listed: looked at again when it has settled
                self._put_off_again(file.path)
                self._scanner.hint(file.path)
            else:
                self._put_off.pop(file.path, None)
                outcomes.append(Outcome(file.path, file.stamp, answer.analysis, answer.reason))
        self._answers.clear()
        if outcomes:
            self._ears.commit(outcomes, self._map.placer)

    def _put_off_again(self, path: bytes) -> None:
        tries = self._put_off[path].tries + 1 if path in self._put_off else 1
        wait_s = self._settings.index.settle_s * 2**tries if tries < _MOST_TRIES else float("inf")
        self._put_off[path] = _PutOff(tries, time.monotonic() + wait_s)

    def _given_up(self) -> set[bytes]:
        """Pending files that can't be heard now and wait for the next scan."""
        return {path for path, put_off in self._put_off.items() if put_off.tries >= _MOST_TRIES}

    def _report(self, now: float) -> None:
        if now < self._next_report:
            return
        self._next_report = time.monotonic() + _REPORT_EVERY_S
        generation = self._store.generation
        if generation != self._counts[0]:  # counting takes time in proportion to the library
            self._counts = (generation, self._store.counts())
        counts = self._counts[1]
        analysed = counts.files - counts.pending - counts.refused
        report = ProgressReport(self._state(), counts.files, analysed, counts.refused, counts.pending)
        if report != self._last_report:
            self._last_report = report
            self._send(report)

    def _state(self) -> str:
        if self._at_work or self._answers or self._store.take_pending(1, self._given_up()):
            return "analysing"
        if self._scanner.scanning or self._scanner.waiting:
            return "scanning"
        if self._map.fitting:
            return "layout"
        if self._publisher.up_to_date or self._publisher.trouble:
            return "ready"
        return self._last_report.state if self._last_report else "scanning"  # it is not to be seen yet

    def _pause(self, now: float) -> float:
        waits = [_IDLE_STEP_S]
        due_s = self._scanner.next_due_s(time.monotonic())
        if due_s is not None:
            waits.append(due_s)
        if self._answers:
            waits.append(self._next_commit - now)
        if self._at_work or self._asked:
            waits.append(0.25)
        if (unheard_s := self._kinds.due_s(now, self.settled)) is not None:
            waits.append(unheard_s)
        if (unpublished_s := self._publisher.due_s(now)) is not None:
            waits.append(unpublished_s)
        if self._last_report is None or self._last_report.state != "ready":
            waits.append(self._next_report - now)
        return max(0.0, min(waits))

    def _reload_folders(self) -> None:
        self._scanner.reload_folders()
        if self._hints:
            self._hints.watch_folders()

    def _note(self, where: str, message: str) -> None:
        self._send(Notice(where, message))


def _same_content(one: FileStamp, other: FileStamp) -> bool:
    return (one.size, one.mtime_ns) == (other.size, other.mtime_ns)


def _reply_to_search(request: Request, done: Done, rows: Int32Array | None, why_not: str) -> None:
    if rows is None:
        done(Reply(request.token, "internal", why_not))
    else:
        done(Reply(request.token, duplicates=rows))


def _reply_to_asked(answer: Answer, request: Request, done: Done) -> None:
    if answer.analysis is not None:
        done(Reply(request.token, analysis=answer.analysis))
    elif answer.reason is not None:
        done(Reply(request.token, "badargs", f"{os.fsdecode(request.path)}: {answer.reason}"))
    else:
        done(
            Reply(request.token, "notfound", f"{os.fsdecode(request.path)} is not there or is being written")
        )
