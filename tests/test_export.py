"""The library as a table: three formats that hold the same rows."""

import csv
import json
import math
import os
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from klustr_bridge.export import ExportError, ExportRow, export_rows
from klustr_bridge.library.paths import from_export, to_export
from tests.commands import run
from tests.sounds import write_library

SUFFIXES = [".npz", ".json", ".csv"]
NUMBERS = [
    "duration_s",
    "loudness_db",
    "brightness_hz",
    "pitch_hz",
    "pitch_confidence",
    "stereo_width",
    "tempo_bpm",
    "kind_confidence",
    "start_s",
    "end_s",
]


def row(path: bytes, id: int = 1, size: int = 4, **changes) -> ExportRow:
    random = np.random.default_rng(id)
    made = ExportRow(
        path=path,
        id=id,
        uid="abcdefghijklmno" + "pqrstuv"[id % 7],
        embedding=random.standard_normal(size).astype(np.float32),
        x=float(random.random(dtype=np.float32)),
        y=0.25,
        even_x=0.125,
        even_y=float(random.random(dtype=np.float32)),
        kind="kick",
        kind_source="folder",
        duration_s=0.5,
        loudness_db=-12.0,
        brightness_hz=900.5,
        pitch_hz=0.0,
        pitch_confidence=0.125,
        stereo_width=1.5,
        tempo_bpm=120.0,
        kind_confidence=0.85,
        start_s=0.0,
        end_s=0.5,
        is_loop=id % 2 == 1,
        parent=id // 2,
        epoch=3,
    )
    return replace(made, **changes)


def number(text: str) -> float:
    return float(text) if text else math.nan


def read(file: Path) -> list[ExportRow]:
    """Read an export as another program would, back into rows."""
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as data:
            columns = {name: data[name] for name in data.files}
        rows = [{name: column[i] for name, column in columns.items()} for i in range(len(columns["path"]))]
    elif file.suffix == ".json":
        rows = json.loads(file.read_text(encoding="utf-8"), parse_constant=lambda word: pytest.fail(word))
        for one in rows:
            for name in ("position", "even_position"):
                one[name] = one[name] or [math.nan, math.nan]
            one["embedding"] = [math.nan if v is None else v for v in one["embedding"]]
            one.update({name: math.nan for name in NUMBERS if one[name] is None})
    else:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
        for one in rows:
            for name in ("position", "even_position"):
                one[name] = [number(one.pop(f"{name}_x")), number(one.pop(f"{name}_y"))]
            names = sorted((k for k in one if k.startswith("embedding_")), key=lambda k: int(k[10:]))
            one["embedding"] = [number(one.pop(name)) for name in names]
            one.update({name: number(one[name]) for name in NUMBERS})
    return [
        ExportRow(
            from_export(str(one["path"])),
            int(one["id"]),
            str(one["uid"]),
            np.array(one["embedding"], np.float32),
            *(float(value) for name in ("position", "even_position") for value in one[name]),
            str(one["kind"]),
            str(one["kind_source"]),
            *(float(one[name]) for name in NUMBERS),
            bool(int(one["is_loop"])),
            int(one["parent"]),
            int(one["epoch"]),
        )
        for one in rows
    ]


def same(first: ExportRow, second: ExportRow) -> bool:
    def words(one: ExportRow):
        return (one.path, one.id, one.uid, one.kind, one.kind_source, one.epoch, one.is_loop, one.parent)

    def numbers(one: ExportRow):
        rest = [one.x, one.y, one.even_x, one.even_y, *(getattr(one, name) for name in NUMBERS)]
        return np.concatenate((np.array(rest, np.float32), one.embedding))

    return words(first) == words(second) and np.array_equal(numbers(first), numbers(second), equal_nan=True)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".NPZ"])
def test_rows_come_back_sorted_by_path(tmp_path, suffix):
    """Each row is found again, in the order of the paths, duplicates of one sound included."""
    rows = [row(b"/b/x.wav", 2), row(b"/a/y.wav", 7), row(b"/a/x.wav", 2)]
    out = tmp_path / f"out{suffix}"
    assert export_rows(iter(rows), out) == 3
    found = read(out.rename(out.with_suffix(suffix.lower())))
    assert [one.path for one in found] == [b"/a/x.wav", b"/a/y.wav", b"/b/x.wav"]
    assert all(same(one, two) for one, two in zip(found, [rows[2], rows[1], rows[0]], strict=True))


def test_arrays_have_the_promised_types(tmp_path):
    """The .npz needs no pickle and has the shapes and types that the documentation states."""
    export_rows([row(b"/a.wav"), row(b"/b.wav", x=math.nan)], tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as data:
        words = {"path", "id", "uid", "kind", "kind_source", "epoch", "is_loop", "parent"}
        assert set(data.files) == {*words, "embedding", "position", "even_position", *NUMBERS}
        assert data["is_loop"].dtype == np.bool_
        assert data["path"].dtype.kind == data["uid"].dtype.kind == data["kind"].dtype.kind == "U"
        assert data["embedding"].dtype == data["position"].dtype == np.float32
        assert data["embedding"].shape == (2, 4)
        assert data["position"].shape == data["even_position"].shape == (2, 2)
        assert np.isnan(data["position"][1]).all()
        assert data["id"].dtype == data["epoch"].dtype == data["parent"].dtype == np.int32
        assert all(data[name].shape == (2,) and data[name].dtype == np.float32 for name in NUMBERS)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_library_gives_an_empty_table(tmp_path, suffix):
    """No rows are a readable file without rows, not an error."""
    out = tmp_path / f"out{suffix}"
    assert export_rows([], out) == 0
    assert read(out) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_numbers_that_are_not_finite_never_become_words(tmp_path, suffix):
    """No map yet, or a measure that failed: null, an empty field or NaN; JSON stays JSON."""
    embedding = np.array([1, np.nan, np.inf, 1e-30], np.float32)
    odd = row(b"/a.wav", x=math.nan, y=0.5, embedding=embedding, pitch_hz=math.inf, epoch=0)
    export_rows([odd], tmp_path / f"out{suffix}")
    (found,) = read(tmp_path / f"out{suffix}")
    assert math.isnan(found.x)
    assert math.isnan(found.y)
    assert not math.isfinite(found.pitch_hz)
    assert np.array_equal(np.isfinite(found.embedding), [True, False, False, True])
    assert found.embedding[3] == np.float32(1e-30)


paths = st.one_of(
    st.binary(min_size=1, max_size=12),
    st.text('a,"\n\r\\é☃ ', min_size=1, max_size=8).map(lambda text: text.encode()),
).map(lambda tail: b"/" + tail.replace(b"\0", b"0"))


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(names=st.lists(paths, unique=True, max_size=6), data=st.data())
def test_any_path_and_number_come_back(tmp_path, suffix, names, data):
    """Paths of any bytes (no UTF-8, quotes, commas, line ends) and any float32 survive all formats."""
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    rows = [
        row(
            name,
            i + 1,
            embedding=np.array([data.draw(numbers), data.draw(numbers)], np.float32),
            loudness_db=data.draw(numbers),
        )
        for i, name in enumerate(names)
    ]
    out = tmp_path / f"out{suffix}"
    export_rows(rows, out)
    found = read(out)
    expected = sorted(rows, key=lambda one: to_export(one.path))
    assert len(found) == len(rows)
    assert all(same(one, two) for one, two in zip(found, expected, strict=True))


def test_csv_lines_end_as_rfc_4180_says(tmp_path):
    """The table opens in every spreadsheet: header, CR LF, quotes doubled."""
    export_rows([row(b'/a "b", c.wav')], tmp_path / "x.csv")
    lines = (tmp_path / "x.csv").read_bytes().split(b"\r\n")
    assert lines[0].startswith(b"path,id,uid,kind,kind_source,duration_s,")
    places = b"position_x,position_y,even_position_x,even_position_y"
    assert lines[0].endswith(b"epoch," + places + b",embedding_0,embedding_1,embedding_2,embedding_3")
    assert lines[1].startswith(b'"/a ""b"", c.wav",1,')
    assert lines[2:] == [b""]


@pytest.mark.parametrize("name", ["out.xlsx", "out", ".npz", "out.npz.gz"])
def test_another_suffix_is_refused_by_name(tmp_path, name):
    """The message names the three formats, nothing is read or written."""

    def rows():
        pytest.fail("read for nothing")
        yield

    with pytest.raises(ExportError, match=r"\.npz.*\.json.*\.csv"):
        export_rows(rows(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_older_export_stays_whole_until_the_new_one_is(tmp_path, suffix):
    """A failure in the middle leaves the old file, and no half file beside it."""
    out = tmp_path / f"out{suffix}"
    export_rows([row(b"/old.wav")], out)
    old = out.read_bytes()

    def rows():
        yield row(b"/a.wav")
        raise RuntimeError("the library went away")

    with pytest.raises(RuntimeError):
        export_rows(rows(), out)
    with pytest.raises(ExportError, match=r"4 numbers in its embedding.*5"):
        export_rows([row(b"/a.wav", size=5), row(b"/b.wav", size=4)], out)
    assert out.read_bytes() == old
    assert list(tmp_path.iterdir()) == [out]
    export_rows([row(b"/new.wav")], out)
    assert read(out)[0].path == b"/new.wav"


def test_places_that_cannot_be_written_are_told(tmp_path):
    """A missing folder, and a folder in the file's place, are plain messages."""
    with pytest.raises(ExportError, match="does not exist"):
        export_rows([], tmp_path / "missing" / "x.csv")
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        export_rows([], tmp_path / "x.csv")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    """When writing fails the reason is in the message and the half file is removed."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal = pytest.importorskip("signal")
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ExportError, match="can't be written: File too large"):
            export_rows([row(b"/%d.wav" % i, i, size=128) for i in range(1, 100)], tmp_path / "x.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_file_has_the_users_usual_permissions(tmp_path):
    """Others may read an export as they may read the user's other files."""
    before = os.umask(0o022)
    try:
        export_rows([], tmp_path / "x.json")
    finally:
        os.umask(before)
    assert (tmp_path / "x.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_stays_near_the_data(tmp_path, suffix):
    """Rows are taken one by one; one long path among them does not multiply the memory."""
    n, size = 10_000, 64
    template = row(b"", size=size)

    def rows():
        for i in range(n):
            yield replace(template, path=b"/samples/%06d.wav" % i, id=i + 1)
        yield replace(template, path=b"/" + b"long/" * 700)

    tracemalloc.start()
    try:
        export_rows(rows(), tmp_path / f"out{suffix}")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * n * size * 4


def test_slices_can_be_asked_for_where_there_are_none(tmp_path: Path) -> None:
    """`export --slices` writes the same rows as without, and says so, while the library shows no slices."""
    write_library(tmp_path / "samples", 3)
    assert run(tmp_path, "index", str(tmp_path / "samples"), "--layout", "pca").returncode == 0
    plain, sliced = tmp_path / "plain.csv", tmp_path / "sliced.csv"
    assert run(tmp_path, "export", str(plain)).stdout == f"{plain}: 3 files\n"
    done = run(tmp_path, "export", str(sliced), "--slices")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"{sliced}: 3 files, no slices (hits of loops are sounds with the setting index.slices on)\n"
    )
    assert sliced.read_bytes() == plain.read_bytes()
