"""A library of about 300 drum sounds that the package synthesises itself.

This room owns the demo's sounds and its folder. It is a leaf: only the command line imports it.
"""

from klustr_bridge.demo.library import make_demo_library
from klustr_bridge.demo.pack import DemoSound, plan

__all__ = ["DemoSound", "make_demo_library", "plan"]
