"""What a library may hear by.

This module owns the names alone, apart from the database, which the serving process doesn't load.
"""

from typing import Final

ENGINEERED: Final = "engineered"
LEARNED: Final = "learned"
HEARINGS: Final = (ENGINEERED, LEARNED)
"""What can be chosen in the settings."""

EXTERNAL: Final = "external"
"""By vectors that somebody else's program has made: as long as a library has some."""
