"""A client on a web socket, as the sessions see it: packets in order, none held up, none piled up.

This module owns what waits to be sent on a web socket. It imports no HTTP library; the socket itself is
`web_sockets`'.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable

from klustr_bridge.bridge.session import Peer
from klustr_bridge.bridge.transport import MAX_UNREAD

Frame = str | bytes


class WebPeer:
    """One web socket, and where answers to it go.

    Parameters
    ----------
    host, port : str, int
        Address of the other side.
    origin : str
        What a Hit of its cursors is said to come from.
    wrap : callable
        Makes a frame of a packet.
    drop : callable
        Ends the connection at once; called when the client leaves more than 1 MiB unread.
    """

    is_connection = True
    lasts = True

    def __init__(
        self, host: str, port: int, origin: str, wrap: Callable[[bytes], Frame], drop: Callable[[], None]
    ) -> None:
        self.host = host
        self.port = port
        self.origin = origin
        self._wrap = wrap
        self._drop = drop
        self._waiting: deque[Frame] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._is_over = False
        self.drained = asyncio.Event()
        self.drained.set()

    @property
    def key(self) -> Hashable:
        """The socket itself."""
        return self

    def send(self, packet: bytes) -> None:
        """Send one packet; a client that doesn't read loses its connection."""
        if self._is_over:
            return
        frame = self._wrap(packet)
        self._waiting.append(frame)
        self._size += len(frame)
        self.drained.clear()
        self._wake.set()
        if self._size > MAX_UNREAD:
            self.end()
            self._drop()

    def backlog(self) -> int:
        """Size of what waits."""
        return self._size

    def at_port(self, port: int) -> Peer:
        """The socket itself: everything comes back on it."""
        return self

    def end(self) -> None:
        """Take nothing more, and forget what waits."""
        self._is_over = True
        self._waiting.clear()
        self._size = 0
        self.drained.set()
        self._wake.set()

    async def frames(self) -> AsyncIterator[Frame]:
        """Yield what is to be sent, each when the one before is, until `end`."""
        while not self._is_over:
            while self._waiting:
                frame = self._waiting.popleft()
                yield frame
                self._size = max(0, self._size - len(frame))
            self.drained.set()
            self._wake.clear()
            await self._wake.wait()
