"""The process that decodes for the map page, and the way to it."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from klustr_bridge.bridge import audio_reader
from klustr_bridge.bridge.audio_child import COLUMNS, MOST_SOUND_S, make
from klustr_bridge.bridge.audio_jobs import Job, Made
from klustr_bridge.bridge.audio_reader import AudioReader
from klustr_bridge.errors import QueryError
from tests import sounds
from tests.bridge.places import Loop


def test_a_long_sound_is_cut_to_a_minute(tmp_path: Path) -> None:
    """So much of it can be heard in the page, in 16 bits, and the answer says how much it is."""
    path = sounds.write(tmp_path / "long.wav", np.zeros(int(sounds.RATE * 70), np.float32))
    made = make(Job("wav", os.fsencode(path)))
    assert made.seconds == pytest.approx(MOST_SOUND_S)
    assert len(made.data) == 44 + 2 * int(MOST_SOUND_S * sounds.RATE)


def test_many_channels_become_one(tmp_path: Path) -> None:
    """Their mean, as in the player."""
    audio = np.tile(np.array([0.4, 0.2, 0.0, -0.2], np.float32), (1000, 1))
    soundfile.write(tmp_path / "four.wav", audio, 48_000, "FLOAT")
    served, rate = soundfile.read(BytesIO(make(Job("wav", os.fsencode(tmp_path / "four.wav"))).data))
    assert (served.shape, rate) == ((1000,), 48_000)
    assert served == pytest.approx(np.full(1000, 0.1), abs=1e-4)


def test_an_empty_part_is_silence(tmp_path: Path) -> None:
    """A slice that lies behind the end of its file, and a sound of no length."""
    path = os.fsencode(sounds.write(tmp_path / "short.wav", sounds.kick()))
    assert make(Job("wav", path, 100.0, 101.0)).reason
    assert make(Job("picture", path, 0.1, 0.1 + 1e-9)).data == bytes(2 * COLUMNS)


def test_what_can_not_be_decoded_has_a_reason(tmp_path: Path) -> None:
    """Whatever the file is."""
    (tmp_path / "no.wav").write_bytes(b"RIFF but no more")
    for name in ("no.wav", "missing.wav"):
        made = make(Job("wav", os.fsencode(tmp_path / name)))
        assert made.reason
        assert not made.data


@pytest.fixture
def reader() -> Iterator[AudioReader]:
    """A reader that is closed at the end."""
    reader = AudioReader()
    yield reader
    reader.close()


def _hang(connection: object) -> None:
    threading.Event().wait()


async def _answers(reader: AudioReader, n: int) -> list[Made | BaseException]:
    asked = (reader.read(Job("picture", b"/none.wav")) for _ in range(n))
    return await asyncio.gather(*asked, return_exceptions=True)


def test_who_waits_behind_a_slow_file_is_answered_in_time(
    reader: AudioReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One limit holds for the work and the wait before it, so that no request is cut off without a word."""
    monkeypatch.setattr(audio_reader, "serve", _hang)
    monkeypatch.setattr(audio_reader, "TIME_LIMIT_S", 1.0)
    began_s = time.monotonic()
    answers = asyncio.run(_answers(reader, 4))
    assert time.monotonic() - began_s < 3.0
    codes = [answer.code for answer in answers if isinstance(answer, QueryError)]
    assert codes == ["internal", "busy", "busy", "busy"]


def test_a_reader_that_is_closed_answers_all_who_wait(
    reader: AudioReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even while its process is being started; later ones are told, too, and no process is left."""
    monkeypatch.setattr(audio_reader, "serve", _hang)
    before = set(psutil.Process().children())
    loop = Loop()
    try:
        asked = asyncio.run_coroutine_threadsafe(_answers(reader, 3), loop.loop)
        while not loop.call(lambda: reader._n_waiting):
            pass
        began_s = time.monotonic()
        reader.close()
        assert time.monotonic() - began_s < 5.0
        codes = {answer.code for answer in asked.result(10) if isinstance(answer, QueryError)}
        assert codes <= {"notready", "internal"} and "notready" in codes
        with pytest.raises(QueryError, match="stops"):
            loop.run(reader.read(Job("picture", b"/none.wav")))
    finally:
        loop.close()
    left = [child for child in set(psutil.Process().children()) - before if "spawn_main" in _line(child)]
    assert left == []


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
