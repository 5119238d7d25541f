"""Owns the finding of PortAudio and of devices, and the words for what is missing.

This is the only module that imports sounddevice, and only when it is asked to: without the
library, everything else of the bridge works. It must not open streams.
"""

import atexit
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from klustr_bridge.errors import PlayerError

PROBE_LIMIT_S = 15.0
_PROBE = """
import ctypes
try:
    library = ctypes.CDLL("libportaudio.so.2")
except OSError:
    raise SystemExit(0)
library.Pa_Initialize()
"""

_INSTALL_COMMANDS = {
    "debian": "sudo apt install libportaudio2",
    "ubuntu": "sudo apt install libportaudio2",
    "fedora": "sudo dnf install portaudio",
    "rhel": "sudo dnf install portaudio",
    "arch": "sudo pacman -S portaudio",
    "suse": "sudo zypper install libportaudio2",
    "opensuse": "sudo zypper install libportaudio2",
    "alpine": "sudo apk add portaudio",
}


class LibraryMissing(Exception):
    """PortAudio or sounddevice isn't installed; the message says how to install it."""


@dataclass(frozen=True, slots=True)
class OutputDevice:
    """A device that can play.

    Attributes
    ----------
    index : int
        PortAudio's number of it.
    name, host_api : str
        As the system says them.
    n_channels : int
        The most it can play at once.
    sample_rate : int
        Its own, Hz.
    is_default : bool
        Whether it is the system's default output.
    """

    index: int
    name: str
    host_api: str
    n_channels: int
    sample_rate: int
    is_default: bool

    def __str__(self) -> str:
        return f"[{self.index}] {self.name} ({self.host_api})"


def install_hint(system: str, release: dict[str, str] | None = None) -> str:
    """Return what to do about a missing PortAudio library.

    Parameters
    ----------
    system : str
        As ``platform.system()`` says it.
    release : dict, optional
        The fields of a Linux system's ``os-release``.
    """
    if system != "Linux":
        return f"reinstall it: {sys.executable} -m pip install --force-reinstall sounddevice"
    fields = release or {}
    for name in [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]:
        command = _INSTALL_COMMANDS.get(name.partition("-")[0])
        if command:
            return f"install it ({command}) and restart klustr-bridge"
    return "install your system's package of libportaudio and restart klustr-bridge"


def load(*, look_again: bool = False) -> Any:
    """Import sounddevice, which starts PortAudio; with `look_again`, find devices anew.

    No stream may be open when looking again.

    Returns
    -------
    module
        sounddevice.

    Raises
    ------
    LibraryMissing
        PortAudio or sounddevice isn't there.
    PlayerError
        The audio system of this machine can't be used.
    """
    fresh = "sounddevice" not in sys.modules
    if fresh or look_again:
        _probe()
    try:
        import sounddevice as sd
    except ImportError as error:
        raise LibraryMissing(
            f"no sound, sounddevice can't be imported ({error}): "
            f"{sys.executable} -m pip install sounddevice, then restart klustr-bridge"
        ) from error
    except OSError as error:
        raise LibraryMissing(
            f"no sound, the PortAudio library is missing ({error}): "
            f"{install_hint(platform.system(), _os_release())}"
        ) from error
    except Exception as error:  # PortAudioError out of the import: its class can't be had then
        raise PlayerError(f"the audio system can't be started: {error}") from error
    if look_again and not fresh:
        # The one way to see devices that came or went:
        # https://github.com/spatialaudio/python-sounddevice/issues/125
        try:
            if sd._initialized:
                sd._terminate()
            sd._initialize()
        except sd.PortAudioError as error:
            raise PlayerError(f"the audio system can't be started again: {error}") from error
    return sd


def _probe() -> None:
    """Start PortAudio in a child process first, on Linux.

    An ALSA configuration without the usual entries makes PortAudio 19.6 abort the whole process
    (an assertion in pa_linux_alsa.c, seen with an empty configuration file): better the child's.
    """
    if platform.system() != "Linux":
        return
    command = [sys.executable, "-I", "-S", "-c", _PROBE]
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_LIMIT_S,
            check=False,
            start_new_session=True,  # a Ctrl-C of the terminal is no crash of PortAudio
        )
    except subprocess.TimeoutExpired:
        raise PlayerError(
            f"no sound, the audio system did not start within {PROBE_LIMIT_S:.0f} s; "
            "check that its sound server (PipeWire, PulseAudio, JACK) runs"
        ) from None
    except OSError:
        return
    if ended.returncode < 0:
        raise PlayerError(
            f"no sound, PortAudio crashes on this machine (signal {-ended.returncode}); "
            "check the ALSA configuration (ALSA_CONFIG_PATH, /etc/asound.conf, ~/.asoundrc)"
        )


def _os_release() -> dict[str, str] | None:
    """Return the fields of the system's os-release file, None where there is none."""
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return None


def output_devices(sd: Any) -> list[OutputDevice]:
    """Return every device that can play, by rising number.

    Parameters
    ----------
    sd : module
        sounddevice, from `load`.

    Raises
    ------
    PlayerError
        The devices can't be listed.
    """
    try:
        apis = sd.query_hostapis()
        default = sd.default.device[1]
        return [
            OutputDevice(
                index=index,
                name=device["name"],
                host_api=apis[device["hostapi"]]["name"],
                n_channels=device["max_output_channels"],
                sample_rate=round(device["default_samplerate"]),
                is_default=index == default,
            )
            for index, device in enumerate(sd.query_devices())
            if device["max_output_channels"] > 0
        ]
    except sd.PortAudioError as error:
        raise PlayerError(f"the output devices can't be listed: {error}") from error


def choose_device(devices: Sequence[OutputDevice], wanted: str) -> OutputDevice:
    """Choose by number, by the whole name, or by parts of name and host API in their order.

    Windows lists a device once for each of its host APIs; of several that match, the default one
    is taken, else the first.

    Raises
    ------
    PlayerError
        Nothing matches; the message lists what there is.
    """
    if not devices:
        raise PlayerError(
            "no sound, there is no output device; connect one, it is looked for from time to time"
        )
    if not wanted.strip():
        return next((device for device in devices if device.is_default), devices[0])
    if wanted.strip().isdecimal():
        matches = [device for device in devices if device.index == int(wanted)]
    else:
        matches = [device for device in devices if _matches(device, wanted)]
        whole = [device for device in matches if device.name.casefold() == wanted.strip().casefold()]
        matches = whole or matches
    if not matches:
        found = ", ".join(f"[{device.index}] {device.name}" for device in devices)
        raise PlayerError(f"no output device matches '{wanted}'; found: {found}")
    return next((device for device in matches if device.is_default), matches[0])


def _matches(device: OutputDevice, wanted: str) -> bool:
    """Whether each word occurs, one after the other, in name and host API."""
    text = f"{device.name}, {device.host_api}".casefold()
    position = 0
    for word in wanted.casefold().split():
        position = text.find(word, position)
        if position < 0:
            return False
        position += len(word)
    return True


def give_up_at_exit() -> None:
    """Keep the end of the process from waiting for an audio system that hangs."""
    module = sys.modules.get("sounddevice")
    handler = getattr(module, "_exit_handler", None)
    if handler is not None:
        atexit.unregister(handler)
