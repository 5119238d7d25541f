"""The map page and its data: what it is, where the points are, what they are called.

This module owns the addresses below ``/map``; those that have to do with audio are `web_sound`'s, those
that take files are `web_upload`'s.
"""

import asyncio
import hashlib
import os
import re
from collections.abc import Iterable
from importlib import resources
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from klustr_bridge.bridge import map_data
from klustr_bridge.bridge.file_threads import FileThreads
from klustr_bridge.bridge.handlers import path_from_wire
from klustr_bridge.bridge.map_data import PackedPoints
from klustr_bridge.bridge.vocabulary import INT32_HIGH
from klustr_bridge.bridge.web_answers import REVALIDATED, is_known, not_modified, refusing
from klustr_bridge.bridge.web_door import authority_of, is_far
from klustr_bridge.bridge.web_sound import Sounds
from klustr_bridge.bridge.web_upload import SIMILAR, UPLOAD, Uploads
from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import QueryError
from klustr_bridge.library.paths import to_export
from klustr_bridge.navigator import Navigator
from klustr_bridge.navigator.checks import absolute
from klustr_bridge.sound.aspects import ASPECTS
from klustr_bridge.types import VIEWS

NAMES: Final = "/map/names"
WITHIN: Final = "/map/within"
MOST_NAMES: Final = 512
MOST_COPIES: Final = 500
MOST_PATHS: Final = 50

_ASSET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
}


class MapPages:
    """Everything below ``/map``.

    Parameters
    ----------
    navigator : Navigator
        Answers every question.
    port : int
        The port that is served.
    version : str
        Of the release.

    Attributes
    ----------
    bodies : dict of str to int
        Paths that take a file, each with its most bytes.
    long_urls : frozenset of str
        Paths whose question may be long.
    """

    def __init__(self, navigator: Navigator, port: int, version: str) -> None:
        self._navigator = navigator
        self._version = version
        self._threads = FileThreads()
        self._sounds = Sounds(navigator, self._threads)
        self._uploads = Uploads(navigator, self._threads)
        self._page = {name: _Asset(name, data) for name, data in _page_files().items()}
        self._port = port
        self._policy = _policy(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self._packed: PackedPoints | None = None
        self._candidate_packed: PackedPoints | None = None
        self.bodies = self._uploads.bodies
        self.long_urls = frozenset({NAMES, WITHIN, UPLOAD})

    def routes(self) -> list[Route]:
        """List what is served at which address."""
        gets = {
            "/map": self._index,
            "/map/": self._index,
            "/map/assets/{name}": self._asset,
            "/map/about": self._about,
            "/map/points": self._points,
            "/map/candidate": self._candidate,
            NAMES: self._names,
            "/map/copies": self._copies,
            "/map/folders": self._folders,
            WITHIN: self._within,
            "/map/sound/{id}": self._sounds.sound,
            "/map/wave/{id}": self._sounds.wave,
        }
        posts = {UPLOAD: self._uploads.upload, SIMILAR: self._uploads.similar}
        return [
            *(Route(path, refusing(answer)) for path, answer in gets.items()),
            *(Route(path, refusing(answer), methods=["POST"]) for path, answer in posts.items()),
        ]

    async def end_decoding(self) -> None:
        """Answer those who wait for a sound that there will be none."""
        await self._sounds.stop()

    async def stop(self) -> None:
        """End what runs beside the event loop."""
        await self._sounds.stop()
        self._threads.close()

    async def _index(self, request: Request) -> Response:
        return self._given(request, "index.html")

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        return self._given(request, name if _ASSET.fullmatch(name) else "")

    def _given(self, request: Request, name: str) -> Response:
        """Answer with a file of the page: all there are were read at the start, none is ever opened."""
        asset = self._page.get(name)
        if asset is None:
            return PlainTextResponse("the page has no such part\n", 404)
        policy = self._policy
        if is_far(request.scope):
            policy = _policy(authority_of(request.scope, self._port))
        if is_known(request, asset.tag):
            answer = not_modified(asset.tag)
            answer.headers["Content-Security-Policy"] = policy  # it takes the place of the one that is kept
            return answer
        headers = {"ETag": asset.tag, "Cache-Control": REVALIDATED, "Content-Security-Policy": policy}
        return Response(asset.data, media_type=asset.type, headers=headers)

    async def _about(self, request: Request) -> Response:
        status = self._navigator.status()
        about: dict[str, Any] = {
            "version": self._version,
            "epoch": status.epoch,
            "snapshot": map_data.tag_of(self._navigator.corpus),
            "sounds": status.n_sounds,
            "placed": self._navigator.corpus.n_placed,
            "candidate": _candidate_of(self._navigator.corpus),
            "kinds": map_data.kinds(),
            "views": list(VIEWS),
            "aspects": list(ASPECTS),
            "state": status.state,
            "local": not is_far(request.scope),
        }
        return JSONResponse(about)

    async def _points(self, request: Request) -> Response:
        return _answer_with_points(request, await self._packed_points(self._navigator.corpus))

    async def _candidate(self, request: Request) -> Response:
        corpus = self._navigator.corpus
        kept = self._candidate_packed
        if kept is None or kept.snapshot != map_data.candidate_tag(corpus):
            kept = await asyncio.to_thread(map_data.pack_candidate, corpus, kept)
            self._candidate_packed = kept
        return _answer_with_points(request, kept)

    async def _packed_points(self, corpus: Corpus) -> PackedPoints:
        if self._packed is None or self._packed.snapshot != map_data.tag_of(corpus):
            self._packed = await asyncio.to_thread(map_data.pack, corpus, self._packed)
        return self._packed

    async def _names(self, request: Request) -> Response:
        texts = request.query_params.get("ids", "").split(",")
        if len(texts) > MOST_NAMES:
            raise QueryError("toobig", f"{len(texts)} ids; at most {MOST_NAMES} are answered at once")
        if not all(re.fullmatch(r"\d{1,10}", text, re.ASCII) for text in texts):
            raise QueryError(
                "badargs", "ids are whole numbers with commas between them: /map/names?ids=1,2,3"
            )
        ids = [number for number in map(int, texts) if number <= INT32_HIGH]
        return JSONResponse(await asyncio.to_thread(_names_of, self._navigator.corpus, ids))

    async def _copies(self, request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(_copies_of, self._navigator.corpus))

    async def _folders(self, request: Request) -> Response:
        return JSONResponse({"folders": folders_of(self._navigator)})

    async def _within(self, request: Request) -> Response:
        folder = absolute(path_from_wire(request.query_params.get("folder", "")))
        ids = await self._threads.run(map_data.within, self._navigator.corpus, folder)
        return Response(ids, media_type="application/octet-stream")


def _candidate_of(corpus: Corpus) -> dict[str, Any] | None:
    candidate = corpus.candidate
    if candidate is None:
        return None
    return {"method": candidate.method, "sounds": int(candidate.placed.sum())}


def _answer_with_points(request: Request, packed: PackedPoints) -> Response:
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "").lower()
    data = packed.packed if takes_gzip and packed.packed is not None else packed.raw
    is_packed = data is not packed.raw
    tag = f'"{packed.tag}{"-gz" if is_packed else ""}"'
    if is_known(request, tag):
        return not_modified(tag)
    headers = {"ETag": tag, "Cache-Control": REVALIDATED, "Vary": "Accept-Encoding"}
    headers |= {"Content-Encoding": "gzip"} if is_packed else {}
    return Response(data, media_type="application/octet-stream", headers=headers)


def folders_of(navigator: Navigator) -> list[dict[str, Any]]:
    """Return the watched folders, ready for JSON."""
    return [
        {"path": to_export(row.path), "files": row.n_files, "state": row.state} for row in navigator.folders()
    ]


class _Asset:
    """A file of the page."""

    def __init__(self, name: str, data: bytes) -> None:
        self.data = data
        self.type = _TYPES[os.path.splitext(name)[1]]
        self.tag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'


def _page_files() -> dict[str, bytes]:
    folder = resources.files("klustr_bridge.bridge") / "page"
    if not folder.is_dir():
        return {}
    return {
        entry.name: entry.read_bytes()
        for entry in folder.iterdir()
        if entry.is_file() and os.path.splitext(entry.name)[1] in _TYPES
    }


def _policy(hosts: Iterable[str]) -> str:
    """Return what the page may load: itself and nothing else, and no script that stands in it."""
    sockets = " ".join(f"ws://{host}" for host in hosts)
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' data:",
        "media-src": "'self' blob:",
        "connect-src": f"'self' {sockets}",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _copies_of(corpus: Corpus) -> dict[str, Any]:
    n_sounds, named = corpus.copies(MOST_COPIES)
    return {
        "n": n_sounds,
        "sounds": [
            {"id": each, "paths": [to_export(path) for path in paths[:MOST_PATHS]]} for each, paths in named
        ],
    }


def _names_of(corpus: Corpus, ids: list[int]) -> dict[str, str]:
    """Name the files of those ids that there are."""
    paths = {sound_id: corpus.path(sound_id) for sound_id in ids}
    return {
        str(sound_id): os.path.basename(path).decode("utf-8", "replace")
        for sound_id, path in paths.items()
        if path is not None
    }
