"""``python -m klustr_bridge.settings > docs/settings.md`` makes the reference page."""

import sys

from klustr_bridge.settings.reference import reference_markdown

sys.stdout.write(reference_markdown())
