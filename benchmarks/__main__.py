"""``python -m benchmarks NAME [options]``: run one benchmark and print its table.

Imports nothing heavy at the top: the processes that a benchmark spawns import this module too.
"""

import argparse
import importlib
import sys
from pathlib import Path

NAMES = (
    "duplicates",
    "exploring",
    "indexing",
    "kinds-by-ear",
    "kits",
    "layout",
    "map",
    "midi",
    "names",
    "player",
    "quality",
    "roundtrip",
    "scale",
    "similarity",
    "speed",
    "startup",
    "views",
)


def main(words: list[str]) -> int:
    from klustr_bridge.processes import single_threaded_environment

    single_threaded_environment()  # as the command line does, before numpy is there
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure one thing against another, in one run."
    )
    names = parser.add_subparsers(dest="name", metavar="NAME", required=True)
    modules = {name: importlib.import_module("benchmarks." + name.replace("-", "_")) for name in NAMES}
    for name, module in modules.items():
        about = (module.__doc__ or "").partition("\n")[0]
        sub = names.add_parser(name, help=about, description=about)
        module.add_options(sub)
        sub.add_argument("--json", type=Path, metavar="FILE", help="also write all that was measured here")
    options = parser.parse_args(words)
    report = modules[options.name].run(options)
    print(report.text(), flush=True)
    if options.json:
        options.json.write_text(report.to_json(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
