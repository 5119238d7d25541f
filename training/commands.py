"""The commands of training: ``python -m training prepare|train|export|evaluate|all``.

Owns their words and the names of the files in the output folder. It must not do their work.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from klustr_bridge.errors import KlustrError
from training.evaluate import evaluate
from training.export import EAR, TOLERANCE, heard_by_file, write
from training.fit import Recipe, train
from training.folds import all_folds
from training.heads import fit_kind_head, fit_map_head, mixed
from training.network import Weights, embed
from training.sounds import Sounds, TrainingError, hear_all, keep, kept_sounds

SOUNDS = "sounds.npz"
WEIGHTS = "weights.npz"
REPORT = "report.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 1 where it can't be done."""
    options = _parser().parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        for step in ("prepare", "train", "export") if options.command == "all" else (options.command,):
            _STEPS[step](options)
    except KlustrError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    return 0


def _prepare(options: argparse.Namespace) -> None:
    if options.data is None:
        raise TrainingError("--data is missing: name the folder that holds drums.csv and drums/")
    sounds = hear_all(options.data, _tell)
    keep(sounds, options.out / SOUNDS)
    _tell(f"{len(sounds)} sounds of {len(np.unique(sounds.collection))} collections: {options.out / SOUNDS}")


def _train(options: argparse.Namespace) -> None:
    weights = train(_taught(options), _recipe(options), _tell)
    np.savez(options.out / WEIGHTS, **weights)  # type: ignore[arg-type]
    _tell(f"weights: {options.out / WEIGHTS}")


def _export(options: argparse.Namespace) -> None:
    weights = _kept_weights(options.out / WEIGHTS)
    sounds = _taught(options)
    learned = embed(weights, sounds.levels, sounds.log_length)
    heads = fit_kind_head(weights, sounds, options.seed) | fit_map_head(mixed(sounds, learned), options.seed)
    for line in write(weights, heads, options.out):
        _tell(line)
    heard = heard_by_file(options.out / EAR, sounds.levels, sounds.log_length)
    apart = float(np.abs(heard - learned).max())
    _tell(f"ONNX Runtime and PyTorch differ by at most {apart:.1e} in {heard.size} numbers")
    if apart > TOLERANCE:
        raise TrainingError(
            f"{options.out / EAR} says something else than PyTorch: allowed is {TOLERANCE:.0e}"
        )


def _evaluate(options: argparse.Namespace) -> None:
    sounds = kept_sounds(options.out / SOUNDS)
    folds = all_folds(sounds, _recipe(options), options.seeds, options.out, _tell)
    report = evaluate(sounds, folds, _tell)
    (options.out / REPORT).write_text(report, encoding="utf-8")
    print(report)


_STEPS = {"prepare": _prepare, "train": _train, "export": _export, "evaluate": _evaluate}


def _taught(options: argparse.Namespace) -> Sounds:
    sounds = kept_sounds(options.out / SOUNDS)
    known = sorted(set(sounds.collection.tolist()))
    if unknown := sorted(set(options.hold_out) - set(known)):
        raise TrainingError(f"--hold-out {unknown[0]}: no such collection; known: {', '.join(known)}")
    return sounds.of(~np.isin(sounds.collection, options.hold_out))


def _kept_weights(path: Path) -> Weights:
    if not path.is_file():
        raise TrainingError(f"{path} isn't there; run `python -m training train` first")
    with np.load(path, allow_pickle=False) as kept:
        return {name: kept[name] for name in kept.files}


def _recipe(options: argparse.Namespace) -> Recipe:
    return Recipe(options.steps, options.batch, options.seed, options.device)


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _parser() -> argparse.ArgumentParser:
    default = Recipe()
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("command", choices=["prepare", "train", "export", "evaluate", "all"])
    parser.add_argument("--data", type=Path, help="folder with drums.csv and drums/ (prepare, all)")
    parser.add_argument("--out", type=Path, required=True, help="folder that everything is written to")
    parser.add_argument("--steps", type=int, default=default.steps, help="of training; default %(default)s")
    parser.add_argument("--batch", type=int, default=default.batch, help="sounds a step; default %(default)s")
    parser.add_argument("--seed", type=int, default=default.seed, help="default %(default)s")
    parser.add_argument("--seeds", type=int, default=1, help="of each fold (evaluate); default %(default)s")
    parser.add_argument("--device", choices=["cpu", "cuda"], default=default.device)
    parser.add_argument("--hold-out", nargs="+", default=[], metavar="COLLECTION", help="not trained on")
    return parser
