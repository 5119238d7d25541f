"""The layout room: where on the 2D map each sound stands.

It owns fitting a map (`fit`, in a process of its own: `process`), placing new sounds on one
(`place`), spreading it evenly (`even`), judging it (`scores`, `quality`, `regions`, `reach`) and deciding
when to fit anew (`growth`). It must not read or write the library: embeddings come in as arrays, positions
go out as arrays. Importing it loads nothing heavy; faiss, scipy, openTSNE and umap are imported by the
functions that need them.
"""
