"""The beginning of a sample file in mono: the mix, or the loudest channel where they cancel each other.

Owns that choice and the second reading which it may take. It must not know what is made of the beginning.
"""

import numpy as np

from klustr_bridge.sound.decode import open_audio
from klustr_bridge.sound.listening import Listener
from klustr_bridge.types import Float32Array

__all__ = ["beginning_of"]


def beginning_of(path: bytes, listener: Listener) -> Float32Array:
    """Give what is analysed and compared of a file that a listener has heard.

    Parameters
    ----------
    path : bytes
        Of the file; it is read again where its channels cancel each other.
    listener : Listener
        Has heard its beginning.

    Returns
    -------
    ndarray of float32, shape (n,)
        The mix of all channels, or the loudest one; empty for silence.

    Raises
    ------
    RefusedSound
        Where the file can't be used any more.
    UnavailableSound
        Where it can't be read now: an OSError, too.
    """
    mono = listener.mono
    if not len(mono) or not listener.is_cancelled(mono):
        return mono
    channel = int(listener.energies.argmax())
    skipped, parts = listener.first_heard, []
    with open_audio(path) as stream:  # from its start: seeking fails in some FLAC of unknown length
        for block in stream.blocks(most_frames=skipped + len(mono)):
            parts.append(block[skipped:, channel].copy())
            skipped = max(0, skipped - len(block))
    return np.concatenate(parts)
