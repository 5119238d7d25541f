"""Settings: a TOML file, the environment and flags, made from one table.

Owns: which settings exist, their limits, where they come from, and where klustr-bridge keeps its
files. Stands at the left end of the house: it imports no other room but the errors.
"""

from klustr_bridge.settings.flags import add_flags, given_flags, load_for, with_switches
from klustr_bridge.settings.load import SETTINGS_VARIABLE, LoadedSettings, load
from klustr_bridge.settings.places import (
    cache_dir,
    data_dir,
    default_settings_file,
    demo_folder,
    demo_library_file,
    lan_token_file,
    library_file,
    midi_mapping_file,
    recordings_dir,
)
from klustr_bridge.settings.reference import describe, reference_markdown
from klustr_bridge.settings.table import CANDIDATE_METHODS, TABLE, TUNED_METHODS, Setting
from klustr_bridge.settings.tree import (
    AudioSettings,
    HearingSettings,
    HttpSettings,
    IndexSettings,
    LanSettings,
    LayoutSettings,
    LibrarySettings,
    LogSettings,
    MidiSettings,
    OscSettings,
    Settings,
    default_settings,
    flat_values,
)

__all__ = [
    "CANDIDATE_METHODS",
    "SETTINGS_VARIABLE",
    "TABLE",
    "TUNED_METHODS",
    "AudioSettings",
    "HearingSettings",
    "HttpSettings",
    "IndexSettings",
    "LanSettings",
    "LayoutSettings",
    "LibrarySettings",
    "LoadedSettings",
    "LogSettings",
    "MidiSettings",
    "OscSettings",
    "Setting",
    "Settings",
    "add_flags",
    "cache_dir",
    "data_dir",
    "default_settings",
    "default_settings_file",
    "demo_folder",
    "demo_library_file",
    "describe",
    "flat_values",
    "given_flags",
    "lan_token_file",
    "library_file",
    "load",
    "load_for",
    "midi_mapping_file",
    "recordings_dir",
    "reference_markdown",
    "with_switches",
]
