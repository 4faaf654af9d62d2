"""The routes in Alertmanager's words."""

from __future__ import annotations

from ruamel.yaml import YAML

from watchtower.incidents.config import RouteConfig
from watchtower.incidents.routing import compile_routes
from watchtower.web.v2_config import configuration


def test_every_receiver_that_a_route_names_is_listed_templates_too() -> None:
    """Alertmanager's parser refuses a route to a receiver that there is not."""
    configs = [{"channels": ["tenant-{{ labels.account }}", "ops"], "match": ['team="web"']}, {"channels": ["ops"]}]
    routes = compile_routes([RouteConfig.model_validate(config) for config in configs])
    shown = YAML(typ="safe").load(configuration(["ops", "spare"], routes))
    named = {entry["receiver"] for entry in shown["route"]["routes"]}
    listed = [receiver["name"] for receiver in shown["receivers"]]
    assert named <= set(listed)
    assert listed == ["ops", "spare", "tenant-{{ labels.account }}"]
