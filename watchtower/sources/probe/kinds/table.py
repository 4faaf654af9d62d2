"""Every kind of probe: a new one is a module, a row here, a key of the query and a test."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from watchtower.sources.probe.kinds.dns import Dns
from watchtower.sources.probe.kinds.http.query import Http
from watchtower.sources.probe.kinds.icmp import Icmp
from watchtower.sources.probe.kinds.tcp import Tcp
from watchtower.sources.probe.kinds.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.sources.probe.kinds.base import Kind

KINDS: Mapping[str, type[Kind]] = MappingProxyType({kind.kind: kind for kind in (Http, Tcp, Tls, Dns, Icmp)})
