"""The configuration: composes the rooms' own models, reads files, refuses what could never work."""

from watchtower.config.load import Beside, Loaded, load, load_beside, load_for_reading
from watchtower.config.model import Config
from watchtower.config.timing import worst_case_seconds

__all__ = ["Beside", "Config", "Loaded", "load", "load_beside", "load_for_reading", "worst_case_seconds"]
