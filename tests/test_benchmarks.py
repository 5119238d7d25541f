"""The benchmarks run, at sizes that measure nothing."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import klustr_features, labelled, layout_curve, plain_features
from benchmarks.libraries import make_library
from klustr_bridge.layout import tsne_fit
from klustr_bridge.study.bootstrap import Resampling, estimate
from klustr_bridge.study.scores import neighbour_precision
from tests import commands
from tests.benchmarking import ROOT, run_here
from tests.sounds import closed_hat, kick, noise, sine, snare, write, write_library


def test_similarity_counts_labels_and_leaves_groups_out(tmp_path: Path) -> None:
    """Where every answer has the asked sound's label that is 100 %, and 0 % once its kit is left out."""
    lines = ["path,label,kit"]
    for make, label, kit in ((kick, "kick", "low"), (closed_hat, "hat", "high")):
        for number in range(4):
            file = write(tmp_path / "drums" / label / f"{number}.wav", make(number))
            lines.append(f"{file.relative_to(tmp_path / 'drums')},{label},{kit}")
    table = tmp_path / "drums.csv"
    table.write_text("\n".join(lines), encoding="utf-8")
    words = ("--labels", str(table), "-k", "3", "--work", str(tmp_path / "work"))
    out = tmp_path / "out.json"
    done = run_here("similarity", str(tmp_path / "drums"), *words, "--json", str(out))
    assert done.returncode == 0, done.stderr
    rows = {row["what"]: (row["value"], row["ratio"]) for row in json.loads(out.read_text())["rows"]}
    assert rows == {
        "same label, over sounds, all others": (100.0, pytest.approx(7 / 3)),
        "same label, over 2 classes, all others": (100.0, pytest.approx(7 / 3)),
        "same label, over sounds, none of its kit": (0.0, None),
        "same label, over 2 classes, none of its kit": (0.0, None),
        "for 4 of 'kick': kick": (100.0, pytest.approx(7 / 3)),
    }
    again = run_here("similarity", "--library", str(tmp_path / "work" / "similarity.klustr"), *words)
    assert "for 4 of 'kick': kick" in again.stdout
    assert run_here("similarity", *words).returncode == 1


def test_kits_are_told_from_chance(tmp_path: Path) -> None:
    """Loud and soft kits of one collection: chance is a half, and the kit benchmark says what was found."""
    lines = ["path,label,collection,kit"]
    for kit, level in (("loud", 1.0), ("soft", 0.05)):
        for number, (label, make) in enumerate(
            {"kick": kick, "snare": snare, "closed_hat": closed_hat}.items()
        ):
            for seed in range(4):
                file = write(tmp_path / "drums" / kit / f"{number}{seed}.wav", level * make(seed))
                lines.append(f"{file.relative_to(tmp_path / 'drums')},{label},all,{kit}")
    labels, library, out = tmp_path / "drums.csv", tmp_path / "kits.klustr", tmp_path / "out.json"
    labels.write_text("\n".join(lines), encoding="utf-8")
    words = (
        "index",
        str(tmp_path / "drums"),
        "--library",
        str(library),
        "--layout",
        "pca",
        "--view",
        "plain",
    )
    assert commands.run(tmp_path, *words).returncode == 0
    words = ("--labels", str(labels), "--library", str(library), "--json", str(out))
    done = run_here("kits", str(tmp_path / "drums"), *words)
    assert done.returncode == 0, done.stderr
    rows = {row["what"]: row["value"] for row in json.loads(out.read_text())["rows"]}
    assert rows["same collection, by chance"] == rows["same collection, kit"] == 100.0
    assert rows["same kit, by chance"] == 50.0 and rows["same kit, kit"] > 80.0


def labelled_drums(place: Path, n_each: int) -> Path:
    """Drums of three kinds from two collections, and the list of them beside the folder."""
    lines = ["path,label,collection,kit"]
    for make, label in ((kick, "kick"), (snare, "snare"), (closed_hat, "closed_hat")):
        for number in range(n_each):
            file = write(place / "drums" / f"{label}{number}.wav", make(number))
            lines.append(f"{file.name},{label},{'ab'[number % 2]},{number % 2}")
    table = place / "drums.csv"
    table.write_text("\n".join(lines), encoding="utf-8")
    return table


@pytest.mark.timeout(300)
def test_ways_to_a_map_are_compared_in_processes_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours comes first, and what others take is told as times ours; a list alone finds its folder."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")  # scikit-learn's threads spin where cores are busy
    out = tmp_path / "out.json"
    words = (str(labelled_drums(tmp_path, 12)), "--classes", "kick,snare,closed_hat", "-k", "3")
    done = run_here("layout", *words, "--ways", "ours,stft-tsne,universal", "--json", str(out))
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    assert (report["settings"]["sounds"], report["settings"]["classes"]) == (36, 3)
    ours, klustr, universal = report["lines"]
    assert ours["judged"]["sounds"]["value"] > 0.9 and ours["ours_ahead_sounds"] is None
    for line in (ours, klustr, universal):
        assert line["warm_s"] > 0 and line["cold_s"] > 0
        assert 0 <= line["judged"]["trustworthiness"] <= 1 and 0 < line["judged"]["roundness"] <= 1
        behind = ours["judged"]["sounds"]["value"] - line["judged"]["sounds"]["value"]
        assert line is ours or line["ours_ahead_sounds"]["value"] == pytest.approx(behind)
    assert f"{klustr['cold_s'] / ours['cold_s']:9.2f}" in done.stdout
    assert "no way is called fast" in run_here("layout", *words, "--ways", "fast").stderr


@pytest.mark.timeout(300)
def test_a_map_that_grows_keeps_what_was_there(tmp_path: Path) -> None:
    """Nothing moves while a quarter is added; ratios are against a map made from nothing."""
    out = tmp_path / "out.json"
    table = labelled_drums(tmp_path, 20)
    done = run_here("layout", str(table), "--growth", "--draws", "1", "-k", "3", "--json", str(out))
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    assert (report["settings"]["sounds"], report["settings"]["added"]) == (60, 15)
    rows = {row["what"]: row for row in report["rows"]}
    assert rows["largest move of an old sound while others are added"]["value"] == 0
    placed = rows["P@3 of the added, over sounds, placed"]
    anew = rows["P@3 of the added, over sounds, fitted anew"]
    assert placed["ratio"] == pytest.approx(placed["value"] / anew["value"]) and placed["value"] > 80
    assert rows["time: placing 15"]["value"] > 0 and rows["time: placing 15"]["ratio"] > 0
    assert any(aim["what"] == "trustworthiness lost to keeping the map" for aim in report["aims"])


def test_settings_of_the_curve_reach_the_engine() -> None:
    """Each setting of t-SNE gives another map, the usual one the map as it is; none stays in force."""
    points = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    usual = (tsne_fit.PERPLEXITY, (tsne_fit.EXAGGERATED_STEPS, tsne_fit.STEPS), tsne_fit.TAIL)
    changed = [(15, *usual[1:]), (usual[0], (30, 60), usual[2]), (*usual[:2], 1.0)]
    as_it_is = layout_curve.engine("tsne")(points)
    assert np.array_equal(layout_curve.tsne("", *usual).make(points), as_it_is)
    maps = [layout_curve.tsne("", *setting).make(points) for setting in changed]
    assert not any(np.allclose(one, as_it_is) for one in maps)
    assert np.array_equal(layout_curve.engine("tsne")(points), as_it_is)


def test_walks_and_grids_are_told_from_plain_ways(tmp_path: Path) -> None:
    """How long steps are and how many neighbours stay is said, beside what the plain ways make of them."""
    make_library(tmp_path / "library", 400)
    library, out = tmp_path / "library" / "library.klustr", tmp_path / "out.json"
    done = run_here("exploring", str(library), "--pairs", "5", "--json", str(out))
    assert done.returncode == 0, done.stderr
    rows = {row["what"]: row for row in json.loads(out.read_text())["rows"]}
    assert rows["walk of 16: sounds"]["value"] <= 16
    assert 0 < rows["walk of 16: mean step"]["value"] <= rows["walk of 16: largest step"]["value"] <= 1
    kept = rows["8 x 8 pads, natural view, whole map: neighbours kept"]
    assert 50 < kept["value"] <= 100 and kept["against"] == "sorted rows"


def test_copies_are_told_from_neighbours(tmp_path: Path) -> None:
    """Plain copies of made-up drums are found, and none of their neighbours but the one that is a copy."""
    for seed in range(3):
        write(tmp_path / "drums" / f"snare {seed}.wav", snare(seed))
    write(tmp_path / "drums" / "hat.wav", closed_hat(0))
    out = tmp_path / "out.json"
    words = ("duplicates", str(tmp_path / "drums"), "--json", str(out))
    assert run_here(*words).returncode == 0
    rows = {row["what"]: row["value"] for row in json.loads(out.read_text())["rows"]}
    assert rows["found: -6 dB"] == rows["found: 5 ms of silence"] == rows["found: 48 kHz"] == 100.0
    assert rows["found: MP3 of 128 kbit/s"] >= 75.0
    assert rows["nearest others taken for the same"] == 0.0
    write(tmp_path / "drums" / "again.wav", 0.4 * snare(1))
    done = run_here(*words)
    assert "again.wav" in done.stdout and "snare 1.wav" in done.stdout
    assert done.stdout.count("the same: ") == 1


def test_the_names_benchmark_prints_shares_per_kind(tmp_path: Path) -> None:
    """Right, wrong and silent add up; labels of other lists mean our kinds, or stand apart if none does."""
    rows = "Kicks/1.wav,kick\nSnare.wav,kick\nx.wav,kick\nConga.wav,conga_bongo\nPiano.wav,other\n"
    labelled, out = tmp_path / "labels.csv", tmp_path / "out.json"
    labelled.write_text("path,label\n" + rows, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "names", str(labelled), "--root", "/s", "--json", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    kick, conga, everything = report["rows"]
    assert kick["n"] == 3 and kick["right"] == kick["wrong"] == kick["silent"] == pytest.approx(1 / 3)
    assert conga["right"] == 1.0 and everything["kind"] == "all" and everything["n"] == 4
    assert report["no_kind"] == {"other": 1} and "33.3%" in done.stdout


def test_quality_prints_every_feature_set_for_chosen_classes(tmp_path: Path) -> None:
    """Each feature set stands in both spaces and without each group; a second run hears nothing again."""
    lines = ["path,label,collection,kit"]
    for make, label in ((kick, "kick"), (snare, "snare"), (closed_hat, "closed_hat")):
        for number in range(4):
            file = write(tmp_path / "drums" / f"{label}{number}.wav", make(number))
            lines.append(f"{file.name},{label},{'ab'[number % 2]},{number % 2}")
    write(tmp_path / "drums" / "hidden.wav", kick(9))
    labels, cache, out = tmp_path / "labels.csv", tmp_path / "heard.npz", tmp_path / "out.json"
    labels.write_text("\n".join([*lines, "hidden.wav,other,a,0", "gone.wav,kick,a,0"]), encoding="utf-8")
    words = ("quality", str(tmp_path / "drums"), "--labels", str(labels), "-k", "2", "--cache", str(cache))
    chosen = (*words, "--classes", "kick,snare,closed_hat", "--json", str(out))
    first = run_here(*chosen)
    assert first.returncode == 0, first.stderr
    (section,) = json.loads(out.read_text(encoding="utf-8"))["sections"]
    assert section["n_sounds"] == 12 and section["n_asked"] == {"collection": 12, "kit": 12}
    assert len(section["lines"]) == len(labelled.FEATURE_SETS) * 4
    ours = [line for line in section["lines"] if line["features"] == "ours"]
    assert all(line["sounds"]["value"] > 0.8 and line["ours_ahead_sounds"]["value"] == 0 for line in ours)
    again = run_here(*chosen)
    assert again.stdout == first.stdout and "hearing" in first.stderr and "hearing" not in again.stderr
    write(tmp_path / "drums" / "kick0.wav", kick(50))
    assert "hearing" in run_here(*chosen).stderr
    assert "no sound is labelled gong" in run_here(*words, "--classes", "gong").stderr
    assert "no label has 20 sounds of two collections" in run_here(*words).stderr


def test_kinds_by_ear_are_told_across_collections(tmp_path: Path) -> None:
    """Labelled by names, made-up drums of one folder are told by those of another; the picture is drawn."""
    for seed, name in enumerate(("one", "two")):
        write_library(tmp_path / "all" / name, 80, seed)
    picture, out = tmp_path / "confusion.png", tmp_path / "out.json"
    done = run_here("kinds-by-ear", str(tmp_path / "all"), "--out", str(picture), "--json", str(out))
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    assert (
        report["shares"]["right, of those said"]["value"] > 0.9 and report["shares"]["silent"]["value"] < 0.3
    )
    assert len(report["kinds"]) == 8 and [sum(row) for row in report["confusion"]] == [20] * 8
    assert sum(one["n"] for one in report["reliability"]) <= 160 and "silent" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    alone = run_here("kinds-by-ear", str(tmp_path / "all" / "one" / "Kicks"))
    assert alone.returncode == 1 and "sounds of two collections" in alone.stderr


def test_precision_counts_the_nearest_outside_of_a_group() -> None:
    """Neighbours of the own group don't count; where too few others are left, nothing is said."""
    points = np.array([[0.0], [0.1], [1.0], [2.0], [5.0]])
    label, group = np.array(["a", "a", "a", "b", "b"]), np.array(["p", "p", "q", "q", "r"])
    assert neighbour_precision(points, label, group, 1).tolist() == [1.0, 1.0, 1.0, 0.0, 1.0]
    assert neighbour_precision(points, label, group, 2).tolist() == [0.5, 0.5, 1.0, 0.0, 0.5]
    few = neighbour_precision(points, label, np.array(["p", "p", "p", "p", "r"]), 2)
    assert np.isnan(few[:4]).all() and few[4] == 0.5


def test_an_interval_comes_from_drawing_whole_groups() -> None:
    """Alike groups leave no doubt however many sounds differ; unlike groups do. Labels weigh the same."""
    group, label = np.repeat(["x", "y"], 4), np.tile(["a", "a", "a", "b"], 2)
    alike = Resampling(group, label)
    found = estimate(alike.over_sounds(np.tile([1.0, 1.0, 1.0, 0.0], 2)))
    assert (found.value, found.low, found.high) == (0.75, 0.75, 0.75)
    assert estimate(alike.over_labels(np.tile([1.0, 1.0, 1.0, 0.0], 2))).value == 0.5
    apart = estimate(alike.over_sounds(np.repeat([1.0, 0.0], 4)))
    assert (apart.value, apart.low, apart.high) == (0.5, 0.0, 1.0)


def test_klustr_features_of_a_steady_sine() -> None:
    """Each descriptor has the value that it must have, in the place that klustr puts it."""
    heard = klustr_features.excerpt(sine(3000.0, 1.0, level=0.2, rate=48_000), 48_000)
    assert heard.shape == (12_000,) and np.abs(heard).max() == pytest.approx(1.0)
    found = klustr_features.mir(heard)
    assert found.shape == (6, 24)
    rms, centroid, crest, flux, roll_off, crossings = found[:, 12]
    assert rms == pytest.approx(0.7071, abs=0.01) and crossings == pytest.approx(2 * 3000 / 48_000, abs=0.001)
    assert centroid == pytest.approx(3000, rel=0.01) and roll_off == pytest.approx(3000, abs=48_000 / 2048)
    assert crest == pytest.approx(0.5, abs=0.02)  # a Hann window: a half in the middle, a quarter beside it
    assert found[3, 0] == 0 and flux < 0.01 < found[3, 1]
    picture = klustr_features.fingerprint(heard)
    assert picture.shape == (32, 32) and picture.min() == 0 and picture.max() == 1
    group = int(3000 / (48_000 / 1024) / 10)
    assert (picture.argmax(axis=0) == 31 - group).all()


def test_klustr_features_have_its_shapes_and_take_any_sound() -> None:
    """A tenth of a second, silence and another rate give rows of the same length, all finite."""
    for mono, rate in ((noise(0.1), 44_100), (np.zeros(50, np.float32), 48_000), (noise(1.0), 22_050)):
        found = klustr_features.features(mono, rate)
        sizes = {name: row.shape for name, row in found.items()}
        assert sizes == {"mir": (6 * 24,), "mfcc": (30 * 24,), "fingerprint": (32 * 32,)}
        assert all(np.isfinite(row).all() for row in found.values())
    level = klustr_features.mfcc(klustr_features.excerpt(noise(0.5, level=0.5), 44_100))
    softer = klustr_features.mfcc(klustr_features.excerpt(noise(0.5, level=0.1), 44_100))
    np.testing.assert_allclose(level, softer, atol=0.05)


def test_features_are_finished_over_all_sounds() -> None:
    """Standardised columns have deviation 1, or are 0; components keep the greatest variance first."""
    rows = np.random.default_rng(0).normal(size=(50, 20)) * np.arange(20)
    scaled = klustr_features.standardised(rows)
    assert scaled.std(axis=0) == pytest.approx([0.0] + [1.0] * 19)
    found = klustr_features.components(rows)
    assert found.shape == (50, 14) and (np.diff(found.var(axis=0)) <= 0).all()
    assert found.var(axis=0).sum() > 0.9 * rows.var(axis=0).sum()


def test_the_bridge_s_earlier_features_are_written_out() -> None:
    """Seven spans of 18 cepstra, brightness and length; the same at any level and after any silence."""
    mono = snare(1)
    heard = plain_features.features(mono, 44_100)
    late = plain_features.features(np.concatenate([np.zeros(9000, np.float32), 0.25 * mono]), 44_100)
    assert heard["cepstra"].shape == (7 * 18 + 2,) and heard["cepstra and nine"].shape == (7 * 18 + 2 + 9,)
    np.testing.assert_allclose(heard["cepstra and nine"], late["cepstra and nine"], atol=1e-3)
    *_, brightness, length = plain_features.features(sine(3000.0, 2.0), 44_100)["cepstra"]
    assert brightness == pytest.approx(3 * np.log2(3000), abs=0.1)
    assert length == pytest.approx(0.5 * np.log2(2.0), abs=0.01)


def test_without_librosa_a_plain_word_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only klustr's features need it: ours are heard without."""
    write(tmp_path / "kick.wav", kick())
    table = labelled.read_table(tmp_path, None)
    monkeypatch.setitem(sys.modules, "librosa", None)
    _, found = labelled.hear(table, ["ours"], None)
    assert len(found["ours"]) == 1
    with pytest.raises(SystemExit, match="pip install librosa"):
        labelled.hear(table, ["mfcc"], None)
