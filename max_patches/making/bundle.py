"""The code of the client and the devices, each in one file that needs no other.

Max's ``js`` runs ECMAScript 5 at most, and a device has to be whole without the package: so the parts are
put one after the other, with no modules. Under Node the names come out through ``module.exports``.
"""

import re
from pathlib import Path
from typing import Final

from making.places import CLIENT_PORT, DEVICE_PORTS
from making.table import as_javascript

PARTS: Final = Path(__file__).parent / "javascript"
_CLIENT: Final = ("words", "paths", "lists", "ports", "link", "client")
_DEVICE: Final = (*_CLIENT, "memory", "voices", "live", "sounds", "fingers", "instrument", "midi")

BUNDLES: Final = {
    "klustr.client.js": (*_CLIENT, "shell_common", "shell_client"),
    "klustr.instrument.js": (*_DEVICE, "shell_common", "shell_device"),
    "klustr.midi.js": (*_DEVICE, "shell_common", "shell_device"),
}
"""The parts of each file, in order."""


def bundle(name: str) -> str:
    """Return the code of one of `BUNDLES`."""
    parts = [(PARTS / f"{part}.js").read_text(encoding="utf-8") for part in BUNDLES[name]]
    text = "\n".join([_heading(name), as_javascript(), *parts])
    exported = sorted({*re.findall(r"^(?:function|var) ([Kk][A-Za-z_]+|KLUSTR_\w+)", text, re.M)})
    names = "".join(f"\n        {word}: {word}," for word in exported).rstrip(",")
    return f'{text}\nif (typeof module !== "undefined") {{\n    module.exports = {{{names}\n    }};\n}}\n'


def _heading(name: str) -> str:
    ports = ", ".join(map(str, DEVICE_PORTS))
    device = "" if name == "klustr.client.js" else f'var KLUSTR_DEVICE = "{name.split(".")[1]}";\n'
    return (
        "// Made by max_patches/build.py from the parts in max_patches/making/javascript; do not edit.\n"
        f"var KLUSTR_CLIENT_PORT = {CLIENT_PORT};\nvar KLUSTR_DEVICE_PORTS = [{ports}];\n{device}"
    )
