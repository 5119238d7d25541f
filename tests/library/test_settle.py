"""When hinted paths are due."""

from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.library.settle import DIRECTORY, SettleQueue
from klustr_bridge.types import FileStamp


def _stamp(content: int) -> FileStamp:
    return FileStamp(content, content, 1, 1)


def test_growing_file_stays_until_it_rests() -> None:
    """A bounce written for seconds comes out once, when it has kept still."""
    queue = SettleQueue(0.5)
    queue.hint(b"/a", 0.0)
    for tick in range(40):
        queue.hint(b"/a", tick / 4)
        assert queue.due(tick / 4, lambda _, tick=tick: _stamp(tick)) == []
    assert queue.due(10.0, lambda _: _stamp(99)) == []
    assert queue.next_due(10.0) == 0.5
    assert queue.due(10.5, lambda _: _stamp(99)) == [b"/a"]
    assert queue.next_due(11.0) is None and len(queue) == 0


def test_both_halves_of_a_rename_come_together() -> None:
    """The old name and the new one are due in one call, so that a move can be seen."""
    queue = SettleQueue(0.5)
    queue.hint(b"/old", 0.0)
    queue.hint(b"/new", 0.0)
    there = {b"/new": _stamp(1)}
    assert queue.due(0.01, there.get) == []
    assert queue.due(0.51, there.get) == [b"/new", b"/old"]


def test_directories_and_missing_paths_wait_for_the_grace_only() -> None:
    """What can't grow needs not settle."""
    queue = SettleQueue(5.0, grace_s=0.1)
    queue.hint(b"/gone", 0.0)
    queue.hint(b"/dir", 0.0)
    there = {b"/dir": DIRECTORY}
    assert queue.due(0.0, there.get) == []
    assert queue.due(0.1, there.get) == [b"/dir", b"/gone"]


def test_atomic_replace_is_one_file() -> None:
    """A file deleted and written anew within the grace is a file again, never a deletion."""
    queue = SettleQueue(0.5, grace_s=0.1)
    queue.hint(b"/a", 0.0)
    assert queue.due(0.0, lambda _: None) == []
    assert queue.due(0.1, lambda _: _stamp(1)) == []
    assert queue.due(0.6, lambda _: _stamp(1)) == [b"/a"]


def test_discarded_path_comes_no_more() -> None:
    """A discarded hint leaves no trace, and the path can be hinted again."""
    queue = SettleQueue(0.5)
    queue.hint(b"/a", 0.0)
    queue.discard(b"/a")
    assert queue.next_due(0.0) is None
    assert queue.due(9.0, lambda _: _stamp(1)) == []
    queue.hint(b"/a", 9.0)
    queue.due(9.0, lambda _: _stamp(1))
    assert queue.due(9.5, lambda _: _stamp(1)) == [b"/a"]


def test_no_delay_at_all() -> None:
    """With nothing to wait for, a hint is due at once."""
    queue = SettleQueue(0.0)
    queue.hint(b"/a", 1.0)
    assert queue.due(1.0, lambda _: _stamp(1)) == [b"/a"]


_states = st.one_of(st.none(), st.just(DIRECTORY), st.integers(0, 2).map(_stamp))
_steps = st.tuples(st.floats(0.01, 1.0), st.dictionaries(st.sampled_from([b"/a", b"/b", b"/c"]), _states))


@given(st.lists(_steps, max_size=30), st.floats(0.05, 1.0), st.floats(0.05, 1.0))
def test_everything_hinted_comes_out_settled(
    steps: list[tuple[float, dict[bytes, FileStamp | None]]], settle_s: float, grace_s: float
) -> None:
    """Whatever happens to files: due paths have kept still as long as asked, and no hint is lost."""
    queue = SettleQueue(settle_s, grace_s)
    now = 0.0
    there: dict[bytes, FileStamp | None] = {}
    changed_at: dict[bytes, float] = {}
    waiting: set[bytes] = set()

    def check(due: list[bytes]) -> None:
        assert due == sorted(set(due)) and set(due) <= waiting
        for path in due:
            state = there.get(path)
            needed = grace_s if state is None or state == DIRECTORY else settle_s
            # A state that came back between two looks can't be told from one that stayed.
            assert now - hinted_at[path] >= needed - 1e-9
            assert changed_at.get(path, 0.0) <= now - needed + 1e-9 or path in flickered
        waiting.difference_update(due)

    hinted_at: dict[bytes, float] = {}
    flickered: set[bytes] = set()
    seen: dict[bytes, set[FileStamp | None]] = {}
    for wait_s, changes in steps:
        now += wait_s
        for path, state in changes.items():
            if state != there.get(path):
                history = seen.setdefault(path, {None})
                if state in history:
                    flickered.add(path)
                history.add(state)
                changed_at[path] = now
            there[path] = state
            if path not in waiting:
                hinted_at[path] = now
            queue.hint(path, now)
            waiting.add(path)
        check(queue.due(now, there.get))
    for _ in range(4):  # at most: not yet seen, seen anew, settled
        wait = queue.next_due(now)
        if wait is None:
            break
        now += max(wait, settle_s, grace_s)
        check(queue.due(now, there.get))
    assert not waiting and len(queue) == 0
