"""NetworkPolicies as rules of nftables: pure. For one node and IPv4, which is what the tests' node has.

A pod that a policy isolates gets a chain: it returns for what is admitted and drops the rest. Answers to
what was admitted pass by connection tracking, and the node itself (the kubelet's probes) always passes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TABLE = "batchwright-policies"
Block = Mapping[str, Any]


@dataclass(frozen=True)
class Pod:
    """What rules are made of. `ports`: by name and protocol."""

    namespace: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """A cluster as far as policies look at it. `namespaces`: their labels."""

    namespaces: Mapping[str, Mapping[str, str]]
    pods: Sequence[Pod]
    policies: Sequence[Block]


@dataclass(frozen=True)
class _Side:
    """One of the two directions, in the words of Kubernetes and of nftables."""

    type: str
    rules: str
    peers: str
    own: str
    other: str


_INGRESS = _Side("Ingress", "ingress", "from", "daddr", "saddr")
_EGRESS = _Side("Egress", "egress", "to", "saddr", "daddr")


def render_table(scene: Scene) -> str:
    """The whole table, in place of the one before."""
    chains: list[str] = []
    jumps: dict[str, list[str]] = {"ingress": [], "egress": []}
    for pod in sorted(scene.pods, key=lambda pod: pod.address):
        for side in (_INGRESS, _EGRESS):
            policies = [policy for policy in scene.policies if _isolates(policy, pod, side)]
            if policies:
                name = f"{side.rules}_{pod.address.replace('.', '_')}"
                admitted = sorted({line for item in policies for line in _admit(item, pod, side, scene)})
                chains.append(_chain(name, [*admitted, "drop"]))
                jumps[side.rules].append(f"ip {side.own} {pod.address} jump {name}")
    hook = "type filter hook {} priority filter; policy accept;"
    known = "ct state established,related accept"
    forward = [hook.format("forward"), known, *jumps["egress"], *jumps["ingress"]]
    to_node = [hook.format("input"), known, *jumps["egress"]]
    body = "\n".join([*chains, _chain("forwarded", forward), _chain("received", to_node)])
    return f"table inet {TABLE} {{}}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n{body}\n}}\n"


def is_selected(selector: Block, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes these labels."""
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _is_met(item, labels) for item in selector.get("matchExpressions") or ()
    )


def _is_met(expression: Block, labels: Mapping[str, str]) -> bool:
    has = expression["key"] in labels
    is_one = labels.get(expression["key"]) in (expression.get("values") or ())
    match expression["operator"]:
        case "In":
            return is_one
        case "NotIn":
            return not is_one
        case "Exists":
            return has
        case operator:
            assert operator == "DoesNotExist", f"no operator of label selectors: {operator}"
            return not has


def _isolates(policy: Block, pod: Pod, side: _Side) -> bool:
    spec = policy["spec"]
    return (
        policy["metadata"]["namespace"] == pod.namespace
        and side.type in spec["policyTypes"]
        and is_selected(spec.get("podSelector") or {}, pod.labels)
    )


def _admit(policy: Block, pod: Pod, side: _Side, scene: Scene) -> Iterator[str]:
    for rule in policy["spec"].get(side.rules) or ():
        for match, peers in _match_peers(rule, policy, side, scene):
            owners = [pod] if side is _INGRESS else peers
            for port in _match_ports(rule, owners, side):
                yield " ".join(part for part in (match, port, "return") if part)


def _match_peers(
    rule: Block, policy: Block, side: _Side, scene: Scene
) -> Iterator[tuple[str, Sequence[Pod]]]:
    """What to match for the peers of a rule, and which pods of the cluster those are."""
    if not rule.get(side.peers):
        yield "", scene.pods
        return
    for peer in rule[side.peers]:
        if block := peer.get("ipBlock"):
            match = f"ip {side.other} {block['cidr']}"
            if block.get("except"):
                match += f" ip {side.other} != {{ {', '.join(block['except'])} }}"
            yield match, ()
            continue
        pods = [pod for pod in scene.pods if _is_peer(peer, pod, policy, scene)]
        if pods:
            addresses = ", ".join(sorted(pod.address for pod in pods))
            yield f"ip {side.other} {{ {addresses} }}", pods


def _is_peer(peer: Block, pod: Pod, policy: Block, scene: Scene) -> bool:
    among = peer.get("namespaceSelector")
    if among is None:
        is_there = pod.namespace == policy["metadata"]["namespace"]
    else:
        is_there = is_selected(among, scene.namespaces.get(pod.namespace, {}))
    return is_there and is_selected(peer.get("podSelector") or {}, pod.labels)


def _match_ports(rule: Block, owners: Sequence[Pod], side: _Side) -> Iterator[str]:
    """`owners`: the pods that listen."""
    if not rule.get("ports"):
        yield ""
    for item in rule.get("ports") or ():
        protocol, port = item.get("protocol", "TCP").lower(), item.get("port")
        if port is None:
            yield f"meta l4proto {protocol}"
        elif isinstance(port, int):
            last = f"-{item['endPort']}" if "endPort" in item else ""
            yield f"{protocol} dport {port}{last}"
        else:
            for owner in owners:
                if (number := owner.ports.get((port, protocol))) is not None:
                    whose = "" if side is _INGRESS else f"ip daddr {owner.address} "
                    yield f"{whose}{protocol} dport {number}"


def _chain(name: str, lines: Sequence[str]) -> str:
    return "\n".join([f"  chain {name} {{", *(f"    {line}" for line in lines), "  }"])
