"""``python -m klustr_bridge``: the command line."""

from klustr_bridge.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
