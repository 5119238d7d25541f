"""Whatever happens to the files: the watched index is the one a rescan from zero would make.

The number of sequences is `BRIDGE_TEST_SEQUENCES` (default 12).
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.decode import is_candidate
from klustr_bridge.sound.ear import is_available
from klustr_bridge.sound.kinds import kind_from_path
from tests.indexer.contents import FileContent, contents, epoch, sounds_and_places
from tests.indexer.live import LiveIndex, quick_settings
from tests.sound.test_loops import beat
from tests.sounds import write, write_library

N_SEQUENCES = int(os.environ.get("BRIDGE_TEST_SEQUENCES", "6"))
N_SOUNDS = 10

DIRECTORIES = st.sampled_from(["", "Kicks", "Snares", "Kicks/Deep", ".hidden", "Backup"])
NAMES = st.sampled_from(
    ["kick 1.wav", "snare.wav", "hat-öpen.wav", "loop.WAV", "._kick 1.wav", "notes.txt", "x.wav"]
)
SOUNDS = st.integers(0, N_SOUNDS)  # and a loop


class FilesUnderAWatcher(RuleBasedStateMachine):
    """Files come, change, move and go below a watched folder while the index runs."""

    pool: Path

    @initialize()
    def start(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="klustr-rescan-")).resolve()
        self.folder = self.home / "samples"
        self.folder.mkdir()
        self.outside = self.home / "outside"
        self.outside.mkdir()
        self.sounds = sorted(self.pool.rglob("*.wav"))
        shutil.copy(self.sounds[0], self.folder / "x.wav")
        self.live = LiveIndex(self.home / "live.klustr", watch=True, settings=quick_settings())
        self.live.indexer.add_folder(os.fsencode(self.folder))
        self.live.finish()

    @rule(directory=DIRECTORIES, name=NAMES, sound=SOUNDS)
    def write(self, directory: str, name: str, sound: int) -> None:
        target = self._in(directory) / name
        shutil.copyfile(self.sounds[sound], target)

    @rule(directory=DIRECTORIES, name=NAMES, sound=SOUNDS)
    def replace(self, directory: str, name: str, sound: int) -> None:
        aside = self._in(directory) / "aside.tmp"
        shutil.copyfile(self.sounds[sound], aside)
        aside.replace(self._in(directory) / name)

    @rule(directory=DIRECTORIES, name=NAMES, sound=SOUNDS)
    def write_in_two_halves(self, directory: str, name: str, sound: int) -> None:
        content = self.sounds[sound].read_bytes()
        with (self._in(directory) / name).open("wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            self.live.indexer.step()
            file.write(content[len(content) // 2 :])

    @rule(directory=DIRECTORIES, name=NAMES)
    def write_no_sound(self, directory: str, name: str) -> None:
        (self._in(directory) / name).write_bytes(b"this is not audio")

    @rule(from_directory=DIRECTORIES, to_directory=DIRECTORIES, from_name=NAMES, to_name=NAMES)
    def move(self, from_directory: str, to_directory: str, from_name: str, to_name: str) -> None:
        source = self._in(from_directory) / from_name
        if source.exists():
            source.replace(self._in(to_directory) / to_name)

    @rule(directory=DIRECTORIES, name=NAMES)
    def delete(self, directory: str, name: str) -> None:
        (self._in(directory) / name).unlink(missing_ok=True)

    @rule(directory=DIRECTORIES, name=NAMES)
    def touch(self, directory: str, name: str) -> None:
        path = self._in(directory) / name
        if path.exists():
            os.utime(path)

    @rule(old=DIRECTORIES.filter(bool), new=st.sampled_from(["Moved", "Kicks", "Backup"]))
    def move_directory(self, old: str, new: str) -> None:
        if (self.folder / old).is_dir() and not (self.folder / new).exists():
            (self.folder / old).rename(self.folder / new)

    @rule(directory=DIRECTORIES.filter(bool))
    def take_directory_out(self, directory: str) -> None:
        if (self.folder / directory).is_dir():
            shutil.move(self.folder / directory, self.outside / f"{len(list(self.outside.iterdir()))}")

    @rule(name=st.sampled_from(["Back", "Kicks"]))
    def bring_directory_in(self, name: str) -> None:
        taken_out = sorted(self.outside.iterdir())
        if taken_out and not (self.folder / name).exists():
            taken_out[-1].rename(self.folder / name)

    @rule()
    def steps(self) -> None:
        for _ in range(5):
            self.live.indexer.step()

    def teardown(self) -> None:
        if not hasattr(self, "live"):
            return
        try:
            self._compare()
        finally:
            self.live.close()
            shutil.rmtree(self.home)

    def _compare(self) -> None:
        places, number = sounds_and_places(self.live.library), epoch(self.live.library)
        expected = self._from_zero()
        reached = self.live.run_until(lambda: contents(self.live.library) == expected)
        assert reached, _difference(contents(self.live.library), expected)
        self.live.finish()
        after = sounds_and_places(self.live.library)
        assert epoch(self.live.library) == number
        assert {uid: after.get(uid) for uid in places} == places

        fresh = LiveIndex(self.home / "fresh.klustr", watch=False, settings=quick_settings())
        try:
            fresh.indexer.add_folder(os.fsencode(self.folder))
            fresh.finish()
            assert contents(fresh.library) == expected, _difference(contents(fresh.library), expected)
        finally:
            fresh.close()

    def _from_zero(self) -> dict[bytes, FileContent]:
        """What a walk and the analysis alone say, without library, watcher or workers."""
        expected: dict[bytes, FileContent] = {}
        root = os.fsencode(self.folder)
        for directory, below, names in os.walk(root):
            below[:] = [name for name in below if not name.startswith(b".") and name != b"Backup"]
            for name in names:
                path = os.path.join(directory, name)
                if is_candidate(name) and not name.startswith(b"."):
                    expected[path] = _heard(path, root)
        return expected

    def _in(self, directory: str) -> Path:
        path = self.folder / directory
        path.mkdir(parents=True, exist_ok=True)
        return path


def _heard(path: bytes, root: bytes) -> FileContent:
    kind = kind_from_path(path, root)
    try:
        heard = analyse_file(path, learned=is_available())
    except RefusedSound as refused:
        return FileContent("refused", str(refused), kind, None, None, None)
    descriptors = (
        heard.duration_s,
        heard.sample_rate,
        heard.channels,
        heard.loudness_db,
        heard.brightness_hz,
        heard.pitch_hz,
        heard.pitch_confidence,
        heard.stereo_width,
        int(heard.is_loop),
        heard.tempo_bpm,
    )
    slices = tuple((part.start_frame, part.end_frame, part.embedding.tobytes()) for part in heard.slices)
    return FileContent("analysed", None, kind, heard.uid, descriptors, heard.embedding.tobytes(), slices)


def _difference(got: dict[bytes, FileContent], expected: dict[bytes, FileContent]) -> str:
    lines = []
    for path in sorted(got.keys() | expected.keys()):
        if got.get(path) != expected.get(path):
            lines.append(
                f"{os.fsdecode(path)}: {_short(got.get(path))}, expected {_short(expected.get(path))}"
            )
    return "\n".join(lines) or "equal"


def _short(content: FileContent | None) -> str:
    return f"{content.state} {content.kind} {content.uid} {content.reason}" if content else "not there"


@pytest.mark.timeout(120 + 30 * N_SEQUENCES)
def test_watched_index_equals_a_rescan(tmp_path: Path) -> None:
    """After any sequence of file operations the watched index equals a fresh one; ids and positions stay."""
    write_library(tmp_path, N_SOUNDS, seed=3)
    write(tmp_path / "Loops" / "beat.wav", beat(128)[0])
    FilesUnderAWatcher.pool = tmp_path
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        FilesUnderAWatcher,
        settings=settings(
            max_examples=N_SEQUENCES,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
