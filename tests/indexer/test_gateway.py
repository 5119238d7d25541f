"""The librarian process and its gateway: what ends it for good, and what it only waits for."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from klustr_bridge.errors import IndexerError, QueryError
from klustr_bridge.indexer.gateway import LibrarianGateway
from klustr_bridge.indexer.librarian import LibrarianSettings
from klustr_bridge.indexer.messages import FromLibrarian, Notice, ProgressReport
from klustr_bridge.library.lock import writer_lock
from klustr_bridge.library.store import Store
from tests.indexer.live import quick_settings
from tests.sounds import write_library

PATIENCE_S = 40.0


class Heard:
    """What a gateway has passed on, to be waited for."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[FromLibrarian | IndexerError] = asyncio.Queue()
        self.hear: Callable[[FromLibrarian | IndexerError], None] = self._messages.put_nowait

    async def notice(self) -> str:
        """Return the text of the next notice."""
        while True:
            message = await self._next()
            if isinstance(message, Notice):
                return message.message

    async def ready(self) -> ProgressReport:
        """Return the next report that the work is done."""
        while True:
            message = await self._next()
            if isinstance(message, ProgressReport) and message.state == "ready":
                return message

    async def end(self) -> IndexerError:
        """Return why it has given up."""
        while True:
            message = await self._next()
            if isinstance(message, IndexerError):
                return message

    async def _next(self) -> FromLibrarian | IndexerError:
        return await asyncio.wait_for(self._messages.get(), PATIENCE_S)


@asynccontextmanager
async def running(tmp_path: Path, *folders: Path) -> AsyncIterator[tuple[LibrarianGateway, Heard]]:
    heard = Heard()
    gateway = LibrarianGateway(
        LibrarianSettings(
            str(tmp_path / "library.klustr"),
            str(tmp_path / "snapshots"),
            tuple(os.fsencode(folder) for folder in folders),
            quick_settings(),
        ),
        heard.hear,
        heard.hear,
    )
    gateway.start()
    try:
        yield gateway, heard
    finally:
        await gateway.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_library(tmp_path / "samples", 3)
    return tmp_path / "samples"


def test_a_locked_library_is_waited_for(tmp_path: Path, folder: Path) -> None:
    """A lock held longer than SQLite waits is told once; afterwards all is done that was asked."""
    library = tmp_path / "library.klustr"
    Store.open(library).close()

    async def scenario() -> None:
        lock = sqlite3.connect(library, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        async with running(tmp_path, folder) as (gateway, heard):
            assert "database is locked" in await heard.notice()
            lock.close()
            assert (await heard.ready()).analysed == 3
            await gateway.rescan()

    asyncio.run(scenario())


def test_a_library_that_cannot_be_opened_now_is_tried_again(tmp_path: Path, folder: Path) -> None:
    """Trouble of the system is told and tried again; the folders named at the start are not lost."""
    (tmp_path / "library.klustr").mkdir()

    async def scenario() -> None:
        async with running(tmp_path, folder) as (gateway, heard):
            assert "can't open library" in await heard.notice()
            with pytest.raises(QueryError, match="started again") as caught:
                await gateway.rescan()
            assert caught.value.code == "busy"
            (tmp_path / "library.klustr").rmdir()
            assert (await heard.ready()).analysed == 3

    asyncio.run(scenario())


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    """What no waiting can mend ends the librarian for good, with the reason, and spares the file."""
    library = tmp_path / "library.klustr"
    library.write_text("minutes of the last meeting")

    async def scenario() -> None:
        async with running(tmp_path) as (_, heard):
            assert "is not a klustr library" in str(await heard.end())

    asyncio.run(scenario())
    assert library.read_text() == "minutes of the last meeting"


def test_another_writer_is_waited_for(tmp_path: Path, folder: Path) -> None:
    """While another process writes the library it is named, requests are refused, and stopping works."""

    async def scenario() -> None:
        with writer_lock(tmp_path / "library.klustr", "klustr-bridge index"):
            async with running(tmp_path, folder) as (gateway, heard):
                assert f"is being written by klustr-bridge index (pid {os.getpid()})" in await heard.notice()
                with pytest.raises(QueryError, match="klustr-bridge index") as caught:
                    await gateway.rescan()
                assert caught.value.code == "busy"
            assert gateway._process is not None and gateway._process.exitcode == 0
            again = running(tmp_path, folder)
            _, heard = await again.__aenter__()
            await heard.notice()
        assert (await heard.ready()).analysed == 3
        await again.__aexit__(None, None, None)

    asyncio.run(scenario())
