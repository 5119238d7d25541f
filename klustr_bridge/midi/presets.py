"""Controllers that are understood without a mapping of their own."""

from typing import Final

from klustr_bridge.midi.bindings import Binding, Controller
from klustr_bridge.midi.controls import Control

DEFAULT: Final = Controller(
    bindings=(
        Binding(Control("cc", 12), "x"),  # Kaoss pads, nanoPAD
        Binding(Control("cc", 13), "y"),
        Binding(Control("cc", 92), "touch"),
        Binding(Control("bend"), "x"),
        Binding(Control("cc", 1), "y"),
        Binding(Control("note"), "trigger"),
        Binding(Control("cc", 120), "stop"),
        Binding(Control("cc", 123), "stop"),
    )
)
"""XY pads, pitch bend and modulation wheel move; notes play; all sound or notes off stops."""
