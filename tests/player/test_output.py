"""The output when the audio system doesn't answer: with a PortAudio that hangs as long as the test wants."""

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from klustr_bridge.player import output as output_module
from klustr_bridge.player.output import HANG_LIMIT_S, Output
from klustr_bridge.player.portaudio import OutputDevice
from klustr_bridge.settings import AudioSettings


class Stream:
    """Opens and does nothing."""

    samplerate, channels, latency = 48_000.0, 2, 0.01

    def __init__(self, **_: object) -> None:
        """Any options will do."""

    def start(self) -> None:
        """It never calls back."""

    def abort(self) -> None:
        """Nothing to end."""

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """PortAudio answers once this is set."""
    event = threading.Event()

    def load(look_again: bool = False) -> Any:
        assert event.wait(20)
        return SimpleNamespace(OutputStream=Stream, PortAudioError=OSError)

    monkeypatch.setattr(output_module.portaudio, "load", load)
    device = OutputDevice(0, "card", "ALSA", 2, 48_000, True)
    monkeypatch.setattr(output_module.portaudio, "output_devices", lambda sd: [device])
    return event


def until(met: Callable[[], object]) -> None:
    end_s = time.monotonic() + 20
    while not met():
        assert time.monotonic() < end_s
        time.sleep(0.001)


def test_an_audio_system_that_does_not_answer_is_noticed_and_forgiven(answers: threading.Event) -> None:
    """After ten seconds it is said to hang, once; when it answers after all, sound is back."""
    told: list[str] = []
    output = Output(AudioSettings(), lambda rate, channels: lambda out, heard_s: None, told.append)
    now = time.perf_counter()
    output.check(now + HANG_LIMIT_S - 1)
    assert output.state == "opening"
    output.check(now + HANG_LIMIT_S + 1)
    output.check(now + HANG_LIMIT_S + 2)
    assert (output.state, output.ready) == ("hanging", False)
    answers.set()
    until(lambda: output.ready)
    assert told == [
        "the audio system does not answer",
        "sound is back: [0] card (ALSA), channels 1-2, 48000 Hz, 10.0 ms",
    ]
    output.check(time.perf_counter())
    assert output.ready
    assert output.close()


def test_looking_while_a_device_is_just_opened_leaves_it_open(
    answers: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last look of ten seconds may fall between the opening and the news of it."""
    output: Output

    def tell(message: str) -> None:
        output.check(time.perf_counter() + HANG_LIMIT_S + 5)

    made = threading.Event()

    def load_twice(message: str) -> None:
        assert made.wait(20)
        tell(message)

    output = Output(AudioSettings(), lambda rate, channels: lambda out, heard_s: None, load_twice)
    made.set()
    output.check(time.perf_counter() + HANG_LIMIT_S + 1)
    answers.set()
    until(lambda: output.settled.is_set())
    until(lambda: output.ready or output.state == "unavailable")
    output.check(time.perf_counter())
    until(lambda: output.ready or output.state == "unavailable")
    assert output.state != "hanging"
    output.close()
