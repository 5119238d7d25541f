"""Asking the library from the command line: which file is meant."""

import json
import re
from pathlib import Path

import pytest

from klustr_bridge.cli.asking import told_kinds
from tests.commands import run
from tests.daemon.running import RunningDaemon
from tests.sounds import write_library


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose library holds files, and one that lies elsewhere and is linked."""
    home = tmp_path_factory.mktemp("home")
    *files, elsewhere = write_library(home / "samples", 6)
    elsewhere.rename(home / "elsewhere.wav")
    (home / "samples" / "linked.wav").symlink_to(home / "elsewhere.wav")
    (home / "door").symlink_to(home / "samples", target_is_directory=True)
    (home / "first.wav").symlink_to(files[0])
    done = run(home, "index", str(home / "samples"), "--layout", "pca")
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.parametrize("path", ["samples/linked.wav", "samples/../samples/linked.wav", "door/linked.wav"])
def test_a_linked_file_is_known_by_the_path_of_its_link(home: Path, path: str) -> None:
    """It is the library's own sound, so that it isn't among those that are like it."""
    own = json.loads(run(home, "find", "linked", "--json").stdout)[0]["id"]
    found = json.loads(run(home, "similar", str(home / path), "--json").stdout)
    assert len(found) == 5
    assert own not in [row["id"] for row in found]


def test_a_link_from_outside_leads_to_the_file(home: Path) -> None:
    """A link that no watched folder holds stands for what it points to."""
    own = json.loads(run(home, "find", "kick", "--json").stdout)[0]["id"]
    found = json.loads(run(home, "similar", str(home / "first.wav"), "--json").stdout)
    assert len(found) == 5
    assert own not in [row["id"] for row in found]


def test_why_says_what_keeps_two_sounds_apart(home: Path) -> None:
    """By id, uid, file of the library or any other file; the shares add up to one."""
    kick, snare = (json.loads(run(home, "find", name, "--json").stdout)[0] for name in ("kick", "snare"))
    told = json.loads(run(home, "why", str(kick["id"]), snare["uid"], "--json").stdout)
    assert told["distance"] > 0 and abs(sum(told["shares"].values()) - 1) < 1e-6
    assert json.loads(run(home, "why", kick["path"], snare["path"], "--json").stdout) == told
    (home / "copy.wav").write_bytes(Path(kick["path"]).read_bytes())
    same = json.loads(run(home, "why", str(home / "copy.wav"), kick["uid"], "--json").stdout)
    assert same["distance"] < 1e-4
    lines = run(home, "why", kick["uid"], snare["uid"]).stdout.splitlines()
    assert lines[0].split()[0] == "distance"
    assert {line.split()[0] for line in lines[1:]} == set(told["shares"])
    weighed = json.loads(run(home, "why", kick["uid"], snare["uid"], "--weight", "body=0", "--json").stdout)
    assert weighed["shares"]["body"] == 0
    square = told["distance"] ** 2 * (1 - told["shares"]["body"])
    assert weighed["distance"] == pytest.approx(square**0.5, rel=1e-5)
    wrong = run(home, "why", kick["uid"], "nothing")
    assert wrong.returncode == 1 and "nothing is neither a file" in wrong.stderr


def test_similar_weighs_aspects(home: Path) -> None:
    """Distances are the weighed ones, by id, uid and any file alike; aspects not named count as they are."""
    kick = json.loads(run(home, "find", "kick", "--json").stdout)[0]
    (home / "twin.wav").write_bytes(Path(kick["path"]).read_bytes())
    even = distances(home, str(kick["id"]))
    other = next(iter(even))
    told = json.loads(run(home, "why", str(kick["id"]), str(other), "--json").stdout)
    weights = ("--weight", "attack=2", "--weight", "length=0")
    weighed = distances(home, str(kick["id"]), *weights)
    shares = told["shares"]
    square = told["distance"] ** 2 * (1 + 3 * shares["attack"] - shares["length"])
    assert weighed[other] == pytest.approx(square**0.5, rel=1e-5)
    assert weighed == distances(home, kick["uid"], *weights)
    assert weighed == pytest.approx(
        {i: d for i, d in distances(home, str(home / "twin.wav"), *weights).items() if i != kick["id"]},
        rel=1e-4,
    )
    assert even == distances(home, str(kick["id"]), "--weight", "body=1")


def distances(home: Path, *words: str) -> dict[int, float]:
    done = run(home, "similar", *words, "--json")
    assert done.returncode == 0, done.stderr
    return {row["id"]: row["distance"] for row in json.loads(done.stdout)}


def test_kit_lists_a_sound_of_each_kind(home: Path) -> None:
    """By file, uid or id; the sound asked about stands first."""
    snare = json.loads(run(home, "find", "snare", "--json").stdout)[0]
    kit = json.loads(run(home, "kit", snare["uid"], "--json").stdout)
    assert kit[0]["id"] == snare["id"]
    assert sorted(row["kind"] for row in kit) == ["closed_hat", "kick", "open_hat", "snare", "tom"]
    assert json.loads(run(home, "kit", snare["path"], "--json").stdout) == kit
    lines = run(home, "kit", str(snare["id"])).stdout.splitlines()
    assert lines[0].split() == ["kind", "id", "uid", "path"]
    assert [line.split()[0] for line in lines[1:]] == [row["kind"] for row in kit]
    wrong = run(home, "kit", "nothing")
    assert wrong.returncode == 1 and "nothing is no sound of the library" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("similar", "1", "--weight", "atack=2"), "did you mean 'attack'?"),
        (("similar", "1", "--weight", "attack=3"), "the weight is 3.0, allowed is 0 to 2"),
        (("similar", "1", "--weight", "attack"), "such as attack=2; there are: attack body tail"),
        (("kind", "1", "snaer"), "did you mean 'snare'?"),
    ],
)
def test_wrong_weights_and_kinds_are_said(home: Path, words: tuple[str, ...], said: str) -> None:
    """With what is allowed, before anything is done."""
    done = run(home, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("given", ["999", "99999999999999999999", "elsewhere.wav", "nothing"])
def test_only_sounds_of_the_library_have_kinds_to_correct(home: Path, tmp_path: Path, given: str) -> None:
    """A file elsewhere, like an unknown id or uid, is refused."""
    stranger = write_library(tmp_path, 12, seed=77)[-1]
    done = run(home, "kind", str(stranger) if given == "elsewhere.wav" else given, "snare")
    assert done.returncode == 1
    assert "is no analysed sound of the library" in done.stderr


def test_a_corrected_kind_stays(tmp_path: Path) -> None:
    """By file without a daemon, by uid through one; indexing again and renaming change nothing."""
    first, second, *_ = write_library(tmp_path / "samples", 6)
    assert run(tmp_path, "index", str(tmp_path / "samples"), "--layout", "pca").returncode == 0
    done = run(tmp_path, "kind", str(first), "Closed Hat")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{first}: closed_hat from now on (was ")
    renamed = first.with_name("Snare 99.wav")
    first.rename(renamed)
    assert run(tmp_path, "index").returncode == 0
    assert kind_of(tmp_path, renamed) == ("closed_hat", "user")
    with RunningDaemon(tmp_path, "--audio", "off") as daemon:
        daemon.wait_ready(6)
        uid = next(row["uid"] for row in rows(tmp_path) if row["path"] == str(second))
        done = run(tmp_path, "kind", uid, "tom")
        assert (done.returncode, done.stderr) == (0, "")
        assert kind_of(tmp_path, second) == ("tom", "user")
        sound_id = daemon.client.resolve(uid)
        daemon.wait_until(lambda client: client.info(sound_id).kind == "tom")
        assert run(tmp_path, "kind", uid, "auto").returncode == 0
        assert kind_of(tmp_path, second)[1] == "file"
    done = run(tmp_path, "kind", str(renamed), "auto", "--json")
    told = json.loads(done.stdout)
    assert (told["path"], told["kind"], told["kind_source"], told["was"]) == (
        str(renamed),
        "snare",
        "file",
        "closed_hat",
    )
    assert kind_of(tmp_path, renamed) == ("snare", "file")
    nameless = tmp_path / "samples" / "x17.wav"
    renamed.rename(nameless)
    assert run(tmp_path, "index").returncode == 0
    assert run(tmp_path, "kind", str(nameless), "tom").returncode == 0
    said = run(tmp_path, "kind", str(nameless), "auto").stdout
    assert re.fullmatch(
        rf"{re.escape(str(nameless))}: (unknown|\w+ by ear) from now on \(was tom\); "
        "it is listened to anew with the next klustr-bridge index\n",
        said,
    )


def test_the_copy_that_was_meant_is_shown(tmp_path: Path) -> None:
    """Of several files with the same audio the one that the words or the path name."""
    first, *_ = write_library(tmp_path / "samples", 3)
    copy = first.with_name("zz Copy of it.wav")
    copy.write_bytes(first.read_bytes())
    assert run(tmp_path, "index", str(tmp_path / "samples"), "--layout", "pca").returncode == 0
    assert [row["path"] for row in rows(tmp_path, "copy")] == [str(copy)]
    assert run(tmp_path, "kind", str(copy), "tom").stdout.startswith(f"{copy}: tom from now on")
    assert run(tmp_path, "kind", str(first), "tom").stdout.startswith(f"{first}: tom from now on")


def test_names_that_would_break_a_row_stay_on_it(tmp_path: Path) -> None:
    """Ends of lines and escape codes in names are shown by number, other letters as they are."""
    first, second, *_ = write_library(tmp_path / "samples", 3)
    first.rename(first.with_name("odd\nkick \x1b[31m.wav"))
    second.rename(second.with_name("キック é\u3000.wav"))
    (tmp_path / "samples" / "bro\nken.wav").write_bytes(b"nothing to hear")
    assert run(tmp_path, "index", str(tmp_path / "samples"), "--layout", "pca").returncode == 0
    lines = run(tmp_path, "find", "odd").stdout.splitlines()
    assert len(lines) == 2 and lines[1].endswith("odd\\x0akick \\x1b[31m.wav")
    assert run(tmp_path, "find", "キック").stdout.splitlines()[1].endswith("キック é\u3000.wav")
    [problem] = run(tmp_path, "problems").stdout.splitlines()
    assert "bro\\x0aken.wav  " in problem
    (tmp_path / "samples" / "again\n.wav").write_bytes(first.with_name("odd\nkick \x1b[31m.wav").read_bytes())
    assert run(tmp_path, "index").returncode == 0
    keep, other, *_ = run(tmp_path, "duplicates", "--exact").stdout.splitlines()
    assert all("\\x0a" in line and ".wav" in line for line in (keep, other))


def test_an_empty_answer_says_so_beside_the_data(home: Path) -> None:
    """On the standard error, so that scripts read nothing."""
    for words, said in (
        (("find", "no", "such"), "no file of the library has all of this in its path: no such\n"),
        (("problems",), "no file was refused\n"),
    ):
        done = run(home, *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", said)
        assert json.loads(run(home, *words, "--json").stdout) == []


def rows(home: Path, word: str = "wav") -> list[dict[str, str]]:
    return json.loads(run(home, "find", word, "--json").stdout)  # type: ignore[no-any-return]


def kind_of(home: Path, path: Path) -> tuple[str, str]:
    return next((row["kind"], row["kind_source"]) for row in rows(home) if row["path"] == str(path))


def test_walk_lists_the_way_from_one_to_another(home: Path) -> None:
    """By file, uid or id, each sound with its distance from the one before; weights count."""
    kick, hat = (json.loads(run(home, "find", name, "--json").stdout)[0] for name in ("kick", "hat"))
    found = json.loads(run(home, "walk", kick["path"], hat["uid"], "-n", "4", "--json").stdout)
    assert (found[0]["id"], found[-1]["id"]) == (kick["id"], hat["id"])
    assert 2 <= len(found) <= 4 and found[0]["distance"] == 0 < found[1]["distance"]
    lines = run(home, "walk", str(kick["id"]), hat["path"], "-n", "4").stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["id", *(str(row["id"]) for row in found)]
    weighed = ["--weight", "attack=2", "--weight", "body=0", "--weight", "tail=0", "--weight", "pitch=0"]
    ends = run(home, "walk", kick["uid"], hat["uid"], "-n", "2", "--json", *weighed)
    jump = distances(home, str(kick["id"]), *weighed)[hat["id"]]
    assert json.loads(ends.stdout)[1]["distance"] == pytest.approx(jump, rel=1e-5)


def test_grid_lists_pads_from_the_lower_left(home: Path) -> None:
    """Row by row; of the whole map, or of a circle of the view that the settings name."""
    pads = json.loads(run(home, "grid", "4", "2", "--json").stdout)
    assert [(pad["row"], pad["column"]) for pad in pads] == [(r, c) for r in range(2) for c in range(3)]
    assert len({pad["id"] for pad in pads}) == 6
    lines = run(home, "grid", "4", "2").stdout.splitlines()
    assert lines[0].split() == ["column", "row", "id", "uid", "kind", "path"]
    assert [line.split()[2] for line in lines[1:]] == [str(pad["id"]) for pad in pads]
    near = json.loads(run(home, "near", "0.2", "0.2", "-k", "2", "--json", "--map-view", "even").stdout)
    circle = f"0.2,0.2,{(near[0]['distance'] + near[1]['distance']) / 2}"
    (pad,) = json.loads(run(home, "grid", "--region", circle, "--map-view", "even", "--json").stdout)
    assert (pad["id"], pad["column"], pad["row"]) == (near[0]["id"], 0, 0)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("walk", "1", "nothing"), 1, "nothing is no sound of the library"),
        (("walk", "1", "999"), 1, "no sound has the id 999"),
        (("walk", "1", "1"), 2, "name two sounds"),
        (("walk", "1", "2", "-n", "1"), 2, "n is 1, allowed is 2 to 128"),
        (("walk", "1", "2", "--weight", "atack=2"), 2, "did you mean 'attack'?"),
        (("grid", "99"), 2, "columns is 99, allowed is 1 to 32"),
        (("grid", "--region", "0.5,0.5"), 2, "three numbers are expected, such as 0.3,0.6,0.1"),
        (("grid", "--region", "0.5,0.5,9"), 2, "the radius is 9.0, allowed is 0 to 1.5"),
    ],
)
def test_wrong_walks_and_grids_are_said(home: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """With what is allowed."""
    done = run(home, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr and "Traceback" not in done.stderr


def test_what_guessing_takes_is_told_where_the_ear_does_not_tell() -> None:
    """Sounds that tell are counted, and the simple way out is named; where the ear tells there is no need."""
    kinds = {("name", "kick"): 3, ("user", "snare"): 1, ("name", "loop"): 9, ("", "unknown"): 2}
    said = told_kinds(kinds, ear_tells=False)
    assert said.startswith(
        "12 by name, 1 by you, 0 by ear, 2 unknown; without the learned ear (hearing.embedding)"
    )
    assert said.endswith("there are 4 sounds of 2 kinds")
    assert told_kinds(kinds, ear_tells=True) == "12 by name, 1 by you, 0 by ear, 2 unknown"
