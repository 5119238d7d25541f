"""The three feature sets of klustr, measured through librosa as its notebooks do.

klustr (Lamtharn Hantrakul and Avneesh Sarwate, 2017) hears the first 0.25 s of a file, mono at 48 kHz,
scaled to a peak of 1. Whatever isn't named here is librosa's default, as it was there.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
N_FRAMES = RATE // 4
N_STEPS = 24
"""Analysis frames: librosa's own 2,048 samples every 512, centred."""

N_MFCC = 30
N_FFT = 1024
PICTURE = 32
ROWS_TO_ONE = 10
N_COMPONENTS = 14

Audio = NDArray[np.float32]
Numbers = NDArray[np.float64]


def excerpt(mono: Audio, rate: int) -> Audio:
    """The part of a sound that klustr hears, shape (N_FRAMES,)."""
    import librosa

    audio = librosa.resample(mono, orig_sr=rate, target_sr=RATE) if rate != RATE else mono
    heard = np.zeros(N_FRAMES, np.float32)
    heard[: len(audio)] = audio[:N_FRAMES]
    peak = float(np.abs(heard).max())
    return heard / np.float32(peak) if peak > 0 else heard


def mir(heard: Audio) -> Numbers:
    """RMS, centroid, crest, flux, roll-off and zero crossings of each frame, shape (6, N_STEPS)."""
    from librosa import feature, stft

    magnitude = np.abs(stft(heard))
    sums = magnitude.sum(axis=0)
    crest = np.divide(magnitude.max(axis=0), sums, out=np.zeros_like(sums), where=sums > 0)
    steps = np.diff(magnitude, axis=1, prepend=magnitude[:, :1])
    flux = np.sqrt(np.square(steps).sum(axis=0)) / len(magnitude)
    rows = [
        feature.rms(y=heard)[0],
        feature.spectral_centroid(y=heard, sr=RATE)[0],
        crest,
        flux,
        feature.spectral_rolloff(y=heard, sr=RATE)[0],
        feature.zero_crossing_rate(y=heard)[0],
    ]
    return np.array(rows, np.float64)


def mfcc(heard: Audio) -> Numbers:
    """Mel-frequency cepstral coefficients, shape (N_MFCC, N_STEPS)."""
    from librosa import feature

    return np.asarray(feature.mfcc(y=heard, n_mfcc=N_MFCC, sr=RATE), np.float64)


def fingerprint(heard: Audio) -> Numbers:
    """Magnitudes of groups of ten bins, 0..1, low frequencies in the last row; shape (PICTURE, PICTURE)."""
    import librosa

    magnitude = np.abs(librosa.stft(heard, n_fft=N_FFT, hop_length=N_FFT // 4, window=np.hanning(N_FFT)))
    bins = PICTURE * ROWS_TO_ONE
    means = magnitude[:bins, :PICTURE].reshape(PICTURE, ROWS_TO_ONE, -1).mean(axis=1)
    picture = np.zeros((PICTURE, PICTURE))
    picture[:, : means.shape[1]] = means
    picture -= picture.min()
    top = float(picture.max())
    return np.flipud(picture / top if top > 0 else picture)


def features(mono: Audio, rate: int) -> Mapping[str, Numbers]:
    """All three of one sound, each as one row of numbers."""
    heard = excerpt(mono, rate)
    found = {"mir": mir(heard), "mfcc": mfcc(heard), "fingerprint": fingerprint(heard)}
    return {name: value.ravel() for name, value in found.items()}


def standardised(rows: Numbers) -> Numbers:
    """Each column with mean 0 and deviation 1; columns that never change are 0."""
    deviation = rows.std(axis=0)
    return (rows - rows.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)


def components(rows: Numbers) -> Numbers:
    """The first principal components of a set of rows, as many as klustr gives to its map."""
    centred = rows - rows.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ directions[:, ::-1][:, :N_COMPONENTS])
