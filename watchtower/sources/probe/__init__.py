"""Probes: does a site answer, how fast, with what, and until when is its certificate valid."""
