"""The navigator: what every surface calls.

This module owns the questions and actions themselves: checks, the client's filters and cursors,
audition. Searching belongs to the corpus, sounding to the player, changing the library to the
librarian. It must not know how a question came in, and it never blocks.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.corpus import Corpus, aspect_shares
from klustr_bridge.errors import PlayerError, QueryError
from klustr_bridge.navigator import checks, exploring
from klustr_bridge.navigator.audition import Audition, OnVoice
from klustr_bridge.navigator.changing import Changing
from klustr_bridge.navigator.groups import groups_within
from klustr_bridge.navigator.narrowing import Narrowing
from klustr_bridge.navigator.ports import Beats, Librarian, Player, Timer
from klustr_bridge.navigator.requests import AuditionSettings
from klustr_bridge.navigator.results import (
    Event,
    FolderRow,
    Hit,
    Info,
    Neighbour,
    Play,
    Points,
    Problem,
    Problems,
    Status,
)
from klustr_bridge.navigator.state import AUDITION_MODES, GRIDS, PLAYER_MODES, ClientState
from klustr_bridge.navigator.view import View
from klustr_bridge.types import NATURAL, VIEWS, Float32Array, Int32Array, Recorded

_N_PREFETCHED = 8
_NAMED_FOLDERS = 3


class Navigator(Narrowing, Changing):
    """Answers questions and carries out actions of clients; made once, called by every surface.

    All methods but `publish` belong to one thread (the event loop's) and return within
    milliseconds. Any of them may raise ``QueryError`` with a code of the protocol: ``badargs``
    for arguments out of range, ``notfound`` for ids, uids and paths that aren't there,
    ``notready`` for what can only be answered once something is analysed or placed.

    Parameters
    ----------
    player : Player or None
        The bridge's own output.
    librarian : Librarian or None
        The one writer of the library; None: nothing can be changed, only asked.
    corpus : Corpus, optional
        What is known at the start; nothing by default.
    settings : AuditionSettings, optional
        How sounds are auditioned.
    timer : Timer, optional
        For what is heard later than it is asked for; without one, everything is heard at once.
    beats : Beats, optional
        The beat of a session to play in.
    """

    def __init__(
        self,
        player: Player | None,
        librarian: Librarian | None,
        corpus: Corpus | None = None,
        *,
        settings: AuditionSettings | None = None,
        timer: Timer | None = None,
        beats: Beats | None = None,
    ) -> None:
        self._audition = Audition(player, settings or AuditionSettings(), timer, beats, self._look)
        self._librarian = librarian
        self._view = View(corpus or Corpus.empty())
        self._counts: Counter[str] = Counter()
        self._work = ""  # until the librarian has told
        self._recorder: ClientState | None = None

    @property
    def corpus(self) -> Corpus:
        """What all questions are answered from."""
        return self._view.corpus

    @property
    def player(self) -> Player | None:
        """The bridge's own output."""
        return self._audition.voices.player

    def publish(self, corpus: Corpus) -> None:
        """Answer everything from another corpus from now on; safe from any thread.

        What changed on the map is for the caller to work out with ``corpus.difference`` and push.
        """
        self._view = View(corpus)
        self._counts["snapshots"] += 1

    def note_work(self, state: str) -> None:
        """Take note of what the librarian is at: ``scanning``, ``analysing``, ``layout`` or ``ready``."""
        self._work = state

    # Move and hear. Events come in order: a Hit is for every subscriber, a Play for this client.

    def move(
        self, client: ClientState, x: float, y: float, cursor: int = 0, origin: str = "osc"
    ) -> list[Event]:
        """Move a cursor.

        Parameters
        ----------
        client : ClientState
            Who moves; its filters narrow what can be hit.
        x, y : float
            0..1; values outside are moved to the edge.
        cursor : int
            One of the client's cursors, 0..255.
        origin : str
            What moved it, for the Hit.

        Returns
        -------
        list of Hit and Play
            A Hit when the cursor's nearest sound is another than before, a Play when the
            client's audition mode sounds it.
        """
        self._counts["moves"] += 1
        view = self._view
        found, changed = self._land(view, client, x, y, cursor, origin)
        if not found:
            return []
        place = checks.point(x, y)
        played = self._audition.moved(view, client, cursor, place, found[0], is_new=bool(changed))
        return [*changed, *played]

    def trigger(
        self,
        client: ClientState,
        sound_id: int,
        velocity: float = 1.0,
        semitones: float = 0.0,
        pan: float = 0.0,
        on_voice: OnVoice | None = None,
    ) -> list[Event]:
        """Play a sound, or a listed file that waits for its analysis.

        Parameters
        ----------
        client : ClientState
            Its player mode says who sounds.
        sound_id : int
            A sound's id, or a waiting file's reserved id.
        velocity : float
            0..1.
        semitones : float
            Up or down, -48..48; hundredths are cents.
        pan : float
            -1 (left) to 1 (right).
        on_voice : callable, optional
            Told the number of the voice at once, also of one that is heard later.

        Returns
        -------
        list of Play
            One; none when it is heard later.
        """
        velocity, semitones, pan = checks.velocity(velocity), checks.semitones(semitones), checks.pan(pan)
        return self._audition.play(
            self._view, client, sound_id, velocity, semitones=semitones, pan=pan, on_voice=on_voice
        )

    def trigger_xy(
        self,
        client: ClientState,
        x: float,
        y: float,
        velocity: float = 1.0,
        cursor: int = 0,
        origin: str = "osc",
        on_voice: OnVoice | None = None,
    ) -> list[Event]:
        """Move a cursor and play what is nearest, whatever the audition mode; `on_voice` as of `trigger`.

        Returns
        -------
        list of Hit and Play
            Empty when the filters keep nothing.
        """
        velocity, view = checks.velocity(velocity), self._view
        found, changed = self._land(view, client, x, y, cursor, origin)
        if not found:
            return []
        return [*changed, *self._audition.chose(view, client, cursor, found[0].id, velocity, on_voice)]

    def random(self, client: ClientState, cursor: int = 0, origin: str = "osc") -> list[Event]:
        """Move a cursor onto a sound drawn by chance, another than the last where there is one.

        Returns
        -------
        list of Hit and Play
            A Hit even if the sound is the same, a Play unless audition is off; empty when the
            filters keep nothing.
        """
        cursor, view = checks.cursor(cursor), self._view
        row = view.draw(client, client.cursors.get(cursor, 0))
        if row is None:
            self._leave(client, cursor)
            return []
        hit = view.hit(cursor, row, 0.0, client.view, origin)
        client.cursors[cursor] = hit.id
        self._counts["hits"] += 1
        if client.audition == "off":
            return [hit]
        return [hit, *self._audition.chose(view, client, cursor, hit.id)]

    def lift(self, client: ClientState, cursor: int = 0) -> None:
        """Take a cursor off the map: what it holds ends, and its next move hits anew."""
        self._leave(client, checks.cursor(cursor))

    def stop(self, voice: int | None = None) -> None:
        """Stop a voice of the bridge's player, or all of them; an ended one is no error."""
        self._audition.stop(voice)

    async def record(self, client: ClientState, on: bool) -> Recorded:
        """Record what the bridge's own player plays, into a new file of the recordings folder, or end that.

        Raises ``QueryError`` with ``notready`` where nothing can be recorded, or ended.
        """
        if self.player is None:
            raise QueryError("notready", "the bridge plays nothing itself; start it with --audio on")
        try:
            recorded = await self.player.record(on)
        except PlayerError as error:
            raise QueryError("notready", str(error)) from error
        if not on:
            self._recorder = None
        elif recorded.seconds == 0.0:
            self._recorder = client
        return recorded

    async def forget(self, client: ClientState) -> None:
        """End what a client that has gone holds and records; nothing more is delivered to it."""
        self._audition.leave(client)
        client.deliver = None
        if client is self._recorder and self.player is not None:
            self._recorder = None
            with contextlib.suppress(PlayerError):
                await self.player.record(False)

    def set_audition(self, client: ClientState, mode: str) -> None:
        """Choose what moving sounds: ``off``, ``change``, ``retrigger`` or ``hold``."""
        mode = checks.choice("audition mode", mode, AUDITION_MODES)
        if mode != client.audition:
            self._audition.leave(client)
        client.audition = mode

    def set_quantise(self, client: ClientState, grid: str) -> None:
        """Choose the lines of the session's beat on which this client's sounds are heard, or ``off``.

        Until somebody gives a beat, everything is heard at once. Raises ``QueryError`` with ``notready``
        where no clock is listened to.
        """
        grid = checks.choice("grid", grid, ("off", *GRIDS))
        if grid != "off":
            self._audition.require_clock()
        client.quantise = grid

    def set_view(self, client: ClientState, view: str) -> None:
        """Choose the view of the map that a client's coordinates are in: ``natural`` or ``even``."""
        client.view = checks.choice("view", view, VIEWS)

    def set_player_mode(self, client: ClientState, mode: str) -> None:
        """Choose who sounds: ``internal`` (the bridge), ``client`` or ``both``."""
        client.player_mode = checks.choice("player mode", mode, PLAYER_MODES)

    def set_listener(self, on_play: Callable[[Play], None]) -> None:
        """Have somebody told of each sound, whoever plays it, as it is to be heard."""
        self._audition.on_play = on_play

    def set_taker(self, is_taken: Callable[[], bool]) -> None:
        """Let a surface say whether one of its clients sounds what surfaces without clients play.

        Parameters
        ----------
        is_taken : callable
            Asked at each play of such a surface, so that a client that has gone leaves no silence.
        """
        self._audition.is_taken = is_taken

    # Ask

    def near_xy(self, client: ClientState, x: float, y: float, k: int) -> list[Neighbour]:
        """Return the `k` sounds nearest to a point of the map, by rising distance, then id."""
        (x, y), k = checks.point(x, y), checks.count(k)
        return self._asked().near(client, x, y, k)

    def similar(self, client: ClientState, sound_id: int, k: int) -> list[Neighbour]:
        """Return the `k` sounds that sound most like one, itself not among them."""
        return self._similar_to(self._asked(), client, sound_id, k)

    def similar_uid(self, client: ClientState, uid: str, k: int) -> list[Neighbour]:
        """Return what `similar` does, for a uid."""
        view = self._asked()
        return self._similar_to(view, client, view.id_of_uid(uid), k)

    def similar_path(self, client: ClientState, path: bytes, k: int) -> list[Neighbour]:
        """Return what `similar` does, for the sound in a file of the library."""
        view = self._asked()
        return self._similar_to(view, client, view.id_of_path(checks.absolute(path)), k)

    def similar_vector(
        self, client: ClientState, vector: Float32Array | Sequence[float], k: int
    ) -> list[Neighbour]:
        """Return the `k` sounds whose embeddings are nearest to a vector."""
        view, k = self._asked(), checks.count(k)
        view.require_sounds()
        wanted = np.asarray(vector, np.float32)
        size = view.corpus.embedding.shape[1]
        if wanted.shape != (size,) or not np.isfinite(wanted).all():
            raise QueryError("badargs", f"an embedding is {size} finite numbers, not {wanted.shape}")
        return view.similar(client, wanted, k)

    async def similar_file(self, client: ClientState, path: bytes, k: int) -> list[Neighbour]:
        """Return the `k` sounds most like any readable audio file.

        A sound of the library with the very same audio is among them, at distance 0.
        """
        path, k = checks.absolute(path), checks.count(k)
        self._view.require_sounds()
        self._view.require_own_hearing()
        analysis = await self._writer().analyse(path)
        return self.similar_vector(client, self.corpus.comparable(analysis.embedding), k)

    async def kit(self, client: ClientState, sound_id: int) -> list[tuple[str, int]]:
        """Return kinds and ids of a drum kit around a sound, which comes first: see `kits.kit_around`.

        The client's filters hold, but for that of kinds. It is worked out in a thread.
        """
        return await exploring.kit(self._asked(), client, sound_id)

    async def walk(self, client: ClientState, from_id: int, to_id: int, n: int) -> list[Neighbour]:
        """Return at most `n` sounds that lead from one to another, both included: see `walks.walk_between`.

        Each has its distance from the one before it. It is worked out in a thread.
        """
        return await exploring.walk(self._asked(), client, from_id, to_id, n)

    async def grid(
        self,
        client: ClientState,
        columns: int,
        rows: int,
        region: tuple[float, float, float] | None = None,
    ) -> list[tuple[int, int, int]]:
        """Return column, row and id of sounds on a grid of pads, from the lower left: see `pads.lay_on_pads`.

        `region` is a circle of the client's view of the map: x and y of its middle, and its radius; the whole
        map by default. It is worked out in a thread.
        """
        return await exploring.grid(self._asked(), client, columns, rows, region)

    async def duplicates(self) -> Int32Array:
        """Return near-identical sounds of the whole library (no filter): see `groups_within`."""
        self._asked().require_sounds()
        rows = await self._writer().duplicates()
        return groups_within(rows, self.corpus.ids)

    def why(self, client: ClientState, sound_id: int, other_id: int) -> dict[str, float]:
        """Return the share of each aspect in the squared distance of two sounds, as the client weighs them.

        See `corpus.weights.aspect_shares`.
        """
        view = self._asked()
        one, other = view.heard_row(sound_id), view.heard_row(other_id)
        view.require_aspects()
        embedding = view.corpus.embedding
        return aspect_shares(embedding[one], embedding[other], client.weights)

    def kind(self, sound_id: int) -> str:
        """Return the kind of a sound, one of ``sound.kinds.KINDS``; quick, for many at once."""
        return self._view.entry(sound_id).kind

    def info(self, sound_id: int, view: str = NATURAL) -> Info:
        """Return what is known of a sound, or of a listed file that waits, placed as in a view of the map."""
        return self._asked().info(sound_id, view)

    def path(self, sound_id: int) -> bytes:
        """Return the absolute path of a file that holds a sound."""
        return self._asked().entry(sound_id).path

    def resolve(self, uid: str) -> int:
        """Return the id of the sound of a uid."""
        return self._asked().id_of_uid(uid)

    def find(self, client: ClientState, text: str, k: int) -> list[int]:
        """Return at most `k` ids of sounds and waiting files by words in their names, best first."""
        view, text, k = self._asked(), checks.search_text(text), checks.count(k)
        view.require_files()
        return view.corpus.find(text, k, view.selection(client.filters))

    def points(self, from_id: int = 1, limit: int | None = None, view: str = NATURAL) -> Points:
        """Return the places of all sounds (no filter) in a view of the map from an id on, by rising id."""
        corpus = self._asked().corpus
        first, places = int(np.searchsorted(corpus.ids, from_id)), corpus.places(view)
        rows: NDArray[np.intp] = np.flatnonzero(places.placed[first:])[:limit] + first
        return Points(corpus.epoch, corpus.ids[rows], places.xy[rows])

    def folders(self) -> list[FolderRow]:
        """Return the watched folders."""
        return [FolderRow(folder.path, folder.n_files, folder.state) for folder in self.corpus.folders]

    def problems(self, start: int = 0, limit: int = 1000) -> Problems:
        """Return files that can't be used and why, from number `start` on."""
        corpus = self._asked().corpus
        if start < 0 or limit < 1:
            raise QueryError(
                "badargs", f"problems from {start}, at most {limit}: allowed are 0 and 1 or more"
            )
        rows = range(corpus.n_problems)[start : start + limit]
        return Problems(corpus.n_problems, start, tuple(Problem(*corpus.problem(row)) for row in rows))

    def status(self) -> Status:
        """Return how far the library is."""
        corpus = self.corpus
        if not corpus.library_id:
            state = "starting"
        elif self._work not in ("", "ready"):
            state = self._work
        elif corpus.n_pending and not self._work:  # a librarian that is ready has given these up for now
            state = "analysing"
        else:
            state = "ready" if corpus.n_files else "empty"
        return Status(
            state, corpus.n_files, corpus.n_sounds, corpus.n_pending, corpus.n_refused, corpus.epoch
        )

    def scores(self) -> dict[str, float]:
        """Return how good the map in force is, by name; empty without one."""
        return self.corpus.scores

    def candidate_scores(self) -> dict[str, float]:
        """Return how good the candidate is, by name; ``notfound`` where there is none."""
        if self.corpus.candidate is None:
            raise QueryError(
                "notfound",
                "there is no candidate; klustr-bridge candidate, or /klustr/candidate/make, makes one",
            )
        return dict(self.corpus.candidate.scores)

    def health(self) -> dict[str, float]:
        """Return counts since the start: questions, moves, hits, plays, player errors, snapshots.

        And the session's tempo, 0 while nobody gives a beat.
        """
        names = ("queries", "moves", "hits", "snapshots")
        return {name: float(self._counts[name]) for name in names} | {
            "plays": float(self._audition.n_plays),
            "player_errors": float(self._audition.voices.n_failed),
            "tempo_bpm": self._audition.tempo_bpm() or 0.0,
        }

    # Steps

    def _asked(self) -> View:
        self._counts["queries"] += 1
        return self._view

    def _similar_to(self, view: View, client: ClientState, sound_id: int, k: int) -> list[Neighbour]:
        k, row = checks.count(k), view.heard_row(sound_id)
        return view.similar(client, view.corpus.embedding[row], k, without=row)

    def _land(
        self, view: View, client: ClientState, x: float, y: float, cursor: int, origin: str
    ) -> tuple[list[Neighbour], list[Hit]]:
        """Return what lies nearest to a moved cursor, and a Hit if the nearest has changed."""
        (x, y), cursor = checks.point(x, y), checks.cursor(cursor)
        found = view.near(client, x, y, _N_PREFETCHED)
        if not found:
            self._leave(client, cursor)
            return [], []
        nearest = found[0]
        if client.cursors.get(cursor) == nearest.id:
            return found, []
        client.cursors[cursor] = nearest.id
        self._counts["hits"] += 1
        self._audition.prefetch(view, client, [neighbour.id for neighbour in found[1:]])
        return found, [view.hit(cursor, view.row(nearest.id), nearest.distance, client.view, origin)]

    def _look(self, client: ClientState, x: float, y: float) -> tuple[View, list[Neighbour]]:
        return self._view, self._view.near(client, x, y, 1)

    def _leave(self, client: ClientState, cursor: int) -> None:
        """Forget what a cursor has hit, so that the next hit is told, and end what it holds."""
        client.cursors.pop(cursor, None)
        self._audition.leave(client, cursor)
