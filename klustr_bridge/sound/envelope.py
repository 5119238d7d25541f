"""How the level of a sound moves in its first moments: rise, peaks, roughness.

Owns the amplitude envelope at a resolution of a millisecond. It must not know what is made of it.

References
----------
McAdams, S., Winsberg, S., Donnadieu, S., De Soete, G., & Krimphoff, J. (1995). Perceptual scaling of
synthesized musical timbres. Psychological Research, 58: the logarithm of the attack time.
Herrera, P., Dehamel, A., & Gouyon, F. (2003). Automatic labeling of unpitched percussion sounds. 114th
Convention of the Audio Engineering Society: temporal centroid.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.sound.mel import SAMPLE_RATE
from klustr_bridge.types import Float32Array

__all__ = ["Envelope", "envelope_of"]

_HOP = SAMPLE_RATE // 1000  # 1 ms
_SMOOTHED_HOPS = 5
_PEAKS_MS = 100
_PEAK_DB = -20.0
_ROUGH_MS = 400
_ROUGH_FLOOR_DB = -40.0
_EARLY_SHARE = 0.1
_SMALLEST = 1e-6


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the level does.

    Attributes
    ----------
    rise_ms : float
        From the onset until a tenth of all energy has sounded, at least 1.
    peak_ms : float
        From the onset to the highest level, at least 1.
    centroid_ms : float
        Temporal centroid of the energy, from the onset, at least 1.
    n_peaks : int
        Peaks of the level in the first 100 ms, within 20 dB of the highest: the bursts of a clap, the grains
        of a rattle, the swings of a low tone; few in a plain noise that dies away.
    roughness_db : float
        Mean change of the level from one millisecond to the next in the first 400 ms.
    """

    rise_ms: float
    peak_ms: float
    centroid_ms: float
    n_peaks: int
    roughness_db: float


def envelope_of(audio: Float32Array) -> Envelope:
    """Measure the envelope of a sound.

    Parameters
    ----------
    audio : ndarray of float32, shape (n,)
        At SAMPLE_RATE from the onset on, peak about 1; n at least 1 ms.

    Returns
    -------
    Envelope
        All 1, 0 and 0 for silence.
    """
    n_hops = len(audio) // _HOP
    power = np.square(audio[: n_hops * _HOP]).reshape(n_hops, _HOP).mean(axis=1, dtype=np.float64)
    total = float(power.sum())
    if total <= _SMALLEST**2:
        return Envelope(1.0, 1.0, 1.0, 0, 0.0)
    passed = np.cumsum(power) / total
    smooth = np.convolve(np.sqrt(power) + _SMALLEST, np.full(_SMOOTHED_HOPS, 1.0 / _SMOOTHED_HOPS))
    smooth = smooth[_SMOOTHED_HOPS // 2 :][:n_hops]  # mode "same" gives five hops also where there are fewer
    peak = int(smooth.argmax())
    level_db = 20.0 * np.log10(smooth / smooth[peak])
    rough = np.maximum(level_db[:_ROUGH_MS], _ROUGH_FLOOR_DB)
    return Envelope(
        rise_ms=1.0 + float(np.searchsorted(passed, _EARLY_SHARE)),
        peak_ms=1.0 + peak,
        centroid_ms=1.0 + float(power @ np.arange(n_hops)) / total,
        n_peaks=_count_peaks(level_db[:_PEAKS_MS]),
        roughness_db=float(np.abs(np.diff(rough)).mean()) if len(rough) > 1 else 0.0,
    )


def _count_peaks(level_db: NDArray[np.float64]) -> int:
    middle = level_db[1:-1]
    is_peak = (middle > level_db[:-2]) & (middle >= level_db[2:]) & (middle > _PEAK_DB)
    return int(np.count_nonzero(is_peak))
