"""Draw docs/hearing.png: what the bridge hears in three sounds of its demo library.

python docs/draw_hearing.py
"""

import itertools
import os
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.patches import Patch

from klustr_bridge.demo.library import make_demo_library
from klustr_bridge.sound.decode import read_audio
from klustr_bridge.sound.embedding import FLOOR_DB, SPAN_EDGES
from klustr_bridge.sound.excerpt import LEAD_FRAMES, excerpt_of
from klustr_bridge.sound.mel import HOP, SAMPLE_RATE, decibels_below_peak, mel_filters, power_frames
from klustr_bridge.sound.tone import TONALITY_EDGES_HZ, long_power, tonality

SOUNDS = {"a kick": "Kick Deep 01.wav", "a snare": "Snare Tight 01.wav", "a cowbell": "Cowbell 808 01.wav"}
SPANS = ("attack", "attack", "body", "tail")
TONE, NOISE = "#2a6f97", "#c9b38c"
TONE_BELOW = -2.0  # nats of spectral flatness


def main() -> None:
    """Write the picture beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        files = {path.name: path for path in make_demo_library(Path(folder))}
        figure, axes = plt.subplots(2, 3, figsize=(11, 5), height_ratios=(3, 1), layout="constrained")
        for column, (name, file) in enumerate(SOUNDS.items()):
            audio, sample_rate = read_audio(os.fsencode(files[file]))
            draw(axes[:, column], name, excerpt_of(audio.mean(axis=1), sample_rate).audio)
        axes[0, 0].set_ylabel("dark to bright (mel bands)")
        axes[1, 0].set_ylabel("tone  ←  → noise")
        colours = [Patch(color=TONE, label="rather a tone"), Patch(color=NOISE, label="rather noise")]
        axes[1, 0].legend(handles=colours, fontsize=8, loc="lower right", frameon=False)
    figure.savefig(Path(__file__).with_name("hearing.png"), dpi=90)


def draw(axes: np.ndarray, name: str, audio: np.ndarray) -> None:
    """Draw one sound: its levels in time above, how tonal each band is below."""
    levels = decibels_below_peak(power_frames(audio) @ mel_filters().T, FLOOR_DB)[: SPAN_EDGES[-1]]
    edges_ms = np.arange(len(levels) + 1) * HOP / SAMPLE_RATE * 1000 + 3
    axes[0].pcolormesh(
        edges_ms, np.arange(levels.shape[1] + 1), levels.T, cmap="magma", vmin=FLOOR_DB, vmax=0
    )
    axes[0].set(xscale="log", title=name, yticks=[], xlabel="milliseconds from the onset")
    axes[0].set_xticks([10, 50, 200, 700], ["10", "50", "200", "700"])
    for edge, span in zip(SPAN_EDGES[:-1], SPANS, strict=True):
        start_ms = edges_ms[edge]
        axes[0].axvline(start_ms, color="white", linewidth=0.8)
        axes[0].text(start_ms * 1.06, 59, span, color="white", fontsize=8)
    flatness = tonality(long_power(audio[LEAD_FRAMES:]))
    bands = [f"{low:g}-\n{high:g} Hz" for low, high in itertools.pairwise(TONALITY_EDGES_HZ)]
    axes[1].bar(bands, np.minimum(0, flatness), color=[TONE if f < TONE_BELOW else NOISE for f in flatness])
    axes[1].set_ylim(-5, 0)
    axes[1].tick_params(labelsize=7)
    axes[1].set_yticks([])


if __name__ == "__main__":
    main()
