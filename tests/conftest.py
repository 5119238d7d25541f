"""What all tests begin with."""

import signal
from collections.abc import Generator
from typing import Any

import pytest

from klustr_bridge.processes import single_threaded_environment

single_threaded_environment()  # as the command line does, before numpy is there

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control has what runs in its background ignore Ctrl-C, which processes pass on.
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONG_FILES = (
    *(
        "tests/test_benchmark_ratios.py",
        "tests/test_benchmarks.py",
        "tests/test_asking.py",
        "tests/test_cli.py",
    ),
    *(
        "tests/map/",
        "tests/layout/test_fit.py",
        "tests/sound/test_analyse.py",
        "tests/indexer/",
        "tests/daemon/",
    ),
)
"""Files that take longest: begun first, so that none is left to one process at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, each file's tests in their order."""

    def place(item: pytest.Item) -> int:
        return next(
            (at for at, name in enumerate(LONG_FILES) if item.nodeid.startswith(name)), len(LONG_FILES)
        )

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Keep a failure that shows a name of odd bytes from ending the whole run: xdist sends UTF-8 alone."""
    return _encodable((yield))


def _encodable(told: Any) -> Any:
    if isinstance(told, str):
        return told.encode("utf-8", "backslashreplace").decode()
    if isinstance(told, dict):
        return {_encodable(key): _encodable(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return type(told)(_encodable(each) for each in told)
    return told
