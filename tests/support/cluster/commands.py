"""The command lines of a control plane's programs, and why each flag."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.support.cluster.binaries import Binaries
from tests.support.cluster.pki import Authority

AUDIT_LOG = "audit.log"
SERVICE_RANGE = "10.202.0.0/16"
_ISSUER = "https://kubernetes.default.svc.cluster.local"

# Who asked for what: not what Kubernetes' own parts ask, and nothing of what is in the objects.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"]},
        {
            "level": "None",
            "users": [
                "system:apiserver",
                "system:kube-controller-manager",
                "system:kube-scheduler",
                "kubernetes-admin",
            ],
        },
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True)
class Plan:
    """What the command lines are made of."""

    directory: Path
    binaries: Binaries
    authority: Authority
    url: str
    etcd_port: int
    peer_port: int


def etcd(plan: Plan) -> list[str]:
    """etcd, that need not survive a power cut."""
    client, peer = f"http://127.0.0.1:{plan.etcd_port}", f"http://127.0.0.1:{plan.peer_port}"
    return [
        str(plan.binaries["etcd"]),
        "--name=test",
        f"--data-dir={plan.directory / 'etcd'}",
        "--unsafe-no-fsync",
        "--log-level=warn",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=test={peer}",
    ]


def api_server(plan: Plan) -> list[str]:
    """The API server, with the authorization and the admission of a real cluster."""
    serving, accounts = (
        plan.authority.issue_server("kube-apiserver"),
        plan.authority.make_key("accounts"),
    )
    policy = plan.directory / "audit-policy.json"
    policy.write_text(json.dumps(_AUDIT_POLICY))
    return [
        str(plan.binaries["kube-apiserver"]),
        f"--etcd-servers=http://127.0.0.1:{plan.etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={plan.url.rsplit(':', 1)[1]}",
        "--endpoint-reconciler-type=none",  # the EndpointSlice API takes no loopback address
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--client-ca-file={plan.authority.pair.certificate}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
        f"--service-account-issuer={_ISSUER}",
        f"--service-account-key-file={accounts.certificate}",
        f"--service-account-signing-key-file={accounts.key}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--allow-privileged=true",
        "--profiling=false",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={plan.directory / AUDIT_LOG}",
        "--audit-log-mode=blocking",  # a test may read it right after an answer
    ]


def controller_manager(plan: Plan, kubeconfig: Path) -> list[str]:
    """The controllers, without a port and in a hurry."""
    return [
        str(plan.binaries["kube-controller-manager"]),
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={plan.directory / 'pki' / 'accounts.key'}",
        f"--root-ca-file={plan.authority.pair.certificate}",
        f"--cluster-signing-cert-file={plan.authority.pair.certificate}",
        f"--cluster-signing-key-file={plan.authority.pair.key}",
        "--allocate-node-cidrs=false",
        f"--flex-volume-plugin-dir={plan.directory / 'volume-plugins'}",
        "--horizontal-pod-autoscaler-sync-period=2s",
        "--node-monitor-period=1s",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def scheduler(plan: Plan, kubeconfig: Path) -> list[str]:
    """The scheduler, without a port."""
    return [
        str(plan.binaries["kube-scheduler"]),
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
    ]
