"""A player in a child process, and a loudspeaker for it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.player.streams import ALSA_DEFAULTS, Loudspeaker, PlayerChild


@pytest.fixture
def loudspeaker(tmp_path: Path) -> Iterator[Loudspeaker]:
    """A device to play into."""
    if not ALSA_DEFAULTS.exists():
        pytest.skip("needs Linux with ALSA's configuration (libportaudio2 brings it)")
    speaker = Loudspeaker(tmp_path / "loudspeaker")
    yield speaker
    speaker.close()


@pytest.fixture
def start_child(tmp_path: Path) -> Iterator[Callable[..., PlayerChild]]:
    """Start a child with an ALSA configuration and settings of the player."""
    children: list[PlayerChild] = []

    def start(alsa_config: str, **options: object) -> PlayerChild:
        children.append(PlayerChild(alsa_config, tmp_path, **options))
        return children[-1]

    yield start
    for child in children:
        if child.process.poll() is None:
            child.process.kill()
        for pipe in (child.process.stdin, child.process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        child.process.wait()
