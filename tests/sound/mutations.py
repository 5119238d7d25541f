"""Real audio files with mistakes in them, each made from a number alone: for fuzzing."""

import random
import struct
from pathlib import Path

import numpy as np
import soundfile

from tests.sound import headers
from tests.sounds import kick, snare

_SUBTYPES = {
    "WAV": "PCM_16 PCM_24 PCM_U8 FLOAT DOUBLE ULAW ALAW IMA_ADPCM MS_ADPCM GSM610 G721_32 NMS_ADPCM_24",
    "WAVEX": "PCM_24 FLOAT",
    "AIFF": "PCM_16 PCM_24 FLOAT ALAW IMA_ADPCM GSM610 DWVW_16",
    "AU": "PCM_16 ULAW G721_32 G723_40",
    "CAF": "PCM_16 FLOAT ALAC_16 ALAC_24",
    "W64": "PCM_16 FLOAT MS_ADPCM IMA_ADPCM GSM610",
    "RF64": "PCM_16 FLOAT",
    "OGG": "VORBIS OPUS",
    "MP3": "MPEG_LAYER_III",
    "FLAC": "PCM_16 PCM_24",
    "VOC": "PCM_16 PCM_U8",
}
_MONO = {"GSM610", "G721_32", "G723_40", "NMS_ADPCM_24", "DWVW_16"}
_NUMBERS = [0, 1, 2, 3, 4, 7, 8, 16, 64, 65, 127, 128, 255, 256, 1024, 4096, 32_767, 32_768, 65_535]
_LARGE = [1 << 16, 1 << 20, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 32) - 8, 44_100, 768_000]


def real_files(place: Path) -> list[tuple[str, bytes]]:
    """Small files of every container and codec: (suffix, content). M4A and the like only with `av`."""
    stereo = np.stack([kick(1)[:3000], snare(1)[:3000]], axis=1)
    files: list[tuple[str, bytes]] = []
    for container, subtypes in _SUBTYPES.items():
        for subtype in subtypes.split():
            path = place / f"{container}-{subtype}"
            audio = stereo[:, 0] if subtype in _MONO else stereo
            rate = 8000 if subtype in _MONO else 48_000
            soundfile.write(path, audio, rate, subtype, format=container)
            files.append(("." + container.lower().replace("wavex", "wav"), path.read_bytes()))
    data = (stereo[:, 0] * 32_767).astype("<i2").tobytes()
    files.append((".wav", headers.rf64(data, b"BW64")))
    files.append(
        (".wav", headers.wav(headers.fmt(order=">"), headers.chunk(b"data", data, ">"), magic=b"RIFX"))
    )
    mp3 = (place / "MP3-MPEG_LAYER_III").read_bytes()
    files.append((".wav", headers.mp3_in_wav(mp3, channels=2, rate=48_000, n_frames=3000)))
    try:
        from tests.sound import encode
    except ImportError:
        return files
    made = [
        encode.m4a(place / "a.m4a", stereo, title="Kick"),
        encode.alac(place / "b.m4a", stereo),
        encode.alac(place / "c.m4a", stereo, stored="s32p"),
        encode.aac(place / "d.aac", stereo),
        encode.wma(place / "e.wma", np.tile(stereo, (3, 1))),
        encode.wavpack(place / "f.wv", stereo),
        encode.wavpack(place / "g.wv", stereo, stored="fltp"),
        encode.aac_in_caf(place / "h.caf", stereo),
        encode.ima_in_caf(place / "i.caf", stereo),
    ]
    return files + [(path.suffix, path.read_bytes()) for path in made]


def mutated(files: list[tuple[str, bytes]], number: int) -> tuple[str, bytes]:
    """A file with one to six mistakes, most at its start; the same for the same number."""
    rng = random.Random(number)
    suffix, content = files[number % len(files)]
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 3, 6])):
        _make_mistake(rng, data, files)
    return suffix, bytes(data)


def _make_mistake(rng: random.Random, data: bytearray, files: list[tuple[str, bytes]]) -> None:
    if not data:
        return
    spread = rng.choice([16, 64, 256, 1500, len(data)])
    at = rng.randrange(min(spread, len(data)))
    if rng.random() < 0.15:
        at = len(data) - 1 - at  # MPEG-4 keeps its index there, taggers their tags
    kind = rng.random()
    if kind < 0.25:
        data[at] ^= 1 << rng.randrange(8)
    elif kind < 0.4:
        data[at] = rng.choice([0, 1, 255, rng.randrange(256)])
    elif kind < 0.7:
        form = rng.choice([">H", "<H", ">I", "<I", ">Q", "<Q"])
        number = rng.choice(_NUMBERS if form[1] == "H" else _NUMBERS + _LARGE)
        data[at : at + struct.calcsize(form)] = struct.pack(form, number)
    elif kind < 0.78:
        del data[at:]
    elif kind < 0.84:
        del data[at : at + rng.randrange(1, 64)]
    elif kind < 0.9:
        data[at:at] = rng.randbytes(rng.randrange(1, 64))
    elif kind < 0.95:
        length = rng.randrange(4, 512)
        data[at:at] = data[at : at + length] * rng.choice([1, 2, 20])
    else:
        other = files[rng.randrange(len(files))][1]
        start = rng.randrange(len(other))
        data[at : at + 64] = other[start : start + rng.randrange(1, 64)]
