"""Mapping files on the disk: read, added to, and never lost."""

from pathlib import Path

import pytest

from klustr_bridge.errors import MidiError
from klustr_bridge.midi import Binding, parse_control
from klustr_bridge.midi.files import add_binding, load_controllers

WRITTEN = """# my knobs
[[controller]]
ports = "nanoPAD2*"  # the old one

[[controller.control]]
control = "cc 1"
target = "x"

[[controller]]
ports = "other"
mpe = true
"""


def test_no_file_is_no_controller(tmp_path: Path) -> None:
    """Then the default counts."""
    assert load_controllers(tmp_path / "midi.toml") == ()


def test_what_is_learned_takes_the_place_of_what_drove_the_same(tmp_path: Path) -> None:
    """Comments and other controllers stay."""
    file = tmp_path / "midi.toml"
    file.write_text(WRITTEN)
    add_binding(file, "nanoPAD2 7", {"control": "cc 20 ch 3", "target": "x", "relative": "sign bit"})
    add_binding(file, "nanoPAD2 7", {"control": "cc 21", "target": "x", "cursor": 1})
    pad, other = load_controllers(file)
    assert pad.bindings == (
        Binding(parse_control("cc 20 ch 3"), "x", relative="sign bit"),
        Binding(parse_control("cc 21"), "x", cursor=1),
    )
    assert other.mpe
    text = file.read_text()
    assert text.startswith("# my knobs\n")
    assert "# the old one" in text


def test_a_control_that_is_learned_anew_drives_nothing_else(tmp_path: Path) -> None:
    """It has one meaning on its controller."""
    file = tmp_path / "midi.toml"
    add_binding(file, "knobs", {"control": "note 36", "target": "kind kick"})
    add_binding(file, "knobs", {"control": "note 36", "target": "random"})
    (controller,) = load_controllers(file)
    assert controller.bindings == (Binding(parse_control("note 36"), "random"),)


def test_it_goes_to_the_controller_that_understands_the_input(tmp_path: Path) -> None:
    """A new one after it would never be asked."""
    file = tmp_path / "midi.toml"
    file.write_text("[[controller]]\nmpe = true\n")
    add_binding(file, "nanoPAD2:pad 1", {"control": "cc 20", "target": "x"})
    (controller,) = load_controllers(file)
    assert controller.mpe
    assert controller.bindings == (Binding(parse_control("cc 20"), "x"),)


def test_a_link_stays_a_link_and_rights_stay(tmp_path: Path) -> None:
    """As of files that are kept in a repository of dotfiles."""
    real, link = tmp_path / "dotfiles.toml", tmp_path / "midi.toml"
    real.write_text("")
    real.chmod(0o640)
    link.symlink_to(real)
    add_binding(link, "knobs", {"control": "cc 20", "target": "x"})
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert load_controllers(real) != ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dotfiles.toml", "midi.toml"]


def test_a_list_in_one_line_is_told(tmp_path: Path) -> None:
    """It can't be added to as it is."""
    file = tmp_path / "midi.toml"
    file.write_text('[[controller]]\ncontrol = [{control = "cc 1", target = "x"}]\n')
    before = file.read_text()
    with pytest.raises(MidiError, match=r"\[\[control\]\]"):
        add_binding(file, "knobs", {"control": "cc 20", "target": "x"})
    assert file.read_text() == before


def test_the_first_binding_makes_the_file(tmp_path: Path) -> None:
    """And its folder."""
    file = tmp_path / "config" / "midi.toml"
    add_binding(file, "knobs", {"control": "note 36", "target": "kind kick"})
    (controller,) = load_controllers(file)
    assert (controller.ports, controller.bindings) == (
        "knobs",
        (Binding(parse_control("note 36"), "kind", "kick"),),
    )
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "text", ["[[controller", "[[controller]]\nfoo = 1", "\xff", "x = " + "1" * 5000, "x = " + "[" * 9000]
)
def test_a_file_with_mistakes_is_left_alone(tmp_path: Path, text: str) -> None:
    """Its user is told where they are, and nothing is written over."""
    file = tmp_path / "midi.toml"
    file.write_bytes(text.encode("latin-1"))
    for use in (
        lambda: load_controllers(file),
        lambda: add_binding(file, "a", {"control": "cc 1", "target": "x"}),
    ):
        with pytest.raises(MidiError, match=r"midi\.toml"):
            use()
    assert file.read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize(("before", "stays"), [("cc 12", False), ("cc 12 ch 1", False), ("cc 12 ch 2", True)])
def test_a_learned_control_drives_nothing_else_any_more(tmp_path: Path, before: str, stays: bool) -> None:
    """Neither on its channel nor on any; another channel's is another control."""
    file = tmp_path / "midi.toml"
    add_binding(file, "box", {"control": before, "target": "y"})
    add_binding(file, "box", {"control": "cc 12 ch 1", "target": "x"})
    (controller,) = load_controllers(file)
    targets = [binding.target for binding in controller.bindings]
    assert targets == (["y", "x"] if stays else ["x"])


def test_files_of_windows_editors_are_read_and_stay_so(tmp_path: Path) -> None:
    """With a mark at the beginning and two characters a line end."""
    file = tmp_path / "midi.toml"
    text = '# mine\r\n[[controller]]\r\nports = "box"\r\n'
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    add_binding(file, "box", {"control": "cc 12", "target": "x"})
    data = file.read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") > 4
    assert b"# mine\r\n" in data
    assert len(load_controllers(file)[0].bindings) == 1
