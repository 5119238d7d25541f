"""Hearing one sample file: decoding, identity, descriptors, embedding, and the kind its name tells.

This room owns everything that is known from a single file alone. It must not know of libraries,
positions, processes or the network. Nothing is imported here, so that reading audio for the player
doesn't bring the analysis with it.
"""
