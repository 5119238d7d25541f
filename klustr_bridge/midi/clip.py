"""Clips: the last bars of what was played, as a standard MIDI file.

Pure: what is played comes in with its time, a file's bytes go out.

References
----------
*Standard MIDI Files 1.0* (RP-001): format 0, one track.
"""

import io
import itertools
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from klustr_bridge.midi.notes import CHANNEL, NOTE_S

DEFAULT_BARS: Final = 4
MOST_BARS: Final = 64
FREE_TEMPO_BPM: Final = 120.0
"""Of what is played without a clock."""

_MOST_KEPT: Final = 16384
_TICKS: Final = 480
_EARLY_BEATS: Final = 1.0 / 16.0
"""What comes so little before a bar line is played on it."""

_MOST_DRIFT_BEATS: Final = 1.0
_MOST_DRIFT_SHARE: Final = 0.25


@dataclass(slots=True)
class Played:
    """A note of what was played.

    Attributes
    ----------
    at_s : float
        When, seconds of a monotonic clock.
    note, velocity : int
        0 to 127, and 1 to 127.
    beat : float or None
        Where the session's beat was; None while it stood.
    tempo_bpm : float
        Beats per minute, 0 without a clock.
    length_s : float
        How long; infinite while its key is held.
    """

    at_s: float
    note: int
    velocity: int
    beat: float | None = None
    tempo_bpm: float = 0.0
    length_s: float = NOTE_S


class ClipNote(NamedTuple):
    """A note of a clip: where it begins and how long it is in beats, its key, its velocity (1 to 127)."""

    beat: float
    length: float
    note: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Clip:
    """Bars of music.

    Attributes
    ----------
    notes : tuple of ClipNote
        In order; beats count from the beginning.
    bars, beats_a_bar : int
        How long it is.
    tempo_bpm : float
        Beats per minute.
    """

    notes: tuple[ClipNote, ...]
    bars: int
    beats_a_bar: int
    tempo_bpm: float


class Take:
    """Keeps what is played, the last notes of it."""

    def __init__(self) -> None:
        self._played: deque[Played] = deque(maxlen=_MOST_KEPT)

    def add(self, played: Played) -> None:
        """Take note of a note; times rise."""
        self._played.append(played)

    def last(self, bars: int, beats_a_bar: int) -> Clip | None:
        """Return the last bars up to the end of the one with the last note; None if nothing was played.

        Parameters
        ----------
        bars : int
            How many, 1 to `MOST_BARS`.
        beats_a_bar : int
            At least 1.

        Notes
        -----
        With a beat bars are the session's, and what was played before it last started or jumped isn't of
        them. Without one the clip begins with its first note; its tempo is the clock's or `FREE_TEMPO_BPM`.
        """
        if not self._played:
            return None
        last, length = self._played[-1], float(bars * beats_a_bar)
        tempo_bpm = last.tempo_bpm or FREE_TEMPO_BPM
        if last.beat is None:
            start_s = last.at_s - length * 60.0 / tempo_bpm
            recent = self._back_from_last(lambda each, _: each.beat is None and each.at_s > start_s)
            beats = [(each.at_s - recent[0].at_s) * tempo_bpm / 60.0 for each in recent]
        else:
            end = (math.floor((last.beat + _EARLY_BEATS) / beats_a_bar) + 1) * beats_a_bar
            earliest = end - length - _EARLY_BEATS
            recent = self._back_from_last(
                lambda each, after: each.beat is not None and each.beat >= earliest and _lead_to(each, after)
            )
            beats = [max(0.0, each.beat - end + length) for each in recent if each.beat is not None]
        notes = tuple(
            ClipNote(beat, each.length_s * tempo_bpm / 60.0, each.note, each.velocity)
            for beat, each in zip(beats, recent, strict=True)
        )
        return Clip(notes, bars, beats_a_bar, tempo_bpm)

    def _back_from_last(self, is_of_it: Callable[[Played, Played], bool]) -> list[Played]:
        """Return the last notes, back to the first that isn't of them; each is tried with the one after."""
        found = [self._played[-1]]
        for each in itertools.islice(reversed(self._played), 1, None):
            if not is_of_it(each, found[-1]):
                break
            found.append(each)
        return found[::-1]


def _lead_to(one: Played, after: Played) -> bool:
    """Whether the beat has run on from one note to the next: it has neither stopped nor jumped."""
    if one.beat is None or after.beat is None:
        return False
    passed = (after.at_s - one.at_s) * after.tempo_bpm / 60.0
    return abs(after.beat - one.beat - passed) <= _MOST_DRIFT_BEATS + _MOST_DRIFT_SHARE * passed


@dataclass(frozen=True, slots=True)
class _Written:
    """A note of a file: where it begins and ends, ticks."""

    on: int
    off: int
    note: int
    velocity: int


def midi_file(clip: Clip, name: str = "klustr-bridge") -> tuple[bytes, int]:
    """Return the standard MIDI file of a clip.

    Parameters
    ----------
    clip : Clip
        What was played.
    name : str
        Of the track.

    Returns
    -------
    data : bytes
        The file.
    n_notes : int
        How many notes it has: of two of one key on one tick there is one.
    """
    import mido  # only who writes one needs it

    written = _written(clip)
    events = [(each.off, 0, each.note, 0) for each in written]
    events += [(each.on, 1, each.note, each.velocity) for each in written]
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("track_name", name=name))
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(clip.tempo_bpm)))
    track.append(mido.MetaMessage("time_signature", numerator=clip.beats_a_bar, denominator=4))
    at = 0
    for ticks, is_on, note, velocity in sorted(events):
        kind = "note_on" if is_on else "note_off"
        track.append(mido.Message(kind, channel=CHANNEL - 1, note=note, velocity=velocity, time=ticks - at))
        at = ticks
    track.append(mido.MetaMessage("end_of_track", time=_length(clip) - at))
    file = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=_TICKS, tracks=[track]).save(file=file)
    return file.getvalue(), len(written)


def _length(clip: Clip) -> int:
    return clip.bars * clip.beats_a_bar * _TICKS


def _written(clip: Clip) -> list[_Written]:
    """Return the notes of the file: each ends before its key begins again, and with the clip."""
    next_on: dict[int, int] = {}  # when each key is struck next, seen from the end
    written = []
    for beat, length, note, velocity in reversed(clip.notes):
        on, end = round(beat * _TICKS), next_on.get(note, _length(clip))
        off = min(end, on + max(1, round(min(length, float(clip.bars * clip.beats_a_bar)) * _TICKS)))
        if off > on:  # else struck twice at once, or at the very end
            next_on[note] = on
            written.append(_Written(on, off, note, velocity))
    return written
