"""Writes the demo library to disk, completely or resumably.

This module owns the demo folder: its WAV files and its manifest, ``.klustr-demo.json``.
The manifest is written twice: first to mark the folder as ours, last to say that it is
complete. It must not touch a folder that holds anything else. Two calls for one folder
at the same time are for the caller to prevent.
"""

import io
import json
import os
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from klustr_bridge.demo.pack import RECIPE_VERSION, DemoSound, Rendered, plan, render
from klustr_bridge.demo.synthesis import SAMPLE_RATE
from klustr_bridge.errors import LibraryError

MANIFEST_NAME = ".klustr-demo.json"


def make_demo_library(directory: Path, *, seed: int = 1) -> list[Path]:
    """Synthesise about 300 drum sounds into a folder, unless they are there already.

    Parameters
    ----------
    directory : Path
        A folder that doesn't exist, is empty, or holds an earlier demo library. A complete
        one is left alone; an interrupted one, or one with files missing, is completed; one
        of another seed or release is made anew.
    seed : int
        At least 0. The same seed gives the same bytes (with the same numpy).

    Returns
    -------
    list of Path
        The WAV files, in a fixed order.

    Raises
    ------
    LibraryError
        If the folder holds other things, or can't be written.
    """
    return write_library(directory, plan(), seed)


def write_library(directory: Path, sounds: Sequence[DemoSound], seed: int) -> list[Path]:
    """Do what `make_demo_library` does for a plan of one's own."""
    paths = [directory / sound.path for sound in sounds]
    try:
        manifest = _read_manifest(directory)
        if _is_complete(manifest, directory, sounds, seed):
            return paths
        if manifest is None and directory.is_dir() and any(directory.iterdir()):
            raise LibraryError(
                f"{directory} isn't empty and holds no demo library; name an empty or a new folder"
            )
        _write_all(manifest, directory, sounds, seed)
    except OSError as error:
        raise LibraryError(
            f"the demo library can't be written to {directory}: {error.strerror or error}; "
            "name a folder that can be written"
        ) from error
    return paths


def _write_all(
    manifest: dict[str, object] | None, directory: Path, sounds: Sequence[DemoSound], seed: int
) -> None:
    """Make every file that isn't there as planned, between the two writings of the manifest."""
    ours = _is_of(manifest, seed)
    sizes = _sizes(manifest) if ours else {}
    header: dict[str, object] = {"recipe_version": RECIPE_VERSION, "seed": seed}
    if manifest is None or not ours:
        directory.mkdir(parents=True, exist_ok=True)
        _write(directory / MANIFEST_NAME, _to_json({**header, "complete": False, "sizes": {}}))
    written: dict[str, int] = {}
    for sound in sounds:
        path = directory / sound.path
        present = _size(path)
        if present is not None and sizes.get(sound.path) == present:
            written[sound.path] = present
            continue
        data = encode_wav(render(sound, seed))
        # An equal file keeps its time stamp, so that nobody takes it for a changed one.
        if present != len(data) or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, data)
        written[sound.path] = len(data)
    for stale in _sizes(manifest).keys() - written.keys():
        (directory / stale).unlink(missing_ok=True)
    _write(directory / MANIFEST_NAME, _to_json({**header, "complete": True, "sizes": written}))


def encode_wav(rendered: Rendered) -> bytes:
    """A sound as the bytes of a PCM WAV file of 16 or 24 bits."""
    audio = rendered.audio if rendered.audio.ndim == 2 else rendered.audio[:, np.newaxis]
    full_scale = 2 ** (rendered.bits - 1)
    values = np.clip(np.round(audio * full_scale), -full_scale, full_scale - 1).astype("<i4")
    n_bytes = rendered.bits // 8
    little_end_first = values.view(np.uint8).reshape(*values.shape, 4)[:, :, :n_bytes]
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(audio.shape[1])
        file.setsampwidth(n_bytes)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(little_end_first.tobytes())
    return stream.getvalue()


def _read_manifest(directory: Path) -> dict[str, object] | None:
    try:
        manifest = json.loads((directory / MANIFEST_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _is_of(manifest: dict[str, object] | None, seed: int) -> bool:
    return manifest is not None and (manifest.get("recipe_version"), manifest.get("seed")) == (
        RECIPE_VERSION,
        seed,
    )


def _is_complete(
    manifest: dict[str, object] | None, directory: Path, sounds: Sequence[DemoSound], seed: int
) -> bool:
    if manifest is None or not _is_of(manifest, seed) or manifest.get("complete") is not True:
        return False
    sizes = _sizes(manifest)
    return all(sizes.get(sound.path, -1) == _size(directory / sound.path) for sound in sounds)


def _sizes(manifest: dict[str, object] | None) -> dict[str, int]:
    """The files that a manifest lists; only plain ones below its folder count."""
    sizes = manifest.get("sizes") if manifest else None
    if not isinstance(sizes, dict):
        return {}
    return {
        path: size
        for path, size in sizes.items()
        if isinstance(size, int) and not Path(path).is_absolute() and ".." not in Path(path).parts
    }


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _to_json(manifest: dict[str, object]) -> bytes:
    return (json.dumps(manifest, indent=1) + "\n").encode()


def _write(path: Path, data: bytes) -> None:
    """Put a file in place whole or not at all; a leftover of a broken run is overwritten by the next."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_bytes(data)
    os.replace(aside, path)
