"""Running a benchmark as its user does."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

from benchmarks.__main__ import main
from tests.commands import called

ROOT = Path(__file__).parent.parent


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def run_here(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it within this process, where what it takes isn't looked at: all it imports is here already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what others than us import
        return called(main, words, os.environ)
