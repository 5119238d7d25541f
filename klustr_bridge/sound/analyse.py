"""All that is heard in one sample file, in one pass over it and with bounded memory.

Owns the walk of a file through decoding, identity and measuring, and the verdict on files that hold no
sound. It must not know where the result is kept.
"""

import contextlib
from functools import lru_cache

from klustr_bridge.errors import EarError, RefusedSound
from klustr_bridge.sound.beginning import beginning_of
from klustr_bridge.sound.decode import AudioStream, open_audio
from klustr_bridge.sound.description import describe
from klustr_bridge.sound.ear import Ear, load_ear
from klustr_bridge.sound.identity import PcmIdentity, encoded_uid
from klustr_bridge.sound.listening import Listener
from klustr_bridge.types import Analysis

__all__ = ["analyse_file"]


def analyse_file(path: bytes, *, learned: bool = False) -> Analysis:
    """Hear a sample file.

    Parameters
    ----------
    path : bytes
        Of a regular file.
    learned : bool
        Whether the learned ear hears it, too. Where that can't be loaded it doesn't, and the length of
        the embeddings tells so.

    Returns
    -------
    Analysis
        All values finite.

    Raises
    ------
    RefusedSound
        Where the file is unusable: damaged, cut off, silent, in a format that isn't read. The message is
        the reason, in a musician's words.
    OSError
        Where it isn't there, or can't be read now: it is worth another try later.
    """
    with open_audio(path) as stream:
        listener = Listener(stream.sample_rate, stream.channels)
        identity = None if stream.is_lossy else PcmIdentity(stream.sample_rate, stream.channels)
        for block in stream.blocks(multiple_of=listener.hop):
            listener.hear(block)
            if identity is not None:
                identity.update(block)
        _refuse_nothing(stream, listener)
        width = listener.stereo_width(listener.mono)
        mono = beginning_of(path, listener)
        uid = identity.uid() if identity else encoded_uid(stream.fd, stream.size, stream.container)
    duration_s = listener.n_frames / stream.sample_rate
    described = describe(
        mono, stream.sample_rate, duration_s, listener.first_heard, _ear() if learned else None
    )
    heard = described.heard
    return Analysis(
        uid=uid,
        duration_s=duration_s,
        sample_rate=stream.sample_rate,
        channels=stream.channels,
        loudness_db=listener.loudness_db,
        brightness_hz=heard.brightness_hz,
        pitch_hz=heard.pitch.hz if heard.pitch.is_clear else 0.0,
        embedding=described.embedding,
        pitch_confidence=heard.pitch.confidence,
        stereo_width=width,
        is_loop=described.rhythm.is_loop,
        tempo_bpm=described.rhythm.tempo_bpm,
        slices=described.slices,
    )


@lru_cache(maxsize=1)  # what can't be loaded isn't tried again for every file
def _ear() -> Ear | None:
    with contextlib.suppress(EarError):
        return load_ear()
    return None


def _refuse_nothing(stream: AudioStream, listener: Listener) -> None:
    """Raise where a decoded stream holds no sound."""
    if listener.n_frames == 0:
        raise RefusedSound("the file holds no audio (0 frames); export it again")
    if listener.is_silent:
        if stream.broken_samples == listener.n_frames * stream.channels:
            raise RefusedSound("none of its samples is a number (NaN or infinite): export the file again")
        if stream.broken_samples:
            raise RefusedSound("the file is silent but for samples that are no numbers: export it again")
        raise RefusedSound("the file is silent; export it again if it should not be")
