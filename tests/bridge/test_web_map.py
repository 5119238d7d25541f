"""The map's addresses: the page, its data, the audio of sounds, and nothing else of the machine."""

import contextlib
import gzip
import http.client
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from klustr_bridge.bridge import audio_jobs, audio_reader, web_connection, web_map
from klustr_bridge.bridge.audio_child import COLUMNS
from klustr_bridge.bridge.web import WebServer
from klustr_bridge.corpus import Corpus
from klustr_bridge.navigator import Navigator
from klustr_bridge.sound.aspects import ASPECTS
from klustr_bridge.sound.kinds import KINDS
from tests import sounds
from tests.bridge.places import Loop, Place
from tests.bridge.test_map_data import read
from tests.bridge.web_peers import ask, send_raw
from tests.corpus.snapshots import Made, MadeSound, Waiting, write_made

PAGE = {"index.html": b"<!doctype html><title>map</title>", "map.js": b"export {};", "map.css": b"a {}"}


@pytest.fixture
def page(serve_http: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """A server with a page of known content."""
    monkeypatch.setattr(web_map, "_page_files", lambda: PAGE)
    return serve_http()


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/map", "index.html", "text/html"),
        ("/map/", "index.html", "text/html"),
        ("/map/assets/map.js", "map.js", "text/javascript"),
        ("/map/assets/map.css", "map.css", "text/css"),
    ],
)
def test_the_page_is_served(page: WebServer, path: str, name: str, kind: str) -> None:
    """From the package, with its type; the browser asks each time whether it is still the same."""
    code, headers, body = ask(page.port, path)
    assert (code, body) == (200, PAGE[name])
    assert headers["content-type"].startswith(kind)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "private, no-cache"
    assert ask(page.port, path, If_None_Match=headers["etag"])[::2] == (304, b"")


def test_the_page_may_load_itself_and_nothing_else(page: WebServer) -> None:
    """No script in the page, none from elsewhere, no frame around it, no form out of it."""
    policy = dict(
        rule.split(" ", 1) for rule in ask(page.port, "/map")[1]["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' ws://127.0.0.1:{page.port} ws://localhost:{page.port}"
    assert "unsafe" not in str(policy)


@pytest.mark.parametrize(
    "path",
    [
        "/map/assets/",
        "/map/assets/nothing.js",
        "/map/assets/../webapp.py",
        "/map/assets/..%2fwebapp.py",
        "/map/assets/..%5cwebapp.py",
        "/map/assets/%2e%2e/%2e%2e/errors.py",
        "/map/assets/map.js%00",
        "/map/assets//etc/passwd",
        "/map/assets/C:%5cWindows%5cwin.ini",
        "/map/../map/assets/map.js/..",
        "/map/index.html",
    ],
)
def test_no_asset_leads_elsewhere(page: WebServer, path: str) -> None:
    """Names are looked up among what was read at the start; nothing is opened by them."""
    answer = send_raw(
        page.port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"import" not in answer


def test_every_file_of_the_package_s_page_is_served(web: WebServer) -> None:
    """Whatever the build has put there; without a build the address says that there is no page."""
    folder = Path(web_map.__file__).parent / "page"
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        path = "/map" if name == "index.html" else f"/map/assets/{name}"
        assert ask(web.port, path)[::2] == (200, (folder / name).read_bytes())
    if not names:
        assert ask(web.port, "/map")[0] == 404


def test_about_says_what_the_page_needs(web: WebServer, place: Place) -> None:
    """Release, state, kinds in the order of their codes, views and aspects."""
    about = json.loads(ask(web.port, "/map/about")[2])
    assert about["version"] == "1.2.3"
    assert (about["epoch"], about["sounds"], about["state"]) == (1, 16, place.navigator.status().state)
    assert [kind["name"] for kind in about["kinds"]] == list(KINDS)
    assert about["snapshot"] == json.loads(ask(web.port, "/status")[2])["snapshot"]
    place.loop.run(place.librarian.set_favourite(place.ids[0], True))
    assert json.loads(ask(web.port, "/map/about")[2])["snapshot"] != about["snapshot"]
    assert (about["views"], about["aspects"]) == (["natural", "even"], list(ASPECTS))


def test_points_are_those_of_the_map(web: WebServer, place: Place) -> None:
    """Raw or packed as the browser takes it, with a tag that changes with the library."""
    code, headers, body = ask(web.port, "/map/points")
    assert (code, headers["content-type"]) == (200, "application/octet-stream")
    epoch, columns = read(body)
    expected = place.loop.call(place.navigator.points)
    assert epoch == 1
    assert columns["id"].tolist() == expected.ids.tolist()
    assert np.stack([columns["x"], columns["y"]], axis=1).tolist() == expected.xy.tolist()
    assert ask(web.port, "/map/points", If_None_Match=headers["etag"])[::2] == (304, b"")
    place.loop.run(place.librarian.set_favourite(place.ids[0], True))
    code, changed, body = ask(web.port, "/map/points", If_None_Match=headers["etag"])
    assert code == 200
    assert changed["etag"] != headers["etag"]
    assert read(body)[1]["flags"].tolist() == [1] + [0] * 15


def test_many_points_are_packed_for_who_takes_it(
    serve: Callable[..., Place], loop: Loop, tmp_path: Path
) -> None:
    """The same points, in fewer bytes, under another tag."""
    made = Made([MadeSound(i, [b"/x/%d.wav" % i], (i / 2000, 0.5)) for i in range(1, 2000)])
    with serving(serve, loop, Corpus.load(write_made(tmp_path / "many", made))) as web:
        raw = ask(web.port, "/map/points")
        code, headers, body = ask(web.port, "/map/points", Accept_Encoding="br, gzip")
        assert (code, headers["content-encoding"]) == (200, "gzip")
        assert len(body) < len(raw[2])
        assert gzip.decompress(body) == raw[2]
        assert headers["etag"] != raw[1]["etag"]
        assert "content-encoding" not in raw[1]


@contextlib.contextmanager
def serving(serve: Callable[..., Place], loop: Loop, corpus: Corpus) -> Iterator[WebServer]:
    """Serve a corpus of one's own."""
    place = serve(corpus)
    web = WebServer(place.navigator, port=0, osc_port=place.port, version="1", osc=place.server)
    loop.run(web.start())
    try:
        yield web
    finally:
        loop.run(web.stop())


def test_names_come_for_the_ids_that_are_there(web: WebServer, place: Place) -> None:
    """Of a name that is not UTF-8 what can be read; nothing for ids that nothing has."""
    ids = [*place.ids, 99_999, 0, 2**31]
    names = json.loads(ask(web.port, f"/map/names?ids={','.join(map(str, ids))}")[2])
    assert {int(one) for one in names} == set(place.ids)
    for sound_id in place.ids:
        assert names[str(sound_id)] == place.loop.call(place.navigator.info, sound_id).name


def test_names_of_many_are_answered_at_once(web: WebServer) -> None:
    """As many as are allowed fit an address; one more is too many."""
    ids = ",".join(str(1_000_000_000 + i) for i in range(web_map.MOST_NAMES))
    assert ask(web.port, f"/map/names?ids={ids}")[::2] == (200, b"{}")
    short = ",".join("1" for _ in range(web_map.MOST_NAMES + 1))
    assert ask(web.port, f"/map/names?ids={short}")[0] == 413


def test_sounds_below_a_folder_are_told(serve: Callable[..., Place], loop: Loop, tmp_path: Path) -> None:
    """The ids of those that a file of lies there, at any depth; none elsewhere; not for a relative path."""
    paths = {1: b"/x/a/1.wav", 2: b"/x/a/deep/2.wav", 3: b"/x/ab/3.wav"}
    made = Made([MadeSound(i, [path], (i / 4, 0.5)) for i, path in paths.items()])
    with serving(serve, loop, Corpus.load(write_made(tmp_path / "below", made))) as web:
        for folder, expected in {"/x/a": [1, 2], "/x": [1, 2, 3], "/elsewhere": []}.items():
            code, _, body = ask(web.port, f"/map/within?folder={folder}")
            assert (code, np.frombuffer(body, "<i4").tolist()) == (200, expected)
        code, _, body = ask(web.port, "/map/within?folder=x")
        assert (code, json.loads(body)["code"]) == (400, "badargs")


@pytest.mark.parametrize("ids", ["", "a", "1,,2", "-1", "1;2", "1.5", "1,2/../..", "%D9%A3", "1" * 11])
def test_names_of_what_is_no_id(web: WebServer, ids: str) -> None:
    """Is a bad question, in words."""
    code, _, body = ask(web.port, f"/map/names?ids={ids}")
    assert (code, json.loads(body)["code"]) == (400, "badargs")


def test_folders_are_those_of_the_status(web: WebServer, place: Place) -> None:
    """The page knows where a file can go."""
    folders = json.loads(ask(web.port, "/map/folders")[2])["folders"]
    assert folders == json.loads(ask(web.port, "/status")[2])["folders"]
    assert folders[0]["path"] == str(place.folder)


# -- audio


@pytest.fixture
def library(tmp_path: Path) -> dict[int, Path]:
    """Files of several formats: WAV, AIFF, FLAC; 5 is a slice of 4, and 6 is gone."""
    folder = tmp_path / "sounds"
    files = {
        1: sounds.write(folder / "kick.wav", sounds.kick()),
        2: sounds.write(folder / "snare.aif", sounds.snare()),
        3: sounds.write(folder / "hat.flac", sounds.closed_hat()),
        4: sounds.write(folder / "loop.wav", np.concatenate([sounds.sine(440.0, 1.0), sounds.noise(1.0)])),
        6: folder / "gone.wav",
    }
    (folder / "waiting.wav").write_bytes(files[1].read_bytes())
    (folder / "secret.txt").write_text("nobody's business")
    return files


@pytest.fixture
def heard(
    library: dict[int, Path],
    serve: Callable[..., Place],
    loop: Loop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[WebServer]:
    """A server over those files, patient with a busy machine: the decoder's libraries take seconds there."""
    monkeypatch.setattr(audio_reader, "TIME_LIMIT_S", 60.0)
    monkeypatch.setattr(web_connection, "REQUEST_DEADLINE_S", 70.0)
    made = [MadeSound(i, [os.fsencode(path)], (0.1 * i, 0.5)) for i, path in library.items()]
    frames = (sounds.RATE // 2, sounds.RATE)
    made.append(MadeSound(5, [], (0.9, 0.9), parent=4, frames=frames, uid="p" * 16))
    waiting = [Waiting(7, os.fsencode(library[1].parent / "waiting.wav"))]
    folders = [os.fsencode(library[1].parent)]
    corpus = Corpus.load(write_made(tmp_path / "snapshot", Made(made, waiting, folders=folders)))
    rate = corpus._snapshot.sound["sample_rate"]
    corpus._snapshot.sound["sample_rate"] = np.full_like(rate, sounds.RATE)
    with serving(serve, loop, corpus) as web:
        yield web


@pytest.mark.parametrize(("sound_id", "kind"), [(1, "audio/wav"), (3, "audio/flac")])
def test_a_file_that_browsers_play_is_served_as_it_is(
    heard: WebServer, library: dict[int, Path], sound_id: int, kind: str
) -> None:
    """Byte by byte, in parts where that is asked for."""
    data = library[sound_id].read_bytes()
    code, headers, body = ask(heard.port, f"/map/sound/{sound_id}")
    assert (code, headers["content-type"], headers["accept-ranges"], body) == (200, kind, "bytes", data)
    code, headers, body = ask(heard.port, f"/map/sound/{sound_id}", Range="bytes=10-19")
    assert (code, headers["content-range"], body) == (206, f"bytes 10-19/{len(data)}", data[10:20])
    assert ask(heard.port, f"/map/sound/{sound_id}", Range="bytes=-5")[2] == data[-5:]
    code, headers, _ = ask(heard.port, f"/map/sound/{sound_id}", Range=f"bytes={len(data)}-")
    assert (code, headers["content-range"]) == (416, f"bytes */{len(data)}")
    tag = ask(heard.port, f"/map/sound/{sound_id}", "HEAD")[1]["etag"]
    assert ask(heard.port, f"/map/sound/{sound_id}", If_None_Match=tag)[0] == 304
    stale = ask(heard.port, f"/map/sound/{sound_id}", Range="bytes=10-19", If_Range='"another"')
    assert (stale[0], stale[2]) == (200, data)


def test_head_of_a_sound_has_its_length_alone(heard: WebServer, library: dict[int, Path]) -> None:
    """No byte of the file is read for it."""
    code, headers, body = ask(heard.port, "/map/sound/1", "HEAD")
    assert (code, body) == (200, b"")
    assert int(headers["content-length"]) == library[1].stat().st_size


def test_other_files_are_converted(heard: WebServer, library: dict[int, Path]) -> None:
    """An AIFF comes as WAV with the same samples, and so does any file for who asks for that."""
    for sound_id, path in ((2, "/map/sound/2"), (3, "/map/sound/3?as=wav")):
        code, headers, body = ask(heard.port, path)
        assert (code, headers["content-type"]) == (200, "audio/wav")
        served, rate = soundfile.read(BytesIO(body))
        original, _ = soundfile.read(library[sound_id])
        assert rate == sounds.RATE
        assert served == pytest.approx(original, abs=1.1 / 32768)
    part = ask(heard.port, "/map/sound/2", Range="bytes=0-3")
    assert (part[0], part[2]) == (206, b"RIFF")


def test_a_slice_is_its_part_of_the_file(heard: WebServer, library: dict[int, Path]) -> None:
    """As WAV, from its first frame to its last."""
    served, _ = soundfile.read(BytesIO(ask(heard.port, "/map/sound/5")[2]))
    original, _ = soundfile.read(library[4])
    assert served == pytest.approx(original[sounds.RATE // 2 : sounds.RATE], abs=1.1 / 32768)


def test_a_wave_is_the_picture_of_its_sound(heard: WebServer, library: dict[int, Path]) -> None:
    """256 pairs, the lowest and the highest sample of each part; loud where the sound is."""
    code, headers, body = ask(heard.port, "/map/wave/4")
    pairs = np.frombuffer(body, np.int8).reshape(COLUMNS, 2)
    original, _ = soundfile.read(library[4])
    parts = np.array_split(original, COLUMNS)
    assert code == 200
    assert float(headers["x-seconds"]) == pytest.approx(2.0)
    assert pairs[:, 0] / 127 == pytest.approx([part.min() for part in parts], abs=0.05)
    assert pairs[:, 1] / 127 == pytest.approx([part.max() for part in parts], abs=0.05)


@pytest.mark.parametrize("what", ["sound", "wave"])
@pytest.mark.parametrize(
    "sound_id",
    ["0", "8", "7", "-1", "01", "1e0", "2147483648", "99999999999999999999", "abc", "%D9%A1", "1%20", "1%00"],
)
def test_what_is_no_indexed_sound_is_not_served(heard: WebServer, what: str, sound_id: str) -> None:
    """Neither unknown ids nor waiting files nor what is no id at all."""
    assert ask(heard.port, f"/map/{what}/{sound_id}")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/map/sound/../../../../etc/passwd",
        "/map/sound/..%2f..%2fetc%2fpasswd",
        "/map/sound/%2e%2e%2fsecret.txt",
        "/map/sound//etc/passwd",
        "/map/sound/1/../secret.txt",
        "/map/sound/1%2f..%2fsecret.txt",
        "/map/wave/..%2f..%2fetc%2fpasswd",
        "/map/sound/file:%2f%2f%2fetc%2fpasswd",
        "/map/sound/",
        "/map/sound",
    ],
)
def test_no_path_leads_to_another_file(heard: WebServer, path: str) -> None:
    """Files are found by id alone."""
    answer = send_raw(
        heard.port,
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{heard.port}\r\nConnection: close\r\n\r\n".encode(),
    )
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"root:" not in answer
    assert b"business" not in answer


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_sound_that_has_become_something_else_is_not_served(
    heard: WebServer, library: dict[int, Path]
) -> None:
    """A link to a secret, a folder, a pipe in its place: none of their content leaves, nothing waits."""
    library[1].unlink()
    library[1].symlink_to(library[1].parent / "secret.txt")
    code, _, body = ask(heard.port, "/map/sound/1")
    assert code == 422
    assert b"business" not in body
    library[3].unlink()
    os.mkfifo(library[3])
    assert ask(heard.port, "/map/sound/3")[0] == 503
    assert ask(heard.port, "/map/wave/3")[0] == 422
    assert ask(heard.port, "/map/sound/6")[0] == 503


def test_a_listener_that_leaves_is_forgotten(heard: WebServer, library: dict[int, Path]) -> None:
    """The file is closed; the next request is answered."""
    with library[1].open("r+b") as file:
        file.truncate(64 << 20)
    process = psutil.Process()
    with socket.create_connection(("127.0.0.1", heard.port), 10) as connection:
        connection.sendall(f"GET /map/sound/1 HTTP/1.1\r\nHost: 127.0.0.1:{heard.port}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    for _ in range(1000):
        if not [file for file in process.open_files() if file.path == str(library[1])]:
            break
        assert ask(heard.port, "/map/about")[0] == 200
    else:
        raise AssertionError("the file stays open")


def test_a_listener_that_takes_its_time_gets_all(
    heard: WebServer, library: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long file may take longer than the deadline of one request, while it moves."""
    from klustr_bridge.bridge import web_connection

    monkeypatch.setattr(web_connection, "REQUEST_DEADLINE_S", 0.4)
    with library[1].open("r+b") as file:
        file.truncate(24 << 20)
    pause = threading.Event()
    connection = http.client.HTTPConnection("127.0.0.1", heard.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/map/sound/1")
        response = connection.getresponse()
        n_bytes = 0
        while piece := response.read(4 << 20):
            n_bytes += len(piece)
            pause.wait(0.15)
    assert n_bytes == 24 << 20


# -- the process that decodes


def _hang(connection: object) -> None:
    threading.Event().wait()


def _die(connection: audio_jobs.Connection) -> None:
    connection.recv()
    os._exit(3)


@pytest.mark.parametrize(
    ("target", "limit_s", "words"),
    [(_hang, 1.0, "longer than the 1 s"), (_die, 60.0, "ended the process")],
    ids=["hangs", "dies"],
)
def test_a_file_that_breaks_the_decoder_breaks_nothing_else(
    heard: WebServer,
    target: Callable[..., None],
    limit_s: float,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is refused in time, and the next one is decoded by a new process."""
    with monkeypatch.context() as broken:
        broken.setattr(audio_reader, "serve", target)
        broken.setattr(audio_reader, "TIME_LIMIT_S", limit_s)
        code, _, body = ask(heard.port, "/map/wave/1")
        assert code == 422
        assert words in json.loads(body)["message"]
    assert ask(heard.port, "/map/wave/1")[0] == 200


def test_a_stop_while_a_sound_is_decoded_is_told_to_who_waits(
    heard: WebServer, loop: Loop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Everybody gets an answer, at once, and nothing stands in the log."""
    monkeypatch.setattr(audio_reader, "serve", _hang)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(ask, heard.port, "/map/wave/1") for _ in range(3)]
        while loop.call(_n_waiting, heard) < 3:
            pass
        began_s = time.monotonic()
        loop.run(heard.stop())
        assert time.monotonic() - began_s < 4.0
        assert {answer.result()[0] for answer in waiting} <= {422, 503}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def _n_waiting(web: WebServer) -> int:
    return web._app._pages._sounds._reader._n_waiting if web._app is not None else 0


def test_a_decoder_that_has_gone_is_replaced(heard: WebServer) -> None:
    """It leaves after a while without work; nobody notices."""
    assert ask(heard.port, "/map/wave/1")[0] == 200
    for child in psutil.Process().children(recursive=True):
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()
            child.wait(10)
    assert ask(heard.port, "/map/wave/1")[0] == 200


def test_too_many_at_once_are_told_to_wait(
    heard: WebServer, monkeypatch: pytest.MonkeyPatch, loop: Loop
) -> None:
    """What waits for the decoder is bounded."""
    monkeypatch.setattr(audio_reader, "MOST_WAITING", 0)
    code, _, body = ask(heard.port, "/map/wave/1")
    assert (code, json.loads(body)["code"]) == (503, "busy")


def test_the_candidate_is_served_beside_the_points(web: WebServer, place: Place) -> None:
    """The same sounds at other places, in the same form; whoever has it already is told so."""
    _, points = read(ask(web.port, "/map/points")[2])
    code, headers, body = ask(web.port, "/map/candidate")
    _, candidate = read(body)
    assert code == 200 and candidate["id"].tolist() == points["id"].tolist()
    assert candidate["x"] == pytest.approx(1 - points["x"], abs=1e-6)
    assert candidate["even_y"] == pytest.approx(points["even_y"], abs=1e-6)
    packed = web._app._pages._candidate_packed if web._app is not None else None
    assert ask(web.port, "/map/candidate", If_None_Match=headers["etag"])[0] == 304
    assert web._app is not None and web._app._pages._candidate_packed is packed, "packed once"
    about = json.loads(ask(web.port, "/map/about")[2])
    assert about["candidate"] == {"method": "grid", "sounds": len(points["id"])}


def test_sounds_in_several_files_are_told(serve: Callable[..., Place], loop: Loop, tmp_path: Path) -> None:
    """Each with all its paths; a sound in one file is none of them, nor is a file that waits."""
    made = [
        MadeSound(3, [b"/s/a.wav", b"/s/deep/copy of a.wav"], (0.1, 0.1)),
        MadeSound(4, [b"/s/b.wav"], (0.2, 0.2)),
        MadeSound(9, [b"/s/c.wav", b"/s/d.wav", b"/s/e.wav"], (0.3, 0.3)),
    ]
    waiting = [Waiting(7, b"/s/waiting.wav")]
    snapshot = write_made(tmp_path / "snapshot", Made(made, waiting, folders=[b"/s"]))
    with serving(serve, loop, Corpus.load(snapshot)) as web:
        told = json.loads(ask(web.port, "/map/copies")[2])
    assert told == {
        "n": 2,
        "sounds": [
            {"id": 3, "paths": ["/s/a.wav", "/s/deep/copy of a.wav"]},
            {"id": 9, "paths": ["/s/c.wav", "/s/d.wav", "/s/e.wav"]},
        ],
    }


def test_an_empty_library_has_a_page_too(loop: Loop) -> None:
    """Before the first snapshot everything answers, with nothing."""

    async def begin() -> WebServer:
        web = WebServer(Navigator(None, None), port=0, osc_port=1, version="1")
        await web.start()
        return web

    web = loop.run(begin())
    try:
        assert read(ask(web.port, "/map/points")[2])[1]["id"].tolist() == []
        assert json.loads(ask(web.port, "/map/about")[2])["state"] == "starting"
        assert ask(web.port, "/map/names?ids=1")[2] == b"{}"
        assert ask(web.port, "/map/sound/1")[0] == 404
        code, _, body = ask(web.port, "/map/candidate")
        assert (code, json.loads(body)["code"]) == (404, "notfound")
        assert json.loads(ask(web.port, "/map/about")[2])["candidate"] is None
    finally:
        loop.run(web.stop())


def test_what_serves_the_page_decodes_nothing() -> None:
    """No decoder, resampler or drawing library is loaded with it: files are opened by other processes."""
    heavy = {"soundfile", "soxr", "av", "matplotlib", "sklearn", "numba", "librosa", "PIL"}
    code = f"import klustr_bridge.bridge.webapp, sys; print(*{heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.split() == []
