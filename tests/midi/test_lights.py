"""Lights of pads: the messages that show kinds, and only where something has changed."""

import re
from pathlib import Path

import pytest

from klustr_bridge.midi import Controller
from klustr_bridge.midi.bindings import LIGHTS
from klustr_bridge.midi.lights import DARK, PALETTES, PRESSED, Lights
from klustr_bridge.sound.kinds import KINDS


@pytest.mark.parametrize("name", LIGHTS)
def test_every_kind_has_a_colour(name: str) -> None:
    """That can be seen, and is not that of a pad that is down."""
    palette = PALETTES[name]
    assert set(palette) == set(KINDS)
    assert all(0 < colour <= 127 and colour != PRESSED[name] for colour in palette.values())


def test_all_kinds_look_different_on_a_launchpad() -> None:
    """Its palette has room for that."""
    assert len(set(PALETTES["launchpad"].values())) == len(KINDS)


def test_the_table_of_colours_is_that_of_the_docs() -> None:
    """Whoever reads it can find a colour that isn't taken."""
    page = (Path(__file__).parents[2] / "docs" / "controllers.md").read_text(encoding="utf-8")
    for kind in KINDS:
        (row,) = re.findall(rf"^\| `{kind}` \| (\d+) [a-z ]+ \| (\d+) [a-z ]+ \|$", page, re.MULTILINE)
        assert row == (str(PALETTES["launchpad"][kind]), str(PALETTES["push2"][kind]))


def test_pads_show_kinds_and_then_only_what_changes() -> None:
    """Those without a sound are dark, which is said at first: the controller may show anything."""
    lights = Lights(Controller(lights="launchpad"))
    assert lights.lay({36: "kick", 37: ""}) == [bytes([0x90, 36, 5]), bytes([0x90, 37, 0])]
    assert lights.lay({36: "kick", 37: ""}) == []
    assert lights.lay({36: "snare", 37: ""}) == [bytes([0x90, 36, 13])]
    assert lights.lay({37: "kick"}) == [bytes([0x90, 36, 0]), bytes([0x90, 37, 5])]


def test_a_pad_that_is_down_is_white() -> None:
    """Until it is up, also if its sound becomes another one; keys beside the pads and dark ones are not."""
    lights = Lights(Controller(lights="push2"))
    lights.lay({36: "kick", 37: ""})
    white = PRESSED["push2"]
    assert lights.press(36, is_down=True) == [bytes([0x90, 36, white])]
    assert lights.press(36, is_down=True) == []
    assert lights.lay({36: "snare", 37: ""}) == []
    assert lights.press(36, is_down=False) == [bytes([0x90, 36, 8])]
    assert lights.press(37, is_down=True) == []
    assert lights.press(99, is_down=True) == []


def test_own_colours_and_channel() -> None:
    """As the controller's table says."""
    lights = Lights(Controller(lights="launchpad", lights_channel=7, colours={"kick": 60}))
    assert lights.lay({36: "kick", 40: "snare"}) == [bytes([0x96, 36, 60]), bytes([0x96, 40, 13])]


def test_darkening_leaves_nothing_lit() -> None:
    """Pads that are dark already are left alone."""
    lights = Lights(Controller(lights="launchpad"))
    lights.lay({36: "kick", 37: ""})
    lights.press(36, is_down=True)
    assert lights.darken() == [bytes([0x90, 36, DARK])]
    assert lights.darken() == []
