"""MIDI: from a controller's message to the OSC client's hit, against the MIDI system's own way.

A program sends into the bridge's own port; both ways run in the same JACK server, in turns, at any moment of
its cycles. X and Y of a gesture come as two messages. Needs Linux, jackd2, python-rtmidi and JACK-Client.
"""

import argparse
import os
import queue
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Daemon, Report, Row, median, work_folder
from benchmarks.jack_stage import Card, missing
from klustr_bridge.client import Client, NoAnswerError

_JACK = "mido.backends.rtmidi/UNIX_JACK"
_OWN = "klustr-bridge"
_APART_S = 0.0015  # within the time that X and Y wait for each other; JACK loses some of what comes in bursts
_QUIET_S = 0.03
_CYCLE_S = 0.02


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gestures", type=int, default=300, help="moves and keys to time (default: 300)")
    parser.add_argument("--period", type=int, default=256, help="frames of the JACK server (default: 256)")
    parser.add_argument("--files", type=int, default=300, help="sounds on the map (default: 300)")


def run(options: argparse.Namespace) -> Report:
    if (reason := missing()) is not None:
        raise SystemExit(reason)
    report = Report("midi", {"gestures": options.gestures, "period": options.period, "files": options.files})
    with work_folder(None) as work, Card("klustr-bench-m", options.period) as card:
        from benchmarks.libraries import make_load_folder

        folder = make_load_folder(work / "samples", options.files)
        os.environ.update(card.environment)
        extra = card.environment | {"MIDO_BACKEND": _JACK}
        words = ("--midi", "on", "--map-view", "even")
        with _bridge(work, folder, words, extra) as daemon:
            daemon.wait_until("ready", lambda status: status.state == "ready" and not status.pending)
            _measure(report, daemon, options.gestures)
    return report


def _bridge(work: Path, folder: Path, words: tuple[str, ...], extra: dict[str, str]) -> Daemon:
    return Daemon(work / "home", work / "library.klustr", str(folder), *words, extra=extra, midi=True)


def _measure(report: Report, daemon: Daemon, n_gestures: int) -> None:
    import mido

    backend: Any = mido.Backend(_JACK)
    heard: queue.SimpleQueue[float] = queue.SimpleQueue()
    echo = backend.open_input(
        "echo", virtual=True, client_name="klustr-bench", callback=lambda _: heard.put(time.perf_counter())
    )
    to_echo, to_bridge = backend.open_output(_port(backend, "klustr-bench")), None
    until_s = time.monotonic() + 30.0
    while to_bridge is None and time.monotonic() < until_s:
        names = [name for name in backend.get_output_names() if _OWN in name]
        to_bridge = backend.open_output(names[0]) if names else None
        time.sleep(0.2)
    if to_bridge is None:
        raise RuntimeError(f"the bridge has no port {_OWN}; it said:\n{daemon.said()}")
    plain: list[float] = []
    moves: list[float] = []
    keys: list[float] = []
    chance = np.random.default_rng(1)
    with Client(port=daemon.port, timeout=0.5) as client:
        client.hello("benchmark")
        client.view("even")
        client.send("/klustr/player", "client")  # so that we are told what MIDI plays
        for _ in range(n_gestures):
            time.sleep(chance.uniform(0.0, _CYCLE_S))
            plain += _echo(to_echo, heard)
            x, y = (int(value) for value in chance.integers(0, 128, 2))
            _drain(client)
            time.sleep(chance.uniform(0.0, _CYCLE_S))
            to_bridge.send(mido.Message("control_change", control=12, value=x))
            time.sleep(_APART_S)
            sent_s = time.perf_counter()
            to_bridge.send(mido.Message("control_change", control=13, value=y))
            moves += _until(client, "/klustr/hit", sent_s)
            _drain(client)
            time.sleep(chance.uniform(0.0, _CYCLE_S))
            sent_s = time.perf_counter()
            to_bridge.send(mido.Message("note_on", note=60, velocity=100))
            keys += _until(client, "/klustr/play", sent_s)
    for port in (echo, to_echo, to_bridge):
        port.close()
    base = median(plain)
    for what, values in (
        ("the MIDI system alone, from program to program", plain),
        ("a move, from its Y to the hit", moves),
        ("a key, to the play", keys),
    ):
        ratio = None if values is plain else median(values) / base
        report.rows.append(Row(f"{what}, median", 1000 * median(values), "ms", ratio, "MIDI alone"))
        p99 = float(np.percentile(values, 99))
        ratio = None if values is plain else p99 / float(np.percentile(plain, 99))
        report.rows.append(Row(f"{what}, p99", 1000 * p99, "ms", ratio, "MIDI alone"))
        report.notes.append(f"{what}: {len(values)} of {n_gestures} came")
    report.notes.append("moves that end on the same sound cause no hit")


def _port(backend: Any, name: str) -> str:
    return next(found for found in backend.get_output_names() if name in found)


def _echo(output: Any, heard: "queue.SimpleQueue[float]") -> list[float]:
    import mido

    sent_s = time.perf_counter()
    output.send(mido.Message("control_change", control=12, value=1))
    try:
        return [heard.get(timeout=0.5) - sent_s]
    except queue.Empty:
        return []


def _drain(client: Client) -> None:
    """Read what is still to come of what was before."""
    for _ in client.events(timeout=_QUIET_S):
        pass


def _until(client: Client, address: str, sent_s: float) -> list[float]:
    try:
        client.wait(address, 0.3)
    except NoAnswerError:
        return []
    return [time.perf_counter() - sent_s]
