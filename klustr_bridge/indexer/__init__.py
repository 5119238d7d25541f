"""Building the index: files -> sounds -> positions, in processes of their own.

The daemon and ``klustr-bridge index`` use the same parts: a pool of analysis workers, the
indexer that decides what is done next, and the librarian, the process that runs it beside a
daemon. Must not import the corpus, the navigator or any surface.
"""
