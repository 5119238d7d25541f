"""Which files a study takes, and what it says of those that it leaves."""

import os
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import StudyError
from klustr_bridge.study.dataset import LEAST_OF_A_CLASS, LabelledFiles, read_files


def named(folder: Path, *patterns: str, n: int = LEAST_OF_A_CLASS) -> Path:
    """Empty files: no audio is read here."""
    for pattern in patterns:
        for number in range(n):
            path = folder / pattern.format(n=f"{number:02}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


def test_names_tell_classes_as_the_library_reads_them(tmp_path: Path) -> None:
    """The bridge's reading: words, abbreviations, folders; hats by how they are."""
    named(tmp_path, "A/Kick {n}.wav", "A/CHH {n}.wav", "B/Snares/take {n}.flac", "B/notes {n}.txt")
    files, dropped = read_files(tmp_path)
    assert set(files.labels.tolist()) == {"kick", "closed_hat", "snare"}
    assert len(files) == 3 * LEAST_OF_A_CLASS
    assert dropped == {}
    assert set(files.collections.tolist()) == {"A", "B"}
    assert set(files.kits.tolist()) == {"A/", "B/Snares"}


def test_names_that_tell_two_classes_are_dropped_and_counted(tmp_path: Path) -> None:
    """Who calls a sound a kick and a snare says nothing about it."""
    named(tmp_path, "kick {n}.wav", "snare {n}.wav")
    named(tmp_path, "kick snare {n}.wav", n=3)
    named(tmp_path, "strange {n}.wav", n=2)
    for preset in ("bridge", "paper"):
        files, dropped = read_files(tmp_path, preset=preset)
        assert len(files) == 2 * LEAST_OF_A_CLASS
        assert dropped == {"whose name tells several classes": 3, "whose name tells no class": 2}


def test_the_paper_reads_its_seven_patterns_anywhere_in_the_path(tmp_path: Path) -> None:
    """Folders count as the file does, letters within words too: Tombola is a tom."""
    named(tmp_path, "Hi-Hats/take {n}.wav", "Tombola/{n}.wav", "x/CRASHED {n}.wav", "x/cowbell {n}.wav")
    files, dropped = read_files(tmp_path, preset="paper")
    assert set(files.labels.tolist()) == {"hi-hat", "tom", "crash"}
    assert dropped == {"whose name tells no class": LEAST_OF_A_CLASS}


def test_names_above_the_folder_do_not_count(tmp_path: Path) -> None:
    """A library in a folder called kick isn't all kicks."""
    folder = named(tmp_path / "kick collection", "snare {n}.wav", "ride {n}.wav")
    for preset in ("bridge", "paper"):
        assert set(read_files(folder, preset=preset)[0].labels.tolist()) == {"snare", "ride"}


def test_classes_that_are_no_drums_are_left_unless_asked_for(tmp_path: Path) -> None:
    """Effects hold anything: they are taken by name, or all."""
    named(tmp_path, "kick {n}.wav", "snare {n}.wav", "fx {n}.wav")
    files, dropped = read_files(tmp_path)
    assert set(files.labels.tolist()) == {"kick", "snare"}
    assert dropped == {"of no class of drums (--classes all takes them)": LEAST_OF_A_CLASS}
    assert set(read_files(tmp_path, classes="all")[0].labels.tolist()) == {"kick", "snare", "fx"}
    files, dropped = read_files(tmp_path, classes="fx,kick")
    assert set(files.labels.tolist()) == {"kick", "fx"}
    assert dropped == {"of a class that wasn't asked for": LEAST_OF_A_CLASS}


def test_a_list_tells_classes_collections_and_kits(tmp_path: Path) -> None:
    """A CSV wins over names; what it lacks, doubles or leaves empty is counted."""
    named(tmp_path / "audio", "{n}a.wav", "{n}b.wav")
    rows = [
        *(f"audio/{n:02}a.wav,closed_hat,P,one" for n in range(LEAST_OF_A_CLASS)),
        *(f"audio/{n:02}b.wav,kick,Q,one" for n in range(LEAST_OF_A_CLASS)),
        "audio/00a.wav,kick,P,one",
        "audio/missing.wav,kick,P,one",
        ",kick,P,one",
    ]
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(["path,label,collection,kit", *rows]), encoding="utf-8-sig")
    files, dropped = read_files(tmp_path / "audio", labels)
    assert dropped == {"in the list twice": 1, "in the list, but not there": 2}
    assert set(zip(files.labels.tolist(), files.kits.tolist(), strict=True)) == {
        ("closed_hat", "P/one"),
        ("kick", "Q/one"),
    }
    assert set(files.collections.tolist()) == {"P", "Q"}
    paper, _ = read_files(tmp_path / "audio", labels, preset="paper")
    assert set(paper.labels.tolist()) == {"hi-hat", "kick"}


def test_packs_are_the_widest_of_which_there_are_two() -> None:
    """Collections, else kits, else every sound is one; a folder for each class is no pack."""
    n = 2 * (LEAST_OF_A_CLASS - 1)
    paths = tuple(b"/%d" % number for number in range(2 * n))
    labels = np.repeat(["kick", "snare"], n)
    one, two = np.full(2 * n, "x"), np.tile(["x/a", "x/b"], n)
    assert LabelledFiles(paths, labels, two, two).packs()[1] == "collection"
    assert LabelledFiles(paths, labels, one, two).packs()[1] == "kit"
    for folders in (one, labels):
        packs, are = LabelledFiles(paths, labels, folders, folders).packs()
        assert are == "sound" and len(set(packs.tolist())) == 2 * n
    # nine outside are too few for ten neighbours
    few = LabelledFiles(paths[1:-1], labels[1:-1], two[1:-1], two[1:-1])
    assert few.packs()[1] == "sound"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,kind\n", "must have the columns path and label; found: ['file', 'kind']"),
        ("path,label\nnope.wav,kick\n", "1 in the list, but not there"),
        (None, "can't be read"),
    ],
)
def test_lists_that_make_no_study_are_refused(tmp_path: Path, text: str | None, said: str) -> None:
    """What is wrong, with what was found."""
    labels = tmp_path / "labels.csv"
    if text is not None:
        labels.write_text(text)
    with pytest.raises(StudyError) as raised:
        read_files(tmp_path, labels)
    assert said in str(raised.value)


def test_a_single_class_is_no_study(tmp_path: Path) -> None:
    """Two classes of enough files are needed; the message says what is there and what to do."""
    named(tmp_path, "kick {n}.wav")
    named(tmp_path, "snare {n}.wav", n=LEAST_OF_A_CLASS - 1)
    with pytest.raises(StudyError, match=r"two classes of 11 files or more, and .* has 1 .*--labels CSV"):
        read_files(tmp_path)
    with pytest.raises(StudyError, match="is not a folder"):
        read_files(tmp_path / "nowhere")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_that_are_no_text_are_read(tmp_path: Path) -> None:
    """A byte that isn't UTF-8 stops nothing."""
    named(tmp_path, "kick {n}.wav", "snare {n}.wav")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/kick \xff.wav")).touch()
    assert len(read_files(tmp_path)[0]) == 2 * LEAST_OF_A_CLASS + 1


def test_classes_of_a_list_are_read_in_any_case_and_names_may_be_anything(tmp_path: Path) -> None:
    """Kick and kick are one class; a name longer than any file's is a missing file."""
    named(tmp_path, "{n}a.wav", "{n}b.wav")
    rows = [
        f"{n:02}{side}.wav,{label}"
        for n in range(LEAST_OF_A_CLASS)
        for side, label in (("a", "Kick" if n % 2 else "kick"), ("b", "Snare"))
    ]
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(["path,label", *rows, f"{'x' * 300}.wav,kick"]))
    for preset in ("bridge", "paper"):
        files, dropped = read_files(tmp_path, labels, preset=preset)
        assert set(files.labels.tolist()) == {"kick", "snare"}
        assert dropped == {"in the list, but not there": 1}
    assert len(read_files(tmp_path, labels, classes="Kick, snare")[0]) == 2 * LEAST_OF_A_CLASS


def test_packs_of_a_list_are_folders_below_the_folder(tmp_path: Path) -> None:
    """However the list names the files: below the folder, beside the list, or whole."""
    folder = tmp_path / "audio"
    named(folder, "P/{n}a.wav", "Q/{n}b.wav")
    for start in ("", "audio/", f"{folder}/"):
        rows = [f"{start}P/{n:02}a.wav,kick" for n in range(LEAST_OF_A_CLASS)]
        rows += [f"{start}Q/{n:02}b.wav,snare" for n in range(LEAST_OF_A_CLASS)]
        labels = tmp_path / "labels.csv"
        labels.write_text("\n".join(["path,label", *rows]))
        assert set(read_files(folder, labels)[0].collections.tolist()) == {"P", "Q"}
