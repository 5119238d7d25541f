"""What the bridge tells of its own accord: who gets which push, and when.

This module owns the pushes: their packets, their queues and the timer that empties them. Who is
subscribed is the session's, how fast a queue may be emptied the outbox's.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.bridge.answers import PUSHES
from klustr_bridge.bridge.codec import encode
from klustr_bridge.bridge.handlers import push_event, push_rows
from klustr_bridge.bridge.session import Client, Sessions
from klustr_bridge.corpus import Changes, Corpus, difference
from klustr_bridge.navigator import Event, Hit
from klustr_bridge.types import NATURAL, VIEWS, Float32Array, Int32Array

PUMP_INTERVAL_S: Final = 0.004
PUMP_BUDGET: Final = 96
"""Packets a turn of the pump, all subscribers together: about a millisecond of the event loop."""


def changes_of(old: Corpus, new: Corpus) -> list[Changes]:
    """Work out what is new in each view of the map."""
    return [difference(old, new, view) for view in VIEWS]


def _places(corpus: Corpus, ids: Int32Array, view: str) -> Float32Array:
    return np.asarray(corpus.places(view).xy[np.searchsorted(corpus.ids, ids)])


class Pushing:
    """The pushes of a server.

    Parameters
    ----------
    sessions : Sessions
        Who is subscribed.
    clock : callable
        Seconds of a monotonic clock; pacing goes by it.

    Attributes
    ----------
    counters : Counter
        What happened since the start, by name.
    latest : dict of str to bytes
        The last packet of each push that stands for a state or an event, as in the natural view.
    """

    def __init__(self, sessions: Sessions, clock: Callable[[], float] = time.monotonic) -> None:
        self.sessions = sessions
        self.counters: Counter[str] = Counter()
        self.latest: dict[str, bytes] = {}
        self._clock = clock
        self._pump_timer: asyncio.TimerHandle | None = None
        self._is_stopping = False

    def publish(self, client: Client, events: Sequence[Event]) -> None:
        """Push what a client's action caused: hits to every subscriber, plays to the client alone.

        What a page plays goes to the one client as well that sounds what surfaces play, where there is one.

        Parameters
        ----------
        client : Client
            Whose action it was.
        events : sequence of Hit or Play
            In order.

        Raises
        ------
        QueryError
            ``toobig`` if the path of a play doesn't fit a packet.
        """
        state, taker = client.state, self.sessions.taker
        is_taken = state.is_surface and state.player_mode != "client" and taker is not client
        try:
            for event in events:
                if isinstance(event, Hit):
                    self._push_hit(client.source.key, event)
                    continue
                # never behind a queue of other pushes
                client.peer.send(push_event(event, is_local=client.is_local))
                if is_taken and taker is not None:
                    taker.peer.send(push_event(event))
        finally:
            self._pump()

    def publish_hits(self, origin: str, events: Iterable[Event]) -> None:
        """Push what another surface caused: hits to every subscriber, plays to who has taken them over.

        Parameters
        ----------
        origin : str
            The surface, such as ``midi``; keeps its cursors apart from those of OSC clients.
        events : iterable of Hit or Play
            In order.

        Raises
        ------
        QueryError
            ``toobig`` if the path of a play doesn't fit a packet.
        """
        taker = self.sessions.taker
        try:
            for event in events:
                if isinstance(event, Hit):
                    self._push_hit(origin, event)
                elif taker is not None:
                    taker.peer.send(push_event(event))
        finally:
            self._pump()

    # What has changed is told in each view of the map to those who are in it.

    def push_added(self, ids: Int32Array, xy: Float32Array, view: str = NATURAL) -> None:
        """Tell subscribers of sounds that joined the map: ids (n,), positions (n, 2)."""
        self._push_rows("/klustr/added", view, ids, xy)

    def push_moved(self, ids: Int32Array, xy: Float32Array, view: str = NATURAL) -> None:
        """Tell subscribers of sounds that a new epoch gave another place: ids (n,), positions (n, 2)."""
        self._push_rows("/klustr/moved", view, ids, xy)

    def push_removed(self, ids: Int32Array, view: str = NATURAL) -> None:
        """Tell subscribers of sounds that are gone: ids (n,)."""
        self._push_rows("/klustr/removed", view, ids)

    def push_epoch(self, epoch: int, n_sounds: int) -> None:
        """Tell subscribers that the map was made anew."""
        self._push("/klustr/epoch", epoch, n_sounds)

    def push_candidate(self, n_sounds: int, method: str) -> None:
        """Tell subscribers that there is another candidate for the map; of 0 sounds: none any more."""
        self._push("/klustr/candidate/changed", n_sounds, method)

    def push_changes(self, changes: Sequence[Changes], corpus: Corpus) -> None:
        """Tell subscribers what is new in a corpus.

        Parameters
        ----------
        changes : sequence of Changes
            As `changes_of` gives them.
        corpus : Corpus
            The new one.
        """
        if changes[0].epoch_changed:
            self.push_epoch(corpus.epoch, corpus.n_placed)
        if changes[0].candidate_changed:
            candidate = corpus.candidate
            n_sounds = 0 if candidate is None else int(candidate.placed.sum())
            self.push_candidate(n_sounds, "" if candidate is None else candidate.method)
        for view, change in zip(VIEWS, changes, strict=True):
            if len(change.removed):
                self.push_removed(change.removed, view)
            if len(change.added):
                self.push_added(change.added, _places(corpus, change.added, view), view)
            if len(change.moved):
                self.push_moved(change.moved, _places(corpus, change.moved, view), view)

    def push_beat(self, beat: float, tempo_bpm: float, playing: bool) -> None:
        """Tell subscribers of the session's beat."""
        self._push_latest(("beat",), "/klustr/beat", beat, tempo_bpm, int(playing))
        self._pump()

    def push_error(self, where: str, message: str) -> None:
        """Tell subscribers that something failed."""
        self._push("/klustr/error", where[:200], message[:800])

    def push_progress(self, stage: str, done: int, total: int) -> None:
        """Tell subscribers how far the work is; newest wins for each stage."""
        self._push_latest(("progress", stage), "/klustr/progress", stage, done, total)
        self._pump()

    def _push_rows(self, address: str, view: str, *columns: NDArray[Any]) -> None:
        for client in self._hearers(address):
            if client.state.view == view:
                self._queue(client, push_rows(PUSHES[address], *columns), len(columns[0]))
        self._pump()

    def _push(self, address: str, *values: object) -> None:
        packet = self.latest[address] = encode(PUSHES[address], *values)
        for client in self._hearers(address):
            self._queue(client, iter((packet,)), 1)
        self._pump()

    def _queue(self, client: Client, packets: Iterator[bytes], n_packets: int) -> None:
        outbox = client.outbox
        if outbox is None:
            return
        n_dropped = outbox.add(packets, n_packets)
        self.counters["pushes_dropped"] += n_dropped
        if n_dropped and not outbox.told_overflow:
            outbox.told_overflow = True
            text = f"{n_dropped} pushes dropped, too many wait; ask /klustr/points for the state of things"
            client.peer.send(encode(PUSHES["/klustr/error"], "pushes", text))

    def _hearers(self, address: str) -> list[Client]:
        return [client for client in self.sessions.subscribers() if client.hears(address)]

    def _push_hit(self, source: Hashable, hit: Hit) -> None:
        packets: dict[str, bytes] = {NATURAL: push_event(hit, NATURAL)}
        self.latest["/klustr/hit"] = packets[NATURAL]
        for client in self._hearers("/klustr/hit"):
            if client.outbox is not None:
                view = client.state.view
                packet = packets.get(view) or packets.setdefault(view, push_event(hit, view))
                client.outbox.add_latest(("hit", source, hit.cursor), packet)

    def _push_latest(self, key: Hashable, address: str, *values: object) -> None:
        packet = self.latest[address] = encode(PUSHES[address], *values)
        for client in self._hearers(address):
            if client.outbox is not None:
                client.outbox.add_latest(key, packet)

    def _pump(self) -> None:
        """Send what is due, and come back when more will be."""
        if self._pump_timer is not None:
            self._pump_timer.cancel()
            self._pump_timer = None
        now_s = self._clock()
        waiting = [(client, client.outbox) for client in self.sessions.subscribers() if client.outbox]
        budget = PUMP_BUDGET
        share = max(1, budget // max(1, len(waiting)))
        for client, outbox in waiting:
            packets = outbox.take(now_s, share)
            for packet in packets:
                client.peer.send(packet)
            self.counters["pushes"] += len(packets)
        due = [due_s for _, outbox in waiting if (due_s := outbox.next_due_s(now_s)) is not None]
        if due and not self._is_stopping:
            delay_s = max(PUMP_INTERVAL_S, min(due) - now_s)
            self._pump_timer = asyncio.get_running_loop().call_later(delay_s, self._pump)
