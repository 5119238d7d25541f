"""The way out: what can be asked of the bridge, and the OSC surface that answers it.

`commands` is the one table; `codec` and `framing` are bytes; `session`, `outbox` and `schedule` are who
waits for what; `arguments`, `dispatch` and `handlers` go from a message to the navigator and back;
`transport` and `osc` are the sockets. This room talks to the navigator only, never to the store.
"""

from klustr_bridge.bridge.osc import OscServer

__all__ = ["OscServer"]
