"""What new sounds are heard by: the learned ear, or the engineered numbers alone.

Owns the choice at each start, by the settings and by what can be loaded here, and what is to be heard anew
for it. What was heard is never thrown away: going back to the engineered numbers needs no analysis.
"""

from collections.abc import Callable, Sequence
from functools import partial

from klustr_bridge.indexer.worker import Analyse
from klustr_bridge.library.rows import Place
from klustr_bridge.library.spaces import ENGINEERED, LEARNED
from klustr_bridge.library.store import Store
from klustr_bridge.settings import HearingSettings
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.ear import is_available
from klustr_bridge.sound.embedding import ANALYSIS_VERSION, EMBEDDING_SIZE, LEARNED_VERSION, version_of
from klustr_bridge.types import Outcome


class Ears:
    """Says how workers hear, and has sounds heard anew that were heard by less.

    Parameters
    ----------
    store : Store
        Told what it is to hear by.
    settings : HearingSettings
        What is wanted.
    notice : callable
        ``notice(where, message)`` for what the user should know.
    """

    def __init__(self, store: Store, settings: HearingSettings, notice: Callable[[str, str], None]) -> None:
        self._store = store
        self._notice = notice
        self._looked_at = -1
        if settings.embedding == LEARNED and not is_available():
            self._do_without("onnxruntime is not installed")
        else:
            self._hear_by(settings.embedding)

    @property
    def analyse(self) -> Analyse:
        """What the workers do with a file."""
        return partial(analyse_file, learned=self._hearing == LEARNED)

    def commit(self, outcomes: Sequence[Outcome], place: Place | None) -> None:
        """Hand outcomes to the store, each with the version that its embedding is of."""
        by_version: dict[int, list[Outcome]] = {}
        is_less = False
        for outcome in outcomes:
            size = 0 if outcome.analysis is None else len(outcome.analysis.embedding)
            is_less |= size == EMBEDDING_SIZE
            by_version.setdefault(version_of(size), []).append(outcome)
        for version, group in by_version.items():
            self._store.commit_outcomes(group, analysis_version=version, place=place)
        if is_less and self._hearing == LEARNED:
            self._do_without("the workers couldn't load onnxruntime, or not the ear's file")

    def step(self, settled: bool) -> None:
        """Have sounds heard anew that came back with a folder after they were heard by less."""
        generation = self._store.generation
        if not settled or generation == self._looked_at:
            return
        self._looked_at = generation
        if self._hearing == LEARNED:
            with self._store.view() as view:
                is_whole = view.space.is_learned
            if not is_whole:
                self._store.requeue_outdated(LEARNED_VERSION)

    def _hear_by(self, hearing: str) -> None:
        self._hearing = hearing
        self._store.hear_by(hearing)
        self._store.requeue_outdated(LEARNED_VERSION if hearing == LEARNED else ANALYSIS_VERSION)

    def _do_without(self, why: str) -> None:
        self._hear_by(ENGINEERED)
        self._notice(
            "hearing",
            f"the learned ear can't be used here: {why}; sounds are heard by the engineered numbers alone, "
            "klustr-bridge doctor says what mends it",
        )
