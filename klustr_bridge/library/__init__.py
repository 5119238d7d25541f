"""The library: which sample files there are, and what is known of the sounds they hold.

The room owns the library file (`store`), the walk over folders (`scan`), hints from the file system
(`watch`, `settle`) and the snapshots that readers map into memory (`snapshot`). It must not decode audio.
"""
