"""Choosing a device and naming what is missing: pure functions."""

import pytest

from klustr_bridge.errors import PlayerError
from klustr_bridge.player.portaudio import OutputDevice, choose_device, install_hint

DEVICES = [
    OutputDevice(1, "Speakers (Realtek)", "MME", 2, 44100, True),
    OutputDevice(2, "Scarlett 2i2", "MME", 2, 44100, False),
    OutputDevice(5, "Scarlett 2i2", "Windows WASAPI", 2, 48000, False),
    OutputDevice(6, "Scarlett 2i2 Loopback", "Windows WASAPI", 2, 48000, False),
]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [("", 1), ("  ", 1), ("6", 6), ("scarlett 2i2", 2), ("scarlett wasapi", 5), ("loop", 6), ("realtek", 1)],
)
def test_a_device_is_found_by_number_name_or_parts(wanted: str, index: int) -> None:
    """The default, a number, a whole name before a part of one, words of name and host API in order."""
    assert choose_device(DEVICES, wanted).index == index


@pytest.mark.parametrize("wanted", ["Scarlet 8i6", "3", "wasapi scarlett"])
def test_what_matches_nothing_is_refused_with_the_list(wanted: str) -> None:
    """The message names the wish and every device there is."""
    with pytest.raises(PlayerError, match=f"no output device matches '{wanted}'; found: ") as error:
        choose_device(DEVICES, wanted)
    assert "[1] Speakers (Realtek), [2] Scarlett 2i2, [5] Scarlett 2i2" in str(error.value)


@pytest.mark.parametrize(
    ("system", "release", "words"),
    [
        ("Linux", {"ID": "debian"}, "sudo apt install libportaudio2"),
        ("Linux", {"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "sudo apt install libportaudio2"),
        ("Linux", {"ID": "opensuse-tumbleweed", "ID_LIKE": "opensuse suse"}, "zypper"),
        ("Linux", {"ID": "manjaro", "ID_LIKE": "arch"}, "pacman"),
        ("Linux", {"ID": "nixos"}, "package of libportaudio"),
        ("Linux", None, "package of libportaudio"),
        ("Darwin", None, "pip install --force-reinstall sounddevice"),
    ],
)
def test_the_hint_fits_the_system(system: str, release: dict[str, str] | None, words: str) -> None:
    """A missing library comes with the command that installs it on this kind of system."""
    assert words in install_hint(system, release)
