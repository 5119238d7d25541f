"""Settings under arbitrary input: only SettingsError ever comes out, and lines are found."""

import contextlib
import tomllib

import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from klustr_bridge.errors import SettingsError
from klustr_bridge.settings import TABLE, describe, load
from klustr_bridge.settings.tomlfile import UnreadableFile, key_lines, parse_text
from klustr_bridge.settings.tree import flat_values

KEYS = [setting.key for setting in TABLE]
SECTIONS = sorted({setting.section for setting in TABLE})
NAMES = sorted({setting.name for setting in TABLE})

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.one_of(
    st.booleans(),
    st.integers(),
    st.integers(-5, 5),
    st.floats(),
    texts,
    st.sampled_from(["on", "off", "auto", "pca", "localhost", "127.0.0.1", "~", "~root/x", "0"]),
    st.datetimes(),
)
toml_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)
documents = st.dictionaries(
    st.one_of(st.sampled_from(SECTIONS), texts),
    st.one_of(
        toml_values, st.dictionaries(st.one_of(st.sampled_from(NAMES), texts), toml_values, max_size=4)
    ),
    max_size=4,
)
no_clock = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@no_clock
@given(documents)
def test_any_toml_gives_settings_or_a_settings_error(tmp_path, document):
    """No value of any type in any place of the file gets past the checks or breaks them."""
    file = tmp_path / "settings.toml"
    file.write_bytes(tomli_w.dumps(document).encode())
    with contextlib.suppress(SettingsError):
        load({}, {}, file)


@no_clock
@given(st.binary(max_size=200))
def test_any_bytes_give_settings_or_a_settings_error(tmp_path, content):
    """A file of any bytes at all is told as a mistake."""
    file = tmp_path / "settings.toml"
    file.write_bytes(content)
    with contextlib.suppress(SettingsError):
        load({}, {}, file)


environment_names = st.one_of(
    st.sampled_from([setting.environment for setting in TABLE]), texts.map("KLUSTR_".__add__)
)


@no_clock
@given(st.dictionaries(environment_names, st.text(max_size=20), max_size=5))
def test_any_environment_gives_settings_or_a_settings_error(environ):
    """No value of any variable, undecodable bytes included, gets past the checks or breaks them."""
    environ.pop("KLUSTR_SETTINGS", None)
    with contextlib.suppress(SettingsError):
        load({}, environ)


@no_clock
@given(st.dictionaries(st.sampled_from(KEYS), st.one_of(scalars.map(str), st.lists(texts, max_size=3))))
def test_description_gives_the_same_settings_again(tmp_path, flags):
    """Whatever is in force: saved from `klustr-bridge config` and loaded, it is the same."""
    try:
        loaded = load(flags, {})
    except SettingsError:
        loaded = load({}, {})
        for key, value in flags.items():
            with contextlib.suppress(SettingsError):
                loaded = load({key: value}, {})
    file = tmp_path / "settings.toml"
    file.write_text(describe(loaded), encoding="utf-8")
    assert flat_values(load({}, {}, file).settings) == flat_values(loaded.settings)


def leaf_paths(table, at=()):
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from leaf_paths(value, (*at, key))
        else:
            yield (*at, key)


def only_tables(document):
    """Leave lists of lists and of tables out: tomli_w may spread them over lines of their own."""
    return {
        key: only_tables(value) if isinstance(value, dict) else value
        for key, value in document.items()
        if not (isinstance(value, list) and any(isinstance(v, dict | list) for v in value))
    }


@no_clock
@given(documents)
def test_each_key_is_found_on_its_own_line(document):
    """The line given for a key is the one that the key is written on."""
    text = tomli_w.dumps(only_tables(document), multiline_strings=True)
    lines = key_lines(text.replace("\r\n", "\n"))
    for path in leaf_paths(tomllib.loads(text)):
        written = text.replace("\r\n", "\n").split("\n")[lines[path] - 1]
        key = tomli_w.dumps({path[-1]: 0}).removesuffix(" = 0\n")
        assert written.startswith(f"{key} = ") or (written.startswith("[") and written.endswith(f"{key}]"))


@given(st.text(alphabet="[]{}\"'=.#,\\ \nab1", max_size=60))
def test_lines_of_any_valid_text_are_found(text):
    """The scanner ends, and finds a line within the text for every value, whatever valid TOML it gets."""
    try:
        entries = parse_text(text, "x")
    except UnreadableFile:
        return
    for entry in entries.values():
        assert 1 <= entry.line <= text.count("\n") + 1
