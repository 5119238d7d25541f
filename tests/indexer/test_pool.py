"""The pool of analysis workers, with real processes that really crash, hang and bloat."""

import multiprocessing.connection
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from klustr_bridge.indexer.pool import AnalysisPool
from klustr_bridge.indexer.worker import Answer
from tests.indexer.analyses import by_content


@pytest.fixture
def pool() -> Iterator[AnalysisPool]:
    pool = AnalysisPool(2, by_content, time_limit_s=3.0, memory_limit_mb=400)
    yield pool
    pool.close()


def _answers(pool: AnalysisPool, folder: Path, words: list[str]) -> list[Answer]:
    tokens = []
    for number, word in enumerate(words):
        path = folder / f"{number}.wav"
        path.write_text(word)
        tokens.append(pool.submit(os.fsencode(path)))
    by_token: dict[int, Answer] = {}
    while pool.backlog:
        for answer in pool.collect():
            assert answer.token not in by_token
            by_token[answer.token] = answer
        multiprocessing.connection.wait(pool.connections, 0.1)
    return [by_token[token] for token in tokens]


def test_every_file_is_answered_once(pool: AnalysisPool, tmp_path: Path) -> None:
    """A hundred files come back as a hundred answers, each with its own analysis and stamp."""
    answers = _answers(pool, tmp_path, [f"sound {number}" for number in range(100)])
    uids = [answer.analysis.uid for answer in answers if answer.analysis]
    assert uids == [f"sound {number}" for number in range(100)]
    assert all(
        answer.stamp and answer.stamp.size == len(uid) for answer, uid in zip(answers, uids, strict=True)
    )


def test_a_crash_loses_only_the_file_that_did_it(pool: AnalysisPool, tmp_path: Path) -> None:
    """Files in the same hands as a crashing one are analysed all the same; it gets its reason."""
    words = ["a", "b", "crash", "c", "d", "crash", *"efghijklmnop"]
    answers = _answers(pool, tmp_path, words)
    for word, answer in zip(words, answers, strict=True):
        if word == "crash":
            assert answer.reason == "ended the process that analysed it"
        else:
            assert answer.analysis is not None
            assert answer.analysis.uid == word


def test_a_worker_killed_from_outside_costs_no_file(pool: AnalysisPool, tmp_path: Path) -> None:
    """A file at which a worker died once is tried again alone before it is refused."""
    answers = _answers(pool, tmp_path, ["a", "crash once", "b"])
    assert [answer.analysis is not None for answer in answers] == [True, True, True]


def test_a_hanging_file_is_given_up(pool: AnalysisPool, tmp_path: Path) -> None:
    """A file that never ends is refused after the time limit and its worker replaced."""
    answers = _answers(pool, tmp_path, ["a", "hang", "b"])
    assert answers[1].reason == "took longer than the 3 s that one file may take"
    assert answers[0].analysis and answers[2].analysis


@pytest.mark.skipif(psutil.WINDOWS, reason="address space is limited on POSIX systems")
def test_a_bloated_file_is_refused(pool: AnalysisPool, tmp_path: Path) -> None:
    """A file whose analysis wants more memory than the limit is refused, others go on."""
    answers = _answers(pool, tmp_path, ["bloat", "a"])
    assert answers[0].reason == "needs more than the 400 MB that one file may use"
    assert answers[1].analysis


def test_mistakes_become_reasons(pool: AnalysisPool, tmp_path: Path) -> None:
    """A refusal keeps its words; an unexpected exception says what it was; neither ends a worker."""
    refused, broken = _answers(pool, tmp_path, ["refuse", "break"])
    assert refused.reason == "holds no sound"
    assert broken.reason == "the analysis failed: ZeroDivisionError: a mistake of ours"


def test_a_vanished_file_is_neither_heard_nor_refused(pool: AnalysisPool, tmp_path: Path) -> None:
    """A file that is gone when its turn comes is left for the next scan."""
    pool.submit(os.fsencode(tmp_path / "gone.wav"))
    answers: list[Answer] = []
    while pool.backlog:
        answers += pool.collect()
        multiprocessing.connection.wait(pool.connections, 0.1)
    assert [(answer.analysis, answer.reason, answer.stamp) for answer in answers] == [(None, None, None)]


def test_closing_leaves_no_process(tmp_path: Path) -> None:
    """After close no worker is left, even when one hangs."""
    before = multiprocessing.active_children()  # of other tests
    pool = AnalysisPool(2, by_content)
    path = tmp_path / "a.wav"
    path.write_text("hang")
    pool.submit(os.fsencode(path))
    pool.collect()
    new = [worker for worker in multiprocessing.active_children() if worker not in before]
    workers = [psutil.Process(worker.pid) for worker in new]
    assert workers
    pool.close()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive


def test_an_idle_worker_that_dies_is_buried(pool: AnalysisPool, tmp_path: Path) -> None:
    """A worker killed while it has nothing to do leaves no dead connection to wait on, and work goes on."""
    _answers(pool, tmp_path, ["a", "b", "c"])
    for worker in multiprocessing.active_children():
        worker.kill()
    until = time.monotonic() + 10
    while pool.connections and time.monotonic() < until:
        multiprocessing.connection.wait(pool.connections, 0.1)
        pool.collect()
    assert pool.connections == []
    assert all(answer.analysis for answer in _answers(pool, tmp_path, ["d", "e"]))
