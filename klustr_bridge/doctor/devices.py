"""Checks of audio and MIDI, asked in child processes: either may hang, or crash who asks.

Owns: what is found about outputs and inputs. Nothing here is needed for answering questions, so what
is missing is never a failure; only a device that the settings name and that isn't there is one.
"""

import platform
import sys
from pathlib import Path

from klustr_bridge.bridge.midi_child import choose, choose_backend
from klustr_bridge.doctor.check import Check
from klustr_bridge.doctor.child import NoAnswer, ask_in_child
from klustr_bridge.settings import AudioSettings, MidiSettings

LIMIT_S = 20.0


def check_audio(settings: AudioSettings, limit_s: float = LIMIT_S) -> Check:
    """Check the PortAudio library, the output devices and the one that the settings choose.

    Parameters
    ----------
    settings : AudioSettings
        The settings in force.
    limit_s : float
        How long the audio system may take to answer, seconds.
    """
    name = "audio"
    if not settings.output:
        return Check(name, None, "switched off in the settings", "klustr-bridge --audio on")
    try:
        state, found, mend = ask_in_child(ask_audio, settings.device, limit_s=limit_s)
    except NoAnswer as reason:
        mend = "restart the audio system (pipewire, pulseaudio, jackd), or run klustr-bridge --audio off"
        return Check(name, None, f"the audio system can't be used: {reason}", mend)
    return Check(name, {"ok": True, "wrong": False, "missing": None}[state], found, mend)


def ask_audio(wanted: str) -> tuple[str, str, str]:
    """Ask PortAudio; runs in a child process.

    Returns
    -------
    tuple of str
        ``ok``, ``wrong`` or ``missing``; what was found; what mends it.
    """
    import importlib.util

    from klustr_bridge.errors import PlayerError
    from klustr_bridge.player import portaudio

    if importlib.util.find_spec("sounddevice") is None:
        return "missing", "the Python package sounddevice is not installed", pip_install("sounddevice")
    try:
        sounddevice = portaudio.load()
    except portaudio.LibraryMissing as error:
        return "missing", str(error), portaudio.install_hint(platform.system(), _release())
    version = sounddevice.get_portaudio_version()[1].split(",")[0]
    devices = portaudio.output_devices(sounddevice)
    if not devices:
        mend = "connect an audio interface, or let the client play: klustr-bridge --audio off"
        return "missing", f"{version}; no output device", mend
    listed = ", ".join(str(device) for device in devices)
    try:
        chosen = portaudio.choose_device(devices, wanted)
    except PlayerError as error:
        return "wrong", str(error), f"klustr-bridge --audio-device NAME, with a NAME of: {listed}"
    found = f"{version}; plays on {chosen} at {chosen.sample_rate} Hz"
    others = len(devices) - 1
    return "ok", f"{found}; {others} other device{'s' * (others != 1)}" if others else found, ""


def _release() -> dict[str, str] | None:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return None


def check_midi(settings: MidiSettings, limit_s: float = LIMIT_S) -> Check:
    """Check the MIDI system and the names of its inputs.

    Parameters
    ----------
    settings : MidiSettings
        The settings in force.
    limit_s : float
        How long the MIDI system may take to answer, seconds.
    """
    name = "MIDI"
    if not settings.input:
        return Check(name, None, "switched off in the settings", "klustr-bridge --midi on")
    ready_made = ("python-rtmidi", "rtmidi") if sys.version_info < (3, 13) else ("rtmidi2", "rtmidi2")
    for package, module in (("mido", "mido"), ready_made):
        if not _is_installed(module) and not (module != "mido" and _is_installed("rtmidi")):
            return Check(name, None, f"the Python package {package} is not installed", pip_install(package))
    try:
        ports: list[str] = ask_in_child(ask_midi, limit_s=limit_s)
    except NoAnswer as reason:
        mend = "run klustr-bridge --midi off"
        if sys.platform == "linux" and not Path("/dev/snd/seq").exists():
            mend = "sudo modprobe snd-seq"
        return Check(name, None, f"the MIDI system can't be used: {reason}", mend)
    if not ports:
        return Check(
            name, None, "works, but no input is connected", "connect a controller, or run --midi off"
        )
    chosen = choose(ports, settings.ports)
    if settings.ports and not chosen:
        found = f"no input matches '{settings.ports}'; found: {', '.join(ports)}"
        return Check(name, None, found, "klustr-bridge --midi-ports PATTERN, for example '*'")
    return Check(name, True, f"inputs: {', '.join(chosen or ports)}")


def ask_midi() -> list[str]:
    """Ask the MIDI system for its inputs; runs in a child process."""
    backend = choose_backend("")
    backend.load()
    return [str(name) for name in backend.get_input_names()]


def _is_installed(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


def pip_install(packages: str) -> str:
    """Return the command that installs Python packages where this program runs."""
    return f"{sys.executable} -m pip install {packages}"
