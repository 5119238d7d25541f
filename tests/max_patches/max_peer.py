"""A Max played by Node: the package's code runs in it, and talks to a real bridge over UDP."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from klustr_bridge.bridge.arguments import bind
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.errors import QueryError

PACKAGE = Path(__file__).parents[2] / "max_patches"
HOST = Path(__file__).with_name("max_host.js")

Event = dict[str, Any]


def node() -> str:
    """Return Node's path; the test is skipped where it is missing."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed")
    return found


class MaxPeer:
    """Objects are loaded into it by name; `events` is what it told, in order."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [node(), str(HOST)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.events: list[Event] = []
        self._told = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.process.stdin.close()
        trouble = self.process.stderr.read()
        self.process.wait(10)
        self._reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        if kind is None:
            assert not trouble, trouble
            assert not [fault for fault in map(self._refused, self.events) if fault]

    def load(self, name: str, file: str, bridge: int, *args: object) -> None:
        """Make a js object; `args` are what stands behind the file's name in its box."""
        path = str(PACKAGE / "javascript" / file)
        self.tell({"object": name, "load": path, "args": args, "bridge": bridge})

    def say(self, name: str, *message: object) -> None:
        """Send a message to the object's first inlet."""
        self.tell({"object": name, "message": message})

    def tell(self, told: Event) -> None:
        """Have the host do something."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()

    def wait(self, wanted: Callable[[Event], bool], since: int = 0, deadline_s: float = 15.0) -> Event:
        """Wait for an event from number `since` on."""
        until = time.monotonic() + deadline_s
        with self._told:
            while True:
                for event in self.events[since:]:
                    if wanted(event):
                        return event
                left_s = until - time.monotonic()
                assert left_s > 0 and self.process.poll() is None, self.events[-20:]
                self._told.wait(min(left_s, 0.2))

    def wait_out(self, name: str, outlet: int, *beginning: object, since: int = 0) -> list[Any]:
        """Wait for a message from an outlet that begins like this; return it whole."""

        def wanted(event: Event) -> bool:
            message = event.get("message", [])
            from_it = event.get("object") == name and event.get("outlet") == outlet
            return from_it and message[: len(beginning)] == list(beginning)

        return list(self.wait(wanted, since)["message"])

    def wait_open(self, name: str, since: int = 0) -> str:
        """Wait until the object is connected; return what it says of that."""
        return str(self.wait_out(name, 3, "open", since=since)[1])

    def sent(self, name: str, since: int = 0) -> list[list[Any]]:
        """Return the OSC messages that the object has sent so far."""
        return [event["sent"] for event in self.events[since:] if "sent" in event and event["object"] == name]

    def now(self) -> int:
        """Return how many events there were so far."""
        return len(self.events)

    @staticmethod
    def _refused(event: Event) -> str | None:
        """Say what the command table has against a packet that was sent: there must be nothing."""
        if "sent" not in event:
            return None
        address, *arguments = event["sent"]
        try:
            bind(COMMANDS[address], tuple(arguments))
        except QueryError as error:
            return f"{event['sent']}: {error}"
        return None

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._told:
                self.events.append(json.loads(line))
                self._told.notify_all()
        with self._told:
            self._told.notify_all()
