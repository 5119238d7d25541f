"""Messages of bundles whose time tag lies ahead: a bounded heap by time.

This module owns the order and the bounds. It is pure: the time is an argument, due entries are returned.
"""

import heapq
from dataclasses import dataclass, field
from typing import Final

from klustr_bridge.bridge.codec import Message
from klustr_bridge.bridge.session import Client
from klustr_bridge.errors import QueryError

HORIZON_S: Final = 60.0
MAX_MESSAGES: Final = 4096
MAX_A_CLIENT: Final = 512
MAX_GUESTS: Final = 1024
"""Messages of all guests together: other machines leave room for this one's."""


@dataclass(order=True, slots=True)
class Entry:
    """Messages of one client that run together at one time, in their order."""

    due_s: float
    number: int
    client: Client = field(compare=False)
    messages: tuple[Message, ...] = field(compare=False)


class Schedule:
    """The entries that wait, earliest first; entries of the same time in the order they came."""

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._number = 0
        self._n_messages = 0
        self._n_of_guests = 0

    def __len__(self) -> int:
        return self._n_messages

    def add(self, client: Client, delay_s: float, messages: tuple[Message, ...], now_s: float) -> None:
        """Keep messages until their time.

        Parameters
        ----------
        client : Client
            Who sent them.
        delay_s : float
            From now, at most `HORIZON_S`.
        messages : tuple of Message
            In order.
        now_s : float
            Seconds of a monotonic clock.

        Raises
        ------
        QueryError
            ``badargs`` beyond the horizon, ``busy`` when too many wait.
        """
        if delay_s > HORIZON_S:
            raise QueryError("badargs", f"time tag {delay_s:.0f} s ahead; allowed up to {HORIZON_S:.0f} s")
        if client.n_scheduled + len(messages) > MAX_A_CLIENT:
            raise QueryError(
                "busy", f"{client.n_scheduled} messages of this client wait; at most {MAX_A_CLIENT}"
            )
        if self._n_messages + len(messages) > MAX_MESSAGES:
            raise QueryError(
                "busy", f"{self._n_messages} messages wait for their time; at most {MAX_MESSAGES}"
            )
        if client.is_guest and self._n_of_guests + len(messages) > MAX_GUESTS:
            raise QueryError(
                "busy", f"{self._n_of_guests} messages of other machines wait; at most {MAX_GUESTS}"
            )
        self._number += 1
        client.n_scheduled += len(messages)
        self._n_messages += len(messages)
        self._n_of_guests += len(messages) * client.is_guest
        heapq.heappush(self._heap, Entry(now_s + delay_s, self._number, client, messages))

    def take(self, now_s: float) -> Entry | None:
        """Take the earliest entry if it is due."""
        if not self._heap or self._heap[0].due_s > now_s:
            return None
        entry = heapq.heappop(self._heap)
        entry.client.n_scheduled -= len(entry.messages)
        self._n_messages -= len(entry.messages)
        self._n_of_guests -= len(entry.messages) * entry.client.is_guest
        return entry

    @property
    def next_due_s(self) -> float | None:
        """When the earliest entry is due, None if none waits."""
        return self._heap[0].due_s if self._heap else None
