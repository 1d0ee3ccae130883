"""What rendering needs to know besides the object: the image, where things are mounted, addresses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# $(POD_IP) in an address is expanded as in a container's command: by the kubelet, or its local part.
POD_IP = "$(POD_IP)"
# A pod's address, of whichever IP family its cluster is; and its loopback, for `kubectl port-forward`.
POD_BIND_ADDRESS = f"{POD_IP},127.0.0.1"


@dataclass(frozen=True)
class Settings:
    """One set for a whole operator; on a cluster the defaults.

    What pods are made of may not change with a release: what does belongs into a pod template revision.
    """

    image: str = "batchwright/server:0.1.0"
    config_mount: str = "/etc/batchwright"  # a directory: files mounted alone are never refreshed
    models_mount: str = "/models"
    cache_mount: str | None = None  # of models by uri; None: below models_mount
    termination_log: str = "/dev/termination-log"  # as a container's own default
    claim_mounts: Mapping[str, str] = field(default_factory=dict)  # by claim, in place of the default
    scratch_mount: str | None = "/tmp"  # noqa: S108  the container's; None: as the machine has it
    calibration_mount: str | None = "/var/lib/batchwright/calibration"  # None: nothing is kept
    grpc_bind_address: str = POD_BIND_ADDRESS
    rest_bind_address: str = POD_BIND_ADDRESS
    admin_bind_address: str = POD_BIND_ADDRESS
    admin_port: int | None = 8002  # None: the operator asks at the HTTP port
    # Newest first; without any, pods answer whoever reaches them. In no repr, and so in no log.
    admin_keys: tuple[bytes, ...] = field(default=(), repr=False)
    operator_namespace: str = "batchwright-system"
    server_args: tuple[str, ...] = ()
    calibration_seconds: int | None = None  # None: the server's default

    @property
    def cache_path(self) -> str:
        """The directory at which models by uri are found; no claim's name has an underscore."""
        return self.cache_mount or f"{self.models_mount}/uri_cache"

    def claim_path(self, claim: str) -> str:
        """The directory at which a claim's volume is found."""
        return self.claim_mounts.get(claim, f"{self.models_mount}/{claim}")
