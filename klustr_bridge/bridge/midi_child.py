"""The process that talks to the MIDI system: says on its standard output what it hears, sends what it is to.

MIDI systems hang and crash whoever asks them, and python-rtmidi keeps the interpreter lock meanwhile:
asking a JACK server that had stopped froze every thread of the process for as long, closing a port
after JACK had died ended the process. So this runs apart and can be given up at any time.

This module is run by its path, to be there quickly and small: at its top it must import nothing but
the standard library. What a message means is not known here.
"""

import contextlib
import fnmatch
import importlib.util
import json
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, Final

MISSING: Final = 3
"""Exit code when a package is missing: there is no use in trying again."""

OWN: Final = "klustr-bridge"
"""What the names of all ports of bridges begin with, those of their clients too (JACK, ALSA)."""

_THROUGH: Final = "midi through"
_MOST_PORTS: Final = 64
_MOST_TEXT: Final = 200
_MOST_WAITING: Final = 1024
_NUMBER: Final = re.compile(r" \(\d+\)$")
_LOOKS_OFF: Final = 10
_LAST_S: Final = 0.05
"""What was sent at the end is on its way so long: a period of JACK, 1024 frames, takes 23 ms."""

Say = Callable[[dict[str, Any]], None]


def choose(names: Iterable[str], pattern: str) -> list[str]:
    """Return the inputs to listen to.

    Parameters
    ----------
    names : iterable of str
        All inputs.
    pattern : str
        Part of a name, or a pattern of a whole name with ``*`` and ``?``, in any case; "" is all.
        ALSA's own "Midi Through" is left out unless the pattern names it.
    """
    wanted = pattern.strip().casefold()
    chosen = []
    for name in dict.fromkeys(names):
        folded = name.casefold()
        if _THROUGH in folded and "through" not in wanted:
            continue
        if wanted in folded or fnmatch.fnmatchcase(folded, wanted):
            chosen.append(name)
    return chosen


class Names:
    """Asks for the names of all inputs, through one client of the MIDI system that stays.

    mido's own function makes two new clients each time. python-rtmidi keeps the interpreter lock while
    it makes one, and JACK lets none in before the callbacks of all others have returned, which wait for
    that lock: asking ten times a second, it came to a standstill after some hundred times. (A client
    that stays does not see that its JACK server has died; JACK is used only where MIDO_BACKEND asks for it.)

    Parameters
    ----------
    backend : mido.Backend
        The way to the MIDI system.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._ask: Callable[[], list[str]] | None = None

    @property
    def were_known(self) -> bool:
        """Whether there was a MIDI system to ask."""
        return self._ask is not None

    def ask(self) -> list[str]:
        """Return the names, each once.

        Raises
        ------
        Exception
            Of any kind, when the MIDI system can't be used.
        """
        if self._ask is None:
            self._ask = self._connect()
        return list(dict.fromkeys(map(str, self._ask())))

    def _connect(self) -> Callable[[], list[str]]:
        connect = getattr(self._backend, "connect", None)  # mido's own backends have none
        return self._backend.get_input_names if connect is None else connect()  # type: ignore[no-any-return]


class Outputs:
    """The outputs that something is sent to; safe to use from several threads.

    Parameters
    ----------
    backend : mido.Backend
        The way to the MIDI system.
    own_names : tuple of str
        Our own ports, which others see: nothing is sent to them from here.

    Attributes
    ----------
    own : object or None
        An output of our own.
    are_wanted : bool
        Whether to look for outputs of others.
    problem : str or None
        What kept the last message from being sent.
    """

    def __init__(self, backend: Any, own_names: tuple[str, ...], are_wanted: bool = False) -> None:
        self.own: Any = None
        self.are_wanted = are_wanted
        self.problem: str | None = None
        self._broken: dict[str, int] = {}  # looks for which an output that can't be used is not there
        self._backend = backend
        self._own_names = own_names
        self._ask: Callable[[], list[str]] | None = None
        self._open: dict[str, Any] = {}
        self._seen: list[str] = []
        self._lock = threading.Lock()

    def look(self) -> list[str]:
        """Return the names of all outputs, none while they aren't wanted; close those that have gone."""
        if not self.are_wanted:
            return []
        with self._lock, contextlib.suppress(Exception):
            if self._ask is None:
                connect = getattr(self._backend, "connect_outputs", None)
                self._ask = self._backend.get_output_names if connect is None else connect()
            named = dict.fromkeys(map(str, self._ask()))
            names = [name for name in named if not any(own and own in name for own in self._own_names)]
            _close(self._open, changed(self._seen, names))
            self._seen = names
            self._broken = {name: left - 1 for name, left in self._broken.items() if left > 1}
            if not self._broken:
                self.problem = None
            return [name for name in names if name not in self._broken][:_MOST_PORTS]
        return []

    def send(self, to: str, data: bytes) -> None:
        """Send a message to an output, or by our own if `to` is empty.

        Raises
        ------
        Exception
            Of any kind, if it can't be sent.
        """
        import mido

        message = mido.Message.from_bytes(data)
        with self._lock:
            if to in self._broken:
                return
            try:
                if to and to not in self._open:
                    self._open[to] = self._backend.open_output(to)
                port = self._open[to] if to else self.own
                if port is not None:
                    port.send(message)
            except Exception as error:
                self._broken[to] = _LOOKS_OFF
                self.problem = f"can't send to '{to or OWN}': {_reason(error)}; close what else uses it"
                raise


class Inputs:
    """The open inputs; keeps looking for those that come and go, which no MIDI system reports.

    Parameters
    ----------
    backend : mido.Backend
        The way to the MIDI system.
    pattern : str
        As for `choose`.
    types : collection of str
        Types of messages to pass on, in mido's words.
    say : callable
        Gets what is to be told, as the fields of a JSON object; called on several threads.
    virtual : str
        Name of an input of our own that programs can send to; empty: none. Not on Windows.
    notes : str
        Name of an output of our own that notes go out by; empty: none. Not on Windows.
    outputs : bool
        Whether to look for outputs, too, from the start on.
    """

    def __init__(
        self,
        backend: Any,
        pattern: str,
        types: Collection[str],
        say: Say,
        virtual: str = "",
        notes: str = "",
        outputs: bool = False,
    ) -> None:
        self._virtual = virtual
        self._notes = notes
        self._outputs = Outputs(backend, (virtual, notes), outputs)
        self._own: Any = None
        self._is_offered = False
        self._backend = backend
        self._pattern = pattern
        self._types = frozenset(types)
        self._say = say
        self._names = Names(backend)
        self._open: dict[str, Any] = {}
        self._seen: list[str] = []

    def look(self) -> bool:
        """Compare what is there with what is open, and tell.

        Returns
        -------
        bool
            False if the MIDI system was there before and can't be used any more: nothing that
            belongs to it may be touched again.
        """
        try:
            # What a bridge sends by is an input to all others: listening to it would go round for ever.
            named = [name for name in self._names.ask() if not name.startswith(OWN)]
            present = named[:_MOST_PORTS]
        except Exception as error:
            self._say({"problem": f"the MIDI system can't be used: {_reason(error)}"[:_MOST_TEXT]})
            return not self._names.were_known
        self._offer_own()
        chosen = choose(present, self._pattern)
        _close(self._open, changed(self._seen, chosen))
        self._seen = chosen
        problems = [text for name in chosen if (text := self._listen_to(name)) is not None]
        outputs = self._outputs.look()
        if self._outputs.problem:
            problems.append(self._outputs.problem)
        problem = "; ".join(problems)[:_MOST_TEXT] or None
        ours = [name for name, port in self._ours() if port is not None]
        told = {"opened": list(self._open), "present": present, "problem": problem}
        self._say({**told, "outputs": outputs, "own": ours})
        return True

    def _ours(self) -> tuple[tuple[str, Any], ...]:
        return (self._virtual, self._own), (self._notes, self._outputs.own)

    def _offer_own(self) -> None:
        """Be a port ourselves, where the system has such ports."""
        if self._is_offered or sys.platform == "win32":
            return
        self._is_offered = True  # once: each try is a client more of the MIDI system
        if self._notes:
            with contextlib.suppress(Exception):
                self._outputs.own = self._backend.open_output(
                    self._notes, virtual=True, client_name=self._notes
                )
        if not self._virtual:
            return
        with contextlib.suppress(Exception):
            heard = partial(self._hear, self._virtual)
            self._own = self._backend.open_input(
                self._virtual, virtual=True, client_name=self._virtual, callback=heard
            )

    def obey(self, order: dict[str, Any]) -> None:
        """Do what the parent wants: send, or look for outputs from now on."""
        if "data" in order:
            self._outputs.send(order["to"], bytes.fromhex(order["data"]))
        else:
            self._outputs.are_wanted = True

    def _listen_to(self, name: str) -> str | None:
        """Open an input unless it is open; return what kept it from opening."""
        if name not in self._open:
            try:
                self._open[name] = self._backend.open_input(name, callback=partial(self._hear, name))
            except Exception as error:  # gone again, or another program has it (Windows)
                return f"can't open '{name}': {_reason(error)}; close other programs that use it"
        return None

    def _hear(self, name: str, message: Any) -> None:
        """Pass a message on; called by the MIDI system, so nothing may come out of it."""
        with contextlib.suppress(Exception):
            if message.type in self._types:
                self._say({"message": message.dict(), "port": name, "at_s": time.perf_counter()})


class Orders:
    """What the parent wants, a line of JSON each on the standard input; kept until the inputs are there."""

    def __init__(self) -> None:
        self._inputs: Inputs | None = None
        self._waiting: list[bytes] = []
        self._lock = threading.Lock()

    def start(self, inputs: Inputs) -> None:
        """Have orders carried out from now on."""
        with self._lock:
            self._inputs = inputs
            for line in self._waiting:
                self._carry_out(inputs, line)
            self._waiting.clear()

    def take_all(self) -> None:
        """Take orders until there are no more, and end the process: the system closes its ports."""
        rest = b""
        with contextlib.suppress(OSError):
            while data := os.read(0, 65536):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._take(line)
        if self._inputs is not None:
            time.sleep(_LAST_S)
        os._exit(0)

    def _take(self, line: bytes) -> None:
        with self._lock:
            if self._inputs is not None:
                self._carry_out(self._inputs, line)
            elif len(self._waiting) < _MOST_WAITING:
                self._waiting.append(line)

    @staticmethod
    def _carry_out(inputs: Inputs, line: bytes) -> None:
        with contextlib.suppress(Exception):
            inputs.obey(json.loads(line))


def changed(before: Iterable[str], now: Iterable[str]) -> list[str]:
    """Return the ports that have gone, or of whose name there are more or fewer: which is which is not known.

    Of two ports of one name the second is told by a number; when the first goes, the second has its name.
    """
    ports, present = list(before), list(now)
    then, since = Counter(map(_family, ports)), Counter(map(_family, present))
    return [port for port in ports if port not in present or then[_family(port)] != since[_family(port)]]


def _close(ports: dict[str, Any], names: Iterable[str]) -> None:
    """Close those of some open ports that have these names."""
    for name in names:
        with contextlib.suppress(Exception):
            if name in ports:
                ports.pop(name).close()


def _family(name: str) -> str:
    return _NUMBER.sub("", name.rstrip())


def _reason(error: Exception) -> str:
    """Return the reason without the full stop that rtmidi ends its own with: more follows."""
    return str(error).rstrip(" .")


def missing_package(error: Exception) -> str:
    """Say what to do about a package that can't be imported."""
    if not isinstance(error, ModuleNotFoundError):
        return f"MIDI can't be used: {_reason(error)}"[:_MOST_TEXT]
    package = error.name
    if package == "rtmidi":  # the one that has a ready-made build for this Python
        package = "python-rtmidi" if sys.version_info < (3, 13) else "rtmidi2"
    return f"the Python package {package} is not installed: {sys.executable} -m pip install {package}"


def choose_backend(wanted: str) -> Any:
    """Return the way to the MIDI system.

    Parameters
    ----------
    wanted : str
        A backend of mido, such as ``mido.backends.rtmidi/UNIX_JACK``, or ``rtmidi2``, with or without an API;
        "" is what the variable MIDO_BACKEND says, else python-rtmidi, else rtmidi2. For python-rtmidi mido's
        own is not used: it can't tell ports of one name apart.
    """
    import mido

    module, _, api = (wanted or os.environ.get("MIDO_BACKEND", "")).partition("/")
    is_rtmidi = module in ("", "rtmidi", "mido.backends.rtmidi")
    if module != "rtmidi2" and not is_rtmidi:
        return mido.Backend(wanted or None)
    beside = os.path.join(os.path.dirname(__file__), "midi_rtmidi.py")
    spec = importlib.util.spec_from_file_location("midi_rtmidi", beside)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    is_second = module == "rtmidi2" or (not _has("rtmidi") and _has("rtmidi2"))
    return (loaded.Rtmidi2 if is_second else loaded.Rtmidi)(api)


def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def main(
    pattern: str,
    backend: str,
    poll_s: float,
    types: Collection[str],
    virtual: str = "",
    notes: str = "",
    outputs: bool = False,
) -> int:
    """Listen until the standard input ends or the MIDI system is lost; return an exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    os.environ["JACK_NO_START_SERVER"] = "1"  # looking must not start anything
    orders = Orders()
    threading.Thread(target=orders.take_all, daemon=True).start()
    say = _sayer()
    try:
        chosen = choose_backend(backend)
        chosen.load()
    except Exception as error:
        say({"problem": missing_package(error)})
        return MISSING
    inputs = Inputs(chosen, pattern, types, say, virtual, notes, outputs)
    orders.start(inputs)
    while inputs.look():
        time.sleep(poll_s)
    return 1


def _sayer() -> Say:
    """Return a writer of lines; they must come out whole, whichever thread they are from."""
    lock = threading.Lock()

    def say(fields: dict[str, Any]) -> None:
        line = json.dumps(fields).encode() + b"\n"
        with lock:
            try:
                while line:
                    line = line[os.write(1, line) :]
            except OSError:  # nobody listens any more
                os._exit(0)

    return say


if __name__ == "__main__":
    os._exit(main(**json.loads(sys.argv[1])))  # tidying up after a MIDI system may hang or crash
