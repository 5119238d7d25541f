"""The devices' code against a real daemon: what they play, keep, find again, and load into Live."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from klustr_bridge.client import Point
from tests.daemon.running import RunningDaemon
from tests.max_patches.conftest import ODD_NAMES
from tests.max_patches.max_peer import Event, MaxPeer
from tests.max_patches.test_client_live import free_port

pytestmark = pytest.mark.peers

PORTS = range(7480, 7500)
VOICES, STATE, SHOWN, STORED = 2, 3, 4, 5
FIRST_FREE_VOICE = 8


def opened(peer: MaxPeer, name: str, file: str, port: int) -> None:
    """Load a device's code and connect it."""
    peer.load(name, file, port)
    peer.say(name, "connect")
    peer.wait_open(name)


def snare(daemon: RunningDaemon) -> Point:
    """A sound with a plain name, and where it lies."""
    (sound,) = daemon.client.find("snare", 1)
    return next(point for point in daemon.client.points() if point.id == sound)


def voice_of(peer: MaxPeer, name: str, *beginning: object, since: int = 0) -> list[Any]:
    """Wait for a message to any voice that begins like this behind the voice's number."""

    def wanted(event: Event) -> bool:
        message = event.get("message", [])
        mine = event.get("object") == name and event.get("outlet") == VOICES
        return mine and message[1 : 1 + len(beginning)] == list(beginning)

    return list(peer.wait(wanted, since)["message"])


def test_moving_loads_the_file_and_plays_it_when_it_is_in(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """The instrument sounds itself: a buffer~ reads the file, and once it is in the voice plays."""
    place = snare(daemon)
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    max_peer.say("d", "xy", place.x, place.y)
    number, _, path = voice_of(max_peer, "d", "replace")
    assert number == FIRST_FREE_VOICE
    assert Path(path) == Path(daemon.client.path(place.id))
    max_peer.say("d", "ready", number)
    played = voice_of(max_peer, "d", "play")
    assert played[0] == number and played[2] == 0 and played[4:] == [1, 1]
    assert max_peer.wait_out("d", SHOWN, "name")[1] == Path(path).name


def test_a_sound_that_is_in_a_voice_plays_at_once(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """Keys play the sound heard last, higher and lower, without reading it again."""
    place = snare(daemon)
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    max_peer.say("d", "xy", place.x, place.y)
    number = voice_of(max_peer, "d", "replace")[0]
    max_peer.say("d", "ready", number)
    voice_of(max_peer, "d", "play")
    since = max_peer.now()
    max_peer.say("d", "finger", 2)
    max_peer.say("d", "note", 72, 127)
    assert voice_of(max_peer, "d", "play", since=since)[4:] == [1, 2]
    max_peer.say("d", "bend", -0.25)
    assert voice_of(max_peer, "d", "rate", since=since)[0::2] == [number, 1]
    max_peer.say("d", "press", 127)
    assert voice_of(max_peer, "d", "press", since=since)[2] == 1.5
    max_peer.say("d", "note", 72, 0)
    assert voice_of(max_peer, "d", "stop", since=since)[0] == number


def test_chords_have_a_voice_for_each_key(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """A key that is held keeps its voice; one that was let go gives it back to the same sound."""
    place = snare(daemon)
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    max_peer.say("d", "xy", place.x, place.y)
    first = voice_of(max_peer, "d", "replace")[0]
    max_peer.say("d", "ready", first)
    voice_of(max_peer, "d", "play")
    used = []
    for pitch in (60, 64, 67):
        since = max_peer.now()
        max_peer.say("d", "note", pitch, 100)
        for number in range(FIRST_FREE_VOICE, FIRST_FREE_VOICE + 4):
            max_peer.say("d", "ready", number)
        used.append(voice_of(max_peer, "d", "play", since=since)[0])
    assert used[0] == first and len(set(used)) == 3
    max_peer.say("d", "note", 64, 0)
    since = max_peer.now()
    max_peer.say("d", "note", 65, 100)
    assert voice_of(max_peer, "d", "play", since=since)[0] == used[1]


def keep_one(peer: MaxPeer, daemon: RunningDaemon, name: str, pad: int) -> list[Any]:
    """Have a pad take a sound; return what the Set stores once the uid is known."""
    place = snare(daemon)
    peer.say(name, "xy", place.x, place.y)
    peer.wait_out(name, SHOWN, "name")
    peer.say(name, "keep", 1)
    peer.say(name, "pad", pad)

    def wanted(event: Event) -> bool:
        mine = event.get("object") == name and event.get("outlet") == STORED
        return mine and event["message"][5 * (pad - 1)] != "-"

    return list(peer.wait(wanted)["message"])


def test_a_set_finds_its_sounds_again_by_uid(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """What was stored has the uid; with a path that is no longer right, the bridge says where the file is."""
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    stored = keep_one(max_peer, daemon, "d", 3)
    uid, path = stored[10:12]
    assert daemon.client.resolve(uid) == snare(daemon).id
    stored[11] = "/old/place/kick.wav"
    max_peer.load("again", "klustr.instrument.js", daemon.port)
    max_peer.say("again", "restore", *stored)
    missing = max_peer.wait_out("again", STATE, "missing")[1]
    assert "is missing" in missing and "/old/place/kick.wav" in missing
    max_peer.say("again", "connect")
    assert voice_of(max_peer, "again", "replace", path)[0] == 2
    assert max_peer.wait_out("again", STORED)[11] == path


def test_without_the_bridge_the_set_plays_on(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """A pad's remembered file is read and played though nothing answers; what is missing is said."""
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    stored = keep_one(max_peer, daemon, "d", 1)
    max_peer.load("alone", "klustr.instrument.js", free_port())
    max_peer.say("alone", "connect")
    max_peer.say("alone", "restore", *stored)
    assert voice_of(max_peer, "alone", "replace", stored[1])[0] == 0
    max_peer.say("alone", "ready", 0)
    max_peer.say("alone", "note", 36, 127)
    assert voice_of(max_peer, "alone", "play")[4:] == [1, 1]
    max_peer.tell({"later": 4000})
    assert "klustr-bridge" in max_peer.wait_out("alone", STATE, "silent")[1]
    max_peer.say("alone", "note", 37, 127)
    assert max_peer.wait_out("alone", STATE, "refused")[1].startswith("pad 2 is empty")


def test_what_is_stored_does_not_come_back_as_new(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """A pattr gives out what it is given: that must not make the device ask and store for ever."""
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    stored = keep_one(max_peer, daemon, "d", 1)
    since = max_peer.now()
    max_peer.say("d", "restore", *stored)
    max_peer.say("d", "/klustr/ping", 5)
    max_peer.wait(lambda event: event.get("sent") == ["/klustr/ping", 5], since)
    assert max_peer.sent("d", since) == [["/klustr/ping", 5]]


def test_a_kit_fills_the_pads(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """The daemon's kit around the sound heard last is kept and read, a pad for each sound."""
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    place = snare(daemon)
    max_peer.say("d", "xy", place.x, place.y)
    max_peer.wait_out("d", SHOWN, "name")
    max_peer.say("d", "fill")
    kit = [sound for _, sound in daemon.client.kit(place.id)][:8]
    assert len(kit) > 3
    for pad, sound in enumerate(kit):
        max_peer.wait_out("d", VOICES, pad, "replace", str(daemon.client.path(sound)))
    assert max_peer.wait_out("d", SHOWN, "pad", len(kit))


def test_neighbours_are_named_and_heard(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """The list has the names of similar sounds; choosing one plays it."""
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    place = snare(daemon)
    max_peer.say("d", "xy", place.x, place.y)
    max_peer.wait_out("d", SHOWN, "name")
    max_peer.say("d", "neighbours")
    near = [other.id for other in daemon.client.similar(place.id, 8)]
    last = daemon.client.info(near[-1]).name
    max_peer.wait_out("d", SHOWN, "neighbours", "append", last)
    told = [event["message"][1:] for event in max_peer.events if event.get("outlet") == SHOWN]
    names = [daemon.client.info(sound).name for sound in near]
    assert place.id not in near
    assert told[-9:] == [["clear"], *(["append", name] for name in names)]
    max_peer.say("d", "neighbour", 1)
    voice_of(max_peer, "d", "replace", str(daemon.client.path(near[1])))


def test_devices_share_the_ports_out(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """Each of several devices in a Set has a reply port of its own, and gets its own answers."""
    names = ["a", "b", "c"]
    for name in names:
        opened(max_peer, name, "klustr.midi.js" if name == "c" else "klustr.instrument.js", daemon.port)
    hellos = {name: [m for m in max_peer.sent(name) if m[0] == "/klustr/hello"] for name in names}
    ports = [hello[-1][2] for hello in hellos.values()]
    assert len(set(ports)) == 3 and set(ports) <= set(PORTS)
    place = snare(daemon)
    since = max_peer.now()
    max_peer.say("b", "xy", place.x, place.y)
    voice_of(max_peer, "b", "replace", since=since)
    told = [event["object"] for event in max_peer.events[since:] if event.get("outlet") == VOICES]
    assert set(told) == {"b"}


def test_a_port_of_another_program_is_passed_over(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """Max says nothing of a port that is taken: where no welcome comes, the next one is tried."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        try:
            other.bind(("127.0.0.1", PORTS[0]))
        except OSError:
            pytest.skip(f"port {PORTS[0]} is in use already")
        max_peer.load("d", "klustr.instrument.js", daemon.port)
        max_peer.say("d", "connect")
        max_peer.wait(lambda event: event.get("taken") == PORTS[0])
        max_peer.wait_open("d")
        assert max_peer.sent("d")[-3][0] in ("/klustr/hello", "/klustr/player", "/klustr/audition")
        hello = [message for message in max_peer.sent("d") if message[0] == "/klustr/hello"]
        assert hello[-1][2] != PORTS[0]


def test_the_chosen_sound_goes_into_live(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """What this Live's objects offer decides: the clip slot takes the file's path."""
    slot = "live_set view highlighted_clip_slot"
    offered = {
        "id": 3,
        "info": "function create_audio_clip",
        "properties": {"has_clip": [0]},
        "after": {"has_clip": [1]},
    }
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    max_peer.tell({"live": {slot: offered}})
    max_peer.say("d", "load", "clip")
    assert "move on the map first" in max_peer.wait_out("d", STATE, "refused")[1]
    place = snare(daemon)
    max_peer.say("d", "xy", place.x, place.y)
    max_peer.wait_out("d", SHOWN, "name")
    max_peer.say("d", "load", "clip")
    called = max_peer.wait(lambda event: "live" in event)["live"]
    assert called == [slot, "create_audio_clip", str(daemon.client.path(place.id))]
    assert max_peer.wait_out("d", STATE, "live")[1].startswith("loaded into the clip slot")


def test_notes_of_the_midi_effect_play_the_map(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """64 notes are a grid over the map; the bridge sounds, and says what."""
    opened(max_peer, "m", "klustr.midi.js", daemon.port)
    max_peer.say("m", "note", 36, 127)
    assert ["/klustr/trigger/xy", 0.0625, 0.0625, 1] in max_peer.sent("m") or max_peer.wait(
        lambda event: event.get("sent") == ["/klustr/trigger/xy", 0.0625, 0.0625, 1]
    )
    nearest = daemon.client.near_xy(0.0625, 0.0625, 1)[0].id
    assert max_peer.wait_out("m", SHOWN, "name")[1] == Path(daemon.client.path(nearest)).name
    max_peer.say("m", "keep", 1)
    max_peer.say("m", "pad", 1)
    max_peer.wait_out("m", STORED)
    max_peer.say("m", "way", "pads")
    max_peer.say("m", "note", 36, 64)
    sent = max_peer.wait(lambda event: event.get("sent", [""])[0] == "/klustr/trigger")["sent"]
    assert sent[1] == nearest


def test_odd_paths_survive_to_the_buffer(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """Spaces, quotes, commas, dollar signs and unicode come to buffer~ as one word, letter by letter."""
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    for name in ODD_NAMES:
        (sound,) = daemon.client.find(name.replace(".wav", ""), 1)
        max_peer.say("d", "trigger", sound)
        path = voice_of(max_peer, "d", "replace", str(daemon.client.path(sound)))[2]
        assert Path(path).name == name
        assert Path(path).is_file()


@pytest.mark.skipif(os.name != "posix", reason="file names are text on this system")
def test_a_name_that_is_no_text_is_refused_in_words(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """Max has no way to open it; the device says so instead of reading another file or none."""
    opened(max_peer, "d", "klustr.instrument.js", daemon.port)
    (sound,) = daemon.client.find("caf", 1)
    max_peer.say("d", "trigger", sound)
    assert "caf\\xe9 bass.wav" in max_peer.wait_out("d", STATE, "missing")[1]
    assert not [event for event in max_peer.events if event.get("outlet") == VOICES]
    max_peer.say("d", "load", "clip")
    assert max_peer.wait_out("d", STATE, "missing", f"Live can't open a file of this name: {path(max_peer)}")


def path(peer: MaxPeer) -> str:
    """Return the path that the bridge has the device play."""
    return str(peer.wait_out("d", STATE, "missing")[1]).split(": ", 1)[1]
