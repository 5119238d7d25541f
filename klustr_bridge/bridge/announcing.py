"""Telling programs of this machine where the bridge is, by zeroconf (mDNS and DNS-SD).

This module owns the announcement, which goes out on the loopback interface alone: nothing is served on
another one. It brings its own threads, so that nothing here holds up the event loop, and a machine whose
multicast fails is served all the same.

References
----------
The services ``_oscjson._tcp`` and ``_osc._udp``: https://github.com/Vidvox/OSCQueryProposal.
"""

import asyncio
import contextlib
import ipaddress
import logging
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zeroconf import Zeroconf

NAME: Final = "klustr-bridge"
OSCQUERY: Final = "_oscjson._tcp.local."
OSC: Final = "_osc._udp.local."

_END_S: Final = 1.5

_log = logging.getLogger(__name__)


class Announcer:
    """An announcement of what is served.

    Parameters
    ----------
    host, port : str, int
        Where HTTP is served; a loopback address.
    osc_host, osc_port : str, int
        Where OSC is.

    Attributes
    ----------
    is_heard : bool
        Whether it has been announced.
    problem : str
        Why it could not be, empty while that isn't known.
    """

    def __init__(self, host: str, port: int, osc_host: str, osc_port: int) -> None:
        self.is_heard = False
        self.problem = ""
        self.settled = threading.Event()
        self._services = [(OSCQUERY, host, port), (OSC, osc_host, osc_port)]
        self._lock = threading.Lock()
        self._zeroconf: Zeroconf | None = None
        self._is_over = False

    def start(self) -> None:
        """Announce it, in a thread: that takes seconds, for names are asked about first."""
        threading.Thread(target=self._announce, name="zeroconf", daemon=True).start()

    async def stop(self) -> None:
        """Take it back."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self._end), _END_S)

    def _announce(self) -> None:
        try:
            self._register()
            self.is_heard = True
        except Exception as error:  # no multicast, no such interface, the port is another's
            self.problem = repr(error)
            if not self._is_over:
                _log.info("not announced by zeroconf: %r", error)
            self._end()
        finally:
            self.settled.set()

    def _register(self) -> None:
        from zeroconf import IPVersion, ServiceInfo, Zeroconf

        logging.getLogger("zeroconf").setLevel(logging.ERROR)
        hosts = sorted({host for _, host, _ in self._services if ipaddress.ip_address(host).version == 4})
        zeroconf = Zeroconf(interfaces=hosts, ip_version=IPVersion.V4Only)
        with self._lock:
            if self._is_over:
                zeroconf.close()
                return
            self._zeroconf = zeroconf
        for kind, host, port in self._services:
            if host not in hosts:
                continue
            address = ipaddress.ip_address(host).packed
            info = ServiceInfo(
                kind, f"{NAME}.{kind}", port=port, addresses=[address], server=f"{NAME}-{port}.local."
            )
            zeroconf.register_service(info, allow_name_change=True)

    def _end(self) -> None:
        with self._lock:
            self._is_over = True
            self.is_heard = False
            zeroconf, self._zeroconf = self._zeroconf, None
        if zeroconf is not None:
            with contextlib.suppress(Exception):
                zeroconf.close()
