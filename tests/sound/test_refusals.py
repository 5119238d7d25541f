"""Files that are no sounds: each is refused with words that say why; none crashes, waits or is half heard."""

import errno
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.errors import RefusedSound
from klustr_bridge.indexer.worker import Task, _answer
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.decode import is_candidate, open_audio
from klustr_bridge.sound.identity import encoded_uid, mpeg_audio_range
from klustr_bridge.sound.opening import FileView, UnavailableSound
from klustr_bridge.types import Analysis
from tests.sound.headers import aiff, au, chunk, fmt, pcm, rf64, wav
from tests.sounds import RATE, kick, noise, sine, write

DATA = (sine(300, 0.1) * 32_767).astype("<i2").tobytes()
posix = pytest.mark.skipif(sys.platform == "win32", reason="no such files there")


def _reason(path: Path | bytes) -> str:
    with pytest.raises(RefusedSound) as refusal:
        analyse_file(os.fsencode(path))
    return str(refusal.value)


_PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
_OGG_PAGE = b"OggS\0\2" + bytes(20) + b"\1\x1e" + b"\1vorbis" + bytes(23)
HOSTILE: list[tuple[str, bytes, str]] = [
    # nothing, or next to nothing
    ("empty.wav", b"", "empty (0 bytes)"),
    ("empty.mp3", b"", "empty (0 bytes)"),
    ("empty.m4a", b"", "empty (0 bytes)"),
    ("one byte.wav", b"R", "isn't audio"),
    ("zeros.wav", bytes(5000), "isn't audio"),
    ("zeros.mp3", bytes(5000), "isn't audio"),
    ("zeros.flac", bytes(5000), "isn't audio"),
    ("0xff.wav", b"\xff" * 5000, "isn't audio"),
    ("bytes.aif", bytes(range(256)) * 20, "isn't audio"),
    # something else with an audio name
    ("text.wav", b"this is not audio " * 50, "text, not audio"),
    ("umlauts.wav", "Größe, Übung, Maß; ".encode() * 20, "text, not audio"),
    ("list.mp3", b"#EXTM3U\nhttp://localhost/x.mp3\n" * 3, "text, not audio"),
    ("pointer.wav", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
    ("page.wav", b"<!DOCTYPE html><html><body>404 Not Found</body></html>" * 3, "web page"),
    ("page.mp3", b"\xef\xbb\xbf\n<HTML><HEAD></HEAD></HTML>" * 3, "web page"),
    ("feed.ogg", b"<?xml version='1.0'?><rss></rss>" * 9, "web page or XML"),
    ("cover.wav", _PNG, "PNG picture"),
    ("cover.m4a", _PNG, "PNG picture"),
    ("photo.aif", b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(200), "JPEG picture"),
    ("anim.flac", b"GIF89a" + bytes(200), "GIF picture"),
    ("web.wav", b"RIFF\xc8\0\0\0WEBPVP8 " + bytes(200), "WebP picture"),
    ("film.wav", b"RIFF\xc8\0\0\0AVI LIST" + bytes(200), "AVI film"),
    ("song.wav", b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk" + bytes(100), "MIDI"),
    ("song.mp3", b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk" + bytes(100), "MIDI"),
    ("pack.wav", b"PK\3\4" + bytes(200), "ZIP archive"),
    ("none.wav", b"PK\5\6" + bytes(18), "ZIP archive"),
    ("pack.aiff", b"Rar!\x1a\7\0" + bytes(200), "RAR archive"),
    ("pack.ogg", b"7z\xbc\xaf\x27\x1c" + bytes(200), "7-Zip archive"),
    ("set.wav", b"\x1f\x8b\x08" + bytes(200), "gzip"),
    ("setup.wav", b"MZ\x90\0\3" + bytes(200), "Windows program"),
    ("tool.wav", b"\x7fELF\2\1\1" + bytes(200), "a program"),
    ("manual.wav", b"%PDF-1.7\n" + bytes(200), "PDF"),
    ("library.wav", b"SQLite format 3\0" + bytes(200), "database"),
    ("loop.wav", b"CAT \0\0\1\0REX2HEAD" + bytes(200), "REX2"),
    ("clip.wav", b"\x1aE\xdf\xa3" + bytes(200), "Matroska"),
    ("tape.wav", b"DSD \x1c\0\0\0" + bytes(200), "DSD"),
    ("._kick.wav", b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4000), "AppleDouble"),
    ("._kick.m4a", b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4000), "AppleDouble"),
    ("kick.wav.asd", b"\xab\x1eVx" + bytes(500), "Ableton"),
    # WAV headers that lie
    ("riff only.wav", b"RIFF", "isn't audio"),
    ("no chunks.wav", b"RIFF\x24\0\0\0WAVE", "ends before its audio"),
    ("no data.wav", wav(fmt()), "ends before its audio"),
    ("no fmt.wav", wav(chunk(b"data", DATA)), "ends before its audio"),
    ("cut fmt.wav", pcm(DATA)[:30], "ends before its audio"),
    ("0 frames.wav", pcm(b""), "no audio (0 frames)"),
    ("0 channels.wav", pcm(DATA, channels=0), "0 channels"),
    ("65 channels.wav", pcm(DATA, channels=65), "65 channels"),
    ("256 channels.wav", pcm(DATA, channels=256), "256 channels"),
    ("1025 channels.wav", pcm(DATA, channels=1025), "more than 1024 channels"),
    ("65535 channels.wav", pcm(DATA, channels=65_535), "more than 1024 channels"),
    ("0 Hz.wav", pcm(DATA, rate=0), "impossible sample rate"),
    ("4 GHz.wav", pcm(DATA, rate=2**32 - 1), "impossible sample rate"),
    ("2 GHz.wav", pcm(DATA, rate=2_000_000_000), "2000000000 Hz"),
    ("768,001 Hz.wav", pcm(DATA, rate=768_001), "768001 Hz"),
    ("0 bits.wav", pcm(DATA, bits=0), "codec"),
    ("65535 bits.wav", pcm(DATA, bits=65_535), "codec"),
    ("odd codec.wav", pcm(DATA, tag=0x9999), "isn't audio"),
    ("4 GB stated.wav", wav(fmt(), chunk(b"data", DATA, length=2**32 - 9)), "cut off"),
    ("cut.wav", pcm(DATA)[:-6000], "cut off"),
    ("cut.RF64.wav", rf64(DATA)[:-6000], "cut off"),
    ("cut.BW64.wav", rf64(DATA, b"BW64")[:-6000], "cut off"),
    ("9 EB stated.wav", rf64(DATA, stated=2**63 - 9), "cut off"),
    ("fmt of 4 GB.wav", wav(chunk(b"fmt ", fmt()[8:], length=2**32 - 1), chunk(b"data", DATA)), ""),
    ("extensible, cut.wav", wav(fmt(tag=0xFFFE), chunk(b"data", DATA)), ""),
    # the others
    ("0 channels.aif", aiff(DATA, channels=0), "number of channels"),
    ("32767 channels.aif", aiff(DATA, channels=32_767), "number of channels"),
    ("0 frames.aif", aiff(b"", n_frames=0), "no audio"),
    ("0 Hz.aif", aiff(DATA, rate=bytes(10)), "0 Hz"),
    ("huge rate.aif", aiff(DATA, rate=b"\x7f\xff" + b"\xff" * 8), ""),
    ("0 bits.aif", aiff(DATA, bits=0), ""),
    ("no chunks.aif", b"FORM\0\0\0\4AIFF", "damaged"),
    ("cut.aif", aiff(DATA)[:-6000], "cut off"),
    ("0 channels.au", au(DATA, channels=0), "0 channels"),
    ("65535 channels.au", au(DATA, channels=65_535), "more than 1024 channels"),
    ("0 Hz.au", au(DATA, rate=0), "impossible sample rate"),
    ("odd codec.au", au(DATA, codec=99), "convert it"),
    ("data far behind.au", au(DATA, offset=2**31 - 8), ""),
    ("cut.au", au(DATA, length=10**6), "cut off"),
    ("head only.flac", b"fLaC\0\0\0\x22" + bytes(34), ""),
    ("nothing.flac", b"fLaC" + bytes(100), "codec"),
    ("picture of 16 MB.flac", b"fLaC\x86\xff\xff\xff" + bytes(100), ""),
    ("one page.ogg", _OGG_PAGE, ""),
    ("cut page.ogg", b"OggS" + bytes(23), ""),
    ("endless pages.ogg", (b"OggS\0\0" + bytes(20) + b"\0") * 5000, ""),
    ("head only.caf", b"caff\0\1\0\0", "isn't audio"),
    ("empty.caf", b"caff\0\1\0\0desc" + bytes(40), ""),
    ("head only.w64", b"riff" + bytes(100), "ends before its audio"),
    ("version.voc", b"Creative Voice File\x1a" + bytes(50), "isn't audio"),
    ("one sync.mp3", b"\xff\xfb\x90\x00" + bytes(range(256)) * 20, "isn't audio"),
    ("tag only.mp3", b"ID3\3\0\0\0\0\0\x10" + bytes(5000), "isn't audio"),
    ("tag of 256 MB.mp3", b"ID3\3\0\0\x7f\x7f\x7f\x7f" + bytes(5000), "isn't audio"),
    ("tags for ever.mp3", b"ID3\3\0\0\0\0\0\0" * 500, "isn't audio"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "words"), HOSTILE, ids=[name for name, _, _ in HOSTILE])
def test_hostile_files_are_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Whatever has an audio name and is none, or lies about itself, is refused and told what it is."""
    path = tmp_path / name
    path.write_bytes(content)
    reason = _reason(path)
    assert words in reason
    assert reason.isprintable() and len(reason) > 10


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (np.zeros(4000, np.float32), "silent"),
        (np.full(4000, 0.25, np.float32), "silent"),
        (np.full(4000, 1e-6, np.float32) * np.float32([1, -1] * 2000), "silent"),
        (np.zeros((0, 2), np.float32), "no audio"),
    ],
    ids=["zeros", "offset", "last bit", "no frames"],
)
def test_files_without_sound_are_refused(tmp_path: Path, audio: np.ndarray, words: str) -> None:
    """Silence, a constant offset and no frames at all are no sounds."""
    assert words in _reason(write(tmp_path / "nothing.wav", audio, RATE, "FLOAT"))


def test_broken_samples_are_counted(tmp_path: Path) -> None:
    """The stream says how many samples were no numbers, so that a broken file isn't called silent."""
    audio = np.full((4000, 2), np.nan, np.float32)
    audio[:10] = 0.5
    audio[3000, 1] = -np.inf
    path = write(tmp_path / "nan.wav", audio, RATE, "FLOAT")
    with open_audio(os.fsencode(path)) as stream:
        assert stream.broken_samples == 0
        assert all(np.isfinite(block).all() for block in stream.blocks())
        assert stream.broken_samples == audio.size - 20
    audio[:] = np.nan
    assert _reason(write(tmp_path / "nan.wav", audio, RATE, "FLOAT"))


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A folder with an audio name is no file."""
    (tmp_path / "folder.wav").mkdir()
    assert "a folder" in _reason(tmp_path / "folder.wav")
    assert "name" in _reason(b"/tmp/a\0b.wav")


@posix
def test_what_could_block_is_refused_at_once(tmp_path: Path) -> None:
    """Named pipes, sockets, devices and links in a circle never wait, and links to them don't either."""
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    assert "a pipe" in _reason(pipe)
    (tmp_path / "link.wav").symlink_to(pipe)
    assert "a pipe" in _reason(tmp_path / "link.wav")
    with socket.socket(socket.AF_UNIX) as listener, tempfile.TemporaryDirectory() as short:
        listener.bind(f"{short}/socket.wav")
        assert "a socket" in _reason(Path(short) / "socket.wav")
    for device in ("/dev/zero", "/dev/null", "/dev/urandom"):
        assert "a device" in _reason(Path(device))
    (tmp_path / "a.wav").symlink_to(tmp_path / "b.wav")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    assert "in a circle" in _reason(tmp_path / "a.wav")


NAMES = [
    b"kick\n2.wav",
    b"kick\r\t\x07.wav",
    "kick \U0001f941 \u00e9\u0301.wav".encode(),
    b"-rf.wav",
    b"--help.wav",
    b" .wav",
    b"kick \xff\xfe.wav",
    b"\x80.wav",
    b"a" * 251 + b".wav",
    b"%s%n%d.wav",
    b"'; drop table files; --.wav",
    b"\\..\\kick.wav",
    b"KICK.WaV",
    b"kick.mp3.wav",
]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names there are Unicode")
@pytest.mark.parametrize("name", NAMES, ids=[ascii(name)[:30] for name in NAMES])
def test_odd_names_are_names(tmp_path: Path, name: bytes) -> None:
    """Newlines, emoji, leading dashes, bytes that are no UTF-8 and 255 bytes of name are read."""
    path = os.path.join(os.fsencode(tmp_path), name)
    os.rename(os.fsencode(write(tmp_path / "plain.wav", kick())), path)
    assert is_candidate(name)
    assert analyse_file(path).duration_s > 0.2


_AS_NOBODY = """
import os, sys
from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.analyse import analyse_file
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    analyse_file(os.fsencode(sys.argv[1]))
except RefusedSound as reason:
    print(reason)
"""


@posix
@pytest.mark.parametrize("what", ["file", "folder"])
def test_files_of_others_are_refused(what: str) -> None:
    """A file that this user may not read, or that lies where they may not look, is refused and says so."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        folder = Path(place) / "folder"
        folder.mkdir()
        path = write(folder / "kick.wav", kick())
        is_root = os.getuid() == 0
        if what == "file":
            path.chmod(0o600 if is_root else 0)
        else:
            folder.chmod(0o700 if is_root else 0)
        try:
            run = subprocess.run(
                [sys.executable, "-c", _AS_NOBODY, str(path)], capture_output=True, text=True, check=True
            )
        finally:
            folder.chmod(0o700)
        assert run.stdout.strip() == "no permission to read the file; let your user read it"


def test_a_lying_header_takes_no_memory(tmp_path: Path) -> None:
    """What is read at a time depends on the channels alone, not on the length that a header states."""
    path = tmp_path / "piped.wav"
    path.write_bytes(wav(fmt(), chunk(b"data", DATA, length=0xFFFFFFFF)))
    with open_audio(os.fsencode(path)) as stream:
        assert stream.promised_frames < 10**9
        blocks = [block.copy() for block in stream.blocks()]
    assert sum(map(len, blocks)) == len(DATA) // 2
    path.write_bytes(au(DATA, length=0xFFFFFFFF))
    assert analyse_file(os.fsencode(path)).duration_s == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("stated", "words"), [(2**40, "cut off"), (0x86888A00000002A2, "more than a file of")]
)
def test_a_lying_header_is_no_endless_walk(tmp_path: Path, stated: int, words: str) -> None:
    """The last block of GSM would be decoded again and again, until the stated length is reached."""
    path = tmp_path / "gsm.w64"
    soundfile.write(path, sine(300, 1.0), RATE, "GSM610", format="W64")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 16
    content[at : at + 8] = stated.to_bytes(8, "little")
    path.write_bytes(content)
    assert words in _reason(path)


def test_files_of_every_size_are_heard(tmp_path: Path) -> None:
    """An hour at a low rate is heard in blocks, as is a single frame of 64 channels."""
    hour = np.resize(noise(1.0)[:4000], 3600 * 1000)
    path = write(tmp_path / "hour.wav", hour, 1000, "PCM_U8")
    assert analyse_file(os.fsencode(path)).duration_s == 3600.0
    with open_audio(os.fsencode(write(tmp_path / "frame.wav", noise(0.1)[None, :64]))) as stream:
        assert [block.shape for block in stream.blocks()] == [(1, 64)]


# The disk fails, not the file


@posix
def test_no_more_descriptors_is_no_verdict(tmp_path: Path) -> None:
    """Where this process may open no more files, the file is left for the next scan."""
    import resource

    path = os.fsencode(write(tmp_path / "kick.wav", kick()))
    spare = os.dup(0)
    os.close(spare)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
    try:
        with pytest.raises(OSError) as error:
            analyse_file(path)
        answer = _answer(Task(1, path), analyse_file, 100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert error.value.errno == errno.EMFILE
    assert (answer.analysis, answer.reason) == (None, None)
    assert _answer(Task(1, path), analyse_file, 100).analysis is not None


def test_a_file_that_is_gone_is_no_verdict(tmp_path: Path) -> None:
    """A drive that was away for a moment must not lose its files: they are tried again."""
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "gone.wav", tmp_path / "file" / "gone.wav"):
        with pytest.raises(UnavailableSound, match=r"^the file is gone$"):
            analyse_file(os.fsencode(path))

    def away(path: bytes) -> Analysis:
        """Analyse while the drive is away; it is back when the worker looks again."""
        return analyse_file(path + b" is away")

    there = os.fsencode(write(tmp_path / "kick.wav", kick()))
    answer = _answer(Task(1, there), away, 100)
    assert (answer.analysis, answer.reason) == (None, None)


def _make_fail(fd: int) -> None:
    """Let every further read of a descriptor fail with EIO: nothing is mapped at low addresses."""
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    os.dup2(memory, fd)
    os.close(memory)
    with pytest.raises(OSError, match="Input/output"):
        os.pread(fd, 1, 70_000)


def _long_file(place: Path, name: str) -> bytes:
    path = place / name
    if path.suffix == ".bw64":
        path = path.with_suffix(".wav")
        path.write_bytes(rf64((noise(40.0) * 32_767).astype("<i2").tobytes(), b"BW64"))
    elif path.suffix == ".m4a":
        encode = pytest.importorskip("tests.sound.encode", reason="needs the extra: av", exc_type=ImportError)
        encode.m4a(path, noise(60.0))
    elif path.suffix == ".opus":
        write(path, noise(60.0), 48_000)
    else:
        write(path, noise(40.0))
    return os.fsencode(path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/self/mem")
@pytest.mark.parametrize(
    "suffix", [".wav", ".aiff", ".flac", ".ogg", ".opus", ".mp3", ".caf", ".w64", ".bw64", ".m4a"]
)
def test_a_disk_that_fails_on_the_way_is_no_verdict(tmp_path: Path, suffix: str) -> None:
    """Where reading fails in the middle, it's neither the end of the sound nor a damaged file."""
    path = _long_file(tmp_path, f"long{suffix}")
    with open_audio(path) as stream:
        next(stream.blocks(most_frames=1000))
        _make_fail(stream.fd)
        with pytest.raises(OSError) as error:
            for _ in stream.blocks():
                pass
        assert error.value.errno == errno.EIO


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/self/mem")
@pytest.mark.parametrize("container", ["MP3", "OGG", "WAV", "M4A"])
def test_a_disk_that_fails_under_identity_is_no_verdict(container: str) -> None:
    """The uid of a part of the packets would be another sound."""
    if container == "M4A":
        pytest.importorskip("av")
    fd = os.open(os.devnull, os.O_RDONLY)
    try:
        _make_fail(fd)
        with pytest.raises(OSError) as error:
            encoded_uid(fd, 1_000_000, container)
        assert error.value.errno == errno.EIO
        with pytest.raises(OSError):
            mpeg_audio_range(fd, 1_000_000)
    finally:
        os.close(fd)


def test_a_view_replaces_the_head_alone(tmp_path: Path) -> None:
    """What a decoder in C reads through Python is the file, but for the bytes replaced."""
    content = bytes(range(256)) * 3
    path = tmp_path / "x"
    path.write_bytes(content)
    with path.open("rb") as file:
        view = FileView(file.fileno(), len(content), b"HEAD")
        assert view.read(3) == b"HEA"
        assert view.read(3) == b"D" + content[4:6]
        assert view.seek(-4, os.SEEK_END) == len(content) - 4
        assert view.read(100) == content[-4:]
        assert view.seek(-9000, os.SEEK_CUR) == view.tell() == len(content)
        assert view.seek(-4, os.SEEK_END) == view.tell()
        assert view.read(1 << 60) == content[-4:]
        assert view.seek(1 << 70) == len(content)
        assert view.seek(1 << 60) == view.tell()
        assert (view.read(10), view.problem) == (b"", None)
        assert view.seek(0) == 0
        assert view.read() == b"HEAD" + content[4:]


def test_an_offset_before_the_sound_is_skipped(tmp_path: Path) -> None:
    """A minute and more of a constant offset, as a bad converter records it, hides nothing behind it."""
    offset = np.full((70 * 8000, 1), 0.25, np.float32)
    tone = 0.25 + 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)[:, None]
    soundfile.write(tmp_path / "a.wav", np.concatenate([offset, tone]), 8000, subtype="FLOAT")
    heard = analyse_file(os.fsencode(tmp_path / "a.wav"))
    assert heard.pitch_hz == pytest.approx(440, rel=0.01)


@pytest.mark.parametrize("broken", ["stereo kick", "noise"])
def test_a_few_broken_samples_and_an_offset_are_taken(tmp_path: Path, broken: str) -> None:
    """A file with some NaN or infinite samples, or DC, is cleaned and heard."""
    audio = 0.5 * (np.stack([kick(3)] * 2, axis=1) if broken == "stereo kick" else noise(0.3)[:, None])
    audio[100:110] = np.nan
    audio[200], audio[201] = np.inf, -np.inf
    audio += 0.25
    analysis = analyse_file(os.fsencode(write(tmp_path / "x.wav", audio, RATE, "FLOAT")))
    assert np.isfinite(analysis.embedding).all()
    assert np.isfinite([analysis.loudness_db, analysis.brightness_hz, analysis.pitch_hz]).all()
