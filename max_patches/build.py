"""Build the Max package: ``python max_patches/build.py``.

Everything that Max opens is made here from the parts in `making`: the code from the daemon's command table,
the patches from columns of boxes and the lines between them. py2max knows the objects, and refuses lines to
inlets or outlets that they don't have. ``--into FOLDER`` builds elsewhere, for comparison.
"""

import sys
from pathlib import Path

from making import amxd
from making.bundle import BUNDLES, bundle
from making.client import client
from making.device import INSTRUMENT_WIDTH, MIDI_WIDTH, instrument, midi_effect
from making.first_steps import first_steps
from making.help import client_help
from making.overview import overview
from making.picture import picture
from making.places import PACKAGE

PATCHES = {
    "patchers/klustr.client.maxpat": client,
    "patchers/klustr.first-steps.maxpat": first_steps,
    "help/klustr.client.maxhelp": client_help,
    "extras/klustr.maxpat": overview,
}
DEVICES = {
    "devices/klustr.amxd": (instrument, amxd.INSTRUMENT, INSTRUMENT_WIDTH, 9),
    "devices/klustr.midi.amxd": (midi_effect, amxd.MIDI_EFFECT, MIDI_WIDTH, 9),
    "devices/klustr.max8.amxd": (instrument, amxd.INSTRUMENT, INSTRUMENT_WIDTH, 8),
    "devices/klustr.midi.max8.amxd": (midi_effect, amxd.MIDI_EFFECT, MIDI_WIDTH, 8),
}
PICTURES = {
    "docs/max-overview.svg": (overview, (1034, 560)),
    "docs/max-first-steps.svg": (first_steps, None),
    "docs/live-instrument.svg": (lambda: instrument(9), (INSTRUMENT_WIDTH, amxd.HEIGHT)),
    "docs/live-midi-effect.svg": (lambda: midi_effect(9), (MIDI_WIDTH, amxd.HEIGHT)),
}
"""Drawn with their lines, or as they show themselves in a size."""


def build() -> dict[str, bytes]:
    """Return everything that is made, by its path below the package (pictures: below the checkout)."""
    files = {f"javascript/{name}": bundle(name).encode() for name in BUNDLES}
    files |= {path: make().text().encode() for path, make in PATCHES.items()}
    for path, (make, kind, width, major) in DEVICES.items():
        patch = amxd.as_device(make(major).content(), kind, width)
        files[path] = amxd.pack(patch, kind, major)
    return files


def pictures() -> dict[str, bytes]:
    """Return the pictures, by their path below the checkout."""
    return {path: picture(make(), presented=size).encode() for path, (make, size) in PICTURES.items()}


def main(words: list[str]) -> int:
    """Write all files; the folder after ``--into`` takes the place of the package and the checkout."""
    into = Path(words[1]) if words[:1] == ["--into"] and len(words) == 2 else None
    for base, files in ((into or PACKAGE, build()), (into or PACKAGE.parent, pictures())):
        for name, content in files.items():
            path = base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
