"""The command line: ``klustr-bridge [FOLDER...]`` serves; named commands do one thing and end.

Owns the parser, exit codes and what is printed. Each command's module is imported only when it
runs, so that none waits for what another needs.
"""

import argparse
import contextlib
import importlib
import os
import re
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from klustr_bridge import __version__
from klustr_bridge.cli.tables import one_line
from klustr_bridge.errors import KlustrError, SettingsError
from klustr_bridge.processes import single_threaded_environment, start_logging
from klustr_bridge.settings import CANDIDATE_METHODS, LoadedSettings, add_flags, load_for, with_switches
from klustr_bridge.settings.values import suggestion


@dataclass(frozen=True, slots=True)
class _Command:
    """One named command: where it is and what it says of itself."""

    module: str
    help: str
    arguments: tuple[tuple[tuple[str, ...], dict[str, object]], ...] = ()


def _argument(*names: str, **options: object) -> tuple[tuple[str, ...], dict[str, object]]:
    return names, options


_K = _argument("-k", type=int, default=10, metavar="N", help="how many (default: 10)")
_WEIGHT = _argument(
    "--weight",
    action="append",
    default=[],
    metavar="ASPECT=N",
    help="how much attack, body, tail, brightness, pitch or length counts: 0 (not at all) to 2 "
    "(double); once for each aspect",
)
_JSON = _argument("--json", action="store_true", help="print JSON, for scripts")

COMMANDS: dict[str, _Command] = {
    "index": _Command(
        "building",
        "index folders once, without serving",
        (
            _argument("folders", nargs="*", metavar="FOLDER", help="folders to add (default: those known)"),
            _argument("--relayout", action="store_true", help="fit the map anew though it is still good"),
        ),
    ),
    "relayout": _Command("building", "make the map anew, starting from the present one; a new epoch", ()),
    "candidate": _Command(
        "candidate",
        "make a map to be looked at before it is taken or dropped; the one in force stays",
        (
            _argument(
                "what", nargs="?", choices=("make", "take", "drop"), default="make", help="default: make"
            ),
            _argument("--method", choices=CANDIDATE_METHODS, default="", help="another than layout.method"),
        ),
    ),
    "tune": _Command(
        "tune",
        "choose this library's map from a population; where it is surely better, a new epoch takes it",
        (
            _argument(
                "--methods",
                default="",
                metavar="METHOD,METHOD",
                help="compare these alone: tsne, tsne-30, umap-10-0.01, ... (a wrong one lists them all)",
            ),
            _argument("--anyway", action="store_true", help="take the best even if that may be chance alone"),
        ),
    ),
    "similar": _Command(
        "asking",
        "list the sounds most like a file or a sound",
        (
            _argument("sound", metavar="FILE|UID|ID", help="any audio file, or a sound's uid or id"),
            _WEIGHT,
            _K,
            _JSON,
        ),
    ),
    "why": _Command(
        "asking",
        "say which aspects keep two sounds apart",
        (
            _argument("one", metavar="FILE|UID|ID", help="any audio file, or a sound's uid or id"),
            _argument("other", metavar="FILE|UID|ID", help="another one"),
            _WEIGHT,
            _JSON,
        ),
    ),
    "kit": _Command(
        "asking",
        "list a drum kit around a sound",
        (
            _argument("sound", metavar="FILE|UID|ID", help="a file of the library, or a sound's uid or id"),
            _JSON,
        ),
    ),
    "walk": _Command(
        "asking",
        "list sounds that lead from one to another in small steps",
        (
            _argument("start", metavar="FILE|UID|ID", help="a file of the library, or a sound's uid or id"),
            _argument("end", metavar="FILE|UID|ID", help="another one"),
            _argument(
                "-n", type=int, default=16, metavar="N", help="how many at most, with both (default: 16)"
            ),
            _WEIGHT,
            _JSON,
        ),
    ),
    "grid": _Command(
        "asking",
        "lay sounds out on a grid of pads, so that neighbours stay neighbours",
        (
            _argument("columns", nargs="?", type=int, default=8, metavar="COLUMNS", help="(default: 8)"),
            _argument("rows", nargs="?", type=int, default=8, metavar="ROWS", help="(default: 8)"),
            _argument(
                "--region",
                metavar="X,Y,RADIUS",
                help="only sounds of a circle of the map (default: all of the map)",
            ),
            _JSON,
        ),
    ),
    "embed": _Command(
        "embed",
        "go by vectors of another program (CLAP, OpenL3, ...), go back, or say which are in force",
        (
            _argument(
                "--from",
                dest="source",
                metavar="FILE",
                help="an .npz with embedding, shape (n, d), and uid, path or name; or an .npy with a .txt or "
                ".csv of them beside it",
            ),
            _argument("--remove", action="store_true", help="go by what the library hears itself again"),
        ),
    ),
    "kind": _Command(
        "correcting",
        "correct the kind of a sound; the correction stays, with its audio",
        (
            _argument("sound", metavar="FILE|UID|ID", help="a file of the library, or a sound's uid or id"),
            _argument(
                "kind",
                metavar="KIND",
                help="kick, snare, closed_hat, ... (a wrong one lists them all); auto: as if never corrected",
            ),
            _JSON,
        ),
    ),
    "near": _Command(
        "asking",
        "list the sounds nearest to a point of the map",
        (
            _argument("x", type=float, metavar="X", help="0 (left) to 1 (right)"),
            _argument("y", type=float, metavar="Y", help="0 (low) to 1 (high)"),
            _K,
            _JSON,
        ),
    ),
    "find": _Command(
        "asking",
        "list the sounds whose names hold all the words",
        (
            _argument("words", nargs="+", metavar="WORD", help="words or parts of words"),
            _argument("--slices", action="store_true", help="list the slices of each loop after it"),
            _K,
            _JSON,
        ),
    ),
    "duplicates": _Command(
        "duplicates",
        "list files that hold the same sound, and which of them to keep",
        (
            _argument("--exact", action="store_true", help="only files with the very same audio: quick"),
            _argument("--paths", action="store_true", help="print only the files that could go, one a line"),
            _argument("--null", action="store_true", help="the same, each ended by a NUL: for xargs -0"),
            _JSON,
        ),
    ),
    "status": _Command("asking", "say what the library holds and whether a daemon runs", (_JSON,)),
    "problems": _Command("asking", "list the files that could not be used, with the reasons", (_JSON,)),
    "folders": _Command("asking", "list the folders of the library", (_JSON,)),
    "add": _Command(
        "building",
        "add folders to the library",
        (_argument("folders", nargs="+", metavar="FOLDER", help="a folder with sample files"),),
    ),
    "remove": _Command(
        "building",
        "take a folder out of the library",
        (_argument("folder", metavar="FOLDER", help="a folder of the library"),),
    ),
    "export": _Command(
        "exporting",
        "write descriptors and positions of every file to a .npz, .json or .csv",
        (
            _argument("out", metavar="OUT", help="OUT.npz, OUT.json or OUT.csv"),
            _argument(
                "--slices",
                action="store_true",
                help="add a row for each slice of a loop (none without --slice-loops on)",
            ),
        ),
    ),
    "map": _Command(
        "exporting",
        "draw the map to a .png or .svg",
        (
            _argument("out", metavar="OUT", help="OUT.png or OUT.svg"),
            _argument("--labels", metavar="CSV", help="colour by the labels of a CSV with path,label"),
        ),
    ),
    "study": _Command(
        "study",
        "find which features and which reduction make the best map of a folder; writes a report",
        (
            _argument("folder", metavar="FOLDER", help="samples whose names, or a list, tell their classes"),
            _argument("--out", metavar="FOLDER", default="report", help="of the report (default: report)"),
            _argument("--quick", action="store_true", help="a small population of maps (the default)"),
            _argument("--full", action="store_true", help="all maps of the published study, and ours"),
            _argument("--labels", metavar="CSV", help="classes by a CSV with path,label[,collection,kit]"),
            _argument(
                "--preset",
                choices=("bridge", "paper"),
                default="bridge",
                help="prepare sounds and make classes as the bridge does (default), or as the paper did",
            ),
            _argument(
                "--classes",
                metavar="CLASSES",
                default="drums",
                help="drums (default), all, or names with commas: kick,snare,fx",
            ),
            _argument(
                "--embedding",
                action="append",
                default=[],
                metavar="NAME=FILE",
                help="numbers of another program (WaveNet, CLAP, ...): an .npz with embedding and path",
            ),
            _argument(
                "--most",
                type=int,
                metavar="N",
                help="draw so many of more sounds (default: 3000 of a quick study, 6000 of a full one)",
            ),
        ),
    ),
    "backup": _Command(
        "exporting",
        "copy the library file, also while a daemon runs",
        (
            _argument("out", metavar="FILE", help="the copy"),
            _argument("--force", action="store_true", help="replace an older backup there"),
        ),
    ),
    "lan": _Command(
        "lan",
        "show the address at which a phone reaches the bridge that runs with --lan",
        (
            _argument(
                "--renew", action="store_true", help="make a new token first: whoever has the old one is out"
            ),
        ),
    ),
    "record": _Command(
        "recording",
        "record what the running bridge plays, until Ctrl-C",
        (
            _argument("out", nargs="?", metavar="OUT", help="OUT.wav"),
            _argument("--stop", action="store_true", help="end what is being recorded; say where it is"),
            _argument("--seconds", type=float, metavar="N", help="end after so long"),
            _argument("--force", action="store_true", help="replace a file that is there"),
        ),
    ),
    "midi": _Command(
        "midi",
        "list MIDI inputs, monitor what comes in, learn what a control is to drive, test the way from MIDI "
        "to sound, or write a clip of what was played",
        (
            _argument("action", choices=("list", "monitor", "learn", "test", "clip"), help="what to do"),
            _argument(
                "target",
                nargs="?",
                metavar="TARGET",
                help="for learn: x, y, trigger, random, 'kind kick', ...; for clip: OUT.mid",
            ),
            _argument("--bars", type=int, default=4, metavar="N", help="for clip: bars (default: 4)"),
            _argument(
                "--cursor", type=int, default=0, metavar="N", help="for learn: the cursor (default: 0)"
            ),
        ),
    ),
    "config": _Command("inspecting", "print the settings in force and where each came from"),
    "doctor": _Command(
        "inspecting", "check audio, MIDI, ports, watch limits and caches; say how to mend them"
    ),
    "service": _Command(
        "inspecting",
        "start the bridge with the computer: install, remove, status",
        (_argument("action", choices=("install", "remove", "status"), help="what to do"),),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed, 2 asked wrongly."""
    single_threaded_environment()
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):  # names that are not valid text must not end a listing
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        namespace = _parse(words)
        loaded = load_for(namespace, os.environ)
        start_logging(loaded.settings.log.level)
        return _run(namespace, loaded)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except KlustrError as error:
        print(f"klustr-bridge: {error}{_way_out(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if _command_at(with_switches(words)) is not None:
            return 130
        print("stopping")  # a bridge that was still starting ends as one that serves
        return 0
    except BrokenPipeError:  # `klustr-bridge find kick | head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the interpreter flushes it at its end
        return 0


def _way_out(error: KlustrError) -> str:
    """Say what to do about a damaged library, whichever command has come upon the damage."""
    if type(error.__cause__) is not sqlite3.DatabaseError:
        return ""
    return (
        "; the file is damaged: put a copy made by klustr-bridge backup in its place, "
        "or move it away and index anew"
    )


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in two lines; the settings, which every command takes, are left to --help."""

    _words: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        """End with 2, the mistake and how it is meant."""
        dashed = next(filter(self._may_be_a_name, self._words), None)
        hint = f"; if {one_line(dashed)} is a name, write -- before it" if dashed else ""
        usage = f"{self.format_usage().rstrip()}; more: {self.prog} --help"
        self.exit(2, f"{self.prog}: {message}{hint}\n{usage}\n")

    def _may_be_a_name(self, word: str) -> bool:
        """Whether a word that begins as a flag does may be the name of a file or a part of one."""
        if "--" in self._words or not word.startswith("-") or word in self._option_string_actions:
            return False
        return os.path.lexists(word) or not re.match(r"--|-\w?[\d.]*$", word)

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Parse; what nothing is made for ends it, with the nearest flag where there is one."""
        self._words = list(args or ())
        parsed, unknown = super().parse_known_args(args, namespace)
        missing = [each.dest for each in self._positionals._group_actions if each.nargs == "?"]
        is_word = len(unknown) == 1 and not unknown[0].startswith("-")
        if is_word and len(missing) == 1 and getattr(parsed, missing[0], "") is None:
            setattr(parsed, missing[0], unknown.pop())  # argparse lets none come after flags
        if unknown:
            flags = list(self._option_string_actions)
            hints = [suggestion(word.partition("=")[0], flags) for word in unknown if word.startswith("-")]
            self.error(f"unknown: {' '.join(unknown)}{''.join(hints)}")
        return parsed, unknown


def parser() -> argparse.ArgumentParser:
    """Return the parser of the named commands."""
    top = _Parser(
        prog="klustr-bridge",
        usage="klustr-bridge COMMAND ...",
        allow_abbrev=False,
        description="Play your sample library: hears every sample of your folders, maps them by sound, "
        "answers over OSC. Without a command it serves: klustr-bridge [FOLDER...] "
        "(no folder known: a demo library).",
    )
    _add_version(top)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name,
            prog=f"klustr-bridge {name}",
            usage=_usage(name),
            help=command.help,
            description=command.help,
            epilog="Every command takes the settings (--library FILE, ...): klustr-bridge --help",
            allow_abbrev=False,
        )
        for names, options in command.arguments:
            sub.add_argument(*names, **options)  # type: ignore[arg-type]
        add_flags(sub, listed=False)
    return top


def _usage(name: str) -> str:
    words = ["klustr-bridge", name]
    for names, options in COMMANDS[name].arguments:
        shown = str(options.get("metavar") or "|".join(map(str, options.get("choices", ()))))  # type: ignore[call-overload]
        if names[0].startswith("-"):
            words.append(f"[{' '.join([names[0], shown]).strip()}]")
        else:
            words.append(
                {"*": f"[{shown}...]", "+": f"{shown}...", "?": f"[{shown}]"}.get(
                    str(options.get("nargs")), shown
                )
            )
    return " ".join([*words, "[settings]"])


def serving_parser() -> argparse.ArgumentParser:
    """Return the parser of ``klustr-bridge [FOLDER...]``."""
    listed = "\n".join(f"  {name:10} {command.help}" for name, command in COMMANDS.items())
    serve = _Parser(
        prog="klustr-bridge",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="klustr-bridge [FOLDER...] [settings] | klustr-bridge COMMAND ...",
        description="Serve a sample library: hear every sample of the folders, map them by sound, answer\n"
        "over OSC until Ctrl-C. With no folder known: a demo library.\n\n"
        f"commands (klustr-bridge COMMAND --help):\n{listed}",
        epilog="A folder whose name is a command: write ./index.",
    )
    _add_version(serve)
    serve.add_argument("folders", nargs="*", metavar="FOLDER", help="folders to add and watch")
    add_flags(serve)
    return serve


def _add_version(to: argparse.ArgumentParser) -> None:
    to.add_argument("--version", action="version", version=f"klustr-bridge {__version__}")


def _parse(given: list[str]) -> argparse.Namespace:
    words = with_switches(given)
    named = _command_at(words)
    if named is not None:
        return parser().parse_args([words[named], *words[:named], *words[named + 1 :]])
    return serving_parser().parse_args(words)


def _command_at(words: Sequence[str]) -> int | None:
    """Find the command; settings may stand before it: klustr-bridge --library FILE status."""
    at = 0
    while at < len(words) and words[at].startswith("--") and words[at] not in ("--help", "--version"):
        at += 1 if "=" in words[at] else 2
    return at if at < len(words) and words[at] in COMMANDS else None


def _run(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    command: str | None = getattr(namespace, "command", None)
    module = "serving" if command is None else COMMANDS[command].module
    run = importlib.import_module(f"klustr_bridge.cli.{module}")
    code: int = getattr(run, command or "serve")(namespace, loaded)
    return code
