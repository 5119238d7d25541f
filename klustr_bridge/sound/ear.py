"""The learned ear: a small network that gives each sound a point of the unit sphere.

Owns the network's file, `ear.onnx`, and how it is run. What it is shown stands in `ear_input`, how it was
trained in the folder training/. It loads onnxruntime lazily, in the analysis workers only: the serving
process must not import it.
"""

import importlib.util
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import numpy as np

from klustr_bridge.errors import EarError
from klustr_bridge.sound.aspects import LEARNED_SIZE
from klustr_bridge.sound.ear_input import N_FRAMES
from klustr_bridge.sound.mel import N_BANDS
from klustr_bridge.types import Float32Array

__all__ = ["Ear", "is_available", "load_ear"]

_FILE: Final = "ear.onnx"
_AT_ONCE: Final = 32
"""Sounds in one run: more are no faster, and their feature maps would take memory by the megabyte."""
_ERRORS_ONLY: Final = 3


class Ear:
    """The network, ready to hear. Made by `load_ear`.

    Parameters
    ----------
    model : bytes
        In the ONNX format: ``levels`` (n, 1, N_FRAMES, N_BANDS) and ``log_length`` (n, 1) give
        ``embedding`` (n, LEARNED_SIZE).

    Raises
    ------
    EarError
        If onnxruntime isn't installed, can't be loaded here, or can't read the model.
    """

    def __init__(self, model: bytes) -> None:
        try:
            import onnxruntime
        except Exception as error:  # beside ImportError what a broken or foreign build raises
            raise EarError(
                f"the learned ear needs onnxruntime, which can't be loaded: {error}; pip install onnxruntime"
            ) from error
        try:
            self._session = _session(onnxruntime, model)
        except Exception as error:
            raise EarError(f"the learned ear can't be read by onnxruntime: {error}; install again") from error

    def embed(self, levels: Float32Array, log_lengths: Float32Array) -> Float32Array:
        """Hear sounds.

        Parameters
        ----------
        levels : ndarray of float32, shape (n, N_FRAMES, N_BANDS)
            As `ear_input.levels_of` gives them.
        log_lengths : ndarray of float32, shape (n,)
            As `ear_input.log_length` gives them.

        Returns
        -------
        ndarray of float32, shape (n, LEARNED_SIZE)
            Of unit length. The same, up to 1e-4, however many sounds are heard at a time.

        Raises
        ------
        EarError
            If the shapes don't fit, or the network gives something else.
        """
        n = len(levels)
        if levels.shape != (n, N_FRAMES, N_BANDS) or log_lengths.shape != (n,):
            raise EarError(
                f"the ear was shown levels of shape {levels.shape} and lengths of shape {log_lengths.shape}; "
                f"needed: (n, {N_FRAMES}, {N_BANDS}) and (n,)"
            )
        heard = np.empty((n, LEARNED_SIZE), np.float32)
        for start in range(0, n, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            shown = {
                "levels": np.ascontiguousarray(levels[part, None], np.float32),
                "log_length": np.ascontiguousarray(log_lengths[part, None], np.float32),
            }
            try:
                heard[part] = self._session.run(["embedding"], shown)[0]
            except MemoryError:
                raise
            except Exception as error:
                raise EarError(f"the learned ear failed on {n} sounds: {error}") from error
        return heard


def is_available() -> bool:
    """Whether onnxruntime is installed; whether it can be loaded, `load_ear` tells."""
    try:
        return importlib.util.find_spec("onnxruntime") is not None
    except (ImportError, ValueError):  # ValueError: hidden on purpose
        return False


@lru_cache(maxsize=1)
def load_ear() -> Ear:
    """Load the ear of this release, once in a process.

    Raises
    ------
    EarError
        If it can't be: see `Ear`.
    """
    try:
        model = files("klustr_bridge.sound").joinpath(_FILE).read_bytes()
    except OSError as error:
        raise EarError(f"the learned ear's file {_FILE} can't be read: {error}; install again") from error
    return Ear(model)


def _session(onnxruntime: Any, model: bytes) -> Any:
    """One thread: the workers share the cores already."""
    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    onnxruntime.disable_telemetry_events()  # its builds for Windows report to their maker otherwise
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
