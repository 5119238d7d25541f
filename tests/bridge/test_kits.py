"""Drum kits and duplicates over OSC."""

import asyncio

import numpy as np
import pytest

from klustr_bridge.client import Client, FailError
from klustr_bridge.types import Int32Array
from tests.bridge.places import Place


def test_a_kit_is_told_by_kind_and_id(client: Client, place: Place) -> None:
    """The sound comes first, then one of each other kind of a kit that the library has; filters hold."""
    clap = next(i for i in place.ids if client.info(i).kind == "clap")
    kit = client.kit(clap)
    assert kit[0] == ("clap", clap)
    assert [kind for kind, _ in kit[1:]] == [
        "kick",
        "snare",
        "closed_hat",
        "open_hat",
        "tom",
        "tom",
        "cowbell",
    ]
    assert all(client.info(sound_id).kind == kind for kind, sound_id in kit)
    longest = max(client.info(sound_id).duration for _, sound_id in kit)
    client.send("/klustr/filter/duration", 0.0, longest - 0.001)
    client.sync()
    shorter = client.kit(clap)
    assert shorter != kit and all(client.info(sound_id).duration < longest for _, sound_id in shorter[1:])
    with pytest.raises(FailError) as failed:
        client.kit(999_999)
    assert failed.value.code == "notfound"


def test_duplicates_are_told_by_group(client: Client, place: Place) -> None:
    """The sound to keep first, whatever the filters; what isn't there any more is left out, and who asks
    meanwhile for something else is answered.
    """
    assert client.duplicates() == []  # no sounds of the library are the same
    found = np.array([[1, place.ids[5]], [1, place.ids[2]], [2, place.ids[1]], [2, 999]], np.int32)
    searched = asyncio.Event()

    async def search() -> Int32Array:
        await searched.wait()
        return found

    place.librarian.duplicates = search  # type: ignore[method-assign]
    client.send("/klustr/filter/kind", "shaker")
    client.send("/klustr/duplicates", 77)
    client.ping()
    place.loop.call(searched.set)
    assert client.wait("/klustr/duplicates.reply") == (77, 1, 1, 2, 1, place.ids[5], 1, place.ids[2])
    assert client.duplicates() == [[place.ids[5], place.ids[2]]]
