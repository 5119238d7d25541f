"""What waits to be pushed to one subscriber: newest-wins slots and a paced queue.

This module owns the pacing. It is pure: the time is an argument, packets are returned, nothing is sent.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from typing import Final

LATEST_INTERVAL_S: Final = 1 / 60
PACE_BURST: Final = 16
PACE_A_SECOND: Final = 4000.0
"""A receiver's default buffer holds some 250 small datagrams; 16 every 4 ms leave a slow one time to read."""

MAX_WAITING: Final = 65_536
"""Messages that may wait for one subscriber; what comes on top is dropped and counted."""


class TokenBucket:
    """Lets `burst` things through at once and `rate` a second after that.

    Parameters
    ----------
    rate : float
        A second.
    burst : float
        Most that can be saved up.
    """

    __slots__ = ("_burst", "_rate", "_since_s", "level")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._since_s: float | None = None
        self.level = burst

    def refill(self, now_s: float) -> None:
        """Add what has come since the last time."""
        if self._since_s is not None:
            elapsed_s = max(0.0, now_s - self._since_s)
            self.level = min(self._burst, self.level + elapsed_s * self._rate)
        self._since_s = now_s

    def take(self, now_s: float, n: float = 1.0) -> bool:
        """Take one, or `n`, if there are as many."""
        self.refill(now_s)
        if self.level < n:
            return False
        self.level -= n
        return True

    def wait_s(self) -> float:
        """Seconds until there is one again."""
        return max(0.0, (1.0 - self.level) / self._rate)


class Outbox:
    """The pushes that wait for one subscriber.

    Parameters
    ----------
    limit : int
        Messages that may wait in the paced queue.

    Attributes
    ----------
    told_overflow : bool
        Whether the subscriber knows that pushes were dropped since the queue was last empty.
    n_dropped : int
        How many were dropped in all.
    """

    def __init__(self, limit: int = MAX_WAITING) -> None:
        self._limit = limit
        self.told_overflow = False
        self.n_dropped = 0
        self._batches: deque[tuple[int, Iterator[bytes]]] = deque()
        self._n_waiting = 0
        self._latest: OrderedDict[Hashable, bytes] = OrderedDict()
        self._sent_s: dict[Hashable, float] = {}
        self._pace = TokenBucket(PACE_A_SECOND, PACE_BURST)

    def __len__(self) -> int:
        return self._n_waiting + len(self._latest)

    def add(self, packets: Iterator[bytes], n_packets: int) -> int:
        """Queue packets, built when their turn comes.

        Parameters
        ----------
        packets : iterator of bytes
            Yields `n_packets` packets.
        n_packets : int
            How many.

        Returns
        -------
        int
            How many were dropped: all of them if they don't fit, else none.
        """
        if self._n_waiting + n_packets > self._limit:
            self.n_dropped += n_packets
            return n_packets
        if n_packets:
            self._batches.append((n_packets, packets))
            self._n_waiting += n_packets
        return 0

    def add_latest(self, key: Hashable, packet: bytes) -> None:
        """Put a packet in the slot `key`, in place of the one that waits there."""
        self._latest[key] = packet

    def take(self, now_s: float, budget: int) -> list[bytes]:
        """Take what is due now.

        Parameters
        ----------
        now_s : float
            Seconds of a monotonic clock.
        budget : int
            Most packets to take.

        Returns
        -------
        list of bytes
            Packets to send at once, in order.
        """
        taken: list[bytes] = []
        for key in list(self._latest):
            if len(taken) >= budget:
                return taken
            if now_s >= self._sent_s.get(key, -1e9) + LATEST_INTERVAL_S:
                taken.append(self._latest.pop(key))
                self._sent_s[key] = now_s
        if len(self._sent_s) > 256:  # older ones decide nothing any more
            self._sent_s = {k: s for k, s in self._sent_s.items() if s + LATEST_INTERVAL_S > now_s}
        while self._batches and len(taken) < budget and self._pace.take(now_s):
            n_left, packets = self._batches[0]
            taken.append(next(packets))
            self._n_waiting -= 1
            if n_left == 1:
                self._batches.popleft()
            else:
                self._batches[0] = (n_left - 1, packets)
        if not self._batches:
            self.told_overflow = False
        return taken

    def next_due_s(self, now_s: float) -> float | None:
        """When `take` will have something: seconds of the same clock, None if nothing waits."""
        due = [self._sent_s.get(key, -1e9) + LATEST_INTERVAL_S for key in self._latest]
        if self._batches:
            self._pace.refill(now_s)
            due.append(now_s + self._pace.wait_s())
        return max(now_s, min(due)) if due else None
