"""``study``: which features and which reduction make the best map of a folder; a report.

Owns the words of the command. It must not touch a library.
"""

import argparse
import sys
from pathlib import Path

from klustr_bridge.errors import SettingsError
from klustr_bridge.settings import LoadedSettings


def study(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Run the study and write its report."""
    from klustr_bridge.study.report import write_report
    from klustr_bridge.study.run import run_study

    if namespace.quick and namespace.full:
        raise SettingsError("--quick and --full are two studies; name one of them")
    out = Path(namespace.out)
    try:
        result = run_study(
            Path(namespace.folder),
            work=out / "work",
            labels=Path(namespace.labels) if namespace.labels else None,
            preset=namespace.preset,
            extent="full" if namespace.full else "quick",
            classes=namespace.classes,
            seed=loaded.settings.layout.seed,
            embeddings=_embeddings(namespace.embedding),
            most=namespace.most,
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )
    except KeyboardInterrupt:
        print(f"stopped; what is done is kept in {out / 'work'}: the same command goes on", file=sys.stderr)
        raise
    page = write_report(result, out)
    best = result.maps[0]
    as_good = sum(one.is_as_good for one in result.maps[1:])
    print(f"{len(result.labels)} sounds, {len(result.classes)} classes, {len(result.maps)} maps")
    print(f"best: {best.features}, {best.title}: {best.share.text()} % of the ten nearest are of one's class")
    drawn = "single sounds" if result.packs_are == "sound" else f"{result.packs_are}s"
    print(f"{as_good} others may be as good (95 % of resamples of {drawn})")
    if result.failed:
        print(f"{len(result.failed)} of the reductions failed; the page says why")
    print(page)
    return 0


def _embeddings(given: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, file in map(_named_file, given):
        if name in found:
            raise SettingsError(f"--embedding {name} is given twice; name each otherwise")
        found[name] = file
    return found


def _named_file(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not equals or not name or not file:
        raise SettingsError(f"--embedding {text}: needed is NAME=FILE.npz")
    return name, Path(file)
