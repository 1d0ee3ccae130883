"""Options of gRPC for a channel to all addresses of a name, as that of a headless Service, in turn."""

import json

_METHODS = {
    "name": [{}],  # all
    "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    },
}
ROUND_ROBIN = (
    (
        "grpc.service_config",
        json.dumps({"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": [_METHODS]}),
    ),
    ("grpc.dns_min_time_between_resolutions_ms", 1000),  # 30 seconds otherwise
    ("grpc.per_rpc_retry_buffer_size", 64 << 20),  # otherwise a large request is never repeated
)
