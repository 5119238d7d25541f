"""The whole study: labels, features, maps, scores, ranking; every part kept as soon as it is there.

Owns the order of things and what is made in which process. It must not write the report.
"""

import importlib.metadata
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klustr_bridge import __version__
from klustr_bridge.errors import StudyError
from klustr_bridge.processes import available_cores
from klustr_bridge.study.dataset import BRIDGE, DRUMS, LabelledFiles, read_files
from klustr_bridge.study.external import read_external
from klustr_bridge.study.features import EMBEDDING, PUBLISHED
from klustr_bridge.study.hearing import HeardSet, hear
from klustr_bridge.study.kept import Kept, key_of
from klustr_bridge.study.published import INITIALISATIONS
from klustr_bridge.study.ranking import Place, held_out_share, ranked
from klustr_bridge.study.reductions import QUICK, Job, make, population
from klustr_bridge.study.results import Features, MapScored, StudyResult
from klustr_bridge.study.scores import k_means, map_scores, neighbour_precision
from klustr_bridge.study.workers import in_processes
from klustr_bridge.types import Float32Array

MOST_SOUNDS = {"quick": 3_000, "full": 6_000}
"""Of more sounds so many are drawn by chance, unless another number is asked for: the time of every map
grows with them, that of comparing all pairs with their square."""

_MAKING_VERSION = 1
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "umap-learn", "openTSNE", "numba", "faiss-cpu")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Task:
    """Maps of one feature set, made and judged in one go; the numbers lie in the work folder."""

    features: str
    job: Job
    key: str
    rows_key: str
    work: Path
    seed: int


@dataclass(frozen=True, slots=True)
class _Found:
    """A map of a task, as kept."""

    features: str
    family: str
    title: str
    parameters: Mapping[str, float]
    xy: Float32Array
    seconds: float
    scores: Mapping[str, float]
    share: NDArray[np.float64]


def run_study(
    folder: Path,
    *,
    work: Path,
    labels: Path | None = None,
    preset: str = BRIDGE,
    extent: str = QUICK,
    classes: str = DRUMS,
    seed: int = 1,
    embeddings: Mapping[str, Path] | None = None,
    most: int | None = None,
    n_processes: int | None = None,
    tell: Tell = print,
) -> StudyResult:
    """Find out which features and which reduction make the best map of a folder.

    Parameters
    ----------
    folder : Path
    work : Path
        Folder in which every part is kept as it is done; what another run has left there is used.
    labels, preset, classes
        As for `klustr_bridge.study.dataset.read_files`.
    extent : {'quick', 'full'}
    seed : int
        Same files, seed, machine and library versions: same result.
    embeddings : mapping of str to Path, optional
        Numbers from elsewhere, by the name they get (`klustr_bridge.study.external.read_external`). Sounds
        that one of them lacks are left out of the whole study: maps are compared on the same sounds.
    most : int, optional
        Of more sounds so many are drawn; see `MOST_SOUNDS`.
    n_processes : int, optional
        As many as there are cores; 1: all is done in this process.
    tell : callable
        Told a line about what has been done, now and then.

    Returns
    -------
    StudyResult

    Raises
    ------
    StudyError
        Where labels, numbers or sounds don't make a study.
    """
    begun = time.monotonic()
    n_processes = available_cores() if n_processes is None else n_processes
    externals = {_free_name(name): read_external(file, folder) for name, file in (embeddings or {}).items()}
    files, dropped = read_files(folder, labels, preset=preset, classes=classes)
    files, n_left = _drawn(files, MOST_SOUNDS.get(extent, 0) if most is None else most, seed)
    if n_left:
        dropped["not drawn, of so many"] = n_left
    files, sets, unheard = hear(
        files, preset=preset, work=work, externals=externals, n_processes=n_processes, tell=tell
    )
    packs, packs_are = files.packs()
    kept = Kept(work)
    tasks = list(_tasks(files, sets, packs, extent, work, seed))
    clock = "clock-" + key_of([task.key for task in tasks])
    before_s = _seconds_before(kept, clock)
    try:
        _make_all(kept, tasks, n_processes, tell)
        found = [one for task in tasks for one in _found(kept, task)]
        measured = [_measured(one, files.labels, packs, seed) for one in sets]
    finally:
        seconds = before_s + time.monotonic() - begun
        kept.write(clock, {"seconds": np.array(seconds)})
    if not found:
        raise StudyError("none of the maps could be made; the lines above say why")
    shares = [one.share for one in found]
    return StudyResult(
        folder=folder.resolve().name,
        preset=preset,
        extent=extent,
        seed=seed,
        labels=files.labels,
        packs=packs,
        packs_are=packs_are,
        dropped=dropped | unheard,
        features=tuple(measured),
        maps=tuple(
            _scored(found[place.number], place) for place in ranked(shares, files.labels, packs, seed)
        ),
        held_out=held_out_share(shares, packs) if packs_are != "sound" else float("nan"),
        seconds=seconds,
        n_cores=n_processes,
        versions=_versions(),
    )


def _free_name(name: str) -> str:
    if name in PUBLISHED or name == EMBEDDING or not name:
        taken = ", ".join([*PUBLISHED, EMBEDDING])
        raise StudyError(f"an embedding can't be named {name!r}; taken: {taken}")
    return name


def _drawn(files: LabelledFiles, most: int, seed: int) -> tuple[LabelledFiles, int]:
    """So many files at most, and how many were left out."""
    if not 0 < most < len(files):
        return files, 0
    drawn = np.zeros(len(files), np.bool_)
    drawn[np.random.default_rng(seed).choice(len(files), size=most, replace=False)] = True
    return files.keep(drawn), len(files) - most


def _tasks(
    files: LabelledFiles,
    sets: Sequence[HeardSet],
    packs: NDArray[np.str_],
    extent: str,
    work: Path,
    seed: int,
) -> list[_Task]:
    """All that is to be made, the longest first; what it takes is put into the work folder."""
    kept = Kept(work)
    tasks = []
    for one in sets:
        of_all = key_of(
            _MAKING_VERSION, sorted(_versions().items()), seed, files.labels.tolist(), packs.tolist()
        )
        rows_key = "rows-" + key_of(one.rows.shape, one.rows.tobytes(), of_all)
        if kept.read(rows_key) is None:
            kept.write(rows_key, {"rows": one.rows, "labels": files.labels, "packs": packs})
        for job in population(extent, len(files)):
            key = "maps-" + key_of(rows_key, job.family, sorted(job.parameters.items()), job.iterations)
            tasks.append(_Task(one.name, job, key, rows_key, work, seed))
    return sorted(tasks, key=lambda task: -task.job.cost)


def _make_all(kept: Kept, tasks: Sequence[_Task], n_processes: int, tell: Tell) -> None:
    missing = [task for task in tasks if kept.read(task.key) is None]
    n_maps = sum(len(list(task.job.members())) for task in tasks)
    n_done = n_maps - sum(len(list(task.job.members())) for task in missing)
    if n_done:
        tell(f"made before: {n_done} of {n_maps} maps")
    left = sum(task.job.cost for task in missing)
    begun, done = time.monotonic(), 0.0
    for task, problem in in_processes(_make, missing, n_processes):
        n_done += len(list(task.job.members()))
        done += task.job.cost
        titles = [title for title, _ in task.job.members()]
        what = titles[0] if len(titles) == 1 else f"{titles[-1]}, and {len(titles) - 1} on the way"
        left_s = (time.monotonic() - begun) / done * (left - done)
        tell(
            f"{n_done} of {n_maps} maps: {task.features}, {what}{_ends_in(left_s) if n_done < n_maps else ''}"
        )
        if problem:
            tell(f"could not be made: {problem}")


def _ends_in(seconds: float) -> str:
    return f" ({seconds / 60:.0f} min left)" if seconds >= 90 else f" ({seconds:.0f} s left)"


def _make(task: _Task) -> str:
    """Make and judge the maps of a task, and keep them; the reason, where they can't be made."""
    kept = Kept(task.work)
    given = kept.read(task.rows_key)
    if given is None:
        return f"{kept.path(task.rows_key)} is gone or damaged"
    rows = np.asarray(given["rows"], np.float32)
    labels, packs = given["labels"].astype(np.str_), given["packs"].astype(np.str_)
    try:
        made = make(task.job, rows, task.seed)
    except Exception as error:  # whatever a library raises: all other maps can still be made
        return f"{task.features}, {task.job.family}: {type(error).__name__}: {error}"
    judged = [map_scores(one.xy, rows, labels, packs, task.seed) for one in made]
    kept.write(
        task.key,
        {
            "xy": np.array([one.xy for one in made]),
            "seconds": np.array([one.seconds for one in made]),
            "scores": np.array([json.dumps(scores) for scores, _ in judged]),
            "share": np.array([share for _, share in judged]),
        },
    )
    return ""


def _found(kept: Kept, task: _Task) -> list[_Found]:
    made = kept.read(task.key)
    if made is None:
        return []
    return [
        _Found(
            task.features,
            task.job.family,
            title,
            parameters,
            np.asarray(made["xy"][at], np.float32),
            float(made["seconds"][at]),
            json.loads(str(made["scores"][at])),
            np.asarray(made["share"][at], np.float64),
        )
        for at, (title, parameters) in enumerate(task.job.members())
    ]


def _scored(one: _Found, place: Place) -> MapScored:
    return MapScored(
        one.features,
        one.family,
        one.title,
        one.parameters,
        one.xy,
        one.seconds,
        one.scores,
        place.share,
        place.share_classes,
        place.behind,
    )


def _measured(one: HeardSet, labels: NDArray[np.str_], packs: NDArray[np.str_], seed: int) -> Features:
    codes = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    share = neighbour_precision(one.rows.astype(np.float64), labels, packs)
    place = ranked([share], labels, packs, seed)[0]
    return Features(
        one.name,
        one.title,
        one.rows.shape[1],
        one.seconds,
        {name: k_means(one.rows, codes, name, seed) for name in INITIALISATIONS},
        place.share,
        place.share_classes,
    )


def _seconds_before(kept: Kept, clock: str) -> float:
    before = kept.read(clock)
    return 0.0 if before is None else float(before["seconds"])


def _versions() -> dict[str, str]:
    found = {"klustr-bridge": __version__}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
