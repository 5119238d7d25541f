"""Whatever an example can send is in the command table, arguments and all."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.examples import sending
from tests.examples.sending import ANY, Sent, addresses, refusal
from tests.examples.touchosc import load, osc_messages

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
CLASS = EXAMPLES / "supercollider/KlustrCommands.sc"

READERS: dict[str, Callable[[str], Iterable[Sent]]] = {
    ".pd": sending.of_pd,
    ".sc": sending.of_supercollider,
    ".scd": sending.of_supercollider,
    ".lua": sending.of_lua,
    ".txt": sending.of_oscsendfile,
    ".py": sending.of_python,
    ".ipynb": sending.of_notebook,
    ".rb": sending.of_sonic_pi,
    ".hs": sending.of_tidal,
}
NO_SENDERS = {".md", ".png", ".quark", ".tosc", ".schelp"}  # .tosc and .schelp are read on their own below
MAKERS = {
    "build.py",
    "canvas.py",
    "client.py",
    "neighbours.py",
    "pad.py",
    "player.py",
    "voice.py",
    "window.py",
}  # make .pd and .tosc, which are read


def files() -> list[Path]:
    """Every example that a reader reads."""
    found = [path for path in EXAMPLES.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return sorted(path for path in found if path.suffix not in NO_SENDERS and path.name not in MAKERS)


def name_of(path: Path) -> str:
    return path.relative_to(EXAMPLES).as_posix()


def sent_by(path: Path, text: str) -> list[Sent]:
    """What a file with this text sends; .scd files send through the class, too."""
    sent = list(READERS[path.suffix](text))
    if path.suffix == ".scd":
        methods = sending.methods_of_supercollider(CLASS.read_text(encoding="utf-8"))
        sent += sending.calls_of_supercollider(text, methods)
    return sent


def test_each_kind_of_example_has_a_reader() -> None:
    """No example is left out because nobody thought of its language."""
    assert {path.suffix for path in files()} == set(READERS)


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_what_an_example_sends_is_accepted(path: Path) -> None:
    """Every address and argument list is taken; no command that the file names escapes the reader."""
    text = path.read_text(encoding="utf-8")
    sent = sent_by(path, text)
    assert [why for why in map(refusal, sent) if why] == []
    assert addresses(text) <= {message.address for message in sent}


def test_what_the_touchosc_layout_sends_is_accepted() -> None:
    """The messages of its controls, with their fixed arguments."""
    sent = [
        Sent(address, tuple(ANY if kind == "VALUE" else value for kind, value in arguments))
        for address, arguments in osc_messages(load())
    ]
    assert len(sent) > 18
    assert [why for why in map(refusal, sent) if why] == []


@pytest.mark.parametrize("page", ["supercollider/HelpSource/Classes/Klustr.schelp", "README.md"])
def test_what_is_written_about_the_class_sends_what_is_accepted(page: str) -> None:
    """The calls that the help and the README show are calls of the class, with arguments that are taken."""
    methods = sending.methods_of_supercollider(CLASS.read_text(encoding="utf-8"))
    text = (EXAMPLES / page).read_text(encoding="utf-8")
    sent = list(sending.calls_of_supercollider(text, methods))
    assert {"/klustr/xy", "/klustr/similar", "/klustr/audition"} <= {message.address for message in sent}
    assert [why for why in map(refusal, sent) if why] == []


def test_the_help_has_every_method_of_the_class() -> None:
    """Whoever looks a method up finds it."""
    methods = sending.methods_of_supercollider(CLASS.read_text(encoding="utf-8"))
    text = (EXAMPLES / "supercollider/HelpSource/Classes/Klustr.schelp").read_text(encoding="utf-8")
    assert len(methods) > 30
    assert set(methods) <= set(re.findall(r"^method:: (\w+)", text, re.M))


def test_sonic_pi_tells_a_bridge_that_was_started_anew() -> None:
    """Hello and every mode stand in the loop that goes round and round, none of them before it."""
    text = (EXAMPLES / "sonic_pi.rb").read_text(encoding="utf-8")
    (loop,) = re.findall(r"^live_loop :alive do.*?^end", text, re.M | re.S)
    told = {"/klustr/hello", "/klustr/player", "/klustr/filter/duration"}
    assert {sent.address for sent in sending.of_sonic_pi(loop)} == told
    assert not told & {sent.address for sent in sending.of_sonic_pi(text.replace(loop, ""))}


MUTATIONS = [
    ("first_steps.pd", "oscformat klustr audition", "oscformat klustr auditions", "no command"),
    ("first_steps.pd", "list change;", "list change hold;", "too many"),
    ("pd/klustr.panel.pd", "/klustr/random;", "/klustr/randoms;", "no command"),
    ("pd/klustr.panel.pd", "/klustr/xy \\$1 \\$2;", "/klustr/xy \\$1 \\$2 0 0;", "too many"),
    ("pd/klustr.neighbours.pd", "/klustr/similar 2 \\$1 8;", "/klustr/similar 2 \\$1;", "too few"),
    ("supercollider/KlustrCommands.sc", "'/klustr/lift', cursor", "'/klustr/lift', cursor, 1", "too many"),
    ("supercollider/KlustrCommands.sc", "'/klustr/kit', [sound]", "'/klustr/kit', []", "too few"),
    ("supercollider/Klustr.sc", "'/klustr/hello', name", "'/klustr/hallo', name", "no command"),
    ("supercollider/patterns.scd", "k.filterKind(\\kick)", "k.filterKind(\\kik)", "kind is 'kik'"),
    ("supercollider/patterns.scd", "k.near(0.5, 0.5, 1)", "k.near(1.5, 0.5, 1)", "x is 1.5"),
    ("supercollider/synth.scd", "k.player(\\client)", "k.player(\\me)", "player is 'me'"),
    ("touchosc/klustr.lua", "'/klustr/similar', REQ_SIMILAR", "'/klustr/similar'", "too few"),
    ("oscsendfile/first_steps.txt", 'isi 3 "kick" 3', 'isii 3 "kick" 3 4', "too many"),
    ("python_client.py", '"/klustr/audition", "change"', '"/klustr/audition", "chance"', "mode is"),
    ("sonic_pi.rb", '"/klustr/hello"', '"/klustr/hallo"', "no command"),
    ("sonic_pi.rb", "0, 1.5", "0, 1.5, 2", "too many"),
    ("tidal.hs", '("balance", Just $ VF 0)', '("balance", Just $ VF 0), ("p", Just $ VF 0)', "too many"),
]


@pytest.mark.parametrize(("name", "old", "new", "said"), MUTATIONS, ids=lambda value: value[:28])
def test_a_wrong_message_would_be_found(name: str, old: str, new: str, said: str) -> None:
    """Another address, one argument too many or a wrong word in an example is refused."""
    path = EXAMPLES / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    assert [why for why in map(refusal, sent_by(path, text.replace(old, new))) if said in why] != []


def test_a_wrong_message_of_the_layout_would_be_found() -> None:
    """An argument more in a control of the TouchOSC layout is refused."""
    (random,) = [sent for sent in osc_messages(load()) if sent[0] == "/klustr/random"]
    assert refusal(Sent(random[0], (*random[1], 0, 0)))
    assert refusal(Sent(random[0] + "s", ()))
