"""Where the package lies, and the ports that its patches use."""

from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[1]
BRIDGE_PORT: Final = 7475
CLIENT_PORT: Final = 7476
DEVICE_PORTS: Final = tuple(range(7480, 7500))
"""Reply ports that devices and further clients take, the first free one each."""
