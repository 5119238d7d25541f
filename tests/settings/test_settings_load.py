"""Settings from file, environment and flags: their order, their origins, every mistake at once."""

import argparse
from pathlib import Path

import pytest

from klustr_bridge.errors import SettingsError
from klustr_bridge.settings import (
    TABLE,
    add_flags,
    default_settings,
    library_file,
    load,
    load_for,
    with_switches,
)


def write(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text, encoding="utf-8")
    return file


def mistakes(flags=None, environ=None, file=None) -> list[str]:
    """Load what must fail and return one line a mistake, the heading left out."""
    with pytest.raises(SettingsError) as caught:
        load(flags, environ or {"KLUSTR_SETTINGS": ""}, file)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch, tmp_path):
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def test_nothing_said_gives_the_defaults():
    """Without file, environment and flags every value is the table's default, and says so."""
    loaded = load({}, {})
    assert loaded.settings == default_settings()
    assert set(loaded.origins.values()) == {"default"}
    assert not loaded.file_read


def test_each_source_wins_over_the_one_before(tmp_path):
    """File beats default, environment beats file, flag beats environment; each origin is named."""
    file = write(
        tmp_path, "[index]\nworkers = 2\nsettle_s = 1\n\n[osc]\nport = 1000\n[audio]\noutput = 'off'\n"
    )
    environ = {"KLUSTR_OSC_PORT": "2000", "KLUSTR_INDEX_WORKERS": "3", "KLUSTR_LOG_LEVEL": ""}
    loaded = load({"osc.port": "3000"}, environ, file)
    assert loaded.settings.osc.port == 3000
    assert loaded.settings.index.workers == 3
    assert loaded.settings.index.settle_s == 1.0
    assert loaded.settings.audio.output is False
    assert loaded.settings.log.level == "info"
    assert loaded.origins["osc.port"] == "flag --osc-port"
    assert loaded.origins["index.workers"] == "environment KLUSTR_INDEX_WORKERS"
    assert loaded.origins["index.settle_s"] == f"file {file}:3"
    assert loaded.origins["audio.output"] == f"file {file}:8"
    assert loaded.origins["log.level"] == "default"


def test_the_file_is_found_by_variable_and_in_the_users_folder(tmp_path, monkeypatch):
    """KLUSTR_SETTINGS names the file; without it the user's own settings.toml is read."""
    file = write(tmp_path, "osc.port = 1234")
    assert load({}, {"KLUSTR_SETTINGS": str(file)}).settings.osc.port == 1234
    home = load({}, {}).file
    home.parent.mkdir(parents=True)
    home.write_text("osc.port = 4321", encoding="utf-8")
    assert load({}, {}).settings.osc.port == 4321
    assert load({}, {"KLUSTR_SETTINGS": str(file)}, home).settings.osc.port == 4321


def test_all_mistakes_of_all_sources_are_reported_at_once(tmp_path):
    """Unknown keys, sections, choices, ranges, names and flags come together, each with its place."""
    file = write(
        tmp_path,
        """# mine
osc.prot = 3
[index]
worker = 3
watch = "pol"
ignore = [ "a", # not the end ]
 'b]' ]
workers = -1
[audoi]
gain_db = 2
[midi]
input = "of"
[layout.seed]
x = 1
""",
    )
    found = mistakes(
        {"http.port": "70000", "nonsense": "1"},
        {"KLUSTR_OSC_HOST": "0.0.0.0", "KLUSTR_WORKERS": "3", "OTHER": "x"},
        file,
    )
    expected = [
        (f"{file}:2: ", "osc.prot", "did you mean 'osc.port'?"),
        (f"{file}:4: ", "index.worker", "did you mean 'index.workers'?"),
        (f"{file}:5: ", "'pol'", "one of auto, poll, off; did you mean 'poll'?"),
        (f"{file}:8: ", "index.workers = -1", "from 1 to 256, or 0 for one per core"),
        (f"{file}:10: ", "[audoi]", "did you mean 'audio.gain_db'?"),
        (f"{file}:12: ", "'of'", "did you mean 'off'?"),
        (f"{file}:13: ", "layout.seed", "a whole number"),
        ("environment KLUSTR_OSC_HOST = '0.0.0.0'", "other machines could reach it", "127.0.0.1"),
        ("environment KLUSTR_WORKERS", "", "did you mean 'KLUSTR_INDEX_WORKERS'?"),
        ("flag --http-port = '70000'", "", "0 to 65535"),
        ("flag for nonsense", "no such setting", ""),
    ]
    assert len(found) == len(expected)
    for line, (start, middle, end) in zip(found, expected, strict=True):
        assert line.startswith(start)
        assert middle in line
        assert end in line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[osc]\nport = \n", ":2: not valid TOML"),
        ("[osc]\nport = 1\nport = 2\n", ":3: not valid TOML"),
        ("x = " + "[" * 5000 + "]" * 5000, "settings.toml"),
        ("x = " + "9" * 10_000, "settings.toml"),
        ("osc.port = 0x" + "f" * 50_000, ":1: osc.port = a very long int"),
        ("osc = 3", ":1: osc = 3: osc is a section"),
        ("[[osc]]\nport = 3", "osc is a section"),
        ("[oscc]\n", "no section [oscc]; did you mean 'osc'?"),
        ('"osc.port" = 3', "no setting osc.port; did you mean 'osc.port'?"),
        ("workers = 3", "did you mean 'index.workers'?"),
        ('"" = 3', "no setting ''"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path, text, line):
    """Whatever is wrong with the file ends in one message with the place."""
    (found,) = mistakes(file=write(tmp_path, text))
    assert line in found


def test_a_named_file_must_be_there(tmp_path):
    """A file named by flag or variable that can't be read is a mistake; a missing default one is none."""
    missing = tmp_path / "nowhere.toml"
    assert mistakes(file=missing) == [f"{missing}: can't be read: No such file or directory"]
    assert mistakes(environ={"KLUSTR_SETTINGS": str(missing)}) == mistakes(file=missing)
    assert "can't be read" in mistakes(file=tmp_path)[0]
    assert "can't be read" in mistakes(file="nul\0byte")[0]


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path):
    """Latin-1 from an old editor gives the line; a byte order mark and CRLF from Windows are fine."""
    file = tmp_path / "settings.toml"
    file.write_bytes(b"[osc]\n# M\xfcller\n")
    assert mistakes(file=file) == [f"{file}:2: not UTF-8; save it as UTF-8"]
    file.write_bytes(b"\xef\xbb\xbf[osc]\r\nport = 5\r\n")
    loaded = load({}, {}, file)
    assert loaded.settings.osc.port == 5
    assert loaded.origins["osc.port"].endswith(":2")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "LOCALHOST"])
def test_every_loopback_address_is_allowed(host):
    """OSC may listen on any address of this machine itself."""
    assert load({"osc.host": host}, {}).settings.osc.host == host.lower()


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "192.168.1.5", "::", "example.org", "", "127.0.0.1:7475", "fe80::1"]
)
def test_no_other_address_is_allowed(host):
    """An address that other machines reach, or none at all, is refused with what is allowed."""
    (found,) = mistakes({"osc.host": host})
    assert "127.0.0.1, ::1 or localhost" in found


@pytest.mark.parametrize("word", ["on", "true", "1", "ON", "True", "yes"])
def test_switches_take_every_usual_word(tmp_path, word):
    """--audio on, true and 1 mean the same, in every source."""
    assert load({"audio.output": word}, {"KLUSTR_MIDI_INPUT": word}).settings.audio.output is True
    for text, value in (("true", True), ("false", False), ("1", True), ("0", False), ("'off'", False)):
        file = write(tmp_path, f"osc.tcp = {text}")
        assert load({}, {}, file).settings.osc.tcp is value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("index.workers", "1.5"),
        ("index.workers", "257"),
        ("index.time_limit_s", "nan"),
        ("index.time_limit_s", "inf"),
        ("index.time_limit_s", "0"),
        ("index.rescan_s", "0.5"),
        ("audio.sample_rate", "7999"),
        ("osc.port", "65536"),
        ("osc.port", "-1"),
        ("osc.port", ""),
        ("audio.gain_db", "loud"),
        ("audio.device", "a\nb"),
        ("audio.device", "caf\udce9"),
        ("library.file", "a\0b"),
        ("library.file", "~nosuchuser-klustr/x"),
    ],
)
def test_values_outside_the_limits_are_refused(key, value):
    """Numbers out of range, not finite or of the wrong kind and unusable texts are mistakes."""
    (found,) = mistakes({key: value})
    assert found.startswith("flag --")


@pytest.mark.parametrize(
    ("key", "value", "taken"),
    [
        ("index.workers", "0", 0),
        ("index.rescan_s", "0", 0.0),
        ("audio.sample_rate", "0", 0),
        ("osc.port", "0", 0),
        ("osc.port", "65535", 65535),
        ("audio.gain_db", "-60", -60.0),
        ("layout.method", "PCA", "pca"),
        ("index.ignore", ["a,b", "c"], ("a,b", "c")),
        ("index.ignore", "a, b,", ("a", "b")),
    ],
)
def test_values_at_the_limits_are_taken(key, value, taken):
    """The limits themselves, the meaningful zero and lists are taken."""
    section, name = key.split(".")
    assert getattr(getattr(load({key: value}, {}).settings, section), name) == taken


def test_two_services_on_one_port_are_refused():
    """OSC over TCP and HTTP on the same number are a mistake that names both origins; 0 and 0 are fine."""
    (found,) = mistakes({"osc.port": "7477"})
    assert "osc.port (flag --osc-port) and http.port (default) are both 7477" in found
    load({"osc.port": "7477", "osc.tcp": "off"}, {})
    load({"osc.port": "0", "http.port": "0"}, {})


def test_relative_paths_begin_where_they_were_written(tmp_path, monkeypatch):
    """A library in the file lies beside the file, one on the command line in the current folder."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    file = write(tmp_path, "library.file = 'mine.klustr'")
    assert library_file(load({}, {}, file).settings) == tmp_path / "mine.klustr"
    assert library_file(load({"library.file": "x"}, {}, file).settings) == tmp_path / "elsewhere" / "x"
    home = load({"library.file": "~/x"}, {}).settings
    assert library_file(home) == Path("~/x").expanduser()
    assert library_file(default_settings()).name == "library.klustr"


def test_flags_reach_the_settings_through_argparse(tmp_path):
    """Every row of the table has a flag; unset flags leave no trace, also not in a sub-parser."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_flags(parser)
    commands = parser.add_subparsers()
    add_flags(commands.add_parser("index", allow_abbrev=False))
    file = write(tmp_path, "index.workers = 5")
    arguments = ["--settings", str(file), "--osc-port", "1", "index", "--ignore", "a", "--ignore", "b,c"]
    namespace = parser.parse_args(arguments)
    assert set(vars(namespace)) == {"settings_file", "osc.port", "index.ignore"}
    loaded = load_for(namespace, {})
    assert loaded.settings.index.ignore == ("a", "b,c")
    assert loaded.settings.index.workers == 5
    assert loaded.settings.osc.port == 1
    assert all(setting.flag in parser.format_help() for setting in TABLE)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--lan", "Samples"], ["--lan=on", "Samples"]),
        (["Samples", "--lan"], ["Samples", "--lan=on"]),
        (["--lan", "off", "Samples"], ["--lan", "off", "Samples"]),
        (["--lan=off"], ["--lan=off"]),
        (["--lan", "--lan-osc", "off"], ["--lan=on", "--lan-osc", "off"]),
        (["--lan", "status"], ["--lan=on", "status"]),
        (["--", "--lan", "x"], ["--", "--lan", "x"]),
        (["--audio", "off"], ["--audio", "off"]),
    ],
)
def test_lan_may_stand_alone(words, expected):
    """The flag by itself means on, and takes no folder for its value."""
    assert with_switches(words) == expected


@pytest.mark.parametrize("address", ["127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "evil.example", ""])
def test_an_address_that_no_other_machine_reaches_is_refused(address):
    """The address for other machines is an IPv4 address in a network, or all of them."""
    with pytest.raises(SettingsError, match=r"lan\.host|--lan-host|0\.0\.0\.0"):
        load({"lan.host": address or " "}, {})
    assert load({"lan.host": "192.168.1.5"}, {}).settings.lan.host == "192.168.1.5"
