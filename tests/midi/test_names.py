"""Names of ports, as the MIDI systems make them."""

import pytest

from klustr_bridge.errors import MidiError
from klustr_bridge.midi.names import output_of, plain_name


@pytest.mark.parametrize(
    ("port", "plain"),
    [
        ("nanoPAD2:nanoPAD2 nanoPAD2 _ PAD 20:0", "nanoPAD2"),
        ("nanoPAD2 PAD 1", "nanoPAD2 PAD"),
        ("Launchkey (2)", "Launchkey"),
        ("Launchpad X LPX MIDI Out", "Launchpad X LPX MIDI Out"),
        ("a2j:nanoPAD2 [20] (capture): nanoPAD2 MIDI 1", "nanoPAD2"),
        ("Midi-Bridge:nanoPAD2 2:(capture_0) nanoPAD2 nanoPAD2 _ PAD", "nanoPAD2"),
        ("Midi-Bridge:Launchpad Mini MK3 (capture): LPMiniMK3 MIDI", "Launchpad Mini MK3"),
        ("system:midi_capture_3", "system:midi_capture_3"),
        ("808", "808"),
    ],
)
def test_what_stays_of_a_name(port: str, plain: str) -> None:
    """It is part of the name in the next session, and not of another controller's."""
    assert plain_name(port) == plain
    assert plain in port


def test_a_port_without_a_name_cannot_be_known_again() -> None:
    """A part of a name that is empty would be part of all."""
    with pytest.raises(MidiError, match="no name"):
        plain_name(":20:0")


OUTPUTS = (
    "Midi Through:Midi Through Port-0 14:0",
    "Launchpad Mini MK3:Launchpad Mini MK3 LPMiniMK3 DA 24:0",
    "Launchpad Mini MK3:Launchpad Mini MK3 LPMiniMK3 MI 24:1",
    "Launchpad X LPX MIDI In",
    "MIDIOUT2 (LPX MIDI)",
    "LPX MIDI",
    "LPX MIDI (2)",
    "a2j:Launchpad Pro [28] (playback): Launchpad Pro MIDI 1",
    "Midi-Bridge:Push 2:(playback_1) Ableton Push 2 User Port",
)


@pytest.mark.parametrize(
    ("port", "output"),
    [
        ("Launchpad Mini MK3:Launchpad Mini MK3 LPMiniMK3 MI 24:1", OUTPUTS[2]),
        ("Launchpad X LPX MIDI Out", OUTPUTS[3]),
        ("MIDIIN2 (LPX MIDI)", OUTPUTS[4]),
        ("LPX MIDI", OUTPUTS[5]),
        ("LPX MIDI (2)", OUTPUTS[6]),
        ("a2j:Launchpad Pro [28] (capture): Launchpad Pro MIDI 1", OUTPUTS[7]),
        ("Midi-Bridge:Push 2:(capture_1) Ableton Push 2 User Port", OUTPUTS[8]),
        ("a2j:Launchpad Pro [30] (capture): Launchpad Pro MIDI 1", None),
        ("nanoPAD2", None),
    ],
)
def test_the_output_of_an_input(port: str, output: str | None) -> None:
    """On each system; never that of another controller."""
    assert output_of(port, OUTPUTS) == output
