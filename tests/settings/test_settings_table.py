"""The table of settings, and what is made from it: the tree, the reference, the description."""

import dataclasses
import tomllib
import types
import typing
from pathlib import Path

import pytest

from klustr_bridge.settings import (
    TABLE,
    Settings,
    default_settings,
    describe,
    load,
    reference_markdown,
)
from klustr_bridge.settings.table import SECTIONS
from klustr_bridge.settings.tree import flat_values
from klustr_bridge.settings.values import check_value


def test_tree_and_table_hold_the_same_settings():
    """Each row of the table has its field, of its type, and there are no others."""
    types_of = {"bool": bool, "int": int, "float": float, "str": str, "path": str, "host": str}
    types_of |= {"channels": str, "lan": str}
    fields = {}
    for section, section_type in typing.get_type_hints(Settings).items():
        for name, kind in typing.get_type_hints(section_type).items():
            fields[f"{section}.{name}"] = kind
    for setting in TABLE:
        kind = fields.pop(setting.key)
        if setting.type == "choice":
            assert typing.get_args(kind) == setting.choices
        elif setting.type == "list":
            assert isinstance(kind, types.GenericAlias)
        else:
            assert kind is types_of[setting.type]
    assert not fields


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.key)
def test_each_row_is_whole(setting):
    """A default passes its own check unchanged; names, flags and help are well formed."""
    checked = check_value(setting, setting.default)
    assert checked == setting.default
    assert type(checked) is type(setting.default)
    assert setting.section in SECTIONS
    assert setting.flag.startswith("--")
    assert setting.environment == "KLUSTR_" + setting.key.replace(".", "_").upper()
    assert not setting.help.endswith(".")


def test_flags_and_keys_are_unique():
    """No two settings share a key, a flag or an environment variable."""
    for names in (
        [s.key for s in TABLE],
        [s.flag for s in TABLE],
        [s.environment for s in TABLE],
    ):
        assert len(set(names)) == len(names)


def test_settings_are_frozen():
    """Nothing can change the settings in force."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        default_settings().osc.port = 1


def test_reference_page_is_up_to_date():
    """docs/settings.md is what the table makes, and tells every key, flag and variable."""
    page = reference_markdown()
    assert (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8") == page
    for setting in TABLE:
        assert f"### `{setting.key}`" in page
        assert setting.flag in page
        assert setting.environment in page


def test_example_in_the_reference_is_valid(tmp_path):
    """The settings file shown in the reference loads."""
    example = reference_markdown().split("```toml\n")[1].split("```")[0]
    file = tmp_path / "settings.toml"
    file.write_text(example, encoding="utf-8")
    assert load({}, {}, file).settings.index.ignore == ("*.bak.wav", "Stems")


def test_description_is_toml_and_says_where_each_value_came_from(tmp_path):
    """`klustr-bridge config` can be saved as a settings file, whatever the paths in its comments."""
    file = tmp_path / "we\nird.toml"
    file.write_text("osc.port = 9", encoding="utf-8")
    loaded = load({"audio.device": 'a "b" \\ c # ☃'}, {"KLUSTR_INDEX_IGNORE": "x,'y'"}, file)
    text = describe(loaded)
    assert f"osc.port = 9  # file {tmp_path}/we?ird.toml:1" in text
    assert 'index.ignore = ["x", "\'y\'"]  # environment KLUSTR_INDEX_IGNORE' in text
    assert "# flag --audio-device" in text
    assert tomllib.loads(text)["audio"]["device"] == 'a "b" \\ c # ☃'
    again = tmp_path / "again.toml"
    again.write_text(text, encoding="utf-8")
    assert flat_values(load({}, {}, again).settings) == flat_values(loaded.settings)
