"""The feature sets of the study, and the bridge's own.

Owns what *klustr* measures of a prepared sound, equal to librosa's numbers (tested) without its import: STFT
fingerprints, MFCCs, six MIR descriptors. It must not read files, nor judge.

References
----------
L. Hantrakul and A. Sarwate, "klustr: a tool for dimensionality reduction and visualization of large audio
datasets" (2017), and its published notebooks. Whatever they leave open is librosa's default, as it was there:
a Hann window of 2,048 audio frames every 512, the first centred on the beginning (`Prepared.padding`
says what lies before it).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from klustr_bridge.sound.mel import hann, mel_triangles
from klustr_bridge.study.prepare import Prepared
from klustr_bridge.types import Float32Array

FRAME, HOP = 2048, 512
N_BANDS = 128
N_MFCC = 30
PICTURE = 32
ROWS_TO_ONE = 10
ROLL_OFF_SHARE = 0.85

_LEAST_POWER = 1e-10
_RANGE_DB = 80.0

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """One way to describe a sound.

    Attributes
    ----------
    name, title : str
    measure : callable
        From a prepared sound to a row of numbers.
    is_standardised : bool
        Whether each number is brought to mean 0 and deviation 1 over the sounds studied: its numbers have
        different units, and the largest would drown all others. The published code leaves that out.
    """

    name: str
    title: str
    measure: Callable[[Prepared], Float32Array]
    is_standardised: bool = False


def magnitudes(
    prepared: Prepared, frame: int = FRAME, hop: int = HOP, window: Float32Array | None = None
) -> Numbers:
    """Magnitude spectra of centred analysis frames.

    Parameters
    ----------
    prepared : Prepared
        Of n audio frames.
    frame, hop : int
        Audio frames.
    window : ndarray, shape (frame,), optional
        A periodic Hann window without it.

    Returns
    -------
    ndarray of float64, shape (frame // 2 + 1, 1 + n // hop)
    """
    frames = _frames(prepared, frame, hop) * (hann(frame) if window is None else window)
    return np.asarray(np.abs(scipy.fft.rfft(frames, axis=1)).T)


def _frames(prepared: Prepared, frame: int, hop: int) -> Numbers:
    padded = np.pad(prepared.audio.astype(np.float64), frame // 2, mode=prepared.padding)
    return np.lib.stride_tricks.sliding_window_view(padded, frame)[::hop]


def stft_picture(prepared: Prepared, frame: int = 1024, hop: int = 256) -> Float32Array:
    """A small picture of the spectrum: means of ten bins, 32 of them by 32 analysis frames, 0..1.

    Parameters
    ----------
    prepared : Prepared
    frame, hop : int
        1,024 and 256 in the published code, 2,048 and 512 in the paper's text.

    Returns
    -------
    ndarray of float32, shape (PICTURE * PICTURE,)
        Rows from high to low frequencies; frames that a short sound lacks are silent.
    """
    magnitude = magnitudes(prepared, frame, hop, np.hanning(frame).astype(np.float32))
    bins = PICTURE * ROWS_TO_ONE
    means = magnitude[:bins, :PICTURE].reshape(PICTURE, ROWS_TO_ONE, -1).mean(axis=1)
    picture = np.zeros((PICTURE, PICTURE))
    picture[:, : means.shape[1]] = means
    picture -= picture.min()
    top = float(picture.max())
    return np.flipud(picture / top if top > 0 else picture).astype(np.float32).ravel()


def mfcc(prepared: Prepared) -> Float32Array:
    """Mel-frequency cepstral coefficients, shape (N_MFCC * frames,)."""
    power = np.square(magnitudes(prepared))
    bands = _mel(prepared.sample_rate) @ power
    level = 10.0 * np.log10(np.maximum(bands, _LEAST_POWER))
    level = np.maximum(level, level.max() - _RANGE_DB)
    return np.asarray(scipy.fft.dct(level, axis=0, norm="ortho")[:N_MFCC], np.float32).ravel()


@lru_cache(maxsize=2)
def _mel(sample_rate: int) -> Numbers:
    return mel_triangles(N_BANDS, 0.0, sample_rate / 2, FRAME, sample_rate)


def mir(prepared: Prepared) -> Float32Array:
    """Six descriptors of each analysis frame, shape (6 * frames,).

    RMS, spectral centroid (Hz), spectral crest (largest magnitude over their sum), spectral flux, roll-off
    (Hz, 85 % of the magnitude) and zero-crossing rate, one after the other.
    """
    audio, rate = prepared.audio, prepared.sample_rate
    magnitude = magnitudes(prepared)
    sums = magnitude.sum(axis=0)
    hz = np.fft.rfftfreq(FRAME, 1.0 / rate)
    framed = _frames(prepared, FRAME, HOP)
    steps = np.diff(magnitude, axis=1, prepend=magnitude[:, :1])
    rows = np.array(
        [
            np.sqrt(np.square(framed).mean(axis=1)),
            _ratio(hz @ magnitude, sums),
            _ratio(magnitude.max(axis=0), sums),
            np.sqrt(np.square(steps).sum(axis=0)) / len(magnitude),
            hz[(np.cumsum(magnitude, axis=0) < ROLL_OFF_SHARE * sums).sum(axis=0)],
            _zero_crossings(audio),
        ]
    )
    return rows.astype(np.float32).ravel()


def _ratio(above: Numbers, below: Numbers) -> Numbers:
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)


def _zero_crossings(audio: Float32Array) -> Numbers:
    """Share of the audio frames of each analysis frame at which the sign changes; edges are repeated."""
    padded = np.pad(audio, FRAME // 2, mode="edge")
    padded = np.where(np.abs(padded) <= _LEAST_POWER, np.float32(0), padded)
    framed = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    changes = np.signbit(framed[:, 1:]) != np.signbit(framed[:, :-1])
    return np.asarray(changes.sum(axis=1) / FRAME, np.float64)


PUBLISHED: Mapping[str, FeatureSet] = {
    one.name: one
    for one in (
        FeatureSet("stft", "STFT picture (the code's)", stft_picture),
        FeatureSet("stft-text", "STFT picture (the text's)", lambda one: stft_picture(one, FRAME, HOP)),
        FeatureSet("mfcc", "MFCC", mfcc),
        FeatureSet("mir", "MIR descriptors", mir, is_standardised=True),
    )
}
"""The published feature sets by name."""

EMBEDDING = "embedding"
"""Name of the bridge's own: it hears the sound in its own way, whatever the preset."""
EMBEDDING_TITLE = "the bridge's embedding"


def standardised(rows: Float32Array) -> Float32Array:
    """Each column with mean 0 and deviation 1; columns that never change are 0."""
    values = rows.astype(np.float64)
    deviation = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, np.inf)
    return np.asarray(scaled, np.float32)
