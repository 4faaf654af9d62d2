"""The configuration: composes the rooms' own models, reads files, refuses what could never work."""

from watchtower.config.load import Beside, Loaded, load, load_beside
from watchtower.config.model import Config
from watchtower.config.timing import worst_case_seconds

__all__ = ["Beside", "Config", "Loaded", "load", "load_beside", "worst_case_seconds"]
