"""YAML files with the position of everything in them, and faults instead of exceptions' jargon."""

from watchtower.faults import did_you_mean
from watchtower.yamlfile.document import Document, Location, load_yaml, parse_yaml
from watchtower.yamlfile.wording import mistyped, validation_faults, without_faulty

__all__ = [
    "Document",
    "Location",
    "did_you_mean",
    "load_yaml",
    "mistyped",
    "parse_yaml",
    "validation_faults",
    "without_faulty",
]
