"""The corpus: one library as immutable arrays in memory, and exact answers about it.

This room owns reading snapshots and searching them: nearest on the map, nearest by sound,
names, filters. It must not write anything, open the library's database or know any client.
A corpus never changes; a newer one takes its place whole, so readers need no lock.
"""

from klustr_bridge.corpus.changes import Changes, difference
from klustr_bridge.corpus.corpus import Corpus
from klustr_bridge.corpus.files import Entry
from klustr_bridge.corpus.nearest import Nearest
from klustr_bridge.corpus.selection import Filters, Selection
from klustr_bridge.corpus.snapshot import SnapshotFolder
from klustr_bridge.corpus.weights import EVEN, IMPRESSION, Weights, aspect_shares, weighted_distance

__all__ = [
    "EVEN",
    "IMPRESSION",
    "Changes",
    "Corpus",
    "Entry",
    "Filters",
    "Nearest",
    "Selection",
    "SnapshotFolder",
    "Weights",
    "aspect_shares",
    "difference",
    "weighted_distance",
]
