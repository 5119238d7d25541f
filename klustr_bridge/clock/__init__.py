"""Owns the beat of the session that others play in: of Ableton Link, or of MIDI clock.

Beats are quarter notes, times are seconds of ``time.perf_counter()``. This room must not know of ports,
clients or sounds: MIDI messages are handed to it, and what has a beat asks it.
"""

from klustr_bridge.clock.link import LinkClock, open_link
from klustr_bridge.clock.midi_clock import CLOCK_TYPES, MidiClock
from klustr_bridge.clock.session import BeatTeller, SessionClock

__all__ = ["CLOCK_TYPES", "BeatTeller", "LinkClock", "MidiClock", "SessionClock", "open_link"]
