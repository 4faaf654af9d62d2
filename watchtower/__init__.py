"""Watchtower watches an AWS estate, decides, and pages the right person once, with the evidence."""

__version__ = "0.1.0"
