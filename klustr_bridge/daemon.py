"""The daemon: the only place that wires the rooms together.

Owns the order: it starts the parts one after the other and stops them in reverse, each with a
deadline. Nothing in its event loop waits for analysis, disk or layout.
"""

import asyncio
import contextlib
import gc
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from klustr_bridge import __version__
from klustr_bridge.bridge.lan import Door
from klustr_bridge.bridge.lan_words import lines_for_start
from klustr_bridge.bridge.midi import MidiInput
from klustr_bridge.bridge.midi_mapping import MappingFile
from klustr_bridge.bridge.midi_output import MidiOutput
from klustr_bridge.bridge.osc import OscServer
from klustr_bridge.bridge.pushing import changes_of
from klustr_bridge.bridge.timing import LoopTimer, loop_factory
from klustr_bridge.bridge.web import WebServer
from klustr_bridge.clock import BeatTeller, MidiClock, SessionClock, open_link
from klustr_bridge.corpus import Changes, Corpus
from klustr_bridge.errors import ClockError, IndexerError, KlustrError, LibraryError, QueryError
from klustr_bridge.indexer.commands import LibraryCommands
from klustr_bridge.indexer.following import SnapshotFollower
from klustr_bridge.indexer.gateway import LibrarianGateway
from klustr_bridge.indexer.librarian import LibrarianSettings
from klustr_bridge.indexer.messages import FromLibrarian, Notice, ProgressReport, SnapshotReady
from klustr_bridge.library.lock import (
    DaemonInfo,
    daemon_lock,
    remove_daemon_info,
    write_daemon_info,
    writer_lock,
)
from klustr_bridge.library.paths import to_export
from klustr_bridge.library.snapshot import newest_snapshot
from klustr_bridge.library.store import Store
from klustr_bridge.navigator import AuditionSettings, Navigator
from klustr_bridge.player import ChildPlayer, open_player
from klustr_bridge.processes import ctrl_c_held_back
from klustr_bridge.progress import PatientWriter, Progress, ProgressLine, logging_to
from klustr_bridge.settings import (
    Settings,
    cache_dir,
    lan_token_file,
    library_file,
    midi_mapping_file,
    recordings_dir,
)

_log = logging.getLogger(__name__)

_STOP_DEADLINE_S = 5.0
_VIEW_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class DaemonStart:
    """What a daemon is started with.

    Attributes
    ----------
    settings : Settings
        All settings in force.
    library_file : Path
        The index file.
    folders : tuple of bytes
        Folders to add at the start.
    demo : bool
        Whether the library is the demo's: it is left for the user's own as soon as a folder is added.
    """

    settings: Settings
    library_file: Path
    folders: tuple[bytes, ...] = ()
    demo: bool = False


def run_daemon(start: DaemonStart, out: TextIO = sys.stdout) -> int:
    """Serve until told to stop.

    Returns
    -------
    int
        0 after a clean stop, 1 if it had to give up (the reason is on the standard error).

    Raises
    ------
    KlustrError
        If it can't start: the library or a port is taken, the library file can't be used.
    """
    with (
        daemon_lock(start.library_file),
        PatientWriter(out) as said,
        PatientWriter(sys.stderr) as errors,
        logging_to(errors),
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        return runner.run(Daemon(start, said, errors).run())


class Daemon:
    """One library, served.

    Parameters
    ----------
    start : DaemonStart
        What to serve.
    out, errors : PatientWriter
        Where the daemon says what it does, and why it failed.
    """

    def __init__(self, start: DaemonStart, out: PatientWriter, errors: PatientWriter) -> None:
        self._start = start
        self._settings = start.settings
        self._library_file = start.library_file
        self._demo = start.demo
        self._out = out
        self._errors = errors
        self._view = ProgressLine(out, start.settings.log.view)
        self._stop = asyncio.Event()
        self._mapping: MappingFile | None = None
        self._midi_clock: MidiClock | None = None
        self._failure: IndexerError | None = None
        self._is_silent = False
        self._progress: ProgressReport | None = None
        self._switching = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._own_lock: contextlib.ExitStack = contextlib.ExitStack()

    async def run(self) -> int:
        """Start everything, serve until asked to stop, stop everything in reverse order."""
        async with contextlib.AsyncExitStack() as stack:
            stack.push(self._own_lock)
            self._catch_signals()
            self.player = self._open_player(stack)
            self._clock = self._open_clock(stack)
            self._gateway = self._new_gateway(self._start.folders)
            audio = self._settings.audio
            self.navigator = Navigator(
                self.player,
                LibraryCommands(lambda: self._gateway, self.add_folder, self.caught_up),
                settings=AuditionSettings(
                    gap_s=audio.gap_ms / 1000.0,
                    loudness_match=audio.loudness_match,
                    choke=audio.choke,
                    loops_in_time=audio.loops_in_time,
                    beats_a_bar=self._settings.clock.beats_a_bar,
                ),
                timer=LoopTimer(asyncio.get_running_loop()),
                beats=self._clock,
            )
            self.navigator.note_work("scanning")  # until the librarian has looked
            self._snapshots = SnapshotFollower(self._load, self._publish, self._tell_ready)
            lan = self._settings.lan
            self._door = await asyncio.to_thread(Door, lan_token_file(), lan.host) if lan.on else None
            self._osc = OscServer(
                self.navigator,
                host=self._settings.osc.host,
                port=self._settings.osc.port,
                tcp=self._settings.osc.tcp,
                view=self._settings.map.view,
                far_host=lan.host if lan.on and lan.osc else None,
            )
            self.osc_port = await self._osc.start()
            stack.push_async_callback(_within, "OSC", self._osc.stop)
            self._output = MidiOutput(
                self.navigator,
                self._clock,
                recordings_dir(self._settings),
                self._settings.clock.beats_a_bar,
            )
            self.navigator.set_listener(self._output.played)
            self._osc.midi.clip = self._output.clip
            self._listen_to_midi(stack)
            await self._serve_http(stack)
            with ctrl_c_held_back():
                self._gateway.start()
            stack.push_async_callback(self._stop_librarian)
            self._announce(stack)
            gc.freeze()  # what is there now stays: no collection walks it
            async with self._background():
                await self._stop.wait()
            self._view.close()
            self._say("stopping")
            self._is_silent = True  # what a part still finds out about itself is of no use now
        if self._failure is not None:
            self._errors.write(f"klustr-bridge: {self._failure}\n")
        return 0 if self._failure is None else 1

    def request_stop(self) -> None:
        """Make `run` end; safe to call more than once."""
        self._stop.set()

    # -- starting ------------------------------------------------------------------------------

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is None:
                continue
            try:
                loop.add_signal_handler(number, self.request_stop)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self.request_stop))

    def _open_player(self, stack: contextlib.AsyncExitStack) -> ChildPlayer | None:
        audio = self._settings.audio
        if not audio.output:
            return None
        loop = asyncio.get_running_loop()

        def problem(message: str) -> None:  # called by the player's threads
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._hear, Notice("audio", message))

        player = open_player(audio, str(recordings_dir(self._settings)), problem)
        stack.push_async_callback(asyncio.to_thread, player.close)
        return player

    def _open_clock(self, stack: contextlib.AsyncExitStack) -> SessionClock:
        clock = self._settings.clock
        if clock.source != "off" and self._settings.midi.input:
            self._midi_clock = MidiClock()
        link = None
        if clock.source == "link":
            try:
                link = open_link(clock.beats_a_bar)
                stack.callback(link.close)
            except ClockError as error:
                self._say(f"clock: {error}")
        return SessionClock(self._midi_clock, link)

    def _listen_to_midi(self, stack: contextlib.AsyncExitStack) -> None:
        if not self._settings.midi.input:
            return
        midi = MidiInput(
            self.navigator,
            lambda events: self._osc.publish_hits("midi", events),
            clock=self._midi_clock,
            virtual="klustr-bridge" if self._settings.midi.virtual else "",
            notes="klustr-bridge-notes" if self._settings.midi.output else "",
            output=self._output,
            pattern=self._settings.midi.ports,
            on_change=lambda line: self._say(f"MIDI: {line}"),
            view=self._settings.map.view,
        )
        midi.start()
        self._mapping = MappingFile(midi, self._output, midi_mapping_file(self._settings), self._say)
        self._osc.midi.serve(self._mapping.learn, midi)
        stack.push_async_callback(_within, "MIDI", midi.stop)
        if self._settings.midi.output:
            self._output.send_to(midi.send)
            stack.callback(self._output.stop)

    async def _serve_http(self, stack: contextlib.AsyncExitStack) -> None:
        """Take the port; the libraries that serve it are loaded when the last snapshot is."""
        web = WebServer(
            self.navigator,
            port=self._settings.http.port,
            osc_host=self._settings.osc.host,
            osc_port=self.osc_port,
            version=__version__,
            about=lambda: {"pid": os.getpid(), "library": to_export(os.fsencode(self._library_file))},
            health=lambda: (self.player.health() if self.player else {}) | self._osc.health(),
            after=self.caught_up,
            osc=self._osc,
            announce=self._settings.http.announce,
            on_problem=lambda message: self._hear(Notice("http", message)),
            door=self._door,
            has_far_osc=self._settings.lan.osc,
        )
        self.http_port = await web.start()
        stack.push_async_callback(_within, "HTTP", web.stop)

    def _new_gateway(self, folders: tuple[bytes, ...]) -> LibrarianGateway:
        start = LibrarianSettings(str(self._library_file), str(snapshot_directory()), folders, self._settings)
        return LibrarianGateway(start, self._hear, self._give_up)

    def _announce(self, stack: contextlib.AsyncExitStack) -> None:
        self._write_info()
        stack.callback(lambda: remove_daemon_info(self._library_file))
        self._say(f"klustr-bridge {__version__}, library {self._library_file}")
        if self._demo:
            self._say("no folder named yet: playing the demo library; add your own: klustr-bridge add FOLDER")
        protocols = "UDP and TCP" if self._settings.osc.tcp else "UDP"
        self._say(f"OSC on {self._settings.osc.host}:{self.osc_port} ({protocols})")
        self._say(f"HTTP on http://127.0.0.1:{self.http_port}/")
        self._say(f"the map: http://127.0.0.1:{self.http_port}/map")
        if self._door is not None:
            columns, term = shutil.get_terminal_size().columns, os.environ.get("TERM", "")
            for line in lines_for_start(self._door, self.http_port, self._osc, self._out, term, columns):
                self._say(line)
        if self.player is None:
            self._say("audio: off")
        else:
            self._keep(asyncio.ensure_future(self._tell_audio(self.player)))
        if not self._settings.midi.input:
            self._say("MIDI: off")

    async def _tell_audio(self, player: ChildPlayer) -> None:
        """Say where the sound goes, once that is known; why it goes nowhere says the player."""
        while not player.wait_until_settled(0.0):
            await asyncio.sleep(_VIEW_EVERY_S)
        if player.problem is None:
            self._say(f"audio: {player.describe()}")

    def _write_info(self) -> None:
        write_daemon_info(
            DaemonInfo(
                *(os.getpid(), str(self._library_file), self.osc_port, self.http_port, __version__),
                lan="" if self._door is None else self._door.host,
            )
        )

    async def _load_last_snapshot(self) -> None:
        """Serve what the last run left until the librarian has looked at the library."""
        library = self._library_file
        directory = await asyncio.to_thread(_last_snapshot, library)
        nothing_newer = not self._snapshots.is_loading and not self._snapshots.n_taken
        if directory is not None and nothing_newer and library == self._library_file:
            self._snapshots.want(directory)

    @contextlib.asynccontextmanager
    async def _background(self) -> AsyncIterator[None]:
        teller = BeatTeller(
            self._clock,
            lambda beat: self._osc.push_beat(beat.number, beat.tempo_bpm, beat.playing),
            lambda line: self._say(f"clock: {line}"),
        )
        works = [self._load_last_snapshot(), self._show_progress(), teller.run()]
        if self._mapping is not None:
            works.append(self._mapping.follow(is_expected=bool(self._settings.midi.mapping)))
        if self._door is not None:
            works.append(self._door.follow())
        for work in works:
            self._keep(asyncio.ensure_future(work))
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._snapshots.stop()

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a part of the daemon has ended", exc_info=error)

    # -- what the librarian says ---------------------------------------------------------------

    def _hear(self, message: FromLibrarian) -> None:
        match message:
            case SnapshotReady(directory):
                self._snapshots.want(Path(directory))
            case ProgressReport() as report:
                self._progress = report
                if report.state != "ready" or not self._snapshots.is_loading:
                    self._tell_progress(report)  # else once what is ready can be seen
            case Notice(where, text):
                self._say(f"{where}: {text}")
                self._osc.push_error(where, text)
            case _:
                _log.debug("from the librarian: %s", message)

    def _tell_progress(self, report: ProgressReport) -> None:
        self.navigator.note_work(report.state)
        self._osc.push_progress(report.state, report.analysed + report.refused, report.files)

    def _give_up(self, error: IndexerError) -> None:
        self._failure = error
        self._stop.set()

    def _publish(self, loaded: tuple[Corpus, list[Changes]]) -> None:
        new, changes = loaded
        self.navigator.publish(new)
        self._osc.push_changes(changes, new)

    def _load(self, directory: Path) -> tuple[Corpus, list[Changes]]:
        """Load a snapshot and work out what is new in it in each view of the map; in a thread."""
        new = Corpus.load(directory)
        return new, changes_of(self.navigator.corpus, new)

    def _tell_ready(self) -> None:
        if self._progress is not None and self._progress.state == "ready":
            self._tell_progress(self._progress)

    async def caught_up(self) -> None:
        """Wait until the last snapshot that the librarian announced is served."""
        await self._snapshots.wait()

    # -- leaving the demo ----------------------------------------------------------------------

    async def add_folder(self, path: bytes) -> None:
        """Add a folder; a daemon on the demo library goes over to the user's own with it."""
        async with self._switching:
            if self._demo:
                await self._leave_demo(path)
        await self._gateway.add_folder(path)

    async def _leave_demo(self, path: bytes) -> None:
        own = library_file(self._settings)
        await asyncio.to_thread(self._take_own_library, own, path)
        await self._gateway.stop(_STOP_DEADLINE_S)
        self._demo = False
        self._progress = None
        self._snapshots.forget()
        self.navigator.note_work("scanning")
        await asyncio.to_thread(remove_daemon_info, self._library_file)
        self._library_file = own
        self._gateway = self._new_gateway(())
        with ctrl_c_held_back():
            self._gateway.start()
        await asyncio.to_thread(self._write_info)
        old = self.navigator.corpus
        empty = Corpus.empty()
        self.navigator.publish(empty)
        self._osc.push_changes(changes_of(old, empty), empty)
        self._say(f"the demo is left; library {own}")

    def _take_own_library(self, own: Path, folder: bytes) -> None:
        """Hold the daemon lock of the user's own library, if it can be written now; in a thread."""
        if not os.path.isdir(folder):
            raise QueryError("badargs", f"{os.fsdecode(folder)} is not a folder; name an existing one")
        try:
            with contextlib.ExitStack() as held:
                held.enter_context(daemon_lock(own))
                with writer_lock(own):  # free for the librarian, or the demo goes on meanwhile
                    pass
                self._own_lock.push(held.pop_all())
        except LibraryError as error:
            raise QueryError("busy", str(error)) from error

    # -- while it runs -------------------------------------------------------------------------

    async def _show_progress(self) -> None:
        while True:
            if (report := self._progress) is not None:
                is_empty = report.state == "ready" and not report.files
                stage = "empty" if is_empty else report.state
                self._view.show(
                    Progress(stage, report.files, report.analysed, report.refused, report.pending)
                )
            self._osc.look_after()
            await asyncio.sleep(_VIEW_EVERY_S)

    async def _stop_librarian(self) -> None:
        await self._gateway.stop(_STOP_DEADLINE_S)

    def _say(self, line: str) -> None:
        if not self._is_silent:
            self._view.say(line)


def snapshot_directory() -> Path:
    """Return where snapshots are kept: a cache, all of it can be made again."""
    return cache_dir() / "snapshots"


def _last_snapshot(library: Path) -> Path | None:
    """Return the newest snapshot of a library that may not be there, for a thread."""
    if not library.exists():
        return None
    try:
        with Store.open(library, writable=False) as store:
            return newest_snapshot(snapshot_directory(), store.library_id)
    except KlustrError:  # the librarian says what is wrong with it
        return None


async def _within(what: str, stop: Callable[[], Awaitable[None]]) -> None:
    """Await `stop` for a bounded time."""
    started = time.monotonic()
    try:
        await asyncio.wait_for(stop(), _STOP_DEADLINE_S)
    except TimeoutError:
        _log.warning("%s did not stop within %.1f s", what, time.monotonic() - started)
