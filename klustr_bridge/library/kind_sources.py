"""Where the kind of a sound comes from, and how sure it is.

This module owns the order of precedence and nothing else: the user, the file's name, a folder's name, the
sound itself. It must import nothing, so that readers of snapshots can use it.
"""

KIND_SOURCES: tuple[str, ...] = ("", "user", "file", "folder", "sound")
"""All sources; the index is the code in snapshots. The first stands for nothing that tells."""

AUTO = "auto"
"""Said in place of a kind: the user's own word is taken back, and the other sources tell again."""

CONFIDENCE: dict[str, float] = {"": 0.0, "user": 1.0, "file": 0.95, "folder": 0.85}
"""How sure a kind of each source is; what is heard in the sound carries its own.

Round numbers, chosen rather than measured: the rules for names aim at 95 % right, and a folder is named for
most of what it holds, not for all of it.
"""
