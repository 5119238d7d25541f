"""What is told of the machine's devices: where the sound goes, and which MIDI ports are open.

This module owns the names of these facts in ``/status``; the facts are the player's and MIDI's.
"""

from collections.abc import Callable
from typing import Any

from klustr_bridge.navigator.ports import Player

AUDIO_OFF = "off; the setting audio.output turns it on"
MIDI_OFF = "off; the setting midi.input turns it on"


def devices(player: Player | None, midi: Callable[[], dict[str, Any]] | None) -> dict[str, Any]:
    """Tell of audio and MIDI, ready for JSON.

    Parameters
    ----------
    player : Player, optional
        The bridge's own audio output.
    midi : callable, optional
        Tells of MIDI: see `MidiInput.told`.

    Returns
    -------
    dict
        ``audio`` and ``midi``, a line for people each; ``audio_problem`` and ``midi_problem``, what is
        wrong and what to do, or None; ``midi_inputs`` and ``midi_outputs``, names of the open ports.
    """
    audio = {"audio": AUDIO_OFF, "audio_problem": None}
    if player is not None:
        audio = {"audio": player.describe(), "audio_problem": player.problem}
    if midi is None:
        return audio | {"midi": MIDI_OFF, "midi_problem": None, "midi_inputs": [], "midi_outputs": []}
    return audio | midi()
