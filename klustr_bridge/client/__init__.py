"""A small client of the bridge for Python programs: ask over OSC, get plain values back.

This room owns its socket and nothing of the bridge; it imports fast (the standard library and
python-osc's codec) and blocks while it waits. It must not import any part of the serving side.

>>> with Client() as bridge:                                              # doctest: +SKIP
...     for sound in bridge.near_xy(0.5, 0.5, 5):
...         print(sound.id, bridge.path(sound.id))
"""

from klustr_bridge.client.connection import Message, NoAnswerError
from klustr_bridge.client.conversation import Client
from klustr_bridge.client.results import (
    Clip,
    FailError,
    Folder,
    Info,
    Near,
    Pad,
    Point,
    Problem,
    Recorded,
    Status,
    Welcome,
)

__all__ = [
    "Client",
    "Clip",
    "FailError",
    "Folder",
    "Info",
    "Message",
    "Near",
    "NoAnswerError",
    "Pad",
    "Point",
    "Problem",
    "Recorded",
    "Status",
    "Welcome",
]
