"""Probes over HTTP/1.1."""
