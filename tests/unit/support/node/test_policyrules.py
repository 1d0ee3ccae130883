"""NetworkPolicies as rules of nftables."""

from typing import Any

import pytest

from tests.support.node.policyrules import Pod, Scene, is_selected, render_table

WEB = Pod("shop", "10.0.0.1", {"app": "web"}, {("http", "tcp"): 8080})
CLIENT = Pod("shop", "10.0.0.2", {"role": "client"})
STRANGER = Pod("street", "10.0.0.3", {"role": "client"})
NAMESPACES = {"shop": {"name": "shop"}, "street": {"name": "street"}}


def policy(*rules: dict[str, Any], types: tuple[str, ...] = ("Ingress",), **more: Any) -> dict[str, Any]:
    spec = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": types, "ingress": list(rules)}
    return {"metadata": {"namespace": "shop"}, "spec": {**spec, **more}}


def chain_of(*policies: dict[str, Any], name: str = "ingress_10_0_0_1") -> list[str]:
    """The lines of one pod's chain."""
    lines = render_table(Scene(NAMESPACES, (WEB, CLIENT, STRANGER), policies)).splitlines()
    first = lines.index(f"  chain {name} {{")
    return [line.strip() for line in lines[first + 1 : lines.index("  }", first)]]


def test_pods_without_a_policy_are_left_alone() -> None:
    """No chain is made for them, and nothing jumps."""
    table = render_table(Scene(NAMESPACES, (WEB, CLIENT), ()))

    assert "10.0.0" not in table
    assert table.count("accept;") == 2


def test_a_policy_without_rules_admits_nobody() -> None:
    """Its pods get nothing but a drop."""
    assert chain_of(policy()) == ["drop"]


def test_an_empty_rule_admits_everybody() -> None:
    """No peers and no ports are no restriction."""
    assert chain_of(policy({})) == ["return", "drop"]


@pytest.mark.parametrize(
    ("peer", "addresses"),
    [
        ({"podSelector": {"matchLabels": {"role": "client"}}}, "10.0.0.2"),
        ({"namespaceSelector": {"matchLabels": {"name": "street"}}}, "10.0.0.3"),
        (
            {"namespaceSelector": {}, "podSelector": {"matchLabels": {"role": "client"}}},
            "10.0.0.2, 10.0.0.3",
        ),
    ],
)
def test_peers_are_found_by_their_labels(peer: dict[str, Any], addresses: str) -> None:
    """Pods of the own namespace, of selected ones, or both."""
    lines = chain_of(policy({"from": [peer], "ports": [{"port": "http"}]}))

    assert lines == [f"ip saddr {{ {addresses} }} tcp dport 8080 return", "drop"]


def test_a_rule_whose_peers_are_not_there_admits_nobody() -> None:
    """An empty selection is not no selection."""
    lines = chain_of(policy({"from": [{"podSelector": {"matchLabels": {"app": "gone"}}}]}))

    assert lines == ["drop"]


def test_blocks_of_addresses_keep_their_exceptions() -> None:
    """Ranges of ports go with them."""
    block = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.9.0.0/16"]}}
    lines = chain_of(
        policy({"from": [block], "ports": [{"port": 80, "endPort": 90, "protocol": "UDP"}]})
    )

    assert lines[0] == "ip saddr 10.0.0.0/8 ip saddr != { 10.9.0.0/16 } udp dport 80-90 return"


def test_policies_of_one_pod_add_up() -> None:
    """What either admits is admitted."""
    lines = chain_of(policy({"ports": [{"port": 1}]}), policy({"ports": [{"port": 2}]}))

    assert lines == ["tcp dport 1 return", "tcp dport 2 return", "drop"]


def test_a_named_port_of_egress_is_that_of_the_pod_asked() -> None:
    """Each such pod with its own number."""
    to = {"podSelector": {"matchLabels": {"app": "web"}}}
    wanted = policy(
        types=("Egress",),
        podSelector={"matchLabels": {"role": "client"}},
        egress=[{"to": [to], "ports": [{"port": "http"}]}],
    )

    lines = chain_of(wanted, name="egress_10_0_0_2")
    assert lines == ["ip daddr { 10.0.0.1 } ip daddr 10.0.0.1 tcp dport 8080 return", "drop"]


@pytest.mark.parametrize(
    ("operator", "values", "is_met"),
    [
        ("In", ["web"], True),
        ("In", ["db"], False),
        ("NotIn", ["web"], False),
        ("NotIn", ["db"], True),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
    ],
)
def test_expressions_of_selectors_mean_what_kubernetes_says(
    operator: str, values: list[str], is_met: bool
) -> None:
    """All four operators."""
    selector = {"matchExpressions": [{"key": "app", "operator": operator, "values": values}]}

    assert is_selected(selector, {"app": "web"}) is is_met
