"""Keeping every sound placed: new ones among their neighbours, the whole by a new epoch.

Owns the map as the librarian holds it in memory and the process that fits a new one. Positions
move only when an epoch is written; when that is done is the policy of `klustr_bridge.layout.growth`.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection

import numpy as np

from klustr_bridge.errors import EarError, LayoutError, QueryError
from klustr_bridge.indexer.epochs import (
    NEEDS_THE_EAR,
    count_sounds,
    fitted_map,
    hears_by_learned_ear,
    known_kinds,
    places_in_force,
    wanted_method,
)
from klustr_bridge.indexer.placers import MapPlacer, placer_of
from klustr_bridge.layout.axes import AXES, axes_method, axes_of
from klustr_bridge.layout.even import LEAST_SIDE, EvenPlacer, even_positions, lattice_side
from klustr_bridge.layout.fit import Layout, fit_layout
from klustr_bridge.layout.growth import QUICK, method_for, needs_neighbour_share, next_fit
from klustr_bridge.layout.process import LayoutProcess, LayoutResult
from klustr_bridge.layout.quality import neighbour_share
from klustr_bridge.layout.scores import moved_scores
from klustr_bridge.layout.universal import UNIVERSAL
from klustr_bridge.library.rows import EMBEDDING_SCORE, Candidate, Embeddings, Epoch
from klustr_bridge.library.store import Store
from klustr_bridge.settings import LayoutSettings
from klustr_bridge.types import Float32Array

# Deciding reads counts, and rarely measures the map: often enough for a library that grows.
_DECIDE_EVERY_S = 0.5

# PCA of so many sounds takes well below a second; more go to a process of their own.
_MOST_FITTED_AT_ONCE = 5_000

WhenDone = Callable[[str | None], None]


class MapKeeper:
    """Gives every live sound a position, and the library a new epoch when it is time.

    Parameters
    ----------
    store : Store
        Read for embeddings, written with positions and epochs.
    settings : LayoutSettings
        Seed, method, and whether new epochs come by themselves.
    notice : callable
        ``notice(where, message)`` for what the user should know.
    """

    def __init__(self, store: Store, settings: LayoutSettings, notice: Callable[[str, str], None]) -> None:
        self._store = store
        self._settings = settings
        is_axes = settings.method == AXES
        self._method = axes_method(settings.x, settings.y) if is_axes else settings.method
        self._notice = notice
        self._process = LayoutProcess()
        self._fitted: Embeddings | None = None
        self._placer: MapPlacer | None = None
        self._placer_mark = 0
        self._demanded: list[WhenDone] = []
        self._wanted_candidate: tuple[str, list[WhenDone]] | None = None
        self._fit_is_candidate = False
        self._fit_is_for: list[WhenDone] = []
        self._failed_at = 0
        self._next_decision = 0.0
        self._decided_at = (-1, False)
        self._wants_more = True
        self._healed_at = -1
        self._offered = -1
        self._said_unlearned = False
        # the universal epoch on which sounds may have been placed among their neighbours
        self._strayed_on = store.strayed_on
        self._has_settled = store.has_settled
        self._fitted_at = -1
        self._reload()

    @property
    def fitting(self) -> bool:
        """Whether a fit is under way or about to be started."""
        return self._process.running or bool(self._demanded) or self._wanted_candidate is not None

    @property
    def content(self) -> bool:
        """Whether the policy, asked about the library as it is now and settled, wants no new map."""
        return (
            not self.fitting and not self._wants_more and self._decided_at == (self._store.generation, True)
        )

    @property
    def connections(self) -> list[Connection]:
        """What to wait on: ready when a fit has ended."""
        connection = self._process.connection
        return [connection] if connection is not None else []

    @property
    def placer(self) -> Callable[[Float32Array], Float32Array] | None:
        """Places new sounds on the epoch in force; None before the first."""
        return partial(self._place, self._placer) if self._placer is not None else None

    def demand(self, when_done: WhenDone) -> None:
        """Have a new epoch fitted as soon as possible; `when_done` gets None or the reason of a failure.

        A fit under way that takes in all there is now is that epoch.
        """
        is_epoch = self._process.running and not self._fit_is_candidate
        is_of_now = is_epoch and self._fitted_at == self._store.generation
        (self._fit_is_for if is_of_now else self._demanded).append(when_done)

    def demand_candidate(self, method: str, when_done: WhenDone) -> None:
        """Have a map fitted that nothing in force moves for: it is kept, to be looked at, taken or dropped.

        Parameters
        ----------
        method : str
            One of the setting `layout.method`; empty: the setting's own.
        when_done : callable
            Gets None once it is kept, or why it is not. Who asked for another one that has not begun is
            told that this one takes its place.
        """
        if self._wanted_candidate is not None:
            for earlier in self._wanted_candidate[1]:
                earlier("another candidate was asked for before this one was begun")
        is_axes = method == AXES
        wanted = (
            axes_method(self._settings.x, self._settings.y) if is_axes else method or self._wanted_method()
        )
        self._wanted_candidate = wanted, [when_done]

    def take_candidate(self) -> None:
        """Have the candidate be the next epoch: sounds that came since are placed on it.

        Raises
        ------
        QueryError
            ``notfound`` where there is none, ``busy`` while an epoch is being fitted.
        """
        candidate = self._store.candidate()
        if candidate is None:
            raise QueryError(
                "notfound",
                "there is no candidate; klustr-bridge candidate, or /klustr/candidate/make, makes one",
            )
        if (self._process.running and not self._fit_is_candidate) or self._demanded:
            raise QueryError("busy", "a new map is being made; look at the candidate again after it")
        known = self._store.embeddings(dormant=True)
        ids, at, rows = np.intersect1d(candidate.ids, known.ids, assume_unique=True, return_indices=True)
        if not len(ids):  # all of them were forgotten, or are measured otherwise by now
            self._store.drop_candidate()
            raise QueryError("notfound", "the candidate's sounds are gone; make another one")
        xy = candidate.xy[at]
        even = EvenPlacer(xy[:, :2], xy[:, 2:], candidate.even_side)
        placer = placer_of(
            candidate.method, known.embedding[rows], xy[:, :2], even, is_learned=known.space.is_learned
        )
        moved = moved_scores(xy[:, :2], places_in_force(self._store, ids))
        self._store.write_epoch(
            candidate.method,
            candidate.seed,
            ids,
            xy,
            {EMBEDDING_SCORE: known.space.mark} | dict(candidate.scores) | moved,
            place=partial(self._place, placer),
            even_side=candidate.even_side,
        )
        self._decided_at = (-1, False)
        self._reload()

    def drop_candidate(self) -> None:
        """Forget the candidate, and one that is being made; ``notfound`` where there is neither."""
        is_made = self._process.running and self._fit_is_candidate
        if is_made:
            self._process.cancel()
            self._tell("the candidate was dropped before it was ready")
        if self._wanted_candidate is not None:
            _, waiting = self._wanted_candidate
            self._wanted_candidate = None
            is_made = True
            for when_done in waiting:
                when_done("the candidate was dropped before it was begun")
        if not self._store.drop_candidate() and not is_made:
            raise QueryError("notfound", "there is no candidate to drop")

    def step(self, settled: bool) -> None:
        """Take in a finished fit, place what has no position, start a fit if it is time."""
        self._take_result()
        self.heal()
        if self._process.running:
            return
        now = time.monotonic()
        if self._demanded:
            self._start_demanded()
        elif self._wanted_candidate is not None:
            self._start_candidate()
        elif now >= self._next_decision or settled or self._placer is None:
            self._next_decision = now + _DECIDE_EVERY_S
            self._decide(settled)

    def heal(self) -> None:
        """Place live sounds that have no position: those that came back, or missed a new epoch."""
        if self._placer is None or self._healed_at == self._store.generation:
            return
        with self._store.view() as view:
            is_of_now = self._placer_mark == view.space.mark
        if not is_of_now:
            self._reload()
        if self.placer is None:
            return
        self._store.place_missing(self.placer)
        self._complete_even()
        self._store.note_strayed_on(self._strayed_on)
        self._healed_at = self._store.generation

    def _complete_even(self) -> None:
        """Give even positions to those that have none: all, if the epoch is older than that view.

        Where every cell is taken, those of sounds that are gone are given up, and if there are none the
        lattice becomes finer.
        """
        epoch = self._store.epoch()
        if epoch is not None and not epoch.even_side:
            ids, both = self._store.positions()
            self._store.write_even(ids, even_positions(both[:, :2]), side=lattice_side(len(ids)))
            self._reload()
        ids, xy = self._store.missing_even()
        while len(ids) and self._placer is not None:
            even = self._placer.even.place(xy)
            has_cell = np.isfinite(even).all(axis=1)
            self._store.write_even(ids[has_cell], even[has_cell])
            ids, xy = ids[~has_cell], xy[~has_cell]
            if len(ids):
                self._store.clear_dormant_even()
                self._reload()

    def close(self) -> None:
        """Give up a running fit."""
        self._process.cancel()

    def _wanted_method(self) -> str:
        return wanted_method(self._method, self._store.epoch())

    def _say_unlearned(self) -> None:
        if not self._said_unlearned:
            self._said_unlearned = True
            self._notice(
                "layout", f"layout.method is universal, which {NEEDS_THE_EAR}; the map is made as by auto"
            )

    def _decide(self, settled: bool) -> None:
        asked = (self._store.generation, settled)
        if asked == self._decided_at:
            return
        self._decided_at = asked
        epoch = self._store.epoch()
        fitted = fitted_map(self._store)
        n_sounds = count_sounds(self._store)
        n_placed = self._store.count_placed()
        wanted, is_learned = self._wanted_method(), hears_by_learned_ear(self._store)
        if wanted == UNIVERSAL and settled and n_sounds and not is_learned:
            self._say_unlearned()
        if fitted is not None and epoch is not None and is_learned and self._strayed_on == epoch.number:
            fitted = replace(fitted, hears_otherwise=True)
        share = None
        if needs_neighbour_share(n_sounds, settled=settled, fitted=fitted, n_placed=n_placed):
            live = self._store.embeddings()
            share = neighbour_share(live.embedding, live.xy)
        policy = partial(
            next_fit,
            n_sounds,
            settled=settled,
            fitted=fitted,
            n_placed=n_placed,
            neighbour_share=share,
            method=wanted,
            has_settled=self._has_settled,
            failed_at=self._failed_at,
            is_learned=is_learned,
        )
        method = policy(refit=self._settings.refit)
        self._wants_more = method is not None
        if settled and epoch is not None and method is None:
            if not self._has_settled:
                self._store.note_settled()
                self._has_settled = True
            is_other = fitted is not None and fitted.hears_otherwise
            is_poor = policy(refit="auto") is not None
            self._offer(epoch, n_placed, n_sounds, is_poor=is_poor, is_other=is_other)
        is_quick = method is not None and (method in QUICK or axes_of(method) is not None)
        if method is not None and is_quick and n_sounds <= _MOST_FITTED_AT_ONCE:
            self._fit_at_once(method)
        elif method is not None:
            self._start(method)

    def _offer(self, epoch: Epoch, n_placed: int, n_sounds: int, *, is_poor: bool, is_other: bool) -> None:
        """Say that a new map would be worth it, once in each epoch; whether it comes is the user's choice."""
        is_learned = hears_by_learned_ear(self._store)
        wanted = method_for(n_sounds, True, self._wanted_method(), is_learned=is_learned)
        if is_poor and is_other:
            reason = "the library hears otherwise than when the map was made"
        elif is_poor:
            reason = f"the map has become poor, {n_placed} of {n_sounds} sounds came after it was made"
        elif self._method != "auto" and epoch.method.removesuffix("-few") not in (wanted, "pca"):
            reason = f"the map in force is {epoch.method}, by the settings it would be {wanted}"
        else:
            return
        if epoch.number != self._offered:
            self._offered = epoch.number
            self._notice(
                "layout",
                f"{reason}; klustr-bridge relayout makes a new one, klustr-bridge candidate one to look at",
            )

    def _fit_at_once(self, method: str) -> None:
        """PCA, axes and a universal map take milliseconds: the first is there with the first sounds."""
        live = self._store.embeddings()
        try:
            layout = fit_layout(
                live.embedding,
                seed=self._settings.seed,
                method=method,
                previous=_known(live.xy),
                kinds=known_kinds(self._store, live.ids),
            )
        except (LayoutError, EarError) as error:
            self._note_failure(str(error))
            return
        self._write_epoch(live, layout, None)
        self._decided_at = (-1, False)
        self._reload()

    def _start_demanded(self) -> None:
        demanded, self._demanded = self._demanded, []
        if not count_sounds(self._store):
            for when_done in demanded:
                when_done("there are no analysed sounds yet")
            return
        self._fit_is_for = demanded
        self._start(self._wanted_method())

    def _start_candidate(self) -> None:
        assert self._wanted_candidate is not None
        method, waiting = self._wanted_candidate
        self._wanted_candidate = None
        if not count_sounds(self._store):
            for when_done in waiting:
                when_done("there are no analysed sounds yet")
            return
        if method == UNIVERSAL and self._method != UNIVERSAL and not hears_by_learned_ear(self._store):
            for when_done in waiting:
                when_done(f"a universal map {NEEDS_THE_EAR}")
            return
        self._fit_is_for = waiting
        self._start(method, is_candidate=True)

    def _start(self, method: str, *, is_candidate: bool = False) -> None:
        self._fit_is_candidate = is_candidate
        live = self._store.embeddings()
        self._fitted, self._fitted_at = live, self._store.generation
        epoch = self._store.epoch()
        is_learned = live.space.is_learned
        used = method_for(len(live.ids), True, method, is_learned=is_learned)
        # the quick map of the start depends on the order of the files; the first good one must not
        from_scratch = epoch is None or (epoch.method == "pca" and used != "pca")
        self._process.start(
            live.embedding,
            live.ids,
            seed=self._settings.seed,
            method=used,
            previous=None if from_scratch else _known(live.xy),
            from_universal=epoch is not None and epoch.method == UNIVERSAL and is_learned,
            kinds=known_kinds(self._store, live.ids),
        )

    def _take_result(self) -> None:
        if not self._process.running:
            return
        result = self._process.poll()
        if result is not None and self._fit_is_candidate:
            self._keep_candidate(result)
        elif result is not None:
            self._take_epoch(result)
        elif self._process.failed is not None:
            if not self._fit_is_candidate:
                self._note_failure(self._process.failed)
            self._tell(self._process.failed)

    def _keep_candidate(self, result: LayoutResult) -> None:
        layout = result.layout
        assert self._fitted is not None
        moved = moved_scores(layout.xy, places_in_force(self._store, result.ids))
        scores = layout.scores | moved | {EMBEDDING_SCORE: self._fitted.space.mark}
        xy = np.hstack([layout.xy, layout.even])
        self._store.keep_candidate(
            Candidate(layout.method, self._settings.seed, result.ids, xy, scores, layout.even_side)
        )
        self._tell(None)

    def _take_epoch(self, result: LayoutResult) -> None:
        layout = result.layout
        # sounds heard while the fit was running are placed in the same transaction
        even = EvenPlacer(layout.xy, layout.even, layout.even_side)
        assert self._fitted is not None
        is_learned = self._fitted.space.is_learned
        placer = placer_of(layout.method, self._fitted.embedding, layout.xy, even, is_learned=is_learned)
        self._write_epoch(self._fitted, layout, placer)
        self._failed_at = 0
        self._reload()
        self._tell(None)

    def _write_epoch(self, fitted: Embeddings, layout: Layout, placer: MapPlacer | None) -> None:
        moved = moved_scores(layout.xy, places_in_force(self._store, fitted.ids))
        if self._store.candidate() is not None:
            self._notice("layout", "a new map was made, and the candidate that waited gave way to it")
        self._store.write_epoch(
            layout.method,
            self._settings.seed,
            fitted.ids,
            np.hstack([layout.xy, layout.even]),
            layout.scores | moved | {EMBEDDING_SCORE: fitted.space.mark},
            place=None if placer is None else partial(self._place, placer),
            even_side=layout.even_side,
        )

    def _place(self, placer: MapPlacer, new: Float32Array) -> Float32Array:
        """Place sounds, by a placer made anew where the library has come to hear otherwise since.

        The store asks within its transaction, of which the new one sees all that is written already.
        """
        if new.shape[1] != placer.size:
            self._reload()
            placer = self._placer or placer
        return placer.place(new)

    def _note_failure(self, reason: str) -> None:
        self._failed_at = count_sounds(self._store)
        self._decided_at = (-1, False)  # what is wanted now is decided anew, knowing of the failure
        self._notice("layout", reason)

    def _tell(self, reason: str | None) -> None:
        waiting, self._fit_is_for = self._fit_is_for, []
        for when_done in waiting:
            when_done(reason)

    def _reload(self) -> None:
        """Make the placer of the epoch in force, from the sounds that were fitted or placed on it."""
        epoch = self._store.epoch()
        if epoch is None:
            self._placer = None
            return
        placed = self._store.embeddings(dormant=True)
        if len(placed.ids) and np.isfinite(placed.xy).all(axis=1).any():
            _, both = self._store.positions()
            even = EvenPlacer(both[:, :2], both[:, 2:], epoch.even_side or LEAST_SIDE)
            is_learned = placed.space.is_learned
            self._placer_mark = placed.space.mark
            if epoch.method == UNIVERSAL and not is_learned:
                self._strayed_on = epoch.number
            self._placer = placer_of(epoch.method, placed.embedding, placed.xy, even, is_learned=is_learned)
        else:
            self._placer = None
        self._healed_at = -1


def _known(xy: Float32Array) -> Float32Array | None:
    return xy if np.isfinite(xy).all(axis=1).any() else None
