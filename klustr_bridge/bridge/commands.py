"""The command table: what can be asked of the bridge.

This module owns the names, arguments, units, ranges and help of the commands and nothing else: no
socket, no navigator, no state. OSC dispatch, the written reference and the contract tests are made
from it. Only what is implemented stands here.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from klustr_bridge.bridge.answers import (
    DONE,
    DUPLICATES_REPLY,
    GRID_REPLY,
    KIT_REPLY,
    NEAR_REPLY,
    WALK_REPLY,
    WHY_REPLY,
)
from klustr_bridge.bridge.guests import OPEN_TO_OTHER_MACHINES
from klustr_bridge.bridge.machine_commands import machine_commands
from klustr_bridge.bridge.vocabulary import (
    AUDITION_MODES,
    CURSOR,
    GRIDS,
    ID,
    MAX_PADS_A_SIDE,
    MAX_RADIUS,
    MAX_STEPS,
    PAN,
    PATH,
    PLAYER_MODES,
    REQ,
    SEMITONES,
    UID,
    VELOCITY,
    Argument,
    Command,
    K,
    X,
    Y,
)
from klustr_bridge.library.kind_sources import AUTO
from klustr_bridge.midi.clip import DEFAULT_BARS, MOST_BARS
from klustr_bridge.settings import CANDIDATE_METHODS
from klustr_bridge.sound.aspects import ASPECTS
from klustr_bridge.sound.kinds import KINDS
from klustr_bridge.types import VIEWS

_WIRE_PATH = (
    "A path that is not valid UTF-8 travels with each such byte, and each backslash in it, written `\\xNN`."
)
_ON = Argument("on", "i", 0, 1)


def _commands() -> Iterator[Command]:
    session, play, ask, narrow, library = "Session", "Move and hear", "Ask", "Narrow", "Library"
    yield Command(
        "/klustr/hello",
        session,
        (Argument("name", "s"), Argument("port", "i", 0, 65535)),
        "/klustr/welcome",
        "Sends this client's replies and pushes to its own address at `port` (0: the port it sends from) "
        "and subscribes it to pushes until 60 s after its last packet. Over TCP everything comes back on "
        "the connection and `port` is not used.",
        "hello",
    )
    yield Command("/klustr/bye", session, (), "", "Ends the subscription and forgets the client.", "bye")
    yield Command("/klustr/ping", session, (REQ,), "/klustr/pong", "Answers at once; keeps a lease.", "ping")
    yield Command(
        "/klustr/sync",
        session,
        (Argument("n", "i"),),
        "/klustr/synced",
        "Answers when all earlier commands of this client are accepted and visible to its queries; "
        "background jobs may go on.",
        "sync",
    )
    yield Command(
        "/klustr/health", session, (REQ,), "/klustr/health.reply", "How the bridge feels.", "health"
    )
    yield Command(
        "/klustr/status", session, (REQ,), "/klustr/status.reply", "What the library holds.", "status"
    )
    yield Command(
        "/klustr/scores", session, (REQ,), "/klustr/scores.reply", "How good the map in force is.", "scores"
    )

    yield Command(
        "/klustr/xy",
        play,
        (X, Y, CURSOR),
        "",
        "Moves a cursor: pushes `/klustr/hit` when the nearest sound changes, and plays it when audition "
        "is on.",
        "move",
    )
    yield Command(
        "/klustr/audition",
        play,
        (Argument("mode", "s", choices=AUDITION_MODES, numbered=AUDITION_MODES[:2]),),
        "",
        "Whether moving plays: never, on change, again each time (`retrigger`), or held until the next "
        "(`hold`): each cursor's next `/klustr/play` replaces the one before it. The bridge fades its own "
        "into the next; a client that sounds ends what it held itself. A cursor plays no sooner than "
        "`audio.gap_ms` after its last sound, and what it has come to by then is played late rather than "
        "not at all; gliding over the border between two sounds it plays the other one when that is nearer "
        "by a tenth.",
        "audition",
    )
    yield Command(
        "/klustr/lift",
        play,
        (CURSOR,),
        "",
        "The finger has left the pad: what the cursor holds fades out, and its next move hits anew.",
        "lift",
    )
    yield Command(
        "/klustr/quantise",
        play,
        (Argument("grid", "s", choices=GRIDS),),
        "",
        "Has what this client plays heard on the next line of the session's beat, by Ableton Link or MIDI "
        "clock: the bridge sounds it there to the frame, and `/klustr/play` comes then. Of what one cursor "
        "comes to before a line the last is heard. With `audio.loops_in_time` the bridge plays loops at the "
        "session's tempo, resampled, so that their pitch changes with it. While there is no beat, or the "
        "session stands still, everything is heard at once.",
        "quantise",
    )
    yield Command(
        "/klustr/record",
        play,
        (REQ, _ON),
        "/klustr/record.reply",
        "Records what the bridge's own player plays into a new file, 24-bit WAV, in the folder of the "
        "setting `audio.recordings`, or ends that. It also ends when the client that began it after hello is "
        "gone. Only from this machine.",
        "record",
    )
    yield Command(
        "/klustr/midi/clip",
        play,
        (REQ, Argument("bars", "i", 1, MOST_BARS, optional=True)),
        "/klustr/midi/clip.reply",
        "Writes the last bars of what was played, by whomever, into a new MIDI file in the folder of the "
        f"setting `audio.recordings`: {DEFAULT_BARS} unless said, up to the end of the bar of the last note. "
        "With a beat they are the session's bars; else they begin with the first note. Only from this "
        "machine.",
        "midi_clip",
    )
    yield Command(
        "/klustr/view",
        play,
        (Argument("view", "s", choices=VIEWS),),
        "",
        "Which view of the map this client's coordinates are in, in every command, reply and push: "
        "`natural`, as the map was fitted, with its crowds and gaps, or `even`, where each sound has a cell "
        "of its own of a square lattice and a 7-bit pad reaches all of 10,000 sounds. Both have the same "
        "epochs, and nothing moves within one. A client begins with the setting `map.view`; after a change "
        "ask `/klustr/points` again.",
        "view",
    )
    yield Command(
        "/klustr/trigger",
        play,
        (ID, VELOCITY, SEMITONES, PAN),
        "",
        "Plays a sound; the bridge's own player also higher or lower (hundredths of semitones are cents; it "
        "gets shorter as it gets higher) and from -1, left, to 1, right.",
        "trigger",
    )
    yield Command(
        "/klustr/trigger/xy",
        play,
        (X, Y, VELOCITY, CURSOR),
        "",
        "Plays the sound nearest to a place on the map.",
        "trigger_xy",
    )
    yield Command(
        "/klustr/stop",
        play,
        (Argument("voice", "i", optional=True),),
        "",
        "Stops one voice, or all of them.",
        "stop",
    )
    yield Command("/klustr/random", play, (CURSOR,), "", "Jumps to a sound by chance.", "random")
    yield Command(
        "/klustr/player",
        play,
        (Argument("player", "s", choices=PLAYER_MODES),),
        "",
        "Who sounds what this client plays: the bridge's own player, this client from `/klustr/play`, or "
        "both. With `client` it also takes over what MIDI plays, until another client asks for that, or "
        "this one asks for another mode, says bye or is no longer subscribed.",
        "player",
    )

    yield Command(
        "/klustr/near/xy",
        ask,
        (REQ, X, Y, K),
        NEAR_REPLY.address,
        "The k sounds nearest on the map.",
        "near_xy",
    )
    yield Command(
        "/klustr/similar",
        ask,
        (REQ, ID, K),
        NEAR_REPLY.address,
        "The k sounds most like this one, in the space of sounds, not of the map.",
        "similar",
    )
    yield Command(
        "/klustr/similar/uid", ask, (REQ, UID, K), NEAR_REPLY.address, "The same by uid.", "similar_uid"
    )
    yield Command(
        "/klustr/similar/path",
        ask,
        (REQ, PATH, K),
        NEAR_REPLY.address,
        f"The same by the path of a file in the library. Only from this machine. {_WIRE_PATH}",
        "similar_path",
    )
    yield Command(
        "/klustr/similar/file",
        ask,
        (REQ, PATH, K),
        NEAR_REPLY.address,
        "The same for any readable audio file; nothing of the file is ever sent. Only from this machine. "
        + _WIRE_PATH,
        "similar_file",
    )
    yield Command("/klustr/info", ask, (REQ, ID), "/klustr/info.reply", "What is known of a sound.", "info")
    yield Command(
        "/klustr/why",
        ask,
        (REQ, ID, Argument("other", "i", 1)),
        WHY_REPLY.address,
        "What keeps two sounds apart: each aspect's share of their distance, as this client weighs them.",
        "why",
    )
    yield Command(
        "/klustr/kit",
        ask,
        (REQ, ID),
        KIT_REPLY.address,
        "A drum kit around a sound: for each other kind of kick, snare, closed and open hat, clap, two toms, "
        "rim, ride, crash, cowbell, shaker and perc the sound that goes with it best. It is like it in "
        "character: as much darker, longer or louder than others of its kind; rather of the nearest folder "
        "that has the kind; and not where another of the kit lies already. No loops, no slices. The client's "
        "filters hold, but for that of kinds; its weights don't count. The same library makes the same kit.",
        "kit",
    )
    yield Command(
        "/klustr/walk",
        ask,
        (REQ, Argument("from", "i", 1), Argument("to", "i", 1), Argument("n", "i", 2, MAX_STEPS)),
        WALK_REPLY.address,
        "At most n sounds that lead from one to another, both included, in small even steps of the space "
        "of sounds and never back. Only what is nearer to both than they are to each other may lie between, "
        "and nothing is taken that makes the largest step much larger: there may be fewer than n, at least "
        "the two. The client's filters hold for what lies between, and its weights count.",
        "walk",
    )
    yield Command(
        "/klustr/grid",
        ask,
        (
            REQ,
            Argument("columns", "i", 1, MAX_PADS_A_SIDE),
            Argument("rows", "i", 1, MAX_PADS_A_SIDE),
            Argument("x", "f", 0.0, 1.0, optional=True),
            Argument("y", "f", 0.0, 1.0, optional=True),
            Argument("radius", "f", 0.0, MAX_RADIUS, optional=True),
        ),
        GRID_REPLY.address,
        "Sounds for a grid of pads, one each, so that neighbours on the map are neighbours on the pads: of "
        "a circle around x, y, or without the three of the whole map. Where there are more sounds than pads, "
        "each pad has one that stands for those around it; where there are fewer, they lie together at the "
        "lower left, and the free pads are not named. The client's filters hold; x, y and radius are in its "
        "view. Within an epoch the same question about the same sounds has the same answer.",
        "grid",
    )
    yield Command(
        "/klustr/duplicates",
        ask,
        (REQ,),
        DUPLICATES_REPLY.address,
        "Sounds that nobody could tell apart: the same recording in another file format, at another level or "
        "rate, cut or faded out otherwise. Files with the very same audio are one sound here. The whole "
        "library is searched, whatever the filters, in a process of low priority: the answer comes when that "
        "is done, after seconds to minutes, and at once while the library is as it was. Nothing is deleted. "
        "Only from this machine.",
        "duplicates",
    )
    yield Command(
        "/klustr/path",
        ask,
        (REQ, ID),
        "/klustr/path.reply",
        f"Where the sound's file is. Only from this machine. {_WIRE_PATH}",
        "path",
    )
    yield Command(
        "/klustr/resolve",
        ask,
        (REQ, UID),
        "/klustr/resolve.reply",
        "From uid to id. The uid of a slice (a hit of a loop; setting `index.slices`) is that of its whole "
        "sound, `:` and its audio frames, `START-END`; where no slice has these frames any more, it means "
        "the one that overlaps them most.",
        "resolve",
    )
    yield Command(
        "/klustr/find",
        ask,
        (REQ, Argument("text", "s"), K),
        "/klustr/find.reply",
        "At most k sounds whose path below its folder holds every word of the text, in any order and case.",
        "find",
    )
    yield Command(
        "/klustr/points",
        ask,
        (REQ, Argument("from_id", "i", 0, optional=True)),
        "/klustr/points.reply",
        "Every placed sound from an id on, paced. Ask again from the first missing id if a packet was lost. "
        "To other machines a list of more than four packets goes over TCP or a web socket alone.",
        "points",
    )

    yield Command(
        "/klustr/filter/kind",
        narrow,
        (Argument("kind", "s", choices=KINDS, repeated=True),),
        "",
        "Later answers to this client keep to these kinds; none named: every kind.",
        "filter_kind",
    )
    yield Command(
        "/klustr/filter/duration",
        narrow,
        (Argument("min", "f", 0.0, unit="s"), Argument("max", "f", 0.0, unit="s")),
        "",
        "Later answers keep to sounds of this length.",
        "filter_duration",
    )
    yield Command(
        "/klustr/filter/folder",
        narrow,
        (PATH,),
        "",
        "Later answers keep to files below this folder, until `/klustr/filter/clear`. Only from this "
        f"machine. {_WIRE_PATH}",
        "filter_folder",
    )
    yield Command(
        "/klustr/filter/favourites",
        narrow,
        (_ON,),
        "",
        "Later answers keep to favourites.",
        "filter_favourites",
    )
    yield Command(
        "/klustr/weight",
        narrow,
        (Argument("aspect", "s", choices=tuple(ASPECTS)), Argument("weight", "f", 0.0, 2.0)),
        "",
        "How much an aspect counts for what is similar, to this client: 0 not at all, 1 as made, 2 double.",
        "weight",
    )
    yield Command("/klustr/filter/clear", narrow, (), "", "Takes every filter away.", "filter_clear")

    yield Command(
        "/klustr/folder/add",
        library,
        (PATH,),
        DONE.address,
        f"Watches a folder and indexes it in the background. Only from this machine. {_WIRE_PATH}",
        "folder_add",
    )
    yield Command(
        "/klustr/folder/remove",
        library,
        (PATH,),
        DONE.address,
        "Watches a folder no more; its sounds leave the answers, and come back with their places if it is "
        "added again. Only from this machine.",
        "folder_remove",
    )
    yield Command(
        "/klustr/folders",
        library,
        (REQ,),
        "/klustr/folders.reply",
        "The watched folders. Only from this machine.",
        "folders",
    )
    yield Command(
        "/klustr/problems",
        library,
        (REQ, Argument("from", "i", 0)),
        "/klustr/problems.reply",
        "Files that could not be used, with the reason. Only from this machine.",
        "problems",
    )
    yield Command(
        "/klustr/rescan",
        library,
        (),
        DONE.address,
        "Compares every folder with the library. Only from this machine.",
        "rescan",
    )
    yield Command(
        "/klustr/relayout",
        library,
        (),
        DONE.address,
        "Makes the map anew. Only from this machine.",
        "relayout",
    )
    yield Command(
        "/klustr/candidate/make",
        library,
        (Argument("method", "s", optional=True, choices=CANDIDATE_METHODS),),
        DONE.address,
        "Makes a map to be looked at before it is taken: the one in force stays, and nothing moves. By the "
        "settings' method, or another one. One candidate is kept, over restarts; the next one or a new epoch "
        "takes its place. Only from this machine.",
        "candidate_make",
        holds_up=False,
    )
    yield Command(
        *("/klustr/candidate/take", library, (), DONE.address),
        "Makes the candidate the map in force: a new epoch. Sounds that came since are placed on it. Only "
        "from this machine.",
        "candidate_take",
    )
    yield Command(
        "/klustr/candidate/drop",
        library,
        (),
        DONE.address,
        "Forgets the candidate, or ends the making of it. Only from this machine.",
        "candidate_drop",
        holds_up=False,
    )
    yield Command(
        "/klustr/candidate/scores",
        library,
        (REQ,),
        "/klustr/candidate/scores.reply",
        "How good the candidate is, and how far it would move what is on the map. Only from this machine.",
        "candidate_scores",
    )
    yield Command(
        "/klustr/midi/learn",
        library,
        (Argument("target", "s"), CURSOR),
        DONE.address,
        "Lets the next MIDI control that is moved drive `x`, `y`, `trigger`, `random`, `kind kick` or what "
        "else a mapping file knows; it is written into that file. MIDI plays nothing meanwhile. Waits 20 s "
        "at most; another target takes its place, `cancel` ends it: the one that waited fails with "
        "`notready`. Only from this machine.",
        "midi_learn",
        holds_up=False,
    )
    yield Command(
        "/klustr/favourite",
        library,
        (ID, _ON),
        DONE.address,
        "Marks a sound, or takes the mark away. Only from this machine.",
        "favourite",
    )
    yield Command(
        "/klustr/kind",
        library,
        (ID, Argument("kind", "s", choices=(*KINDS, AUTO))),
        DONE.address,
        "Corrects a sound's kind; the correction stays, with the audio, until `auto` takes it back and names "
        "or the ear tell the kind again. Only from this machine.",
        "kind",
    )


COMMANDS: Final = {
    command.address: replace(command, lan=command.address in OPEN_TO_OTHER_MACHINES)
    for command in (*_commands(), *machine_commands(DONE.address))
}
"""Every command by its address."""
