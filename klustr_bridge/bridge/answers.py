"""What the bridge sends: the replies to commands and the pushes.

This module owns the second half of the command table and nothing else.
"""

from typing import Final

from klustr_bridge.bridge.machine_commands import CLIENTS_REPLY
from klustr_bridge.bridge.vocabulary import (
    FAIL_CODES,
    HEADER,
    ID,
    MAX_CURSOR,
    MAX_PADS_A_SIDE,
    MAX_RUN,
    PATH,
    PROBLEMS_A_PAGE,
    REQ,
    UID,
    Answer,
    Argument,
    X,
    Y,
)
from klustr_bridge.corpus import IMPRESSION
from klustr_bridge.library.kind_sources import KIND_SOURCES
from klustr_bridge.sound.aspects import ASPECTS
from klustr_bridge.sound.kinds import KINDS

DONE = Answer("/klustr/done", (Argument("address", "s"),), help="The library command is finished.")
FAIL = Answer(
    "/klustr/fail",
    (Argument("address", "s"), REQ, Argument("code", "s", choices=FAIL_CODES), Argument("message", "s")),
    help="A command was refused; `req` is -1 where the command has none.",
)
NEAR_REPLY = Answer(
    "/klustr/near.reply",
    HEADER,
    (ID, Argument("distance", "f", 0.0), Argument("x", "f"), Argument("y", "f")),
    "Sounds, nearest first; `x`, `y` are -1 where a sound has no place on the map yet.",
)

WHY_REPLY = Answer(
    "/klustr/why.reply",
    HEADER,
    (Argument("aspect", "s", choices=(*ASPECTS, IMPRESSION)), Argument("share", "f", 0.0, 1.0)),
    "Shares of the squared distance, which add up to 1; all are 0 where there is no distance. `impression` "
    "is what the learned ear hears beyond the aspects (setting `hearing.embedding`), or what vectors of "
    "another program say (`klustr-bridge embed`): there only where the library goes by one of them, and "
    "without a weight.",
)

KIT_REPLY = Answer(
    "/klustr/kit.reply",
    HEADER,
    (Argument("kind", "s", choices=KINDS), ID),
    "The sounds of a drum kit, the one asked about first; kinds that the library lacks are left out.",
)

WALK_REPLY = Answer(
    "/klustr/walk.reply",
    HEADER,
    (ID, Argument("x", "f"), Argument("y", "f")),
    "The sounds of a walk in order; `x`, `y` are -1 where a sound has no place on the map yet.",
)

GRID_REPLY = Answer(
    "/klustr/grid.reply",
    HEADER,
    (
        Argument("column", "i", 0, MAX_PADS_A_SIDE - 1),
        Argument("row", "i", 0, MAX_PADS_A_SIDE - 1),
        ID,
    ),
    "The pads that have a sound, row by row from the lowest; column 0 of row 0 is the lower left.",
)

DUPLICATES_REPLY = Answer(
    "/klustr/duplicates.reply",
    HEADER,
    (Argument("group", "i", 1), ID),
    "Near-identical sounds by rising group, in each of them the sound to keep first.",
)

REPLIES: Final = {
    answer.address: answer
    for answer in (
        Answer(
            "/klustr/welcome",
            (
                Argument("version", "s"),
                Argument("protocol", "i"),
                Argument("epoch", "i", 0),
                Argument("sounds", "i", 0),
                Argument("state", "s"),
            ),
            help="Greets a new subscriber; `epoch` is 0 while there is no map.",
        ),
        Answer(
            "/klustr/pong",
            (REQ, Argument("run", "i", 1, MAX_RUN)),
            help="The bridge is alive. `run` is drawn anew at each of its starts: where it is not the one of "
            "before, say hello and your modes again.",
        ),
        Answer("/klustr/synced", (Argument("n", "i"),), help="Earlier commands are in force."),
        Answer(
            "/klustr/health.reply",
            HEADER,
            (Argument("name", "s"), Argument("value", "f")),
            "Counters since the start and lengths of queues at this moment.",
        ),
        Answer(
            "/klustr/scores.reply",
            HEADER,
            (Argument("name", "s"), Argument("value", "f")),
            "Right after the fit; a score that there is nothing to tell from is left out. Shares are 0 to 1. "
            "`neighbour_share`: of the ten nearest in sound, how many are among the ten nearest on the map; "
            "`trustworthiness`, `continuity`: the same by rank, 1 is best. `kind_share`: of the ten nearest "
            "on the map, how many are of the same kind as the user or names tell it, `kind_share_in_sound` "
            "in the embedding, `_over_kinds` with each kind counting the same. `silhouette` (-1 to 1), "
            "`roundness` and `overlap` of the regions of kinds: 1 is apart, round, without overlap; "
            "`overlap_in_outer_hull` counts the gaps between them, too. `reach_7_bit`, `reach_14_bit`: "
            "sounds that such a pad reaches. `moved_median`, `moved_95`: how far half and 95 % of the sounds "
            "that were there moved at most, in widths of the map.",
        ),
        Answer(
            "/klustr/candidate/scores.reply",
            HEADER,
            (Argument("name", "s"), Argument("value", "f")),
            "As `/klustr/scores.reply` tells them, of the candidate.",
        ),
        Answer(
            "/klustr/status.reply",
            (
                REQ,
                Argument("state", "s"),
                Argument("files", "i", 0),
                Argument("sounds", "i", 0),
                Argument("pending", "i", 0),
                Argument("failed", "i", 0),
                Argument("epoch", "i", 0),
            ),
            help="Files present, sounds heard, files waiting, files refused, version of the map.",
        ),
        NEAR_REPLY,
        Answer(
            "/klustr/info.reply",
            (
                REQ,
                ID,
                UID,
                Argument("name", "s"),
                Argument("kind", "s", choices=KINDS),
                Argument("x", "f"),
                Argument("y", "f"),
                Argument("duration", "f", 0.0, unit="s"),
                Argument("loudness_db", "f", unit="dB"),
                Argument("pitch_hz", "f", 0.0, unit="Hz"),
                Argument("start", "f", 0.0, unit="s"),
                Argument("end", "f", 0.0, unit="s"),
                Argument("pitch_confidence", "f", 0.0, 1.0),
                Argument("brightness_hz", "f", 0.0, unit="Hz"),
                Argument("stereo_width", "f", 0.0, 2.0),
                Argument("is_loop", "i", 0, 1),
                Argument("tempo", "f", 0.0, unit="beats a minute"),
                Argument("kind_source", "s", choices=KIND_SOURCES),
                Argument("kind_confidence", "f", 0.0, 1.0),
            ),
            help="`loudness_db` is the largest RMS level of 50 ms, relative to full scale; `pitch_hz` is 0 "
            "without a clear pitch, `pitch_confidence` from 0 (noise) to 1 (a steady tone); `stereo_width` "
            "is 0 for mono, 1 where the channels have nothing in common, up to 2 in opposite phase; `tempo` "
            "is 0 where there is none. `kind_source` says what tells the kind: the user, the name of the "
            "file or of a folder, the sound itself, or nothing (empty); `kind_confidence` is how sure it is. "
            "`start` and `end` are a slice's place in its file, else 0 and the duration. `x`, `y` are -1 "
            "before the sound has a place; `uid` is empty and the measures are 0 before it is analysed.",
        ),
        WHY_REPLY,
        KIT_REPLY,
        WALK_REPLY,
        GRID_REPLY,
        DUPLICATES_REPLY,
        Answer("/klustr/path.reply", (REQ, ID, PATH), help="Absolute path of the sound's first file."),
        Answer("/klustr/resolve.reply", (REQ, ID), help="The id that the `uid` has in this library."),
        Answer("/klustr/find.reply", HEADER, (ID,), "Sounds whose file names hold every word."),
        Answer(
            "/klustr/points.reply",
            (*HEADER, Argument("epoch", "i", 0)),
            (ID, X, Y),
            "Every placed sound, by rising id.",
        ),
        Answer(
            "/klustr/folders.reply",
            HEADER,
            (
                PATH,
                Argument("files", "i", 0),
                Argument("state", "s", choices=("watched", "absent", "polled")),
            ),
            "The watched folders.",
        ),
        Answer(
            "/klustr/problems.reply",
            HEADER,
            (PATH, Argument("reason", "s")),
            f"Files that could not be used, at most {PROBLEMS_A_PAGE} an answer; ask again from "
            "`from` plus as many as came until none comes.",
        ),
        Answer(
            "/klustr/record.reply",
            (REQ, Argument("on", "i", 0, 1), PATH, Argument("seconds", "f", 0.0, unit="s")),
            help="A recording has begun, or ended; its file and how long it is. One that was under way "
            "already goes on, and has a length at once.",
        ),
        Answer(
            "/klustr/midi/clip.reply",
            (REQ, PATH, Argument("notes", "i", 0)),
            help="The MIDI file of a clip, and how many notes it has.",
        ),
        CLIENTS_REPLY,
        DONE,
        FAIL,
    )
}

PUSHES: Final = {
    answer.address: answer
    for answer in (
        Answer(
            "/klustr/hit",
            (
                Argument("cursor", "i", 0, MAX_CURSOR),
                ID,
                Argument("x", "f"),
                Argument("y", "f"),
                Argument("distance", "f", 0.0),
                Argument("origin", "s"),
            ),
            help="The nearest sound to a cursor changed. To every subscriber; newest wins, "
            "at most 60 a second for each cursor. `x` and `y` are in the receiver's view (-1 where the sound "
            "has no place in it yet), `distance` is in that of the client whose cursor it is.",
        ),
        Answer(
            "/klustr/play",
            (
                Argument("voice", "i"),
                ID,
                Argument("velocity", "f", 0.0, 1.0),
                PATH,
                Argument("start", "f", 0.0, unit="s"),
                Argument("end", "f", 0.0, unit="s"),
            ),
            help="A sound was started; `voice` names it for `/klustr/stop`, `end` is 0 while its length "
            "is not known. Only to the client whose action caused it, in every player mode: with `internal` "
            "the bridge has sounded it already, with `client` and `both` it is yours to sound. "
            "Quantised, it comes at the moment the sound is due.",
        ),
        Answer(
            "/klustr/beat",
            (
                Argument("beat", "f"),
                Argument("tempo", "f", 0.0, unit="beats a minute"),
                Argument("playing", "i", 0, 1),
            ),
            help="The session's beat by Ableton Link or MIDI clock, at each beat while it runs and when it "
            "starts, stops or is gone (tempo 0); counted from the session's first beat.",
        ),
        Answer("/klustr/added", (ID, X, Y), help="A sound joined the map."),
        Answer("/klustr/removed", (ID,), help="A sound is no longer there."),
        Answer("/klustr/moved", (ID, X, Y), help="A sound has a new place; only at a new epoch."),
        Answer(
            "/klustr/epoch",
            (Argument("epoch", "i", 1), Argument("sounds", "i", 0)),
            help="The map was made anew: ask for the points again.",
        ),
        Answer(
            "/klustr/candidate/changed",
            (Argument("sounds", "i", 0), Argument("method", "s")),
            help="There is another candidate, of so many sounds, by `method`; 0: there is none any more.",
        ),
        Answer(
            "/klustr/progress",
            (Argument("stage", "s"), Argument("done", "i", 0), Argument("total", "i", 0)),
            help="How far the work is. Newest wins, at most 60 a second for each stage.",
        ),
        Answer("/klustr/error", (Argument("where", "s"), Argument("message", "s")), help="Something failed."),
        Answer("/klustr/goodbye", help="The bridge stops."),
    )
}
