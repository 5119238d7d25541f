"""Changing: what a client may have the librarian do.

This module owns the checks before the librarian is asked; it must not write anything itself.
"""

from klustr_bridge.errors import QueryError
from klustr_bridge.library.kind_sources import AUTO
from klustr_bridge.navigator import checks
from klustr_bridge.navigator.ports import Librarian
from klustr_bridge.navigator.view import View
from klustr_bridge.sound.kinds import KINDS


class Changing:
    """The part of the navigator that changes the library: each returns when the librarian has accepted it."""

    _view: View
    _librarian: Librarian | None

    async def add_folder(self, path: bytes) -> None:
        """Watch a folder."""
        await self._writer().add_folder(checks.absolute(path))

    async def remove_folder(self, path: bytes) -> None:
        """Stop watching a folder."""
        await self._writer().remove_folder(checks.absolute(path))

    async def rescan(self) -> None:
        """Compare all folders with the library."""
        await self._writer().rescan()

    async def relayout(self) -> None:
        """Fit the map anew; ``notready`` while no sound is analysed."""
        self._view.require_sounds()
        await self._writer().relayout()

    async def make_candidate(self, method: str = "") -> None:
        """Fit a map to be looked at before it is taken; ``notready`` while no sound is analysed."""
        self._view.require_sounds()
        await self._writer().make_candidate(method)

    async def take_candidate(self) -> None:
        """Have the candidate be the next epoch; ``notfound`` where there is none."""
        await self._writer().take_candidate()

    async def drop_candidate(self) -> None:
        """Forget the candidate; ``notfound`` where there is none."""
        await self._writer().drop_candidate()

    async def set_favourite(self, sound_id: int, on: bool) -> None:
        """Mark or unmark a sound."""
        self._view.row(sound_id)
        await self._writer().set_favourite(sound_id, on)

    async def set_kind(self, sound_id: int, kind: str) -> None:
        """Correct a sound's kind; ``auto`` takes the correction back."""
        self._view.row(sound_id)
        await self._writer().set_kind(sound_id, checks.choice("kind", kind, (*KINDS, AUTO)))

    def _writer(self) -> Librarian:
        if self._librarian is None:
            raise QueryError("denied", "the library is only read here; ask the daemon that writes it")
        return self._librarian
