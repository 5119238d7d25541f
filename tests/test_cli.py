"""The command line without a daemon: exit codes, outputs, and mistakes said plainly."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.sound.ear import is_available
from tests.commands import run
from tests.daemon import running
from tests.sounds import closed_hat, kick, sine, write, write_library

N_SOUNDS = 20


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose library has been indexed once."""
    home = tmp_path_factory.mktemp("home")
    write_library(home / "samples", N_SOUNDS)
    (home / "samples" / "broken.wav").write_bytes(b"nothing to hear")
    done = running.run(home, "index", str(home / "samples"), "--layout", "pca")
    assert done.returncode == 0, done.stderr
    assert f"{N_SOUNDS + 1} files, {N_SOUNDS} sounds, 1 refused" in done.stdout
    return home


@pytest.mark.parametrize("words", [("find", "kick", "-k", "3"), ("near", "2", "0.5"), ("remove", "/nowhere")])
def test_a_process_answers_as_its_command_does(home: Path, words: tuple[str, ...]) -> None:
    """What other tests see of a command within their process is what whoever calls the program sees."""
    there, here = running.run(home, *words), run(home, *words)
    assert (there.returncode, there.stdout, there.stderr) == (here.returncode, here.stdout, here.stderr)
    assert there.stdout or there.returncode


def test_similar_takes_a_file_a_uid_and_an_id(home: Path) -> None:
    """The same neighbours come for a library file, its uid and its id; they begin with its like."""
    path = next((home / "samples").rglob("Kick*.wav"))
    found = json.loads(run(home, "find", path.stem, "--json").stdout)[0]
    by_file, by_uid, by_id = (
        json.loads(run(home, "similar", str(word), "-k", "2", "--json").stdout)
        for word in (path, found["uid"], found["id"])
    )
    assert by_file == by_uid == by_id
    assert [row["kind"] for row in by_file] == ["kick", "kick"]


def test_similar_hears_a_file_that_is_not_in_the_library(home: Path, tmp_path: Path) -> None:
    """Any audio file can be asked about; nothing of it stays."""
    stranger = write(tmp_path / "stranger.wav", kick(4242))
    rows = json.loads(run(home, "similar", str(stranger), "-k", "2", "--json").stdout)
    assert [row["kind"] for row in rows] == ["kick", "kick"]
    assert json.loads(run(home, "status", "--json").stdout)["files"] == N_SOUNDS + 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("similar", "nope.wav"), 1, "nope.wav is neither a file nor the id or uid of a sound"),
        (("near", "2", "0.5"), 2, "X is 2; allowed are 0 to 1"),
        (("statsu",), 2, "did you mean the command status?"),
        (("remove", "/nowhere/at/all"), 1, "is not a folder of the library"),
        (("add", "/nowhere/at/all"), 2, "is not a folder"),
        (("export", "sounds.xml"), 1, ".npz"),
        (("status", "--workers", "many"), 2, "many"),
        (("near", "0.5"), 2, "required: Y"),
    ],
)
def test_mistakes_are_said_with_their_exit_code(
    home: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    """A mistake ends with 1 or 2 and one message without a traceback."""
    done = run(home, *words)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_exports_hold_a_row_a_file(home: Path, tmp_path: Path) -> None:
    """All three formats hold every analysed file with the same numbers, without pickle."""
    for suffix in ("npz", "json", "csv"):
        done = run(home, "export", str(tmp_path / f"out.{suffix}"))
        assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert arrays["embedding"].shape[0] == arrays["position"].shape[0] == N_SOUNDS
        assert arrays["embedding"].dtype == np.float32
        uids = arrays["uid"].tolist()
    assert [row["uid"] for row in json.loads((tmp_path / "out.json").read_text())] == uids
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["uid"] for row in csv.DictReader(file)] == uids


def test_backup_copies_and_spares_other_files(home: Path, tmp_path: Path) -> None:
    """A backup opens as a library; an older one is only replaced if asked, a file that is none never."""
    copy = tmp_path / "copy.klustr"
    assert run(home, "backup", str(copy)).returncode == 0
    before = copy.stat().st_ino, copy.read_bytes()
    refused = run(home, "backup", str(copy))
    assert refused.returncode == 1
    assert "is there already; name another file, or replace it with --force" in refused.stderr
    assert (copy.stat().st_ino, copy.read_bytes()) == before
    assert run(home, "backup", str(copy), "--force").returncode == 0
    assert copy.stat().st_ino != before[0]
    assert json.loads(run(home, "status", "--library", str(copy), "--json").stdout)["sounds"] == N_SOUNDS
    sample = write(tmp_path / "sample.wav", kick(1))
    content = sample.read_bytes()
    refused = run(home, "backup", str(sample), "--force")
    assert refused.returncode == 1
    assert "is no klustr-bridge library" in refused.stderr
    assert sample.read_bytes() == content
    assert run(home, "backup", str(tmp_path / "no" / "folder")).returncode == 1
    assert not (tmp_path / "no").exists()


def test_an_empty_library_says_so(tmp_path: Path) -> None:
    """With no sample files, index succeeds saying so, and questions say why there is no answer."""
    folder = tmp_path / "empty"
    folder.mkdir()
    done = run(tmp_path, "index", str(folder))
    assert (done.returncode, "no sample files" in done.stdout) == (0, True)
    asked = run(tmp_path, "near", "0.5", "0.5")
    assert asked.returncode == 1
    assert "its folders hold no sample files" in asked.stderr


def test_one_file_is_no_plural(tmp_path: Path) -> None:
    """A library of one file says so in every command that counts."""
    write(tmp_path / "samples" / "kick.wav", kick(1))
    done = run(tmp_path, "index", str(tmp_path / "samples"), "--layout", "pca")
    assert done.stdout.startswith("1 file, 1 sound, 0 refused")
    assert "1 of 1 file analysed" in done.stderr
    assert run(tmp_path, "folders").stdout.split("  ")[1:] == ["1 file", "unwatched (no daemon runs)\n"]
    assert "fitted on 1 sound\n" in run(tmp_path, "status").stdout
    for command, out, said in (("map", "map.png", "1 sound"), ("export", "all.csv", "1 file")):
        out = str(tmp_path / out)
        assert run(tmp_path, command, out).stdout == f"{out}: {said}\n"


def test_status_says_how_good_the_map_is(home: Path) -> None:
    """In words for people, in numbers for programs."""
    said = run(home, "status").stdout
    scores = json.loads(run(home, "status", "--json").stdout)["scores"]
    assert f"neighbours kept {100 * scores['neighbour_share']:.0f} %" in said
    assert {"trustworthiness", "continuity", "reach_7_bit"} <= set(scores)


def test_status_says_what_tells_kinds_and_when_the_ear_does(tmp_path: Path) -> None:
    """With few kinds named the engineered ear guesses none, which status says; so does what was corrected."""
    first, *_ = write_library(tmp_path / "samples", 6)
    write(tmp_path / "samples" / "x1.wav", kick(99))
    words = ("index", str(tmp_path / "samples"), "--layout", "pca")
    assert run(tmp_path, *words, "--hear-by", "engineered").returncode == 0
    assert run(tmp_path, "kind", str(first), "tom").returncode == 0
    told = run(tmp_path, "status").stdout
    assert "kinds    5 by name, 1 by you, 0 by ear, 1 unknown; without the learned ear" in told
    counts = json.loads(run(tmp_path, "status", "--json").stdout)["kinds"]
    assert counts == {"user": 1, "name": 5, "sound": 0, "unknown": 1}


@pytest.mark.skipif(not is_available(), reason="onnxruntime can't be had here")
def test_the_learned_ear_needs_no_names(tmp_path: Path) -> None:
    """It tells kinds where nobody has named a sound; status asks for no names to guess by."""
    (tmp_path / "samples").mkdir()
    for number in range(3):
        write(tmp_path / "samples" / f"x{number}.wav", closed_hat(number))
    write(tmp_path / "samples" / "y.wav", sine(3_000, 3.0))
    assert run(tmp_path, "index", str(tmp_path / "samples")).returncode == 0
    told = json.loads(run(tmp_path, "status", "--json").stdout)
    assert told["kinds"]["sound"] >= 1 and told["kinds"]["name"] == 0
    assert "to guess" not in run(tmp_path, "status").stdout


def test_status_is_silent_of_kinds_where_all_are_known(home: Path) -> None:
    """What the ear would need matters to nobody there."""
    told = run(home, "status").stdout
    assert f"{N_SOUNDS} by name, 0 by ear, 0 unknown\n" in told


def test_the_map_is_drawn(home: Path, tmp_path: Path) -> None:
    """The picture is a PNG or SVG as named, coloured by the labels of a CSV where one is given."""
    labels = tmp_path / "labels.csv"
    files = sorted((home / "samples").rglob("*.wav"))
    labels.write_text("path,label\n" + "".join(f"{file},{file.stem.split()[0].lower()}\n" for file in files))
    assert run(home, "map", str(tmp_path / "map.svg"), "--labels", str(labels)).returncode == 0
    assert "<svg" in (tmp_path / "map.svg").read_text()
    assert run(home, "map", str(tmp_path / "map.png")).returncode == 0
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_an_index_of_nothing_creates_nothing(tmp_path: Path) -> None:
    """Without a folder to index there is no library to make, nor a lock beside one."""
    for words in ((), ("--library", str(tmp_path / "none.klustr"))):
        done = run(tmp_path, "index", *words)
        assert (done.returncode, "name one: klustr-bridge index FOLDER" in done.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_library_does_not_hide_the_demo(tmp_path: Path) -> None:
    """A library whose last folder was taken out counts as none: the demo's answers."""
    demo = tmp_path / "data" / "klustr-bridge" / "demo.klustr"
    write_library(tmp_path / "demo", 6)
    (tmp_path / "own").mkdir()
    assert run(tmp_path, "index", str(tmp_path / "demo"), "--library", str(demo)).returncode == 0
    for command in ("add", "remove"):
        assert run(tmp_path, command, str(tmp_path / "own")).returncode == 0
    assert json.loads(run(tmp_path, "status", "--json").stdout)["library"] == str(demo)
    assert f"# library in force: {demo} (the demo's)" in run(tmp_path, "config").stdout
    found = run(tmp_path, "find", "kick")
    assert (found.returncode, "Kick" in found.stdout) == (0, True)
    assert run(tmp_path, "add", str(tmp_path / "own")).returncode == 0
    assert json.loads(run(tmp_path, "status", "--json").stdout)["library"].endswith("library.klustr")


@pytest.mark.parametrize(
    "words",
    [("status",), ("near", "0.5", "0.5"), ("index", "."), ("add", "."), ("remove", "."), ("--audio", "off")],
    ids=lambda words: words[0],
)
def test_nothing_is_left_beside_a_file_that_is_no_library(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Whatever is asked of it, another program's file is refused and gets no company."""
    stranger = tmp_path / "files" / "stranger"
    stranger.parent.mkdir()
    stranger.write_text("another program's\n" * 50)
    asked = run if words[0] != "--audio" else running.run  # if it did serve, it would not end here
    done = asked(tmp_path / "home", *words, "--library", str(stranger))
    assert (done.returncode, "is not a klustr library" in done.stderr) == (1, True)
    assert list(stranger.parent.iterdir()) == [stranger]


def test_who_only_reads_leaves_no_lock(home: Path, tmp_path: Path) -> None:
    """A backup, or a file that isn't there, is looked at without a lock."""
    copy = tmp_path / "copy.klustr"
    assert run(home, "backup", str(copy)).returncode == 0
    for file, code in ((copy, 0), (tmp_path / "nope.klustr", 1)):
        assert run(home, "status", "--library", str(file)).returncode == code
    assert [path.name for path in tmp_path.iterdir() if "lock" in path.name or "nope" in path.name] == []


@pytest.mark.parametrize(
    ("at", "content", "said"),
    [(60, b"\0\0\0\x63", "written by a newer release"), (4096, b"\xff" * 65536, "the file is damaged: put")],
    ids=["newer", "damaged"],
)
def test_a_library_of_no_use_is_refused_before_anything_starts(
    home: Path, tmp_path: Path, at: int, content: bytes, said: str
) -> None:
    """Asked and served alike: one refusal with the way out, and no port is announced."""
    copy = tmp_path / "copy.klustr"
    assert run(home, "backup", str(copy)).returncode == 0
    with copy.open("rb+") as file:
        file.seek(at)
        file.write(content)
    whole = copy.read_bytes()
    asked = run(home, "status", "--library", str(copy))
    served = running.run(home, "--audio", "off", "--library", str(copy))
    for done in (asked, served):
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert asked.stderr == served.stderr
    assert copy.read_bytes() == whole


def test_add_takes_several_folders_and_says_what_they_swallow(tmp_path: Path) -> None:
    """Folders known before that lie below a new one are named; one that is covered says by which."""
    for name in ("all/one", "all/two", "else"):
        (tmp_path / name).mkdir(parents=True)
    one, two, other, parent = (str(tmp_path / name) for name in ("all/one", "all/two", "else", "all"))
    said = run(tmp_path, "add", one, two, other).stdout.splitlines()
    assert [line.partition(";")[0] for line in said] == [f"{path}: added" for path in (one, two, other)]
    assert f"{parent}: added; now part of it: {one}, {two};" in run(tmp_path, "add", parent).stdout
    assert run(tmp_path, "add", one).stdout == f"{one}: is in the library already, as part of {parent}\n"


def test_the_help_of_a_command_is_about_the_command(tmp_path: Path) -> None:
    """The settings, which all take, are told where nothing else is asked for."""
    own, general = (run(tmp_path, *words, "--help").stdout for words in (("find",), ()))
    assert "--slices" in own and "--osc-port" not in own and "klustr-bridge --help" in own
    assert "--osc-port" in general and "--settings FILE" in general
    assert run(tmp_path, "find", "x", "--osc-port", "x").returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--osc-prot", "5"), "did you mean '--osc-port'?"),
        (("find", "--jsn", "kick"), "did you mean '--json'?"),
        (("add",), "required: FOLDER"),
        (("service", "instal"), "invalid choice: 'instal'"),
        (("find", "-kick"), "if -kick is a name, write -- before it"),
        (("similar", "-808.wav"), "if -808.wav is a name, write -- before it"),
    ],
)
def test_a_mistake_in_a_word_takes_two_lines(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """What is wrong and how it is meant, not every setting there is."""
    done = run(tmp_path, *words)
    assert done.returncode == 2
    first, usage = done.stderr.splitlines()
    assert said in first
    assert usage.startswith("usage: klustr-bridge ")
    assert usage.endswith(" --help")
