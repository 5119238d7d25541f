"""What ``/status`` tells of audio and MIDI: lines for people, what is wrong, the open ports."""

import json
from typing import Any

import pytest

from klustr_bridge.bridge.devices import devices
from klustr_bridge.bridge.web import WebServer
from klustr_bridge.errors import QueryError
from klustr_bridge.settings.table import BY_KEY
from tests.bridge.places import Place
from tests.bridge.web_peers import ask


def status(web: WebServer) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ask(web.port, "/status")[2])
    return told


def test_where_the_sound_goes_is_told(web: WebServer, place: Place) -> None:
    """As the player says it at this moment, and what is wrong as long as it is."""
    assert (status(web)["audio"], status(web)["audio_problem"]) == ("silent", None)
    place.player.problem = "no output device matches 'x'"
    assert status(web)["audio_problem"] == "no output device matches 'x'"


def test_ports_are_told_as_midi_has_them(web: WebServer, place: Place) -> None:
    """Without MIDI there are none, and the line says which setting turns it on; learning is refused."""
    told = status(web)
    assert (told["midi_problem"], told["midi_inputs"], told["midi_outputs"]) == (None, [], [])
    assert told["midi"].startswith("off")
    place.server.midi.told = lambda: {"midi": "listening to a", "midi_inputs": ["a"]}
    assert (status(web)["midi"], status(web)["midi_inputs"]) == ("listening to a", ["a"])
    place.server.midi.learn = None
    with pytest.raises(QueryError, match="--midi on"):
        place.loop.run(place.server.midi.learn_or_cancel("x", 0))


def test_the_settings_that_are_named_are_there() -> None:
    """Whoever is told that something is off finds the setting that turns it on."""
    told = devices(None, None)
    named = {str(told[what]).split("the setting ")[1].split(" ")[0] for what in ("audio", "midi")}
    assert named == {"audio.output", "midi.input"} <= set(BY_KEY)
    assert (told["audio_problem"], told["midi_problem"]) == (None, None)
