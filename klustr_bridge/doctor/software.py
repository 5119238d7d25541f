"""Checks of Python, of the packages, of the learned ear and of the formats that can be decoded.

Owns: the list of packages looked for (a test compares it with ``pyproject.toml``).
"""

import importlib.metadata
import sys

from klustr_bridge import __version__
from klustr_bridge.doctor.check import Check
from klustr_bridge.doctor.devices import pip_install
from klustr_bridge.errors import EarError
from klustr_bridge.settings import HearingSettings
from klustr_bridge.sound.ear import load_ear
from klustr_bridge.sound.formats import av_formats

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 14)

NEEDED = (
    "faiss-cpu",
    "filelock",
    "numpy",
    "platformdirs",
    "psutil",
    "python-osc",
    "scikit-learn",
    "scipy",
    "soundfile",
    "soxr",
    "starlette",
    "tomli-w",
    "tomlkit",
    "umap-learn",
    "uvicorn",
    "watchdog",
    "websockets",
)
# Without these the bridge runs with less: no picture of the map, no MIDI, no learned ear, maps by UMAP, no
# sound, slower, programs don't find it by themselves, and a phone's user types its address.
OPTIONAL = (
    *("matplotlib", "mido", "onnxruntime", "openTSNE", "pillow", "python-rtmidi", "rtmidi2", "segno"),
    *("sounddevice", "uvloop", "zeroconf"),
)


def check_python(version: tuple[int, int, int] = sys.version_info[:3]) -> Check:
    """Check that this Python is one of those supported."""
    found = f"klustr-bridge {__version__}, Python {'.'.join(map(str, version))} ({sys.executable})"
    supported = f"{'.'.join(map(str, OLDEST_PYTHON))} to {'.'.join(map(str, NEWEST_PYTHON))}"
    if version[:2] < OLDEST_PYTHON:
        return Check("Python", False, f"{found}; too old", f"install Python {supported}")
    if version[:2] > NEWEST_PYTHON:
        return Check("Python", None, f"{found}; not tried yet", f"if something fails, use Python {supported}")
    return Check("Python", True, found)


def check_packages() -> list[Check]:
    """Check that every package is installed; one finding for the needed, one for the optional ones."""
    # one of the two speaks to MIDI ports: the second where the first has no wheel
    elsewhere = {"rtmidi2" if sys.version_info < (3, 13) else "python-rtmidi"}
    if sys.platform == "win32":
        elsewhere.add("uvloop")
    optional = [name for name in OPTIONAL if name not in elsewhere]
    return [
        _check_installed("packages", NEEDED, False),
        _check_installed("optional packages", optional, None),
    ]


def _check_installed(name: str, packages: tuple[str, ...] | list[str], missing_is: bool | None) -> Check:
    present, missing = [], []
    for package in packages:
        try:
            present.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        return Check(name, missing_is, f"not installed: {', '.join(missing)}", pip_install(" ".join(missing)))
    return Check(name, True, ", ".join(present))


def check_ear(settings: HearingSettings) -> Check:
    """Check that the learned ear can hear, if the library is to hear by it."""
    name = "learned ear"
    if settings.embedding != "learned":
        return Check(name, True, "not used, by the setting hearing.embedding")
    try:
        load_ear()
    except EarError as error:
        mend = pip_install("--force-reinstall onnxruntime")
        return Check(name, None, f"sounds are heard by the engineered numbers alone: {error}", mend)
    return Check(name, True, f"onnxruntime {importlib.metadata.version('onnxruntime')} has loaded it")


def check_decoding() -> list[Check]:
    """Check which formats can be decoded: those of libsndfile, and those that need an extra."""
    return [_check_sndfile(), _check_av()]


def _check_av() -> Check:
    name = "decoding, extra"
    formats = ", ".join(each.name for each in av_formats().values())
    try:
        import av
    except ImportError as error:
        found, mend = f"PyAV can't be loaded: {error}", "--force-reinstall av"
        if isinstance(error, ModuleNotFoundError) and error.name == "av":
            # double quotes mean the same to every shell, that of Windows included
            found, mend = "PyAV is not installed", "av"
        return Check(name, None, f"{formats} can't be read: {found}", pip_install(mend))
    return Check(name, True, f"PyAV {av.__version__}: {formats}")


def _check_sndfile() -> Check:
    name = "decoding"
    try:
        import soundfile

        formats = set(soundfile.available_formats())
        version = str(soundfile.__libsndfile_version__)
    except (ImportError, OSError) as error:
        return Check(
            name, False, f"libsndfile can't be loaded: {error}", pip_install("--force-reinstall soundfile")
        )
    wanted = {"WAV": "WAV", "AIFF": "AIFF", "FLAC": "FLAC", "OGG": "Ogg", "MP3": "MP3"}
    lacking = [label for key, label in wanted.items() if key not in formats]
    if lacking:
        mend = pip_install("--force-reinstall soundfile")
        return Check(name, None, f"libsndfile {version} can't decode {', '.join(lacking)}", mend)
    return Check(name, True, f"libsndfile {version}: {', '.join(wanted.values())}")
