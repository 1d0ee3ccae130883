"""Who may do what: clients by NetworkPolicy, tenants by their role."""

import subprocess

import pytest

from tests.support.stories import clientpods
from tests.support.stories.story import Story

_FRIENDS = {"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}
_TENANT = "tenant"
_MAY = (
    ("create", "modelservers"),
    ("delete", "pipelines"),
    ("patch", "modelservers/scale"),
    ("get", "modelservers/status"),
)
_MAY_NOT = (
    ("patch", "modelservers/status"),
    ("update", "pipelines/status"),
    ("create", "clusterroles"),
    ("get", "nodes"),
)


async def test_a_network_policy_keeps_strangers_out(story: Story) -> None:
    """Pods that it names are answered, others are not; the operator still reads the servers."""
    await story.create_server("guarded", models=[story.tiny("m")], networkPolicy=_FRIENDS)
    await story.wait_for_server("guarded")
    asking = [
        "example_client/get_serving_meta.py",
        "--model_name=m",
        f"--grpc_address=guarded.{story.namespace}",
    ]

    friend, said = await clientpods.run_client(
        story.api, story.namespace, asking, name="friend", labels={"role": "friend"}
    )
    stranger, heard = await clientpods.run_client(story.api, story.namespace, asking, name="stranger")

    assert friend == 0, said
    assert stranger != 0, heard
    story.say(heard.strip().splitlines()[-1])
    await story.edit("guarded", {"models": [story.tiny("m"), story.tiny("n")]})
    with story.within(60, "an edit -> served, behind the policy"):
        await story.wait_for_server("guarded", seconds=60)


async def test_a_tenant_with_the_edit_role_manages_servers_and_no_more(story: Story) -> None:
    """In the own namespace what the documentation says; nothing of the cluster, nothing elsewhere."""
    story.cluster.kubectl(
        "create",
        "rolebinding",
        _TENANT,
        "--clusterrole=edit",
        f"--user={_TENANT}",
        f"--namespace={story.namespace}",
    )

    assert [what for what in _MAY if not _is_allowed(story, *what)] == []
    assert [what for what in _MAY_NOT if _is_allowed(story, *what)] == []
    assert not _is_allowed(story, "create", "modelservers", namespace="default")


def _is_allowed(story: Story, verb: str, resource: str, *, namespace: str = "") -> bool:
    kind, _, part = resource.partition("/")
    group = f"{kind}.batchwright.dev" if kind in ("modelservers", "pipelines") else kind
    command = ["auth", "can-i", verb, group, f"--as={_TENANT}"]
    if part:
        command.append(f"--subresource={part}")
    try:
        story.cluster.kubectl(*command, f"--namespace={namespace or story.namespace}")
    except subprocess.CalledProcessError as error:
        if error.stdout.strip() == "no":
            return False
        pytest.fail(error.stderr)
    return True
