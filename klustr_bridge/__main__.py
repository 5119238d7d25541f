"""The command ``klustr-bridge``, and ``python -m klustr_bridge``.

Owns what Ctrl-C does before the command line is there to answer it. Must import nothing at its top.
"""


def main() -> int:
    """Run the command line and return its exit code; 130 where Ctrl-C comes before it has begun."""
    try:
        from klustr_bridge import cli  # takes some 50 ms, in which Ctrl-C would print a traceback

        return cli.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
