"""What tests read of the package: its patches, devices, boxes and lines."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.max_patches.amxd_reader import read
from tests.max_patches.max_peer import PACKAGE

Box = dict[str, Any]
Patch = dict[str, Any]


def patch_files() -> list[Path]:
    """Every file that Max opens as a patch."""
    return sorted(path for end in ("maxpat", "maxhelp", "amxd") for path in PACKAGE.rglob(f"*.{end}"))


def device_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.amxd"))


def load(path: Path) -> Patch:
    """Return the file's patch: what is within ``patcher``."""
    content = read(path)[2] if path.suffix == ".amxd" else json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == ["patcher"]
    patch: Patch = content["patcher"]
    return patch


def levels(patch: Patch) -> Iterator[Patch]:
    """The patch and the subpatchers in it."""
    yield patch
    for box in boxes(patch):
        if "patcher" in box:
            yield from levels(box["patcher"])


def boxes(patch: Patch) -> list[Box]:
    return [entry["box"] for entry in patch["boxes"]]


def lines(patch: Patch) -> Iterator[tuple[str, int, str, int]]:
    for entry in patch["lines"]:
        line = entry["patchline"]
        yield (*line["source"], *line["destination"])


def all_boxes(patch: Patch) -> Iterator[Box]:
    for level in levels(patch):
        yield from boxes(level)


def class_of(box: Box) -> str:
    """What the box is an object of: the first word of its text, or its maxclass."""
    return str(box["text"]).split()[0] if box["maxclass"] == "newobj" else str(box["maxclass"])
