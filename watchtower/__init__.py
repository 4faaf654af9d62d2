"""Watchtower watches an AWS estate, decides, and pages the right person once, with the evidence."""

import gc

__version__ = "0.1.0"

# Python's own threshold of 700 objects walks through what is being imported again and again: a fifth of the start.
gc.set_threshold(20_000, 20, 20)
