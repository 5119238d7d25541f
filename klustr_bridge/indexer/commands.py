"""What can be asked of the librarian, answered once it can be seen.

This module owns the wait for the snapshot in which a change stands. Who carries out the change is the
librarian's gateway, which may be another one from call to call.
"""

from collections.abc import Awaitable, Callable

from klustr_bridge.indexer.gateway import LibrarianGateway
from klustr_bridge.types import Analysis, Int32Array


class LibraryCommands:
    """The way to the librarian of a served library; a `navigator.ports.Librarian`.

    Parameters
    ----------
    gateway : callable
        Returns the gateway in force.
    add_folder : callable
        Adds a folder: a daemon may have to go over to another library with it.
    caught_up : callable
        Waits until the last snapshot that the librarian announced is served.
    """

    def __init__(
        self,
        gateway: Callable[[], LibrarianGateway],
        add_folder: Callable[[bytes], Awaitable[None]],
        caught_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._gateway = gateway
        self._add_folder = add_folder
        self._caught_up = caught_up

    async def add_folder(self, path: bytes) -> None:
        """Watch a folder from now on."""
        await self._add_folder(path)
        await self._caught_up()

    async def remove_folder(self, path: bytes) -> None:
        """Stop watching a folder."""
        await self._gateway().remove_folder(path)
        await self._caught_up()

    async def rescan(self) -> None:
        """Compare all folders with the library."""
        await self._gateway().rescan()
        await self._caught_up()

    async def relayout(self) -> None:
        """Fit the map anew."""
        await self._gateway().relayout()
        await self._caught_up()

    async def make_candidate(self, method: str) -> None:
        """Fit a map that waits to be taken or dropped."""
        await self._gateway().make_candidate(method)
        await self._caught_up()

    async def take_candidate(self) -> None:
        """Have the candidate be the next epoch."""
        await self._gateway().take_candidate()
        await self._caught_up()

    async def drop_candidate(self) -> None:
        """Forget the candidate."""
        await self._gateway().drop_candidate()
        await self._caught_up()

    async def set_favourite(self, sound_id: int, on: bool) -> None:
        """Mark or unmark a sound."""
        await self._gateway().set_favourite(sound_id, on)
        await self._caught_up()

    async def set_kind(self, sound_id: int, kind: str) -> None:
        """Correct a sound's kind."""
        await self._gateway().set_kind(sound_id, kind)
        await self._caught_up()

    async def analyse(self, path: bytes) -> Analysis:
        """Hear any readable audio file in a worker."""
        return await self._gateway().analyse(path)

    async def duplicates(self) -> Int32Array:
        """Find near-identical sounds."""
        return await self._gateway().duplicates()
