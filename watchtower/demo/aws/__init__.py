"""A loopback AWS that speaks the real wire protocols and fails on demand."""

from watchtower.demo.aws.faults import Fault, Faults, Kind
from watchtower.demo.aws.server import EstateServer
from watchtower.demo.aws.signature import Credentials, account_credentials
from watchtower.demo.aws.sns import Published

__all__ = ["Credentials", "EstateServer", "Fault", "Faults", "Kind", "Published", "account_credentials"]
