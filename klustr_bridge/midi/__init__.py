"""Owns what MIDI messages mean: from a controller's bytes to moves, hits and commands, and how that is told.

Messages and times are handed in; nothing is opened or waited for but mapping files (`files`). This room must
not know of ports, clients, sounds or the network.
"""

from klustr_bridge.midi.actions import Action, Command, Hit, Key, Lift, Move, Release, StopAll, Trigger
from klustr_bridge.midi.bindings import Binding, Controller, Pads, Takeover, make_binding, make_controllers
from klustr_bridge.midi.controls import Control, Decoder, Reading, parse_control
from klustr_bridge.midi.mapping import HEARD_TYPES, JOIN_S, Mapping, port_controller
from klustr_bridge.midi.presets import DEFAULT

__all__ = [
    "DEFAULT",
    "HEARD_TYPES",
    "JOIN_S",
    "Action",
    "Binding",
    "Command",
    "Control",
    "Controller",
    "Decoder",
    "Hit",
    "Key",
    "Lift",
    "Mapping",
    "Move",
    "Pads",
    "Reading",
    "Release",
    "StopAll",
    "Takeover",
    "Trigger",
    "make_binding",
    "make_controllers",
    "parse_control",
    "port_controller",
]
