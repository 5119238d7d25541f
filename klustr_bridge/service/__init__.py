"""``klustr-bridge service``: have the daemon started at login, by the system's own means.

This room owns the unit, agent or task that the system reads. It is a leaf: only the command
line imports it. It must not know what the options given to the daemon mean.
"""

from klustr_bridge.service.control import ServiceReport, install, remove, status

__all__ = ["ServiceReport", "install", "remove", "status"]
