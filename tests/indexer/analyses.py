"""What workers do with files in these tests: each is picklable by name, as workers need it."""

import os
import signal
import threading

import numpy as np

from klustr_bridge.errors import RefusedSound
from klustr_bridge.types import Analysis


def by_content(path: bytes) -> Analysis:
    """Do what the file's content says: crash, hang, bloat, refuse, or answer with its text as uid."""
    with open(path, "rb") as file:
        word = file.read().decode()
    if word == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "crash once" and not os.path.exists(path + b".seen"):
        with open(path + b".seen", "wb"):
            os.kill(os.getpid(), signal.SIGKILL)
    if word == "hang":
        threading.Event().wait()
    if word == "bloat":
        np.ones(2_000_000_000, dtype=np.float64)
    if word == "refuse":
        raise RefusedSound("holds no sound")
    if word == "break":
        raise ZeroDivisionError("a mistake of ours")
    return Analysis(word, 1.0, 44100, 1, -6.0, 1000.0, 0.0, np.zeros(4, dtype=np.float32))
