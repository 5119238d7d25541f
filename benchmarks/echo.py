"""A bare UDP echo in a process of its own, on the event loop that the daemon takes.

What a round trip through asyncio costs at least: it parses nothing and asks nothing.
"""

import asyncio
from multiprocessing.connection import Connection
from typing import Any


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._transport.sendto(data, addr)


def serve_echo(connection: Connection) -> None:
    """Tell the port through `connection`, then echo until it closes."""
    try:
        import uvloop

        loop_factory = uvloop.new_event_loop
    except ImportError:
        loop_factory = None
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_echo_until_closed(connection))


async def _echo_until_closed(connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Echo, local_addr=("127.0.0.1", 0))
    connection.send(transport.get_extra_info("sockname")[1])
    await asyncio.to_thread(_wait_for_end, connection)
    transport.close()


def _wait_for_end(connection: Connection) -> None:
    try:
        connection.recv()
    except (EOFError, OSError):
        return
