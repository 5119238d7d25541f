"""A small folder of labelled sounds, as `training` reads one."""

import csv
from pathlib import Path

from tests.sounds import DRUMS, write

COLLECTIONS = ("first", "second", "third")


def make_data(folder: Path, n_of_a_kind: int = 6) -> Path:
    """Write synthesised drums of three collections with two kits each, and their table."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "drums.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "collection", "kit"])
        for kind, make in DRUMS.items():
            for number in range(n_of_a_kind):
                collection = COLLECTIONS[number % 3]
                name = f"{collection}/{kind}{number}.flac"
                write(folder / "drums" / name, make(number))
                table.writerow([name, kind, collection, f"kit{number % 2}"])
    return folder
