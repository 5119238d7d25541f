"""Who is subscribed, told to whoever asks.

This module owns the form of that list; who there is, the session knows.
"""

from klustr_bridge.bridge.session import Client, Sessions

Row = tuple[str, str, str, int, str, str, float, int, int]
"""As an entry of ``/klustr/clients.reply``."""


def rows_of(sessions: Sessions, asking: Client, now_s: float) -> list[Row]:
    """List who is subscribed, whoever was heard last first.

    Parameters
    ----------
    sessions : Sessions
        All clients.
    asking : Client
        Who wants to know.
    now_s : float
        Seconds of the sessions' clock.
    """
    heard_last = sorted(sessions.subscribers(), key=lambda client: -client.seen_s)
    return [_row(client, client is asking, now_s) for client in heard_last]


def _row(client: Client, own: bool, now_s: float) -> Row:
    peer, state, outbox = client.peer, client.state, client.outbox
    way = "web" if peer.lasts else "tcp" if peer.is_connection else "udp"
    dropped = 0 if outbox is None else outbox.n_dropped
    silent_s = max(0.0, now_s - client.seen_s)
    return state.name, way, peer.host, peer.port, state.view, state.player_mode, silent_s, dropped, int(own)
