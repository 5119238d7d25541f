"""Questions that are worked out in a thread: kits, walks, grids of pads.

This module owns the way from a client and a published corpus to the pure functions that work them out, and
back to ids; it must not know players, the librarian or how a question came in.
"""

import asyncio
from dataclasses import replace

from klustr_bridge.corpus import EVEN
from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import checks
from klustr_bridge.navigator.kits import kit_around
from klustr_bridge.navigator.pads import sounds_on_pads
from klustr_bridge.navigator.results import Neighbour
from klustr_bridge.navigator.state import ClientState
from klustr_bridge.navigator.view import View
from klustr_bridge.navigator.walks import walk_between


async def kit(view: View, client: ClientState, sound_id: int) -> list[tuple[str, int]]:
    """Kinds and ids of a drum kit around a sound; the client's filters hold, but for that of kinds."""
    row = view.heard_row(sound_id)
    selection = view.selection(replace(client.filters, kinds=frozenset()))
    keep = None if selection is None else selection.sound
    rows = await asyncio.to_thread(kit_around, view.corpus, row, keep)
    return [(view.corpus.kind(row), int(view.corpus.ids[row])) for row in rows]


async def walk(view: View, client: ClientState, from_id: int, to_id: int, n: int) -> list[Neighbour]:
    """Sounds that lead from one to another; the client's filters hold for what lies between."""
    n, start, end = checks.steps(n), view.heard_row(from_id), view.heard_row(to_id)
    if start == end:
        raise QueryError("badargs", f"the walk is from {from_id} to {to_id}: name two sounds")
    if client.weights != EVEN:
        view.require_aspects()
    selection, weights = view.selection(client.filters), client.weights
    found = await asyncio.to_thread(walk_between, view.corpus, start, end, n, selection, weights)
    return view.neighbours(found, client)


async def grid(
    view: View, client: ClientState, columns: int, rows: int, region: tuple[float, float, float] | None
) -> list[tuple[int, int, int]]:
    """Column, row and id of sounds on pads; the client's filters hold, places are in its view."""
    columns, rows = checks.pads(columns, rows)
    region = None if region is None else checks.region(*region)
    view.require_map(client.view)
    corpus, map_view, selection = view.corpus, client.view, view.selection(client.filters)
    pads = await asyncio.to_thread(sounds_on_pads, corpus, map_view, selection, columns, rows, region)
    return [(column, row, int(corpus.ids[sound])) for column, row, sound in pads]
