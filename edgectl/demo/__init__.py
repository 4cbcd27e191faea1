"""`edgectl demo`: the whole story, headless, from an empty state directory, each step verified."""

from edgectl.demo.command import demo as demo
