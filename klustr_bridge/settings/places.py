"""Where klustr-bridge keeps its files on this system.

Owns: the folders and names of the settings file, the library, the demo library and the caches.
Must not create or read any of them.
"""

from pathlib import Path

import platformdirs

from klustr_bridge.settings.tree import Settings

APPLICATION = "klustr-bridge"


def default_settings_file() -> Path:
    """Return the settings file read when no other is named; it need not exist."""
    return platformdirs.user_config_path(APPLICATION, appauthor=False) / "settings.toml"


def data_dir() -> Path:
    """Return the user data folder, where libraries are kept; it need not exist."""
    return platformdirs.user_data_path(APPLICATION, appauthor=False)


def cache_dir() -> Path:
    """Return the user cache folder: everything in it can be made again; it need not exist."""
    return platformdirs.user_cache_path(APPLICATION, appauthor=False)


def library_file(settings: Settings) -> Path:
    """Return the library file that the settings choose; it need not exist."""
    return Path(settings.library.file) if settings.library.file else data_dir() / "library.klustr"


def recordings_dir(settings: Settings) -> Path:
    """Return the folder for recordings of what was played; it need not exist."""
    chosen = settings.audio.recordings
    return Path(chosen) if chosen else platformdirs.user_music_path() / APPLICATION


def midi_mapping_file(settings: Settings) -> Path:
    """Return the file of the user's MIDI controllers; it need not exist."""
    chosen = settings.midi.mapping
    return Path(chosen) if chosen else default_settings_file().with_name("midi.toml")


def lan_token_file() -> Path:
    """Return the file of the token that lets other machines in; it need not exist."""
    return data_dir() / "lan-token"


def demo_library_file() -> Path:
    """Return the library file of the demo, which is one of its own; it need not exist."""
    return data_dir() / "demo.klustr"


def demo_folder() -> Path:
    """Return the folder of the demo's sample files; it need not exist."""
    return data_dir() / "demo"
