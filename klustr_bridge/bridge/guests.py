"""Guests: whoever talks OSC from another machine. OSC knows no token, so nobody knows who they are.

This module owns which commands are open to other machines, and how much is sent to guests. The sender of
a datagram can be invented: what one brings about must never be a flood at somebody else's door.

References
----------
Amplification: RFC 9000, section 8.1, for whom a datagram's sender may be.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from klustr_bridge.bridge.outbox import TokenBucket

OPEN_TO_OTHER_MACHINES: Final = frozenset(
    {
        # session
        *("/klustr/hello", "/klustr/bye", "/klustr/ping", "/klustr/sync"),
        *("/klustr/health", "/klustr/status", "/klustr/scores"),
        # move and hear; what is written to the disk is not among it
        *("/klustr/xy", "/klustr/audition", "/klustr/lift", "/klustr/quantise", "/klustr/view"),
        *("/klustr/trigger", "/klustr/trigger/xy", "/klustr/stop", "/klustr/random", "/klustr/player"),
        # ask; nothing that takes or tells a path
        *("/klustr/near/xy", "/klustr/similar", "/klustr/similar/uid", "/klustr/info", "/klustr/why"),
        *("/klustr/kit", "/klustr/walk", "/klustr/grid"),
        *("/klustr/resolve", "/klustr/find", "/klustr/points"),
        # narrow, likewise
        *("/klustr/filter/kind", "/klustr/filter/duration", "/klustr/filter/favourites"),
        *("/klustr/filter/clear", "/klustr/weight"),
    }
)
"""Commands that other machines may use, over OSC and web sockets; every other one is refused to them."""

OWN_PUSHES: Final = frozenset({"/klustr/error"})
"""Pushes for this machine alone: what went wrong may name files."""

MANY_PUSHES: Final = frozenset({"/klustr/added", "/klustr/moved", "/klustr/removed"})
"""Pushes of one packet a sound: not for guests over UDP."""

MAX_GUEST_CONNECTIONS: Final = 16
MAX_GUEST_SUBSCRIBERS: Final = 8
MAX_GUEST_WAITING: Final = 32
"""Commands of all guests together that are not done yet."""
GUEST_MESSAGES_A_SECOND: Final = 600.0
"""Of all guests together, and as many at once: five fingers that drag, and a question now and then. What a
question costs is the event loop's time, which this machine's programs need."""
MAX_GUEST_STREAMS: Final = 4
"""Long answers to all guests together."""
MAX_GUEST_PACKETS: Final = 4
"""Of one answer over UDP; longer ones are for TCP and web sockets, whose other end is known."""

HOST_BYTES_A_SECOND: Final = 32_768.0
ALL_BYTES_A_SECOND: Final = 131_072.0
_MOST_HOSTS: Final = 64


class Allowance:
    """How many bytes go to other machines over UDP: a second's worth at once, and no more after that.

    Parameters
    ----------
    clock : callable
        Seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = TokenBucket(ALL_BYTES_A_SECOND, ALL_BYTES_A_SECOND)
        self._hosts: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, host: str, n_bytes: int) -> bool:
        """Whether so many bytes may be sent to a machine now."""
        now_s = self._clock()
        bucket = self._hosts.pop(host, None) or TokenBucket(HOST_BYTES_A_SECOND, HOST_BYTES_A_SECOND)
        self._hosts[host] = bucket
        while len(self._hosts) > _MOST_HOSTS:
            self._hosts.popitem(last=False)
        return bucket.take(now_s, n_bytes) and self._all.take(now_s, n_bytes)
