"""``python -m tests``: everything that must hold, in one command; the first failure ends it.

Further words go to pytest: ``python -m tests -k osc``. A few test files run at a time; ``-n 0`` for one.
"""

import compileall
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    # in order: else files with few tests come last, and those of the browser are long
    (
        *("pytest", "-n", str(max(3, min(8, os.cpu_count() or 1)))),
        *("--dist", "loadfile", "--no-loadscope-reorder"),
        # of thousands with real daemons, browsers and clocks one may be held up: the summary names it a RERUN
        *("--reruns", "1"),
    ),
)


def main(pytest_words: list[str]) -> int:
    # where Python is told to write no bytecode, each of hundreds of processes would compile it all anew
    compileall.compile_dir(ROOT / "klustr_bridge", quiet=1)
    for module, *words in CHECKS:
        further = pytest_words if module == "pytest" else []
        print(f"$ python -m {' '.join([module, *words, *further])}", flush=True)
        code = subprocess.run(
            [sys.executable, "-m", module, *words, *further], cwd=ROOT, check=False
        ).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
