"""The whole study: labels, features, maps, scores, ranking; every part kept as soon as it is there.

Owns the order of things and what is made in which process. It must not write the report.
"""

import hashlib
import importlib.metadata
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klustr_bridge import __version__
from klustr_bridge.errors import StudyError
from klustr_bridge.library.paths import to_text
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
from klustr_bridge.study.scores import asked_precision, k_means, map_scores
from klustr_bridge.study.workers import in_processes
from klustr_bridge.types import Float32Array

MOST_SOUNDS = {"quick": 3_000, "full": 6_000}
"""Of more sounds so many are drawn by chance, unless another number is asked for: the time of every map
grows with them, that of comparing all pairs with their square."""

_SURE_AFTER = 0.15
_MAKING_VERSION = 1
_JUDGING_VERSION = 1
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "umap-learn", "openTSNE", "numba", "faiss-cpu")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Task:
    """Maps of one feature set, made and judged in one go; what it takes and gives lies in the work folder.

    What a map is made from has no labels in its name: with other labels the same maps are judged anew.
    """

    features: str
    job: Job
    rows_key: str
    labels_key: str
    maps_key: str
    scores_key: str
    work: Path
    seed: int

    @property
    def n_maps(self) -> int:
        return len(list(self.job.members()))

    @property
    def title(self) -> str:
        titles = [title for title, _ in self.job.members()]
        return titles[0] if len(titles) == 1 else f"{titles[-1]}, and {len(titles) - 1} on the way"

    def is_done(self, kept: Kept) -> bool:
        return kept.read(self.scores_key) is not None and kept.read(self.maps_key) is not None


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
    if most is not None and most < 1:
        raise StudyError(f"{most} sounds can't be drawn; at least one, or leave --most out")
    kept = Kept(work)
    externals = {_free_name(name): read_external(file, folder) for name, file in (embeddings or {}).items()}
    files, dropped = read_files(folder, labels, preset=preset, classes=classes)
    files, n_left = _drawn(files, MOST_SOUNDS.get(extent, 0) if most is None else most, seed)
    if n_left:
        dropped["not drawn, of so many"] = n_left
    names, count = np.unique(files.labels, return_counts=True)
    told_classes = ", ".join(f"{name} {n}" for name, n in zip(names.tolist(), count.tolist(), strict=True))
    tell(f"{len(files)} files of {len(names)} classes: {told_classes}")
    if dropped:
        tell(f"left out: {'; '.join(f'{n} {reason}' for reason, n in sorted(dropped.items()))}")
    kept.begin()
    clock = "clock-" + key_of(files.paths, preset, extent, seed)
    was = kept.read(clock)
    seconds = 0.0 if was is None else float(was["seconds"])
    has_made = False

    def told(line: str) -> None:
        nonlocal has_made
        has_made = True
        tell(line)

    try:
        files, sets, unheard = hear(
            files, preset=preset, work=work, externals=externals, n_processes=n_processes, tell=told
        )
        packs, packs_are = files.packs()
        tasks = list(_tasks(files, sets, packs, extent, work, seed))
        failed = _make_all(kept, tasks, n_processes, told, tell)
        found = [one for task in tasks for one in _found(kept, task)]
        measured = [_measured(kept, one, files.labels, packs, seed) for one in sets]
    finally:
        if has_made:
            seconds += time.monotonic() - begun
            kept.write(clock, {"seconds": np.array(seconds)})
    if not found:
        raise StudyError("none of the maps could be made: " + "; ".join(sorted(set(failed.values()))))
    shares = [one.share for one in found]
    root = folder.resolve()
    return StudyResult(
        folder=root.name,
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
        paths=tuple(_below(path, root) for path in files.paths),
        failed=failed,
    )


def _below(path: bytes, root: Path) -> str:
    text = to_text(path)
    return text.removeprefix(str(root) + os.sep)


def _free_name(name: str) -> str:
    if name in PUBLISHED or name == EMBEDDING or not name:
        taken = ", ".join([*PUBLISHED, EMBEDDING])
        raise StudyError(f"an embedding can't be named {name!r}; taken: {taken}")
    return name


def _drawn(files: LabelledFiles, most: int, seed: int) -> tuple[LabelledFiles, int]:
    """So many files at most, and how many were left out.

    By lots that go with a file's name: another file more or less changes next to nothing of the draw.
    """
    if len(files) <= most:
        return files, 0
    lots = [hashlib.sha256(b"%d %s" % (seed, path)).digest() for path in files.paths]
    last = sorted(lots)[most - 1]
    drawn = np.array([lot <= last for lot in lots])
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
    made_by = key_of(_MAKING_VERSION, sorted(_versions().items()), seed)
    labels_key = "labels-" + key_of(files.labels.tolist(), packs.tolist())
    if kept.read(labels_key) is None:
        kept.write(labels_key, {"labels": files.labels, "packs": packs})
    tasks = []
    for one in sets:
        rows_key = "rows-" + key_of(one.rows.shape, one.rows.tobytes())
        if kept.read(rows_key) is None:
            kept.write(rows_key, {"rows": one.rows})
        for job in population(extent, len(files)):
            of_job = (job.family, sorted(job.parameters.items()), job.iterations)
            maps_key = "maps-" + key_of(rows_key, made_by, of_job)
            scores_key = "scores-" + key_of(_JUDGING_VERSION, maps_key, labels_key)
            tasks.append(_Task(one.name, job, rows_key, labels_key, maps_key, scores_key, work, seed))
    return sorted(tasks, key=lambda task: -task.job.cost)


def _make_all(kept: Kept, tasks: Sequence[_Task], n_processes: int, told: Tell, tell: Tell) -> dict[str, str]:
    """Make what is missing; the reasons of what can't be made, by features and map."""
    missing = [task for task in tasks if not task.is_done(kept)]
    n_maps = sum(task.n_maps for task in tasks)
    n_done = n_maps - sum(task.n_maps for task in missing)
    if n_done:
        tell(f"made before: {n_done} of {n_maps} maps")
    if missing:
        tell(f"making {n_maps - n_done} maps; the longest come first")
    left = sum(task.job.cost for task in missing)
    begun, done = time.monotonic(), 0.0
    failed = {}
    for task, problem in in_processes(_make, missing, n_processes):
        n_done += task.n_maps
        done += task.job.cost
        left_s = (time.monotonic() - begun) / done * (left - done)
        # processes that start, import and compile tell nothing about the rest
        end = _ends_in(left_s) if n_done < n_maps and done > _SURE_AFTER * left else ""
        if problem:
            failed[f"{task.features}, {task.title}"] = problem
            end = f" could not be made: {problem}{end}"
        told(f"{n_done} of {n_maps} maps: {task.features}, {task.title}{end}")
    return failed


def _ends_in(seconds: float) -> str:
    return f" ({seconds / 60:.0f} min left)" if seconds >= 90 else f" ({seconds:.0f} s left)"


def _make(task: _Task) -> str:
    """Make and judge the maps of a task, and keep them; the reason, where they can't be."""
    kept = Kept(task.work)
    given, told = kept.read(task.rows_key), kept.read(task.labels_key)
    if given is None or told is None:
        return f"{kept.path(task.rows_key)} is gone or damaged; run the study again"
    rows = np.asarray(given["rows"], np.float32)
    try:
        made = kept.read(task.maps_key)
        if made is None:
            maps = make(task.job, rows, task.seed)
            made = {
                "xy": np.array([one.xy for one in maps]),
                "seconds": np.array([one.seconds for one in maps]),
            }
            if not np.isfinite(made["xy"]).all():
                return "it gives places that are no numbers"
            kept.write(task.maps_key, made)
        labels, packs = told["labels"].astype(np.str_), told["packs"].astype(np.str_)
        judged = [map_scores(np.asarray(xy), rows, labels, packs, task.seed) for xy in made["xy"]]
    except Exception as error:  # whatever a library raises: all other maps can still be made
        return f"{type(error).__name__}: {error}"
    kept.write(
        task.scores_key,
        {
            "scores": np.array([json.dumps(scores) for scores, _ in judged]),
            "share": np.array([share for _, share in judged]),
        },
    )
    return ""


def _found(kept: Kept, task: _Task) -> list[_Found]:
    made, judged = kept.read(task.maps_key), kept.read(task.scores_key)
    if made is None or judged is None:
        return []
    return [
        _Found(
            task.features,
            task.job.family,
            title,
            parameters,
            np.asarray(made["xy"][at], np.float32),
            float(made["seconds"][at]),
            json.loads(str(judged["scores"][at])),
            np.asarray(judged["share"][at], np.float64),
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


def _measured(
    kept: Kept, one: HeardSet, labels: NDArray[np.str_], packs: NDArray[np.str_], seed: int
) -> Features:
    """What a feature set knows before any map is made of it."""
    place = ranked([asked_precision(one.rows, labels, packs)], labels, packs, seed)[0]
    key = "k-means-" + key_of(_JUDGING_VERSION, one.rows.tobytes(), labels.tolist(), seed)
    found = kept.read(key)
    if found is None:
        codes = np.unique(labels, return_inverse=True)[1].astype(np.int64)
        found = {name: np.array(k_means(one.rows, codes, name, seed)) for name in INITIALISATIONS}
        kept.write(key, found)
    kmeans = {name: (float(found[name][0]), float(found[name][1])) for name in INITIALISATIONS}
    return Features(
        one.name, one.title, one.rows.shape[1], one.seconds, kmeans, place.share, place.share_classes
    )


def _versions() -> dict[str, str]:
    found = {"klustr-bridge": __version__}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
