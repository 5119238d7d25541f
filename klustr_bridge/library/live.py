"""Which sounds are live, said once for every query.

This module owns the SQL conditions alone. It must not ask anything.
"""

from typing import Final

IS_LIVE: Final = """((s.parent_id IS NULL OR (
        (SELECT value FROM meta WHERE key = 'slices') AND s.analysis_version =
            (SELECT whole.analysis_version FROM sounds whole WHERE whole.id = s.parent_id)))
    AND EXISTS (
        SELECT 1 FROM files f JOIN folders d ON d.id = f.folder_id
        WHERE f.sound_id = coalesce(s.parent_id, s.id) AND d.state != 'absent'))"""
"""SQL condition on a sound ``s``: a file of a folder that is there holds it; and if it is a slice, the
library shows slices, and the newest analysis of its parent has found it."""

MAY_BE_LIVE: Final = "(s.parent_id IS NULL OR (SELECT value FROM meta WHERE key = 'slices'))"
"""SQL condition on a sound ``s``: it is no slice, or the library shows slices."""
