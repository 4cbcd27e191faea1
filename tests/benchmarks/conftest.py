"""Benchmarks are run from the checkout and are no part of the package, so they are found here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
