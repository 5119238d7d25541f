"""Patches and devices: whole, made by their script, of objects that Max has, with lines that reach."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from py2max import Patcher
from py2max.lint import lint
from py2max.maxref import get_object_info

from klustr_bridge import __version__
from tests.max_patches.amxd_reader import NotADevice, chunks, read
from tests.max_patches.max_peer import PACKAGE
from tests.max_patches.patches import (
    all_boxes,
    boxes,
    class_of,
    device_files,
    levels,
    lines,
    load,
    patch_files,
)

OURS = {"klustr.client": "patchers/klustr.client.maxpat"}
SHORT_NAMES = {"t", "p", "*~"}
"""Words that Max takes for trigger, patcher and times~: its reference has the long names."""
TYPES = {"", "bang", "int", "float", "signal", "list"}
DEVICE_HEIGHT = 169
STORED_ONLY = 1

each_patch = pytest.mark.parametrize("path", patch_files(), ids=lambda path: path.name)
each_device = pytest.mark.parametrize("path", device_files(), ids=lambda path: path.name)


def test_the_package_has_its_parts() -> None:
    """The folders and files that Max looks for, and package-info names the patch that opens first."""
    info = json.loads((PACKAGE / "package-info.json").read_text(encoding="utf-8"))
    assert info["name"] == "klustr-bridge"
    assert info["version"] == __version__
    assert (PACKAGE / "extras" / info["homepatcher"]).is_file()
    names = {path.relative_to(PACKAGE).as_posix() for path in patch_files()}
    assert {
        "patchers/klustr.client.maxpat",
        "help/klustr.client.maxhelp",
        "extras/klustr.maxpat",
        "devices/klustr.amxd",
        "devices/klustr.midi.amxd",
    } <= names


def test_everything_is_what_the_script_makes(tmp_path: Path) -> None:
    """Nobody has edited a made file by hand, none is out of date, and the script still runs."""
    subprocess.run([sys.executable, str(PACKAGE / "build.py"), "--into", str(tmp_path)], check=True)
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    for name in made:
        place = PACKAGE.parent if name.parts[0] == "docs" else PACKAGE
        assert (place / name).read_bytes() == (tmp_path / name).read_bytes(), name
    here = {path.relative_to(PACKAGE) for path in (*patch_files(), *(PACKAGE / "javascript").iterdir())}
    assert here == {name for name in made if name.parts[0] != "docs"}


@each_patch
def test_a_patch_has_the_shape_that_max_expects(path: Path) -> None:
    """What each patch and box must have is there; outlets have types exactly where there are outlets."""
    for patch in levels(load(path)):
        assert {"fileversion", "appversion", "classnamespace", "rect", "boxes", "lines"} <= set(patch)
        for box in boxes(patch):
            assert {"id", "maxclass", "numinlets", "numoutlets", "patching_rect"} <= set(box)
            assert ("outlettype" in box) == (box["numoutlets"] > 0), box
            assert len(box.get("outlettype", [])) == box["numoutlets"], box
            assert set(box.get("outlettype", [])) <= TYPES, box
            assert (box["maxclass"] == "newobj") <= bool(box.get("text")), box


@each_patch
def test_ids_are_unique_and_lines_reach_what_is_there(path: Path) -> None:
    """Every line goes from an outlet to an inlet that its boxes have; nothing is drawn twice."""
    for patch in levels(load(path)):
        by_id = {box["id"]: box for box in boxes(patch)}
        assert len(by_id) == len(patch["boxes"])
        drawn = list(lines(patch))
        assert len(set(drawn)) == len(drawn)
        for source, outlet, destination, inlet in drawn:
            assert 0 <= outlet < by_id[source]["numoutlets"], (by_id[source], outlet)
            assert 0 <= inlet < by_id[destination]["numinlets"], (by_id[destination], inlet)


@each_patch
def test_py2max_finds_no_fault(path: Path, tmp_path: Path) -> None:
    """Max's own reference, as py2max has it, knows the ports of all objects; boxes don't lie on others."""
    copy = tmp_path / "copy.maxpat"
    copy.write_text(json.dumps({"patcher": load(path)}))
    findings = [
        str(finding)
        for finding in lint(Patcher.from_file(copy))
        if not (finding.code == "W-UNKNOWN-OBJECT" and "'klustr.client'" in finding.message)
    ]
    assert not findings


@each_patch
def test_every_object_is_a_native_one(path: Path) -> None:
    """Nothing has to be installed beside Max: each object is in its reference, or in this package."""
    for box in all_boxes(load(path)):
        name = class_of(box)
        known = get_object_info(name) is not None or name in SHORT_NAMES or name in OURS
        assert known, name


@each_patch
def test_files_that_are_named_exist(path: Path) -> None:
    """Code, pages and abstractions that a patch names are in the package."""
    named = set()
    for box in all_boxes(load(path)):
        named |= set(re.findall(r"[\w.-]+\.(?:js|html|maxpat)\b", str(box.get("text", ""))))
        if class_of(box) in OURS:
            named.add(Path(OURS[class_of(box)]).name)
    assert named <= {file.name for file in PACKAGE.rglob("*")}
    if path.name in ("klustr.client.maxpat", "klustr.maxpat", "klustr.max8.amxd"):
        assert named


@each_patch
def test_inlets_and_outlets_of_subpatchers_are_counted(path: Path) -> None:
    """A subpatcher's box has as many ports as there are boxes for them inside, numbered from the left."""
    for patch in levels(load(path)):
        for box in boxes(patch):
            if "patcher" not in box:
                continue
            for kind, count in (("inlet", box["numinlets"]), ("outlet", box["numoutlets"])):
                ports = [inner for inner in boxes(box["patcher"]) if inner["maxclass"] == kind]
                assert len(ports) == count
                assert [port["index"] for port in ports] == list(range(1, count + 1))
                xs = [port["patching_rect"][0] for port in ports]
                assert xs == sorted(xs)


@each_device
def test_a_device_is_walked_to_its_last_byte(path: Path) -> None:
    """The kind in the file and the one in the patch's project are the same; Live is told the width."""
    kind, meta, content = read(path)
    patch = content["patcher"]
    assert kind == ("mmmm" if ".midi" in path.name else "iiii")
    assert patch["project"]["amxdtype"] == int.from_bytes(kind.encode(), "big")
    assert patch["openrect"][:2] == [0, 0] and patch["openrect"][3] == DEVICE_HEIGHT
    assert patch["openinpresentation"] == 1
    assert patch["appversion"]["major"] == (8 if "max8" in path.name else 9)
    assert meta == (0 if "max8" in path.name else 1)


def test_the_reader_refuses_what_is_broken() -> None:
    """The reader of these tests would see a wrong length, a missing chunk, a wrong end."""
    good = (PACKAGE / "devices/klustr.midi.amxd").read_bytes()
    for bad in (good[:-1], good + b"x", good[:4] + b"\5" + good[5:]):
        with pytest.raises(NotADevice):
            list(chunks(bad))


@each_device
def test_parameters_have_names_of_their_own(path: Path) -> None:
    """Live tells parameters apart by their long names, and boxes by their scripting names."""
    told = [box for box in all_boxes(load(path)) if box.get("parameter_enable")]
    values = [box["saved_attribute_attributes"]["valueof"] for box in told]
    names = [value["parameter_longname"] for value in values]
    assert len(set(names)) == len(names) > 10
    assert len({box["varname"] for box in told}) == len(told)
    assert all(name.startswith("klustr ") for name in names)
    assert all(value["parameter_type"] in (0, 2, 3) for value in values)
    automated = [box for box in all_boxes(load(path)) if class_of(box).startswith("live.")]
    assert {class_of(box) for box in automated if box not in told} == {"live.thisdevice"}


@each_device
def test_buttons_are_nothing_that_a_set_keeps(path: Path) -> None:
    """Live would press them when the Set is opened; switches and dials it does keep."""
    for box in all_boxes(load(path)):
        if class_of(box).startswith("live.") and box.get("parameter_enable"):
            value = box["saved_attribute_attributes"]["valueof"]
            is_button = class_of(box) == "live.text" and not box["mode"]
            assert (value.get("parameter_invisible") == 2) == is_button
            assert bool(value.get("parameter_initial_enable")) == (not is_button)


@each_device
def test_the_set_remembers_the_pads(path: Path) -> None:
    """One parameter is stored and not automated: the list of kept sounds, which goes in and comes back."""
    patch = load(path)
    (memory,) = [box for box in boxes(patch) if class_of(box) == "pattr"]
    value = memory["saved_attribute_attributes"]["valueof"]
    assert value["parameter_type"] == 3 and value["parameter_invisible"] == STORED_ONLY
    code = next(box["id"] for box in boxes(patch) if class_of(box) in ("v8", "js"))
    assert (code, 5, memory["id"], 0) in set(lines(patch))


@each_device
def test_what_a_device_shows_fits_and_lies_apart(path: Path) -> None:
    """Live gives a device 169 pixels; nothing in it is cut off or covered."""
    patch = load(path)
    width = patch["openrect"][2]
    rects = [box["presentation_rect"] for box in boxes(patch) if box.get("presentation")]
    assert rects
    for i, (x, y, wide, high) in enumerate(rects):
        assert x >= 0 and y >= 0 and x + wide <= width and y + high <= DEVICE_HEIGHT
        for other_x, other_y, other_wide, other_high in rects[i + 1 :]:
            apart = x + wide <= other_x or other_x + other_wide <= x
            assert apart or y + high <= other_y or other_y + other_high <= y, (rects[i], other_x, other_y)


def code_box(path: Path) -> dict[str, Any]:
    (box,) = [box for box in boxes(load(path)) if class_of(box) in ("v8", "js")]
    return box


@each_device
def test_a_device_carries_its_code(path: Path) -> None:
    """For Max 9 the whole code is in the patch, to the letter; for Max 8 the package's file is named."""
    box = code_box(path)
    engine, file = box["text"].split()
    if "max8" in path.name:
        assert engine == "js" and "textfile" not in box
    else:
        code = (PACKAGE / "javascript" / file).read_text(encoding="utf-8")
        assert engine == "v8"
        assert box["textfile"] == {
            "text": code,
            "filename": file,
            "flags": 0,
            "embed": 1,
            "autowatch": 0,
        }


@pytest.mark.parametrize("name", ["klustr.client.js", "klustr.instrument.js", "klustr.midi.js"])
def test_code_is_of_a_language_that_max_8_runs(name: str) -> None:
    """Max 8's js knows ECMAScript 5 only, and is given no module to load."""
    text = (PACKAGE / "javascript" / name).read_text(encoding="utf-8")
    bare = re.sub(r'"(?:\\.|[^"\\])*"|//[^\n]*|/(?![/*\s])(?:\\.|\[[^\]]*\]|[^/\n])+/', "", text)
    found = re.findall(r"\b(?:let|const|class|async|await|import|require|yield|of)\b|=>|`|\.\.\.", bare)
    assert not found
    assert text.isascii()
    for method in ("startsWith", "endsWith", "includes", "Object.assign", "Array.from", "isInteger", "find("):
        assert f".{method}" not in bare.replace("Object.assign", ".Object.assign"), method


def test_the_code_has_the_ports_that_its_boxes_have() -> None:
    """Max makes the ports that the code says; the boxes were saved with as many."""
    places = [(PACKAGE / "patchers/klustr.client.maxpat"), *device_files()]
    for path in places:
        box = code_box(path)
        text = (PACKAGE / "javascript" / box["text"].split()[1]).read_text(encoding="utf-8")
        assert [int(n) for n in re.findall(r"^(?:inlets|outlets) = (\d+);", text, re.M)] == [
            box["numinlets"],
            box["numoutlets"],
        ]
