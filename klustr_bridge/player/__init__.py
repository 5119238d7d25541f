"""Owns the bridge's own sound: `open_player` gives the one player of a bridge.

Its parts, in the process that plays: `engine`, with `mixer` (voices), `cache`, `loading` and `streaming`
(sounds), `output` and `portaudio` (the device), `timing`, `recording`. `process` is how the bridge sees it.
This room must not know of libraries, ids of sounds, clients or OSC. Nothing in it raises for a
missing audio library, device or file: those are told, and everything else goes on.
"""

from collections.abc import Callable

from klustr_bridge.errors import PlayerError
from klustr_bridge.player import portaudio
from klustr_bridge.player.process import ChildPlayer
from klustr_bridge.settings import AudioSettings

__all__ = ["ChildPlayer", "list_devices", "open_player"]


def open_player(audio: AudioSettings, recordings: str, on_problem: Callable[[str], None]) -> ChildPlayer:
    """Open the player; returns at once, its process and the device are started in the background.

    Parameters
    ----------
    audio : AudioSettings
        How to play.
    recordings : str
        Folder for recordings; it need not exist.
    on_problem : callable
        Told in one sentence when something is wrong (no library, no device, a lost device, a file
        that can't be played) or well again. Called on a thread of the player: it should only pass
        the message on.

    Returns
    -------
    ChildPlayer
        Also where there is no library or device: `ChildPlayer.problem` then says what to do.
    """
    return ChildPlayer(audio, recordings, on_problem)


def list_devices() -> list[str]:
    """Return one line for each output device, the default one marked; for ``doctor``.

    Not for the process of a running player.

    Raises
    ------
    PlayerError
        The library is missing or the audio system can't be used; the message says what to do.
    """
    try:
        devices = portaudio.output_devices(portaudio.load())
    except portaudio.LibraryMissing as error:
        raise PlayerError(str(error)) from error
    return [
        f"{device}, {device.n_channels} channels, {device.sample_rate} Hz"
        + (", default" if device.is_default else "")
        for device in devices
    ]
