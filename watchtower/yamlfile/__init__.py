"""YAML files with the position of everything in them, and faults instead of exceptions' jargon."""

from watchtower.faults import did_you_mean
from watchtower.yamlfile.document import Document, Location, load_yaml, parse_yaml
from watchtower.yamlfile.whole import Whole, readable, told, told_at
from watchtower.yamlfile.wording import mistyped, validation_faults, without_faulty

__all__ = [
    "Document",
    "Location",
    "Whole",
    "did_you_mean",
    "load_yaml",
    "mistyped",
    "parse_yaml",
    "readable",
    "told",
    "told_at",
    "validation_faults",
    "without_faulty",
]
