"""Narrowing: what a client's later answers keep to.

This module owns the checks and the changes of a client's filters and weights; it must not search.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from klustr_bridge.corpus import Filters
from klustr_bridge.errors import QueryError
from klustr_bridge.library.paths import containing, to_export
from klustr_bridge.navigator import checks
from klustr_bridge.navigator.state import ClientState
from klustr_bridge.navigator.view import View
from klustr_bridge.sound.aspects import ASPECTS

_NAMED_FOLDERS: Final = 3


class Narrowing:
    """The part of the navigator that narrows: all later answers of this client but `points` and `info`."""

    _view: View

    def filter_kinds(self, client: ClientState, kinds: Sequence[str]) -> None:
        """Keep to these kinds; none named: to any kind."""
        client.filters = replace(client.filters, kinds=checks.kinds(kinds))

    def filter_duration(self, client: ClientState, low_s: float, high_s: float) -> None:
        """Keep to sounds from `low_s` to `high_s` seconds long."""
        client.filters = replace(client.filters, duration_s=checks.duration(low_s, high_s))

    def filter_folder(self, client: ClientState, folder: bytes) -> None:
        """Keep to sounds of which a file lies below a folder."""
        folder = checks.absolute(folder)
        self._view.require_files()
        watched = [row.path for row in self._view.corpus.folders]
        if containing(folder, watched) is None and not any(containing(path, [folder]) for path in watched):
            named = ", ".join(to_export(path) for path in watched[:_NAMED_FOLDERS])
            raise QueryError(
                "badargs", f"{to_export(folder)!r} is in no watched folder; watched: {named or 'none'}"
            )
        client.filters = replace(client.filters, folder=folder)

    def filter_favourites(self, client: ClientState, on: bool) -> None:
        """Keep to favourites, or not."""
        client.filters = replace(client.filters, favourites=on)

    def clear_filters(self, client: ClientState) -> None:
        """Keep everything again."""
        client.filters = Filters()

    def set_weight(self, client: ClientState, aspect: str, weight: float) -> None:
        """Choose how much an aspect counts for what is similar: 0, not at all, to 2, double."""
        aspect, weight = checks.choice("aspect", aspect, tuple(ASPECTS)), checks.weight(weight)
        client.weights = client.weights._replace(**{aspect: weight})
