"""The configuration: composes the rooms' own models, reads files, refuses what could never work."""

from watchtower.config.load import Loaded, load
from watchtower.config.model import Config
from watchtower.config.timing import worst_case_seconds

__all__ = ["Config", "Loaded", "load", "worst_case_seconds"]
