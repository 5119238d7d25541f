"""The settings in force, as a tree of frozen values: ``settings.osc.port``.

Owns: `Settings` and its sections. The fields mirror the table (a test compares the two);
defaults and limits stand in the table alone. Must not read anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from klustr_bridge.settings.table import TABLE, Value


@dataclass(frozen=True, slots=True)
class LibrarySettings:
    """Where the library is kept; `file` is absolute, or empty for the user data folder."""

    file: str


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """How sample files are found, watched and analysed; `workers` 0 is one per core, `rescan_s` 0 never."""

    workers: int
    time_limit_s: float
    memory_limit_mb: int
    ignore: tuple[str, ...]
    settle_s: float
    rescan_s: float
    watch: Literal["auto", "poll", "off"]
    poll_s: float
    slices: bool


@dataclass(frozen=True, slots=True)
class HearingSettings:
    """What likeness of sounds goes by."""

    embedding: Literal["learned", "engineered"]


Axis = Literal["brightness", "length", "sustain", "attack", "pitch", "tone", "roughness"]
Method = Literal[
    "auto",
    "tsne",
    "umap",
    "umap-direct",
    "pca",
    "grid",
    "universal",
    "axes",
    "tsne-15",
    "tsne-30",
    "tsne-50",
    "tsne-100",
    "umap-10-0.01",
    "umap-15-0.1",
    "umap-30-0.5",
    "umap-direct-10-0.01",
    "umap-direct-15-0.1",
    "umap-direct-30-0.5",
]


@dataclass(frozen=True, slots=True)
class LayoutSettings:
    """How the map is made."""

    seed: int
    method: Method
    refit: Literal["auto", "manual"]
    x: Axis = "brightness"
    y: Axis = "length"


@dataclass(frozen=True, slots=True)
class MapSettings:
    """How the map is shown."""

    view: Literal["natural", "even"]


@dataclass(frozen=True, slots=True)
class OscSettings:
    """How clients reach the bridge; `port` 0 is any free one."""

    port: int
    host: str
    tcp: bool


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How browsers reach the bridge; `port` 0 is any free one."""

    port: int
    announce: bool = True


@dataclass(frozen=True, slots=True)
class LanSettings:
    """Whether other machines reach the bridge, at which address, and over OSC too."""

    on: bool = False
    host: str = "0.0.0.0"
    osc: bool = True


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """How sounds are played; `sample_rate`, `buffer_frames` and `latency_ms` 0 are the device's own,
    `device` empty the default one, `recordings` empty a folder among the user's music.
    """

    output: bool = True
    device: str = ""
    sample_rate: int = 0
    gain_db: float = 0.0
    cache_mb: int = 64
    voices: int = 32
    channels: str = "1-2"
    buffer_frames: int = 0
    latency_ms: float = 0.0
    velocity_curve: Literal["linear", "square", "cube", "full"] = "square"
    gap_ms: float = 30.0
    loudness_match: bool = False
    choke: Literal["kind", "cursor", "off"] = "kind"
    loops_in_time: bool = True
    recordings: str = ""


@dataclass(frozen=True, slots=True)
class MidiSettings:
    """How controllers play the map; `ports` empty is every input, `mapping` empty the file of that name."""

    input: bool
    ports: str
    mapping: str
    virtual: bool
    output: bool


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """Whose beat is played to."""

    source: Literal["midi", "link", "off"]
    beats_a_bar: int


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is said and how."""

    level: Literal["debug", "info", "warning", "error"]
    view: Literal["auto", "live", "plain"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting in force. Made by `load`, or by `default_settings`."""

    library: LibrarySettings
    index: IndexSettings
    hearing: HearingSettings
    layout: LayoutSettings
    map: MapSettings
    osc: OscSettings
    http: HttpSettings
    lan: LanSettings
    audio: AudioSettings
    midi: MidiSettings
    clock: ClockSettings
    log: LogSettings


def build_settings(values: Mapping[str, Value]) -> Settings:
    """Make the tree from checked values, one for each key of the table.

    Parameters
    ----------
    values : mapping of str to Value
        ``{"osc.port": 7475, ...}``.
    """
    sections: dict[str, dict[str, Any]] = {}
    for setting in TABLE:
        sections.setdefault(setting.section, {})[setting.name] = values[setting.key]
    return Settings(
        library=LibrarySettings(**sections["library"]),
        index=IndexSettings(**sections["index"]),
        hearing=HearingSettings(**sections["hearing"]),
        layout=LayoutSettings(**sections["layout"]),
        map=MapSettings(**sections["map"]),
        osc=OscSettings(**sections["osc"]),
        http=HttpSettings(**sections["http"]),
        lan=LanSettings(**sections["lan"]),
        audio=AudioSettings(**sections["audio"]),
        midi=MidiSettings(**sections["midi"]),
        clock=ClockSettings(**sections["clock"]),
        log=LogSettings(**sections["log"]),
    )


def default_settings() -> Settings:
    """Return the settings in force when nobody says otherwise."""
    return build_settings({setting.key: setting.default for setting in TABLE})


def flat_values(settings: Settings) -> dict[str, Value]:
    """Return the tree as ``{"osc.port": 7475, ...}``, in the table's order."""
    return {setting.key: getattr(getattr(settings, setting.section), setting.name) for setting in TABLE}
