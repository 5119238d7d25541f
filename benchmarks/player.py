"""The player: from an OSC packet to the sound card, and its callback under load beside a stream of silence.

Both play into a sound card of their own (JACK's dummy driver, which keeps a real card's time), in the same
run. A third program listens within the card's cycles. Needs Linux, jackd2 and JACK-Client.
"""

import argparse
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from pythonosc.osc_message_builder import build_msg

from benchmarks.common import Aim, Daemon, Report, Row, median, work_folder
from benchmarks.jack_stage import RATE, Card, Silence, Tap, missing
from klustr_bridge.client import Client

N_VOICES = 32
LONG_S = 12.0
_AGAIN_S = 10.0
_CLICK_FRAMES = 2400


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--periods", type=int, nargs="+", default=[64, 128], help="frames of a block (default: 64 128)"
    )
    parser.add_argument(
        "--minutes", type=float, default=1.0, help="of 32 voices, idle and busy each (default: 1)"
    )
    parser.add_argument(
        "--triggers", type=int, default=200, help="sounds to time of each sort (default: 200)"
    )
    parser.add_argument(
        "--load-files", type=int, default=3000, help="files to index meanwhile (default: 3000)"
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """What player and silence have counted."""

    callbacks: float
    busy_ms: float
    longest_ms: float
    slow: float
    overdue: float
    xruns: float
    starved: float
    silent_xruns: int
    silent_callbacks: int

    @staticmethod
    def of(client: Client, silence: Silence) -> "_Counts":
        health = client.health()
        callbacks = health["player_callbacks"]
        return _Counts(
            callbacks,
            health["player_mean_render_ms"] * callbacks,
            health["player_longest_render_ms"],
            health["player_slow_callbacks"],
            health["player_overdue_callbacks"],
            health["player_xruns"],
            health["player_starved"],
            *silence.counts(),
        )


def run(options: argparse.Namespace) -> Report:
    if (reason := missing()) is not None:
        raise SystemExit(reason)
    settings = {"voices": N_VOICES, "rate": f"{RATE} Hz", "minutes": options.minutes}
    report = Report("player", settings | {"triggers": options.triggers, "load files": options.load_files})
    with work_folder(None) as work:
        folder = work / "samples"
        _write_sounds(folder, options.triggers)
        for period in options.periods:
            with _stage(work, folder, period) as (daemon, tap, silence), daemon.client() as client:
                _time_triggers(report, daemon, client, tap, period, options.triggers)
                tap.close()
                _under_load(report, work, client, silence, period, options)
    report.notes += [
        "a packet's own cycle is 0: what is in cycle 1 was in the very next buffer that the card asked for",
        "without real-time priority (JACK -r): xruns are of the machine as much as of the player",
    ]
    return report


def _write_sounds(folder: Path, n_clicks: int) -> None:
    """Write short sounds that begin at their first frame, and long ones for many voices."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(1)
    fall = np.exp(-np.arange(_CLICK_FRAMES) / 400.0)
    for number in range(2 * n_clicks):
        audio = 0.5 * chance.uniform(0.5, 1.0, _CLICK_FRAMES) * chance.choice([-1, 1], _CLICK_FRAMES) * fall
        soundfile.write(folder / f"click {number:04}.wav", audio, RATE, subtype="PCM_24")
    time_s = np.arange(round(LONG_S * RATE)) / RATE
    for number in range(N_VOICES):
        tone = 0.02 * np.sin(2 * np.pi * (110.0 + 37.0 * number) * time_s)
        audio = np.stack([tone, 0.02 * chance.standard_normal(len(tone)).clip(-3, 3)], axis=1)
        soundfile.write(folder / f"long {number:02}.wav", audio, RATE, subtype="PCM_24")


@contextmanager
def _stage(work: Path, folder: Path, period: int) -> Iterator[tuple[Daemon, Tap, Silence]]:
    """Two cards; a bridge and a tap at one, silence at the other."""
    with Card("klustr-bench-a", period) as card, Card("klustr-bench-b", period) as other:
        silence = Silence(other)
        words = [str(folder), "--workers", "2"]
        audio = ["--audio", "on", "--audio-device", "JACK", "--audio-rate", str(RATE)]
        home = work / f"home {period}"
        try:
            with Daemon(home, home / "library.klustr", *words, audio=audio, extra=card.environment) as daemon:
                n_files = len(list(folder.iterdir()))
                daemon.wait_until("ready", lambda status: status.state == "ready" and status.files >= n_files)
                tap = Tap(card)
                tap.connect()
                yield daemon, tap, silence
        finally:
            silence.close()


def _time_triggers(
    report: Report, daemon: Daemon, client: Client, tap: Tap, period: int, n_triggers: int
) -> None:
    """Time sounds that were never played, then the same ones again."""
    clicks = client.find("click", 2 * n_triggers)[:n_triggers]
    chance = np.random.default_rng(2)
    for name, aim in (("not loaded yet", 2.0), ("in the cache", 1.0)):
        cycles: list[float] = []
        frames: list[float] = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", daemon.port))
            for sound_id in clicks:
                tap.listen()
                time.sleep(0.02 + chance.uniform(0.0, period / RATE))  # anywhere in a cycle
                packet = build_msg("/klustr/trigger", [int(sound_id), 1.0]).dgram
                cycle, frame = tap.cycle(), tap.frame()
                sender.send(packet)
                found = tap.onset()
                if found is not None:
                    cycles.append((found[0] - cycle) / period)
                    frames.append(found[0] + found[1] - frame)
        what = f"{period:4} frames: {name}"
        in_time = 100.0 * sum(value <= aim for value in cycles) / max(1, len(clicks))
        report.rows += [
            Row(
                f"{what}, to the first frame, median",
                median(frames),
                "frames",
                median(frames) / period,
                "a block",
            ),
            Row(f"{what}, in the cycle, median", median(cycles), "cycles"),
            Row(f"{what}, in the cycle, p99", float(np.percentile(cycles, 99)), "cycles"),
            Row(f"{what}, within {aim:.0f} cycle{'s' if aim > 1 else ''}", in_time, "%"),
        ]
        report.aims.append(Aim(f"{what}, cycle of the first frame, median", median(cycles), aim, "cycles"))
        if len(cycles) < len(clicks):
            report.notes.append(f"{what}: {len(clicks) - len(cycles)} of {len(clicks)} were not heard")


def _under_load(
    report: Report, work: Path, client: Client, silence: Silence, period: int, options: argparse.Namespace
) -> None:
    """Keep 32 voices sounding: first with nothing else to do, then while indexing and relayouting."""
    long_ids = [int(sound_id) for sound_id in client.find("long", N_VOICES)]
    for name in ("idle", "busy"):
        relayouts = 0
        if name == "busy":
            from benchmarks.libraries import make_load_folder

            client.add_folder(make_load_folder(work / f"load {period}", options.load_files))
        _keep_sounding(client, long_ids)
        time.sleep(1.0)  # what is loaded has been loaded
        before, until_s = _Counts.of(client, silence), time.monotonic() + 60.0 * options.minutes
        again_s = time.monotonic() + _AGAIN_S
        voices: list[float] = []
        while time.monotonic() < until_s:
            time.sleep(min(0.5, max(0.0, until_s - time.monotonic())))
            voices.append(client.health()["player_voices"])
            if time.monotonic() > again_s:
                _keep_sounding(client, long_ids)
                again_s = time.monotonic() + _AGAIN_S
            if name == "busy" and client.status().state == "ready":
                client.command("/klustr/relayout", timeout=600.0)
                relayouts += 1
        report.rows.append(Row(f"{period:4} frames, {name}: voices, median", median(voices), ""))
        _tell(report, f"{period:4} frames, {name}", before, _Counts.of(client, silence), period)
        if name == "busy":
            status = client.status()
            report.notes.append(
                f"{period} frames, busy: {status.sounds} sounds at the end, {relayouts} times relaid out"
            )


def _keep_sounding(client: Client, long_ids: list[int]) -> None:
    for sound_id in long_ids:
        client.send("/klustr/trigger", sound_id, 1.0)


def _tell(report: Report, what: str, before: _Counts, after: _Counts, period: int) -> None:
    block_ms = 1000.0 * period / RATE
    n = max(1.0, after.callbacks - before.callbacks)
    mean_ms = (after.busy_ms - before.busy_ms) / n
    xruns, silent = after.xruns - before.xruns, after.silent_xruns - before.silent_xruns
    report.rows += [
        Row(f"{what}: a callback, mean", 1000.0 * mean_ms, "us", mean_ms / block_ms, "its time"),
        Row(
            f"{what}: the longest since the start",
            after.longest_ms,
            "ms",
            after.longest_ms / block_ms,
            "its time",
        ),
        Row(f"{what}: beyond half of its time", 100.0 * (after.slow - before.slow) / n, "%"),
        Row(f"{what}: beyond its time", after.overdue - before.overdue, "times"),
        Row(f"{what}: xruns of the player", xruns, "times"),
        Row(f"{what}: xruns of silence", silent, "times"),
        Row(f"{what}: voices that ran dry", after.starved - before.starved, "times"),
    ]
    report.aims.append(
        Aim(f"{what}: xruns of the player beyond those of silence", xruns - silent, 0, "times")
    )
