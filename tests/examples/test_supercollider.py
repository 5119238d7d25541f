"""The SuperCollider class and its documents, in sclang itself, against a real daemon."""

import re
import socket
from pathlib import Path

import pytest
from pythonosc.osc_message_builder import build_msg

from tests.bridge.test_peers import free_port
from tests.daemon.running import RunningDaemon
from tests.examples.conftest import N_SOUNDS, ODD_NAMES, STEREO_NAME
from tests.examples.peers import Peer, PlayedBridge, check_a_new_run_is_greeted
from tests.examples.sclang import CLASSES, sclang
from tests.sounds import write_library

pytestmark = pytest.mark.peers

ALL_QUESTIONS = """\
fork {
    var k = Klustr("127.0.0.1", PORT), id = ID, other = OTHER;
    var say = { |what, rows, keys|
        "%: %".format(what, rows.collect { |row| keys.collect { |key| row[key] } }).postln
    };
    say.("near", k.near(0.5, 0.5, 5), [\\id]);
    say.("similar", k.similar(id, 5), [\\id]);
    say.("similarUid", k.similarUid(k.info(id).uid, 5), [\\id]);
    say.("similarPath", k.similarPath(k.path(id).path, 5), [\\id]);
    say.("similarFile", k.similarFile(k.path(id).path, 5), [\\id]);
    say.("find", k.find("snare"), [\\id]);
    say.("walk", k.walk(id, other, 6), [\\id]);
    say.("kit", k.kit(id), [\\kind, \\id]);
    say.("grid", k.grid(3, 2), [\\column, \\row, \\id]);
    say.("points", k.points, [\\id]);
    say.("why", k.why(id, other), [\\aspect]);
    "status: %".format(k.status.sounds).postln;
    "resolve: %".format(k.resolve(k.info(id).uid).id).postln;
    "refused: %".format(k.info(123456)).postln;
    k.filterKind(\\snare, \\tom); k.filterDuration(0, 10); k.weight(\\attack, 2);
    k.audition(\\off); k.player(\\internal); k.quantise(\\off); k.view(\\natural); k.filterFavourites(0);
    k.xy(0.4, 0.4); k.xy(0.4, 0.4, 1); k.lift; k.lift(1); k.triggerXY(0.1, 0.1); k.random; k.stop; k.stop(1);
    k.trigger(id, 0.5, -2.5, 0.5); k.favourite(id); k.favourite(id, 0); k.kind(id, \\auto);
    k.filterFolder(k.path(id).path.dirname);
    "filtered: %".format(k.near(0.5, 0.5, 100).size).postln;
    k.filterClear;
    "cleared: %".format(k.near(0.5, 0.5, 100).size).postln;
    k.free;
    0.exit;
};
"""


def numbers(peer: Peer, what: str) -> list[int]:
    return [int(word) for word in re.findall(r"\d+", peer.wait_for(f"^{what}: (.*)")[1])]


def test_every_question_gets_the_answer_that_python_gets(daemon: RunningDaemon, tmp_path: Path) -> None:
    """Each method asks what it says; what is no question is accepted; a refusal is nil."""
    bridge = daemon.client
    sound, other = (point.id for point in (bridge.points()[0], bridge.points()[-1]))
    script = ALL_QUESTIONS.replace("PORT", str(daemon.port))
    with sclang(tmp_path, script.replace("ID", str(sound)).replace("OTHER", str(other))) as peer:
        assert peer.wait_end() == 0
    similar = [near.id for near in bridge.similar(sound, 5)]
    assert numbers(peer, "near") == [near.id for near in bridge.near_xy(0.5, 0.5, 5)]
    for name in ("similar", "similarUid", "similarPath"):
        assert numbers(peer, name) == similar
    assert numbers(peer, "similarFile") == [near.id for near in bridge.similar_file(bridge.path(sound), 5)]
    assert numbers(peer, "find") == bridge.find("snare")
    assert numbers(peer, "walk") == [point.id for point in bridge.walk(sound, other, 6)]
    assert numbers(peer, "kit") == [sound_id for _, sound_id in bridge.kit(sound)]
    assert numbers(peer, "grid") == [number for pad in bridge.grid(3, 2) for number in pad]
    assert numbers(peer, "points") == [point.id for point in bridge.points()]
    assert peer.wait_for("^why: ").string.count("attack") == 1
    assert numbers(peer, "status") == [N_SOUNDS]
    assert numbers(peer, "resolve") == [sound]
    assert peer.wait_for("^refused: ").string == "refused: nil"
    assert numbers(peer, "filtered")[0] < numbers(peer, "cleared")[0] == N_SOUNDS
    refusals = [line for line in peer.lines if "klustr-bridge:" in line]
    assert len(refusals) == 1
    assert "notfound" in refusals[0]


def test_the_pattern_plays_what_is_alike_and_the_way(daemon: RunningDaemon, tmp_path: Path) -> None:
    """patterns.scd, as it stands, has the bridge play each of its sounds, one after the other."""
    text = (CLASSES / "patterns.scd").read_text(encoding="utf-8")
    assert text.count("7475") == 1
    script = tmp_path / "patterns.scd"
    script.write_text(text.replace("7475", str(daemon.port)), encoding="utf-8")
    watch = """
        Class.initClassTree(Klustr);
        "%".load;
        fork {
            while { Klustr.default.isNil } { 0.01.wait };
            Klustr.default.onPlay = { |play| "play: % %".format(play.id, Main.elapsedTime).postln };
        };
    """
    with sclang(tmp_path, watch.replace("%", str(script), 1)) as peer:
        counted = peer.wait_for(r"^(\d+) alike, (\d+) on the way")
        total = int(counted[1]) + int(counted[2])
        peer.wait_for_count("^play: ", total)
    plays = [line for line in peer.lines if line.startswith("play: ")]
    assert total > 8
    assert len(plays) == total
    played = [int(line.split()[1]) for line in plays]
    times_s = [float(line.split()[2]) for line in plays]
    assert times_s == sorted(times_s)
    assert times_s[-1] - times_s[0] > 0.6  # at least seven steps of an eighth of a second
    assert {near.id for near in daemon.client.similar(played[0], 1)} <= set(played)


def test_odd_names_reach_sclang(odd: RunningDaemon, tmp_path: Path) -> None:
    """Paths with spaces, quotes and other alphabets arrive whole, and sclang finds the files."""
    script = """
        fork {
            var k = Klustr("127.0.0.1", PORT);
            k.player(\\client);
            k.onPlay = { |play| "play: [%] %".format(play.path, File.exists(play.path)).postln };
            k.points.do { |point| k.trigger(point.id) };
        };
    """
    with sclang(tmp_path, script.replace("PORT", str(odd.port))) as peer:
        peer.wait_for_count("^play: ", len(ODD_NAMES) + 1)
    said = {line for line in peer.lines if line.startswith("play: ")}
    samples = odd.home / "samples"
    assert said == {f"play: [{samples / name}] true" for name in (*ODD_NAMES, STEREO_NAME)}


def test_lists_in_parts_are_put_together_in_any_order(tmp_path: Path) -> None:
    """Three packets out of order make one answer; an empty one is empty; a Windows path stays as it is."""
    script = """
        fork {
            var k = Klustr("127.0.0.1", NetAddr.langPort), me = NetAddr.localAddr; // speaks with itself
            OSCFunc({ |message|
                var req = message[1];
                me.sendMsg('/klustr/near.reply', req, 3, 3, 1, 5, 0.5, 0, 0);
                me.sendMsg('/klustr/near.reply', req, 1, 3, 2, 1, 0.1, 0, 0, 2, 0.2, 0, 0);
                me.sendMsg('/klustr/near.reply', req, 2, 3, 2, 3, 0.3, 0, 0, 4, 0.4, 0, 0);
            }, '/klustr/similar');
            OSCFunc({ |message| me.sendMsg('/klustr/find.reply', message[1], 1, 1, 0) }, '/klustr/find');
            "parts: %".format(k.similar(9, 5).collect(_.id)).postln;
            "none: %".format(k.find("nothing").size).postln;
            k.onPlay = { |play| "windows: [%]".format(play.path).postln; 0.exit };
            me.sendMsg('/klustr/play', 1, 7, 1.0, "C:/Users/Zoë/My Samples/{1} Kick; #2, $3.wav", 0, 0.5);
        };
    """
    with sclang(tmp_path, script) as peer:
        assert peer.wait_end() == 0
    assert numbers(peer, "parts") == [1, 2, 3, 4, 5]
    assert numbers(peer, "none") == [0]
    said = peer.wait_for("^windows: ").string
    assert said == "windows: [C:/Users/Zoë/My Samples/{1} Kick; #2, $3.wav]"


def test_two_instances_take_only_their_own_answers(tmp_path: Path) -> None:
    """They hear the same port: no number is given twice, and a synced finishes nothing but a sync."""
    script = """
        fork {
            var me = NetAddr.localAddr, numbers = List.new, a, b, done = 0; // they speak with sclang
            a = Klustr("127.0.0.1", NetAddr.langPort); b = Klustr("127.0.0.1", NetAddr.langPort);
            OSCFunc({ |message|
                numbers.add(message[1]);
                me.sendMsg('/klustr/synced', message[1]);
                me.sendMsg('/klustr/resolve.reply', message[1], message[2].asString.size);
            }, '/klustr/resolve');
            OSCFunc({ |message| me.sendMsg('/klustr/synced', message[1]) }, '/klustr/sync');
            [a, b].do { |k| "synced: %".format(k.ask('/klustr/sync', [])).postln };
            [a, b].do { |k, i|
                k.resolve("x".dup(i + 3).join, { |answer|
                    "answer %: %".format(i, answer.id).postln;
                    done = done + 1;
                    if (done == 2) { "different: %".format(numbers.asSet.size).postln; 0.exit }
                })
            };
        };
    """
    with sclang(tmp_path, script) as peer:
        assert peer.wait_end() == 0
    assert numbers(peer, "answer 0") == [3]
    assert numbers(peer, "answer 1") == [4]
    assert numbers(peer, "different") == [2]
    assert numbers(peer, "synced")


def test_patterns_evaluated_again_take_the_instance_that_is_there(
    daemon: RunningDaemon, tmp_path: Path
) -> None:
    """No second one listens beside the first, and one that was freed is not used."""
    text = (CLASSES / "patterns.scd").read_text(encoding="utf-8")
    script = tmp_path / "patterns.scd"
    script.write_text(text.replace("7475", str(daemon.port)), encoding="utf-8")
    watch = """
        fork {
            var first;
            3.do { |i|
                k = nil;
                "%".load;
                while { k.isNil or: { k.isThere.not } } { 0.01.wait };
                "same %: %".format(i, first === k).postln;
                first = k;
                if (i == 1) { k.free };
            };
            0.exit;
        };
    """
    with sclang(tmp_path, watch.replace("%", str(script), 1)) as peer:
        assert peer.wait_end() == 0
    assert [peer.wait_for(f"^same {i}: (.*)")[1] for i in range(3)] == ["false", "true", "false"]


def test_it_recovers_when_the_bridge_restarts(tmp_path: Path) -> None:
    """With no bridge it says what to do; it greets one that comes, and the next one, with its modes."""
    port = free_port()
    write_library(tmp_path / "samples", N_SOUNDS)
    words = (str(tmp_path / "samples"), "--osc-port", str(port))
    script = """
        Klustr.tick = 0.3;
        k = Klustr("127.0.0.1", PORT);
        k.filterKind(\\kick);
        k.onWelcome = { "greeted".postln };
        OSCFunc({ fork { "kept: %".format(k.find("0", 100).size).postln } }, '/ask');
        "port: %".format(NetAddr.langPort).postln;
        k.onSilence = { "silent".postln };
    """
    with sclang(tmp_path, script.replace("PORT", str(port))) as peer:
        peer.wait_for(f"WARNING: klustr-bridge does not answer on port {port}: start it")
        peer.wait_for("^silent")
        for _ in range(2):
            seen = len(peer.lines)
            with RunningDaemon(tmp_path, *words) as daemon:
                peer.wait_for("^greeted", seen)
                daemon.wait_ready(N_SOUNDS)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                    asking.sendto(build_msg("/ask").dgram, ("127.0.0.1", numbers(peer, "port")[0]))
                assert peer.wait_for("^kept: (.*)", seen)[1] == "2"  # it was told to keep to kicks
                assert daemon.stop() == 0
            peer.wait_for("^silent", seen)


def test_a_bridge_that_is_back_within_a_tick_is_told_the_modes(tmp_path: Path) -> None:
    """No ping was lost, and yet the class says hello and its modes: the pong is that of another run."""
    script = 'Klustr.tick = 0.3; k = Klustr("127.0.0.1", PORT); k.filterKind(\\kick);'
    with PlayedBridge() as bridge, sclang(tmp_path, script.replace("PORT", str(bridge.port))):
        check_a_new_run_is_greeted(bridge, "/klustr/filter/kind")


def test_help_and_the_document_for_the_server_are_understood(tmp_path: Path) -> None:
    """The language compiles synth.scd, and its help system reads the help file without a complaint."""
    script = f"""
        "compiled: %".format(thisProcess.interpreter.compileFile("{CLASSES}/synth.scd").notNil).postln;
        "help: %".format(SCDoc.parseFileFull("{CLASSES}/HelpSource/Classes/Klustr.schelp").notNil).postln;
        0.exit;
    """
    with sclang(tmp_path, script) as peer:
        assert peer.wait_end() == 0
    peer.wait_for("^compiled: true")
    peer.wait_for("^help: true")
    assert not [line for line in peer.lines if "ERROR" in line or "WARNING: SCDoc" in line]
