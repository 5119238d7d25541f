"""What a file's first bytes and its suffix tell: who decodes it, or what it is instead of audio.

Owns the names of formats as a musician knows them. It must not read files.
"""

import codecs
from dataclasses import dataclass

__all__ = ["AUDIO_SUFFIXES", "CONVERT", "AvFormat", "av_format", "av_formats", "not_audio"]

CONVERT = "convert it to WAV, AIFF, FLAC, Ogg or MP3"


@dataclass(frozen=True, slots=True)
class AvFormat:
    """A format that PyAV decodes.

    Attributes
    ----------
    name : str
        As a musician knows it.
    container : str
        The `AudioStream.container` of such files.
    demuxer : str
        FFmpeg's name for what opens it. FFmpeg never guesses: some of its demuxers open other files.
    """

    name: str
    container: str
    demuxer: str


_M4A = AvFormat("M4A", "M4A", "mov")
_AAC = AvFormat("AAC", "AAC", "aac")
_WMA = AvFormat("WMA", "WMA", "asf")
_WAVPACK = AvFormat("WavPack", "WAVPACK", "wv")
_APE = AvFormat("Monkey's Audio", "APE", "ape")
_CAF = AvFormat("CAF (AAC)", "CAF", "caf")
_CAF_CODECS = (b"aac ", b"aach", b"aacp", b".mp3", b"ima4")  # as in Apple Loops; libsndfile has the others

_AV_SUFFIXES = {
    b".m4a": _M4A,
    b".m4b": _M4A,
    b".aac": _AAC,
    b".alac": _M4A,
    b".wma": _WMA,
    b".ape": _APE,
    b".wv": _WAVPACK,
}
_SNDFILE_SUFFIXES = frozenset(
    b".wav .wave .bwf .rf64 .w64 .aif .aiff .aifc .flac .ogg .oga .opus .mp3 .mp2 .caf .au .snd .voc".split()
)
AUDIO_SUFFIXES: frozenset[bytes] = _SNDFILE_SUFFIXES | frozenset(_AV_SUFFIXES)
"""Suffixes (lower case, with the dot) of files taken for audio, those refused with a reason included."""

_SNDFILE_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"fLaC", b"OggS", b"caff", b".snd", b"riff")
_AV_MAGIC: tuple[tuple[int, bytes, AvFormat], ...] = (
    (4, b"ftyp", _M4A),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _WMA),
    (0, b"wvpk", _WAVPACK),
    (0, b"MAC ", _APE),
)
_OTHER_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x00\x05\x16\x07", "a companion file of macOS (AppleDouble), not audio"),
    (0, b"\x00\x05\x16\x00", "a companion file of macOS (AppleSingle), not audio"),
    (0, b"MThd", "MIDI (notes, not sound): render it to WAV first"),
    (8, b"REX2", f"a REX2 loop, which can't be read: {CONVERT}"),
    (8, b"AVI ", f"an AVI film, not a sound: {CONVERT}"),
    (8, b"WEBP", "a WebP picture, not audio"),
    (0, b"DSD ", f"DSD audio, which can't be read: {CONVERT}"),
    (0, b"ADIF", f"AAC of a rare kind (ADIF), which can't be read: {CONVERT}"),
    (0, b"\x1aE\xdf\xa3", f"Matroska or WebM, which can't be read: {CONVERT}"),
    (0, b"\x89PNG", "a PNG picture, not audio"),
    (0, b"\xff\xd8\xff", "a JPEG picture, not audio"),
    (0, b"GIF8", "a GIF picture, not audio"),
    (0, b"%PDF", "a PDF, not audio"),
    (0, b"PK\x03\x04", "a ZIP archive, not audio: unpack it"),
    (0, b"PK\x05\x06", "an empty ZIP archive, not audio"),
    (0, b"Rar!", "a RAR archive, not audio: unpack it"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive, not audio: unpack it"),
    (0, b"\x1f\x8b", "packed (gzip), such as a Live Set, not audio"),
    (0, b"MZ", "a Windows program, not audio"),
    (0, b"\x7fELF", "a program, not audio"),
    (0, b"\xcf\xfa\xed\xfe", "a program, not audio"),
    (0, b"\xca\xfe\xba\xbe", "a program, not audio"),
    (0, b"SQLite format 3", "a database, not audio"),
    (0, b"version https://git-lfs", "a pointer of Git LFS, not the audio itself: run `git lfs pull`"),
)


def av_formats() -> dict[str, AvFormat]:
    """Return the formats that PyAV decodes, by the name of their container."""
    return {av.container: av for av in (*_AV_SUFFIXES.values(), _CAF)}


def av_format(head: bytes, suffix: bytes) -> AvFormat | None:
    """Tell whether PyAV decodes a file.

    Parameters
    ----------
    head : bytes
        The file's first bytes, at least 32 where it has them.
    suffix : bytes
        The suffix of its name, lower case, with the dot. What the content says counts more.

    Returns
    -------
    AvFormat or None
        None where libsndfile should try.
    """
    if head[:4] == b"caff" and head[28:32] in _CAF_CODECS:  # its description always comes first
        return _CAF
    if head.startswith(_SNDFILE_MAGIC):
        return None
    for offset, magic, av in _AV_MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return av
    if len(head) >= 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # ADTS: sync word with layer 0
        return _AAC
    return _AV_SUFFIXES.get(suffix)


def not_audio(head: bytes, suffix: bytes) -> str | None:
    """Say what a file is that holds no audio, or audio that nobody here decodes.

    Parameters
    ----------
    head : bytes
        The file's first bytes, at least 64 where it has them.
    suffix : bytes
        The suffix of its name, lower case, with the dot.

    Returns
    -------
    str or None
        Ends the sentence "this is ..."; None where it may be audio.
    """
    for offset, magic, words in _OTHER_MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return words
    if suffix == b".asd":
        return "what Ableton Live noted about a sample (.asd), not audio"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        return "a web page or XML, not audio: a download that failed leaves such files"
    if len(head) >= 16 and all(byte >= 32 or byte in b"\t\n\r\f" for byte in head) and _is_text(head):
        return "text, not audio"
    return None


def _is_text(head: bytes) -> bool:
    """UTF-8, the last character perhaps cut; not one of the audio headers that begin with words."""
    if head.startswith((b"NIST_1A", b"Creative Voice File", b"Extended Instrument", *_SNDFILE_MAGIC)):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
