"""libsndfile: WAV, AIFF, FLAC, Ogg, MP3, CAF, AU and their like, decoded to float32.

Owns what libsndfile needs to be told and its errors in a musician's words. It must not open files.
"""

import errno
import os

import soundfile

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.formats import CONVERT
from klustr_bridge.sound.opening import FileView, refuse_or_raise
from klustr_bridge.types import Float32Array

__all__ = ["SndfileDecoder"]

LOSSY_CODECS = frozenset({"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "VORBIS", "OPUS"})

_BLOCK_CODECS = ("IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_", "G723_", "NMS_ADPCM_", "VOX_ADPCM")
_MOST_SAMPLES_A_BYTE = 8

_ERRORS = (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError)
_DAMAGED = "copy or export it again"
_WORDS = (
    ("Channel count is zero", f"its header says 0 channels, so the file is damaged: {_DAMAGED}"),
    ("Bad channel count", "its header says a number of channels that can't be right; allowed are 1 to 64"),
    ("Too many channels", "its header says more than 1024 channels; allowed are 1 to 64"),
    ("SF_INFO struct", f"its header says an impossible sample rate, so the file is damaged: {_DAMAGED}"),
    ("chunk marker", f"the file ends before its audio begins: {_DAMAGED}"),
    ("not recognised", f"this isn't audio that can be read: {CONVERT}"),
    ("not a regular file", f"this isn't audio that can be read: {CONVERT}"),  # what it says of a bad MP3
    ("unimplemented", f"this isn't audio that can be read, or in a rare way (codec): {CONVERT}"),
    ("unknown format", f"this isn't audio that can be read, or in a rare way (codec): {CONVERT}"),
)


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """Reads on without seeking.

    soundfile seeks to where it is after every read of a file that can seek. That fails for FLAC of unknown
    length, and decodes again for Opus.
    """

    def seekable(self) -> bool:
        return False


class SndfileDecoder:
    """A `klustr_bridge.sound.decode.Decoder` by libsndfile.

    Parameters
    ----------
    fd : int
        Of a regular file; stays open.
    size : int
        The file's size in bytes.
    head : bytes
        The file's first bytes, at least 4.

    Raises
    ------
    RefusedSound
        Where libsndfile can't read it.
    UnavailableSound
        Where the system can't read it now.
    """

    def __init__(self, fd: int, size: int, head: bytes) -> None:
        self._view: FileView | None = None
        if head[:4] == b"BW64":  # ITU-R BS.2088: RF64 by another name, which libsndfile doesn't know
            self._view = FileView(fd, size, b"RF64")
        elif os.name == "nt":  # libsndfile's C library doesn't share descriptors with Python's there
            self._view = FileView(fd, size)
        else:
            os.lseek(fd, 0, os.SEEK_SET)
        try:
            self._file = _ForwardFile(fd if self._view is None else self._view, closefd=False)
        except _ERRORS as error:
            self._raise_passing(error)
            text = _text_of(error)
            words = next((words for sign, words in _WORDS if sign in text), None)
            raise RefusedSound(words or f"this isn't audio that can be read ({text}): {CONVERT}") from error
        self.sample_rate = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        self.promised_frames = int(self._file.frames)
        self.container = str(self._file.format)
        self.codec = str(self._file.subtype)
        self.is_lossy = self.codec in LOSSY_CODECS
        self.is_length_sure = False
        if (
            self.codec.startswith(_BLOCK_CODECS)
            and self.promised_frames > _MOST_SAMPLES_A_BYTE * size + 65_536
        ):
            self.close()  # libsndfile would decode the last block again and again
            raise RefusedSound(
                f"its header says {self.promised_frames / self.sample_rate:.0f} s, more than a file of "
                f"{size} bytes can hold: {_DAMAGED}"
            )

    def read_into(self, memory: Float32Array) -> int:
        """Decode the next frames; see `Decoder.read_into`."""
        try:
            got = int(self._file.buffer_read_into(memory, dtype="float32"))
        except _ERRORS as error:
            self._raise_passing(error)
            raise RefusedSound(_text_of(error)) from error
        if self._view is not None and got < len(memory):
            self._view.check()
        return got

    def seek(self, frame: int) -> bool:
        """Go to a frame; see `Decoder.seek`."""
        try:
            return int(self._file.seek(frame)) == frame
        except _ERRORS as error:
            self._raise_passing(error)
            return False

    def close(self) -> None:
        """Let go of the decoder, not of the file."""
        self._file.close()

    def _raise_passing(self, error: Exception) -> None:
        """Raise the system's error if that is what libsndfile ran into; it keeps the text alone of it."""
        if self._view is not None:
            self._view.check()
        text = _text_of(error)
        if not text.startswith("System error"):
            return
        number = next((n for n in errno.errorcode if os.strerror(n) in text), errno.EIO)
        refuse_or_raise(OSError(number, os.strerror(number)))


def _text_of(error: BaseException) -> str:
    """The reason alone, without the descriptor's number that soundfile puts before it."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").removeprefix("Error : ")
