"""Whether two files hold what nobody could tell apart: the same recording, encoded or levelled otherwise.

Owns the comparison of two recordings wave by wave. It must not know libraries nor what is done about copies.

References
----------
Bendat, J. S., & Piersol, A. G. (2010). Random Data, 4th ed., Wiley, chapter 9: coherence.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from klustr_bridge.sound.beginning import beginning_of
from klustr_bridge.sound.decode import AudioStream, open_audio
from klustr_bridge.sound.excerpt import onset_frame, resampled
from klustr_bridge.sound.listening import Listener
from klustr_bridge.sound.mel import SAMPLE_RATE
from klustr_bridge.types import Float32Array

__all__ = ["Recording", "are_the_same", "read_recording"]

LEAST_COHERENCE = 0.95
"""Mean over bands. The 5th percentile of 343 sounds and their own copies was .98 for MP3 of 128 kbit/s, .96
for Ogg Vorbis, .998 for another rate, .99 with the last quarter faded out and 1 for another level; the 90th
of 346 pairs of strokes on one acoustic kit, each with its nearest neighbours, .69."""
LOSSY_COHERENCE = 0.9
"""Where both are lossy, each with losses of its own. Of 51 pairs of small MP3, AAC and Opus files of one drum
sound each, .75 are found with it and .43 with the other bound; of 851 pairs of distinct lossy sounds of one
kit none, of 450 pairs of lossless recordings that lie near but differ one."""
LOW_COHERENCE = 0.98
"""Where nothing above 1 kHz tells, as of a sine that falls: two of nearly one pitch and decay fit well, and
encoders spare the lows."""
MOST_LEVEL_DB = 3.0
"""What one band may differ by after the whole is levelled: .4 in nine of ten MP3 files, 1.1 in 99 of 100."""
MOST_OCTAVES_LONGER = 0.25
"""Length until 0.01 % of the energy is left; .25 was the 99th percentile of the copies with a fade."""

_COMPARED_S = 6.0
_LEAD_S = 0.02
_WINDOW = round((_LEAD_S + _COMPARED_S) * SAMPLE_RATE)
_MOST_SHIFT = 1024  # audio frames: onsets found a little earlier or later
_QUICK_FRAMES = (1 << 14) - 2 * _MOST_SHIFT
_QUICK_COHERENCE = 0.7
_EDGES_HZ = (60, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)
_N_LOW = 4
_FAINT = 10 ** (-35 / 10)  # of the strongest band: what lies below in both isn't compared
_LEFT_ENERGY = 1e-4
_FLOAT_BITS = {"FLOAT": 32, "DOUBLE": 64}
# The number in the names of the others is that of a standard or of kbit/s: ULAW, G721_32, GSM610.
_BITS = re.compile(r"(?:PCM|ALAC|DWVW)_[SU]?(\d+)")
# Those that PyAV decodes, whose names tell no bits.
_EXACT_CODECS = frozenset({"ALAC", "APE", "FLAC", "MP4ALS", "WAVPACK", "WMALOSSLESS", "DWVW_N"})


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What of a file is compared, and what tells how good a copy it is.

    Attributes
    ----------
    audio : ndarray of float32, shape (n,)
        Mono at SAMPLE_RATE from just before the onset on, to its audible end or a minute at most, peak 1;
        empty for silence.
    length_s : float
        From the onset until 0.01 % of the energy is left, seconds.
    is_lossy : bool
        Whether the file's format leaves something out: also where decoding it is exact, as with µ-law.
    sample_rate, channels : int
        As stored.
    bits : int
        A sample's, where it is lossless and they are known; else 0.
    is_whole : bool
        Whether all of the file was heard: the first minute of its sound is.
    """

    audio: Float32Array
    length_s: float
    is_lossy: bool
    sample_rate: int
    channels: int
    bits: int
    is_whole: bool = True


def read_recording(path: bytes) -> Recording:
    """Read what is compared of a file.

    Parameters
    ----------
    path : bytes
        Of a sample file.

    Raises
    ------
    RefusedSound
        Where the file can't be used.
    UnavailableSound
        Where it isn't there, or can't be read now: an OSError, too.
    """
    with open_audio(path) as stream:
        rate = stream.sample_rate
        listener = Listener(rate, stream.channels)
        for block in stream.blocks(multiple_of=listener.hop):
            listener.hear(block)
            if listener.is_full:
                break
        mono = beginning_of(path, listener)
        bits = _bits(stream)
        onset = onset_frame(mono) if len(mono) else 0
        start = max(0, onset - round(_LEAD_S * rate))
        length = _length(mono[onset:])
        audio = resampled(mono[start : onset + max(length, round(_COMPARED_S * rate))], rate)
        peak = float(np.abs(audio).max(initial=0.0))
        audio = audio / np.float32(peak) if peak > 0 else np.zeros(0, np.float32)
        length_s = length / rate
        is_whole = not listener.is_full
        return Recording(audio, length_s, bits is None, rate, stream.channels, bits or 0, is_whole)


def are_the_same(one: Recording, other: Recording) -> bool:
    """Tell whether two recordings are one, but for level, rate, encoding, silence around it or a fade.

    Parameters
    ----------
    one, other : Recording
        In any order.

    Notes
    -----
    The two are laid over one another where they fit best. In each octave from 60 Hz to 16 kHz that is not too
    faint their coherence says how much of the one is in the other, wave by wave: other strokes on the same
    drum have the spectrum in common, but not the waves. Longer sounds are compared 6 s at a time, laid over
    one another as their beginnings are; one part that differs or fades makes them two. Of more than a
    minute the rest isn't heard, so nothing is said of it: they count as two.
    """
    if not (one.is_whole and other.is_whole):
        return False
    if not len(one.audio) or not len(other.audio) or min(one.length_s, other.length_s) <= 0:
        return False
    if abs(math.log2(one.length_s / other.length_s)) > MOST_OCTAVES_LONGER:
        return False
    if _compared(_beginning(one.audio), _beginning(other.audio)).coherence < _QUICK_COHERENCE:
        return False
    compared = _compared(one.audio[:_WINDOW], other.audio[:_WINDOW])
    least = LOSSY_COHERENCE if one.is_lossy and other.is_lossy else LEAST_COHERENCE
    return _pass(compared, least) and all(
        _pass(later, least) and abs(later.gain_db - compared.gain_db) <= MOST_LEVEL_DB
        for later in _later(one.audio, other.audio, compared)
    )


def _pass(compared: "_Compared", least: float) -> bool:
    least = LOW_COHERENCE if compared.is_low else least
    return compared.coherence >= least and compared.level_db <= MOST_LEVEL_DB


def _later(one: Float32Array, other: Float32Array, beginning: "_Compared") -> Iterator["_Compared"]:
    """Compare what follows the beginning, all of it; but where nothing is left of both."""
    apart = round(beginning.shift)
    end = max(len(one) - apart, len(other))
    faint = [_FAINT * float(np.square(audio[:_WINDOW]).sum(dtype=np.float64)) for audio in (one, other)]
    # The last window is as long as the others, however little of it is new.
    for start in (*range(_WINDOW, end - _WINDOW, _WINDOW), end - _WINDOW):
        first, second = one[start + apart :][:_WINDOW], other[start:][:_WINDOW]
        pair = zip((first, second), faint, strict=True)
        if start > _MOST_SHIFT and any(np.square(a).sum(dtype=np.float64) > least for a, least in pair):
            yield _compared(first, second, (beginning.shift - apart, beginning.sign))


def _beginning(audio: Float32Array) -> Float32Array:
    """A third of a second, faded out: cut off at another place of the sound it would be another sound."""
    beginning = audio[:_QUICK_FRAMES]
    if len(audio) <= _QUICK_FRAMES:
        return beginning
    return beginning * np.linspace(1.0, 0.0, len(beginning), dtype=np.float32)


class _Compared(NamedTuple):
    """Mean coherence of the bands that tell, most that the level of one is off, and whether all are low.

    And how much louder the first is, and where and with which polarity the two fit.
    """

    coherence: float
    level_db: float
    is_low: bool
    gain_db: float
    shift: float
    sign: float


def _compared(one: Float32Array, other: Float32Array, fit: tuple[float, float] | None = None) -> _Compared:
    n = scipy.fft.next_fast_len(max(len(one), len(other)) + 2 * _MOST_SHIFT, real=True)
    first, second = scipy.fft.rfft(one, n), scipy.fft.rfft(other, n)
    cross = first * np.conj(second)
    shift, sign = fit or _best_shift(scipy.fft.irfft(cross, n))
    turn = np.exp(2j * np.pi * shift / n * np.arange(len(cross)))
    edges = np.searchsorted(np.arange(len(cross)) * (SAMPLE_RATE / n), _EDGES_HZ)
    shared, of_first, of_second = (
        np.add.reduceat(values, edges)[:-1].astype(np.float64)
        for values in ((cross * turn).real * sign, np.abs(first) ** 2, np.abs(second) ** 2)
    )
    clear = (of_first > _FAINT * of_first.max()) | (of_second > _FAINT * of_second.max())
    shared, of_first, of_second = (np.maximum(v[clear], 1e-20) for v in (shared, of_first, of_second))
    levels_db = 10 * np.log10(of_first / of_second)
    gain_db = float(np.median(levels_db))
    apart_db = float(np.abs(levels_db - gain_db).max())
    coherence = float(np.mean(shared / np.sqrt(of_first * of_second)))
    return _Compared(coherence, apart_db, not clear[_N_LOW:].any(), gain_db, shift, sign)


def _best_shift(correlation: NDArray[np.floating]) -> tuple[float, float]:
    """Where two sounds fit best, audio frames with a fraction, and 1 or -1: the polarity."""
    near = np.concatenate([correlation[-_MOST_SHIFT:], correlation[: _MOST_SHIFT + 1]])
    size = np.abs(near)
    at = int(size.argmax())
    fraction = 0.0
    if 0 < at < len(near) - 1:  # the top of the parabola through the three highest
        before, top, after = size[at - 1 : at + 2].tolist()
        bend = before - 2 * top + after
        fraction = 0.5 * (before - after) / bend if bend else 0.0
    return at - _MOST_SHIFT + fraction, float(np.sign(near[at]))


def _length(mono: Float32Array) -> int:
    left = np.cumsum(np.square(mono[::-1], dtype=np.float64))[::-1]
    return int(np.count_nonzero(left > _LEFT_ENERGY * left[0])) if len(left) else 0


def _bits(stream: AudioStream) -> int | None:
    """Bits of a sample; 0 where they aren't known, none where the codec leaves something out."""
    if stream.is_lossy:
        return None
    if stream.codec in _FLOAT_BITS:
        return _FLOAT_BITS[stream.codec]
    if stream.codec in _EXACT_CODECS:
        return 0
    number = _BITS.fullmatch(stream.codec)
    return int(number[1]) if number else None
