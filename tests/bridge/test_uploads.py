"""Files given through the page: they come into the chosen folder whole, or nowhere at all."""

import asyncio
import errno
import http.client
import json
import logging
import os
import shutil
import socket
import sys
import threading
from collections import namedtuple
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from klustr_bridge.bridge import uploads, web_connection, web_upload
from klustr_bridge.bridge.uploads import MOST_BYTES, Upload, checked_folder, checked_name
from klustr_bridge.bridge.web import WebServer
from klustr_bridge.errors import QueryError
from klustr_bridge.library.ignore import IgnoreRules
from klustr_bridge.library.scan import scan_folder
from klustr_bridge.settings import default_settings
from klustr_bridge.sound.decode import is_candidate
from tests import sounds
from tests.bridge.places import Loop, Place
from tests.bridge.web_peers import ask, post, read_all

BAD_NAMES = [
    "",
    ".",
    "..",
    ".wav",
    "../kick.wav",
    "a/kick.wav",
    "a\\kick.wav",
    "/etc/kick.wav",
    "C:kick.wav",
    "C:\\kick.wav",
    "kick.wav:stream.wav",
    ".hidden.wav",
    "kick.wav ",
    " kick.wav",
    "kick.wav.",
    "kick\0.wav",
    "kick\n.wav",
    "kick\x7f.wav",
    "kick?.wav",
    "kick*.wav",
    "kick|.wav",
    'kick".wav',
    "CON.wav",
    "con.wav",
    "nul.kick.wav",
    "aux .wav",
    "COM1.wav",
    "lpt9.wav",
    "COM¹.wav",
    "kick\u202egnp.wav",
    "kick\u200b.wav",
    "kick\u2028.wav",
    "kick\x85.wav",
    "kick",
    "kick.exe",
    "kick.wav.exe",
    "kick.asd",
    "x" * 300 + ".wav",
    "é" * 150 + ".wav",
    "half \ud800.wav",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_could_go_astray_is_refused(name: str) -> None:
    """Paths, hidden and reserved names, and what is no sample file, on any system."""
    with pytest.raises(QueryError) as refused:
        checked_name(name)
    assert refused.value.code == "badargs"


@pytest.mark.parametrize("name", ["kick.wav", "Kick 808 (loud).WAV", "тон.flac", "con kick.wav", "a.b.aif"])
def test_an_ordinary_name_is_taken(name: str) -> None:
    """As it is."""
    assert checked_name(name) == name


def test_only_a_watched_folder_takes_files(tmp_path: Path) -> None:
    """Not what lies above, below or beside it; one that is away is not made."""
    folder = os.fsencode(tmp_path / "watched")
    away = os.fsencode(tmp_path / "away")
    os.makedirs(os.path.join(folder, b"below"))
    assert checked_folder(folder + b"/", [away, folder]) == folder
    assert checked_folder(folder + b"/below/..", [folder]) == folder
    for other in (b"/below", b"/..", b"/../other", b"x"):
        with pytest.raises(QueryError, match="only a watched folder"):
            checked_folder(folder + other, [folder])
    with pytest.raises(QueryError, match="not there now"):
        checked_folder(away, [away])


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """The next free name is taken, whatever has the first: a file, a folder, a link to nowhere."""
    folder = os.fsencode(tmp_path)
    (tmp_path / "kick.wav").write_bytes(b"mine")
    (tmp_path / "kick 2.wav").mkdir()
    os.symlink("nowhere", tmp_path / "kick 3.wav")
    upload = Upload(folder, "kick.wav", 5)
    upload.write(b"given")
    assert upload.keep() == os.path.join(folder, b"kick 4.wav")
    upload.close()
    assert (tmp_path / "kick.wav").read_bytes() == b"mine"
    assert (tmp_path / "kick 4.wav").read_bytes() == b"given"
    assert not (tmp_path / "nowhere").exists()
    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_system_without_links_keeps_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on sticks and cards: the same names, and nothing overwritten."""

    def no_links(*names: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "kick.wav").write_bytes(b"mine")
    upload = Upload(os.fsencode(tmp_path), "kick.wav", 5)
    upload.write(b"given")
    assert upload.keep() == os.fsencode(tmp_path / "kick 2.wav")
    upload.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kick 2.wav", "kick.wav"]

    def no_replace(*_: object) -> None:
        raise OSError(errno.EIO, "the drive has gone")

    monkeypatch.setattr(os, "replace", no_replace)
    upload = Upload(os.fsencode(tmp_path), "kick.wav", 5)
    upload.write(b"given")
    with pytest.raises(QueryError, match="can't be written"):
        upload.keep()
    upload.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kick 2.wav", "kick.wav"], "no empty file"


def test_what_is_not_finished_is_no_sample_file(tmp_path: Path) -> None:
    """A scan in the middle of an upload doesn't see it, and nothing is left once it is given up."""
    folder = os.fsencode(tmp_path)
    upload = Upload(folder, "kick.wav", 100)
    upload.write(sounds.write(tmp_path.parent / "whole.wav", sounds.kick()).read_bytes())
    rules = IgnoreRules(default_settings().index.ignore)
    assert len(list(tmp_path.iterdir())) == 1
    assert list(scan_folder(folder, rules, candidate=is_candidate)) == []
    upload.close()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told before the first byte where it can be known, and cleared away where it can't."""
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as small:
        small.setattr(shutil, "disk_usage", lambda path: usage(1 << 40, 0, uploads.KEPT_FREE + 99))
        with pytest.raises(QueryError, match="too little") as refused:
            Upload(os.fsencode(tmp_path), "kick.wav", 100)
        assert refused.value.code == "denied"
    upload = Upload(os.fsencode(tmp_path), "kick.wav", 100)

    class Full:
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            real.close()

    real, upload._file = upload._file, Full()  # type: ignore[assignment]
    with pytest.raises(QueryError, match="disk is full"):
        upload.write(b"x")
    upload.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="everything may be written to")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    """Is named."""
    tmp_path.chmod(0o500)
    with pytest.raises(QueryError, match="can't be written to"):
        Upload(os.fsencode(tmp_path), "kick.wav", 100)


# -- over HTTP


@pytest.fixture
def folder(place: Place, tmp_path: Path) -> Path:
    """A watched folder of the test's own, beside the one that all share."""
    folder = tmp_path / "given"
    folder.mkdir()
    place.loop.run(place.librarian.add_folder(os.fsencode(folder)))
    return folder


def address(folder: Path | str, name: str) -> str:
    return f"/map/upload?folder={quote(str(folder), safe='')}&name={quote(name, safe='')}"


def reason(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[2])["code"]


def test_a_file_comes_into_the_folder(web: WebServer, folder: Path) -> None:
    """Byte by byte, under its name, and the answer says where it is."""
    data = sounds.write(folder.parent / "kick.wav", sounds.kick()).read_bytes() + bytes(3 << 20)
    code, _, body = post(web.port, address(folder, "kick 808.wav"), data)
    assert (code, json.loads(body)) == (201, {"path": str(folder / "kick 808.wav")})
    assert (folder / "kick 808.wav").read_bytes() == data
    assert json.loads(post(web.port, address(folder, "kick 808.wav"), data)[2])["path"].endswith("808 2.wav")
    assert sorted(path.name for path in folder.iterdir()) == ["kick 808 2.wav", "kick 808.wav"]


@pytest.mark.parametrize("name", [name for name in BAD_NAMES if "\ud800" not in name])
def test_a_bad_name_is_refused_over_http(web: WebServer, folder: Path, name: str) -> None:
    """Before anything is written, in the folder or beside it."""
    assert reason(post(web.port, address(folder, name), b"RIFF")) == (400, "badargs")
    assert list(folder.iterdir()) == []
    assert not list(folder.parent.glob("*.wav"))


def test_another_folder_is_refused(web: WebServer, folder: Path) -> None:
    """Whether it is there or not, above, below or linked to."""
    (folder / "below").mkdir()
    os.symlink(folder.parent, folder / "link")
    for other in (folder.parent, folder / "below", folder / "link", folder / "..", "/", "/tmp", "/nowhere"):
        assert reason(post(web.port, address(other, "kick.wav"), b"RIFF")) == (403, "denied"), other
    for other in ("", "relative", "..", ".", "%00"):
        assert post(web.port, address(other, "kick.wav"), b"RIFF")[0] in (400, 403), other
    assert sorted(path.name for path in folder.iterdir()) == ["below", "link"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04" + bytes(100), "ZIP archive"),
        (b"<!doctype html><html>", "web page"),
        (b"MZ" + bytes(100), "Windows program"),
        (b"\x7fELF" + bytes(100), "program"),
        (b"", "empty"),
    ],
)
def test_what_is_no_audio_is_refused_by_its_kind(
    web: WebServer, folder: Path, data: bytes, words: str
) -> None:
    """A name does not make it one; what it is stands in the answer, and nothing is left."""
    code, _, body = post(web.port, address(folder, "kick.wav"), data)
    assert code == 400
    assert words in json.loads(body)["message"]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "multipart/form-data"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
@pytest.mark.parametrize("path", ["upload", "similar"])
def test_no_other_page_can_send_a_file(
    web: WebServer, folder: Path, place: Place, path: str, headers: dict[str, str], code: int
) -> None:
    """Neither from another origin nor as a form; and a request that names no page is refused too."""
    wanted = address(folder, "kick.wav") if path == "upload" else "/map/similar"
    assert post(web.port, wanted, b"RIFF", **headers)[0] == code
    assert list(folder.iterdir()) == []
    assert ("analyse",) not in {asked[:1] for asked in place.librarian.asked}


def test_only_the_addresses_for_files_take_files(web: WebServer) -> None:
    """And they take nothing else."""
    for path in ("/map", "/map/points", "/map/sound/1", "/status", "/", "/klustr/xy", "/map/socket"):
        code, headers, _ = post(web.port, path, b"RIFF")
        assert (code, headers["allow"]) == (405, "GET, HEAD"), path
    for method in ("GET", "PUT", "DELETE"):
        code, headers, _ = ask(web.port, "/map/upload", method)
        assert (code, headers["allow"]) == (405, "POST"), method


def head_of_post(port: int, path: str, *more: str) -> bytes:
    """The head of a request by hand."""
    fields = [
        f"Host: 127.0.0.1:{port}",
        f"Origin: http://127.0.0.1:{port}",
        "Content-Type: application/octet-stream",
        *more,
    ]
    return ("\r\n".join([f"POST {path} HTTP/1.1", *fields]) + "\r\n\r\n").encode()


@pytest.mark.parametrize(
    ("field", "code"),
    [
        (f"Content-Length: {MOST_BYTES + 1}", 413),
        ("Content-Length: 99999999999999999999", 413),
        ("Transfer-Encoding: chunked", 411),
        ("X: y", 411),
        ("Content-Length: -5", 400),
        ("Content-Length: 5\r\nContent-Length: 6", 400),
    ],
)
def test_a_size_that_is_too_much_or_not_told_is_refused(
    web: WebServer, folder: Path, field: str, code: int
) -> None:
    """Before a byte of the file is taken."""
    with socket.create_connection(("127.0.0.1", web.port), 10) as connection:
        connection.sendall(head_of_post(web.port, address(folder, "kick.wav"), field))
        assert read_all(connection).startswith(f"HTTP/1.1 {code} ".encode())
    assert list(folder.iterdir()) == []


def test_a_file_that_breaks_off_leaves_nothing(web: WebServer, folder: Path, loop: Loop) -> None:
    """Whoever goes away in the middle has given nothing."""
    head = head_of_post(web.port, address(folder, "kick.wav"), "Content-Length: 9000000")
    with socket.create_connection(("127.0.0.1", web.port), 10) as connection:
        connection.sendall(head + b"RIFF" + bytes(2 << 20))
        while not any(path.stat().st_size for path in folder.iterdir()):
            ask(web.port, "/map/about")
    while list(folder.iterdir()):
        ask(web.port, "/map/about")


def test_a_bridge_that_stops_leaves_nothing(
    web: WebServer, folder: Path, loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    """What was coming is cleared away, in time, without a word in the log."""
    head = head_of_post(web.port, address(folder, "kick.wav"), "Content-Length: 9000000")
    with socket.create_connection(("127.0.0.1", web.port), 10) as connection:
        connection.sendall(head + b"RIFF" + bytes(2 << 20))
        while not any(path.stat().st_size for path in folder.iterdir()):
            ask(web.port, "/map/about")
        loop.run(web.stop())
        assert list(folder.iterdir()) == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_sender_that_stops_is_given_up(
    serve_http: Callable[..., WebServer], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trickle does not count as going on; one that moves on may take longer than one deadline."""
    monkeypatch.setattr(web_connection, "REQUEST_DEADLINE_S", 0.4)
    web = serve_http()
    size = 8 << 20
    head = head_of_post(web.port, address(folder, "kick.wav"), f"Content-Length: {size}", "Connection: close")
    pause = threading.Event()
    with socket.create_connection(("127.0.0.1", web.port), 10) as slow, pytest.raises(ConnectionError):
        slow.sendall(head + b"RIFF")
        for _ in range(100):  # 5 s of a byte now and then
            slow.sendall(b"0")
            pause.wait(0.05)
    with socket.create_connection(("127.0.0.1", web.port), 10) as steady:
        steady.sendall(head + b"RIFF")
        left = size - 4
        while left:
            piece = min(left, 1 << 20)
            steady.sendall(bytes(piece))
            left -= piece
            pause.wait(0.1)
        assert read_all(steady).startswith(b"HTTP/1.1 201 ")
    assert (folder / "kick.wav").stat().st_size == size


def test_files_at_once_are_bounded(web: WebServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is told to come later; a file counts until it is written."""
    monkeypatch.setattr(web_upload, "MOST_AT_ONCE", 1)
    head = head_of_post(web.port, address(folder, "kick.wav"), "Content-Length: 9000000")
    with socket.create_connection(("127.0.0.1", web.port), 10) as connection:
        connection.sendall(head + b"RIFF" + bytes(2 << 20))
        while not any(path.stat().st_size for path in folder.iterdir()):
            ask(web.port, "/map/about")
        assert reason(post(web.port, address(folder, "kick.wav"), b"RIFF")) == (503, "busy")
    while list(folder.iterdir()):
        ask(web.port, "/map/about")
    for _ in range(2):  # one after the other there may be any number
        assert post(web.port, address(folder, "kick.wav"), b"RIFF")[0] == 201


def test_files_that_are_being_heard_are_bounded(
    web: WebServer, place: Place, folder: Path, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is compared takes its place on the disk until that is done."""
    monkeypatch.setattr(web_upload, "MOST_AT_ONCE", 2)
    place.librarian.hold = loop.run(_event())
    data = sorted(place.folder.rglob("Kick*.wav"))[0].read_bytes()
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(post, web.port, "/map/similar", data) for _ in range(2)]
        while len([asked for asked in place.librarian.asked if asked[0] == "analyse"]) < 2:
            ask(web.port, "/map/about")
        assert reason(post(web.port, "/map/similar", data)) == (503, "busy")
        assert reason(post(web.port, address(folder, "kick.wav"), b"RIFF")) == (503, "busy")
        loop.call(place.librarian.hold.set)
        assert [answer.result()[0] for answer in waiting] == [200, 200]
    assert post(web.port, address(folder, "kick.wav"), b"RIFF")[0] == 201


async def _event() -> asyncio.Event:
    return asyncio.Event()


def test_what_a_killed_bridge_left_is_cleared(web: WebServer, folder: Path) -> None:
    """Old parts of uploads go with the next upload; nothing else does, whatever it is called."""
    old, young = folder / ".klustr-0123456789abcdef.part", folder / ".klustr-fedcba9876543210.part"
    others = [folder / name for name in (".klustr-0123.part", "song.part", ".klustr-0123456789abcdeX.part")]
    linked = folder / ".klustr-aaaaaaaaaaaaaaaa.part"
    for path in (old, young, *others):
        path.write_bytes(b"RIFF")
    linked.symlink_to(others[1])
    for path in (old, *others):
        os.utime(path, (1.6e9, 1.6e9))
    os.utime(linked, (1.6e9, 1.6e9), follow_symlinks=False)
    assert post(web.port, address(folder, "kick.wav"), b"RIFF")[0] == 201
    assert {path.name for path in folder.iterdir()} == {
        path.name for path in (young, linked, *others, folder / "kick.wav")
    }


# -- what is like a file


def test_similar_sounds_of_a_file(web: WebServer, place: Place, tmp_path: Path) -> None:
    """It is heard from a file of its own, which is gone afterwards; the same audio is at distance 0."""
    path = sorted(place.folder.rglob("Kick*.wav"))[0]
    code, _, body = post(web.port, "/map/similar?name=mine.wav&k=3", path.read_bytes())
    found = json.loads(body)
    own = place.loop.call(place.navigator.corpus.id_of_path, os.fsencode(path))
    assert code == 200
    assert [set(one) for one in found] == [{"id", "distance", "x", "y"}] * 3
    assert (found[0]["id"], found[0]["distance"]) == (own, pytest.approx(0.0, abs=1e-4))
    [heard] = [asked[1] for asked in place.librarian.asked if asked[0] == "analyse"]
    assert not os.path.exists(os.path.dirname(heard))


def test_what_can_not_be_heard_has_a_reason(web: WebServer, place: Place) -> None:
    """And the file is gone all the same."""
    code, _, body = post(web.port, "/map/similar", b"RIFF but no more")
    assert (code, json.loads(body)["code"]) == (400, "badargs")
    [heard] = [asked[1] for asked in place.librarian.asked if asked[0] == "analyse"]
    assert not os.path.exists(os.path.dirname(heard))


@pytest.mark.parametrize(
    "query", ["k=0", "k=201", "k=-1", "k=x", "k=1e9", "k=%D9%A3", "name=../x.wav", "name=x.exe"]
)
def test_similar_with_bad_arguments(web: WebServer, place: Place, query: str) -> None:
    """Nothing is written or heard."""
    assert reason(post(web.port, f"/map/similar?{query}", b"RIFF")) == (400, "badargs")
    assert not place.librarian.asked


def test_a_long_file_to_hear_is_refused(web: WebServer) -> None:
    """At most 50 MiB."""
    with socket.create_connection(("127.0.0.1", web.port), 10) as connection:
        size = f"Content-Length: {web_upload.MOST_SIMILAR_BYTES + 1}"
        connection.sendall(head_of_post(web.port, "/map/similar", size))
        assert read_all(connection).startswith(b"HTTP/1.1 413 ")


def test_the_page_s_client_can_keep_its_connection(web: WebServer, folder: Path) -> None:
    """After a file was taken the next request is answered on the same connection."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    own = {"Origin": f"http://127.0.0.1:{web.port}", "Content-Type": "application/octet-stream"}
    connection.request("POST", address(folder, "kick.wav"), b"RIFF" + bytes(100_000), own)
    assert connection.getresponse().read()
    connection.request("GET", "/map/about")
    assert connection.getresponse().status == 200
    connection.close()
