"""What a library may hear by.

This module owns the names alone, apart from the database, which the serving process doesn't load.
"""

from typing import Final

ENGINEERED: Final = "engineered"
LEARNED: Final = "learned"
HEARINGS: Final = (ENGINEERED, LEARNED)
