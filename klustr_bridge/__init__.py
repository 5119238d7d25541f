"""klustr-bridge: play a sample library instead of scrolling through it."""

__version__ = "0.1.0"
