"""The table of settings: the one source of keys, defaults, limits, flags, names and help.

Owns: `TABLE`. The loader, the command-line flags, the reference page and the
description of the settings in force are all made from it. A setting is written once, here.
Must not read a file, the environment or a flag.
"""

from klustr_bridge.settings.setting import ENVIRONMENT_PREFIX, Setting, Value

__all__ = ["BY_ENVIRONMENT", "BY_KEY", "ENVIRONMENT_PREFIX", "SECTIONS", "TABLE", "Setting", "Value"]


def _port(key: str, default: int, flag: str, help: str) -> Setting:
    return Setting(key, "int", default, flag, help, 0, 65535, zero="any free port", metavar="PORT")


def _axis(key: str, default: str, flag: str, help: str) -> Setting:
    return Setting(key, "choice", default, flag, help, choices=_AXES, metavar="DESCRIPTOR")


# The same as in sound.aspects, which stands to the right of the settings.
_AXES = ("brightness", "length", "sustain", "attack", "pitch", "tone", "roughness")

TUNED_METHODS = (
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
)
"""Methods with parameters of their own: the perplexity of t-SNE, neighbours and ``min_dist`` of UMAP.
``klustr-bridge tune`` chooses from them; tsne, umap and umap-direct are tsne-50, umap-15-0.1 and
umap-direct-15-0.1 by shorter names, to which ``auto`` doesn't keep."""

CANDIDATE_METHODS = ("auto", "tsne", "umap", "umap-direct", "grid", "universal", "axes", *TUNED_METHODS)
"""Ways to make a map that is to be looked at first: those of ``layout.method`` without ``pca``, the quick map
of the start, which the next good one would replace at once."""

TABLE: tuple[Setting, ...] = (
    Setting(
        "library.file",
        "path",
        "",
        "--library",
        "The library file; nothing means library.klustr in the user data folder of the system",
        metavar="FILE",
    ),
    Setting(
        "index.workers",
        "int",
        0,
        "--workers",
        "Processes that analyse sample files",
        1,
        256,
        zero="one per core",
    ),
    Setting(
        "index.time_limit_s",
        "float",
        60.0,
        "--time-limit",
        "A sample file whose analysis takes longer than this is refused",
        1,
        3600,
        unit="seconds",
        metavar="SECONDS",
    ),
    Setting(
        "index.memory_limit_mb",
        "int",
        1500,
        "--memory-limit",
        "A sample file whose analysis takes more memory than this is refused",
        200,
        1_000_000,
        unit="megabytes",
        metavar="MB",
    ),
    Setting(
        "index.ignore",
        "list",
        (),
        "--ignore",
        "Names or patterns of files and folders to leave out, beside the built-in ones; "
        "commas part them in the environment, the flag may be repeated",
        metavar="PATTERN",
    ),
    Setting(
        "index.settle_s",
        "float",
        0.5,
        "--settle-time",
        "A changed file is read once it has stayed the same for this long",
        0.05,
        60,
        unit="seconds",
        metavar="SECONDS",
    ),
    Setting(
        "index.rescan_s",
        "float",
        900.0,
        "--rescan-every",
        "Watched folders are compared with the library this often, whatever the system has told",
        1,
        604_800,
        zero="never",
        unit="seconds",
        metavar="SECONDS",
    ),
    Setting(
        "index.watch",
        "choice",
        "auto",
        "--watch",
        "How changes in the folders are noticed: by the system's events where there are any, "
        "by looking from time to time, or not at all",
        choices=("auto", "poll", "off"),
        metavar="HOW",
    ),
    Setting(
        "index.poll_s",
        "float",
        10.0,
        "--poll-every",
        "How often a folder without events (a network drive) is looked at",
        0.1,
        3600,
        unit="seconds",
        metavar="SECONDS",
    ),
    Setting(
        "index.slices",
        "bool",
        False,
        "--slice-loops",
        "Whether the hits of loops are sounds of their own on the map; nothing is analysed anew for it",
        metavar="on|off",
    ),
    Setting(
        "hearing.embedding",
        "choice",
        "learned",
        "--hear-by",
        "What likeness of sounds goes by: learned adds what a small network has learned of drum sounds to "
        "the engineered numbers, engineered is those alone. A library is heard anew for learned once, in the "
        "background; going back needs no analysis",
        choices=("learned", "engineered"),
        metavar="WHAT",
    ),
    Setting(
        "layout.seed",
        "int",
        1,
        "--seed",
        "Seed of the map; a first map depends on it and the sounds alone, a later one on the map before, too",
        0,
        2**31 - 1,
    ),
    Setting(
        "layout.method",
        "choice",
        "auto",
        "--layout",
        "How the map is fitted: auto begins with universal (pca without the learned ear) and changes to tsne "
        "(umap where there is no openTSNE) as the library grows; umap-direct leaves out its principal "
        "components; grid puts the map of auto on a lattice; universal has each sound where it is in every "
        "library, by what the learned ear hears in it alone; axes goes by the descriptors layout.x "
        "and layout.y; tsne-30 and the like name their parameters, which klustr-bridge tune chooses for a "
        "library (auto then keeps to its choice). The map in force stays until the next is made",
        choices=("auto", "tsne", "umap", "umap-direct", "pca", "grid", "universal", "axes", *TUNED_METHODS),
        metavar="METHOD",
    ),
    _axis("layout.x", "brightness", "--x-axis", "What the horizontal axis of a map by axes says"),
    _axis("layout.y", "length", "--y-axis", "What the vertical axis of a map by axes says"),
    Setting(
        "layout.refit",
        "choice",
        "auto",
        "--refit",
        "Whether the map is fitted anew by itself when it has become poor, or that is only said",
        choices=("auto", "manual"),
        metavar="WHEN",
    ),
    Setting(
        "map.view",
        "choice",
        "natural",
        "--map-view",
        "View of the map that clients and MIDI begin with, and that commands answer in: as it was fitted, "
        "or even, where a 7-bit pad reaches all of 10,000 sounds",
        choices=("natural", "even"),
        metavar="VIEW",
    ),
    _port("osc.port", 7475, "--osc-port", "Port that listens for OSC, on UDP and TCP"),
    Setting(
        "osc.host",
        "host",
        "127.0.0.1",
        "--osc-host",
        "Address that OSC listens on; only this machine can reach it",
        metavar="ADDRESS",
    ),
    Setting("osc.tcp", "bool", True, "--osc-tcp", "Listen for OSC on TCP too", metavar="on|off"),
    _port("http.port", 7477, "--http-port", "Port for the map page, OSCQuery and the status over HTTP"),
    Setting(
        "http.announce",
        "bool",
        True,
        "--http-announce",
        "Whether programs find the bridge by themselves: OSCQuery and OSC are announced by zeroconf, on the "
        "loopback interface alone unless other machines may use the bridge",
        metavar="on|off",
    ),
    Setting(
        "lan.on",
        "bool",
        False,
        "--lan",
        "Whether other machines of the network, a phone or tablet, may use the bridge: see, move, hear and "
        "ask, not change. Over HTTP they need a token, which klustr-bridge lan shows; the flag may stand "
        "alone",
        metavar="on|off",
    ),
    Setting(
        "lan.host",
        "lan",
        "0.0.0.0",
        "--lan-host",
        "Address of this machine that others reach it at; 0.0.0.0 is every one it has",
        metavar="ADDRESS",
    ),
    Setting(
        "lan.osc",
        "bool",
        True,
        "--lan-osc",
        "Whether others may use OSC too, which knows no token",
        metavar="on|off",
    ),
    Setting(
        "audio.output",
        "bool",
        True,
        "--audio",
        "Whether the bridge plays sounds itself",
        metavar="on|off",
    ),
    Setting(
        "audio.device",
        "str",
        "",
        "--audio-device",
        "Number or part of the name of the output device; nothing means the system's default",
        metavar="NAME",
    ),
    Setting(
        "audio.sample_rate",
        "int",
        0,
        "--audio-rate",
        "Sample rate of the output",
        8000,
        384_000,
        zero="the device's own",
        unit="Hz",
        metavar="HZ",
    ),
    Setting(
        "audio.gain_db",
        "float",
        0.0,
        "--audio-gain",
        "Gain of everything the bridge plays",
        -60,
        24,
        unit="dB",
        metavar="DB",
    ),
    Setting(
        "audio.cache_mb",
        "int",
        64,
        "--audio-cache",
        "Memory for sounds kept ready to play",
        1,
        65_536,
        unit="megabytes",
        metavar="MB",
    ),
    Setting(
        "audio.voices",
        "int",
        32,
        "--voices",
        "How many sounds the bridge plays at once; one more takes the place of an old, quiet one",
        1,
        256,
        metavar="N",
    ),
    Setting(
        "audio.channels",
        "channels",
        "1-2",
        "--audio-channels",
        "Channels of the output device to play on, a pair or one",
        metavar="PAIR",
    ),
    Setting(
        "audio.buffer_frames",
        "int",
        0,
        "--audio-buffer",
        "Audio frames that the output device asks for at a time",
        16,
        8192,
        zero="the device's own choice",
        unit="audio frames",
        metavar="FRAMES",
    ),
    Setting(
        "audio.latency_ms",
        "float",
        0.0,
        "--audio-latency",
        "Latency to ask the output device for",
        1,
        1000,
        zero="the lowest it suggests",
        unit="milliseconds",
        metavar="MS",
    ),
    Setting(
        "audio.velocity_curve",
        "choice",
        "square",
        "--velocity-curve",
        "Level of a velocity: itself, its square, its cube, or full whatever it is",
        choices=("linear", "square", "cube", "full"),
        metavar="CURVE",
    ),
    Setting(
        "audio.gap_ms",
        "float",
        30.0,
        "--gap",
        "Shortest time between two sounds that moving one cursor plays",
        0,
        1000,
        unit="milliseconds",
        metavar="MS",
    ),
    Setting(
        "audio.loudness_match",
        "bool",
        False,
        "--loudness-match",
        "Play all sounds about equally loud, by their analysed loudness",
        metavar="on|off",
    ),
    Setting(
        "audio.choke",
        "choice",
        "kind",
        "--choke",
        "What ends a sound that still rings: a hi-hat another hi-hat's (kind), the same cursor's next sound"
        " (cursor), nothing (off)",
        choices=("kind", "cursor", "off"),
        metavar="WHAT",
    ),
    Setting(
        "audio.loops_in_time",
        "bool",
        True,
        "--loops-in-time",
        "While triggers are quantised, play loops at the session's tempo, by resampling: their pitch changes",
        metavar="on|off",
    ),
    Setting(
        "audio.recordings",
        "path",
        "",
        "--recordings",
        "Folder for recordings of what was played; nothing means klustr-bridge in your music folder",
        metavar="FOLDER",
    ),
    Setting("midi.input", "bool", True, "--midi", "Whether MIDI is listened to", metavar="on|off"),
    Setting(
        "midi.ports",
        "str",
        "",
        "--midi-ports",
        "Pattern of the MIDI inputs to listen to (* and ? stand for anything); nothing means all",
        metavar="PATTERN",
    ),
    Setting(
        "midi.mapping",
        "path",
        "",
        "--midi-mapping",
        "File that says what controllers drive; nothing means midi.toml beside the settings file",
        metavar="FILE",
    ),
    Setting(
        "midi.virtual",
        "bool",
        True,
        "--midi-virtual",
        "Whether the bridge is a MIDI port itself, klustr-bridge, that programs can send to (not on Windows)",
        metavar="on|off",
    ),
    Setting(
        "midi.output",
        "bool",
        False,
        "--midi-output",
        "Whether what is played goes out as notes, on a MIDI port klustr-bridge-notes (not on Windows)",
        metavar="on|off",
    ),
    Setting(
        "clock.source",
        "choice",
        "midi",
        "--clock",
        "Whose beat triggers can be quantised to: MIDI clock's (midi), Ableton Link's, which listens and"
        " sends on your network, or MIDI clock's while nobody else is on Link (link), nobody's (off)",
        choices=("midi", "link", "off"),
        metavar="SOURCE",
    ),
    Setting(
        "clock.beats_a_bar",
        "int",
        4,
        "--beats-a-bar",
        "Quarter notes in a bar of the session",
        1,
        16,
        metavar="N",
    ),
    Setting(
        "log.level",
        "choice",
        "info",
        "--log-level",
        "How much is said",
        choices=("debug", "info", "warning", "error"),
        metavar="LEVEL",
    ),
    Setting(
        "log.view",
        "choice",
        "auto",
        "--view",
        "How progress is shown: rewritten in place on a terminal (live) or as whole lines (plain)",
        choices=("auto", "live", "plain"),
        metavar="VIEW",
    ),
)

BY_KEY: dict[str, Setting] = {setting.key: setting for setting in TABLE}
BY_ENVIRONMENT: dict[str, Setting] = {setting.environment: setting for setting in TABLE}
SECTIONS: dict[str, str] = {
    "library": "Where the library is kept.",
    "index": "How sample files are found, watched and analysed.",
    "hearing": "What likeness of sounds goes by.",
    "layout": "How the map is made.",
    "map": "How the map is shown.",
    "osc": "How clients reach the bridge.",
    "http": "How browsers reach the bridge.",
    "lan": "Whether other machines reach the bridge.",
    "audio": "How sounds are played.",
    "midi": "How controllers play the map.",
    "clock": "Whose beat is played to.",
    "log": "What is said and how.",
}
