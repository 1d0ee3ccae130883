"""What a node reads of a Deployment's pod template: commands, their environment and the probe."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchwright_operator.render import names
from batchwright_server.config import digest

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


@dataclass(frozen=True)
class PodTemplate:
    """One container's worth of a pod template. `digest` tells whether two templates are the same."""

    command: tuple[str, ...]  # empty: the image's own entry point
    args: tuple[str, ...]
    env: Mapping[str, str]
    fields: Mapping[str, str]  # variable: the pod's field that it carries
    config_mount: str
    ready_path: str
    admin_port: int  # probes go there, and so do the controller's questions
    grace_seconds: int
    digest: str
    mark: str = ""  # the hash that the renderer marked it with
    steps: tuple[tuple[str, ...], ...] = ()  # arguments of what runs before, one after the other
    failure_file: str = ""  # where a step says why it failed

    def environment(self, facts: Mapping[str, str]) -> dict[str, str]:
        """The variables of a pod whose fields are `facts`."""
        return {**self.env, **{name: facts[path] for name, path in self.fields.items()}}


def parse_template(deployment: names.Manifest) -> PodTemplate:
    """The pod template of a Deployment that this project rendered."""
    template = deployment["spec"]["template"]
    container = template["spec"]["containers"][0]
    env = container["env"]
    probe = container["readinessProbe"]["httpGet"]
    return PodTemplate(
        command=tuple(container.get("command", ())),
        args=tuple(container["args"]),
        env={item["name"]: item["value"] for item in env if "value" in item},
        fields={
            item["name"]: item["valueFrom"]["fieldRef"]["fieldPath"]
            for item in env
            if "valueFrom" in item
        },
        config_mount=_mount_path(container, names.CONFIG_VOLUME),
        ready_path=probe["path"],
        admin_port=_port(container, probe["port"]),
        grace_seconds=template["spec"]["terminationGracePeriodSeconds"],
        digest=digest.digest(json.dumps(template, sort_keys=True).encode()),
        steps=tuple(tuple(item["args"]) for item in template["spec"].get("initContainers", ())),
        failure_file=_failure_file(template["spec"].get("initContainers", ())),
        mark=template["metadata"].get("annotations", {}).get(names.TEMPLATE_HASH, ""),
    )


def _failure_file(steps: Sequence[Mapping[str, Any]]) -> str:
    flag = "--termination_log="
    texts = (text for step in steps for text in step["args"])
    return next((text.removeprefix(flag) for text in texts if text.startswith(flag)), "")


def expand(text: str, environment: Mapping[str, str]) -> str:
    """`text` with each `$(NAME)` replaced as in a container's command; `$$` is a dollar sign."""

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return environment.get(match[1], match[0])

    return _REFERENCE.sub(replace, text)


def _mount_path(container: Mapping[str, Any], volume: str) -> str:
    mounts = {item["name"]: str(item["mountPath"]) for item in container["volumeMounts"]}
    return mounts[volume]


def _port(container: Mapping[str, Any], port: str | int) -> int:
    ports = {item["name"]: int(item["containerPort"]) for item in container["ports"]}
    return ports[port] if isinstance(port, str) else port
