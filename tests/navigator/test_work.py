"""What the status says of the librarian's work."""

from pathlib import Path

import pytest

from klustr_bridge.navigator import Navigator
from tests.corpus.snapshots import Made, MadeSound, Waiting, below
from tests.navigator.parts import NotingLibrarian, corpus_of


def test_files_given_up_for_now_do_not_keep_it_from_being_ready(tmp_path: Path) -> None:
    """Files still pending count as work until the librarian has told that it is ready."""
    made = Made([MadeSound(1, [below("a.wav")], (0.1, 0.1))], [Waiting(2, below("locked.wav"))])
    navigator = Navigator(None, NotingLibrarian(), corpus_of(tmp_path, made))
    assert navigator.status().state == "analysing"
    navigator.note_work("scanning")
    assert navigator.status().state == "scanning"
    navigator.note_work("ready")
    assert (navigator.status().state, navigator.status().n_pending) == ("ready", 1)


@pytest.mark.parametrize("work", ["", "ready"])
def test_no_files_is_empty(tmp_path: Path, work: str) -> None:
    """A library without present files is empty, whatever has been told."""
    navigator = Navigator(None, NotingLibrarian())
    navigator.publish(corpus_of(tmp_path, Made()))
    navigator.note_work(work)
    assert navigator.status().state == "empty"
