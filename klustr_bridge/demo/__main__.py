"""``python -m klustr_bridge.demo DIR``: make the demo library in a folder."""

import argparse
import sys
from pathlib import Path

from klustr_bridge.demo.library import make_demo_library
from klustr_bridge.errors import KlustrError


def main(arguments: list[str] | None = None) -> int:
    """Make the library and say where it is; 0 when it is complete, 1 when it can't be made."""
    parser = argparse.ArgumentParser(prog="python -m klustr_bridge.demo", description=__doc__)
    parser.add_argument(
        "directory", type=Path, metavar="DIR", help="an empty folder, a new one, or an earlier demo"
    )
    parser.add_argument("--seed", type=int, default=1, help="another number, other sounds (default: 1)")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error(f"--seed is {options.seed}; it must be 0 or more")
    try:
        paths = make_demo_library(options.directory, seed=options.seed)
    except KlustrError as error:
        print(f"klustr-bridge: {error}", file=sys.stderr)
        return 1
    print(f"{len(paths)} sounds in {options.directory}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
