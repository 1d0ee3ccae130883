"""Everything is taken away as the chart's README says, and comes back from nothing."""

import re

from tests.support.node.layout import NAME as NODE
from tests.support.stories.installation import CHART, NAMESPACE, RELEASE
from tests.support.stories.story import Story

_README = (CHART / "README.md").read_text()
_REMOVE_ALL = re.compile(r"^## Uninstall\n.*?```\n(.*?)```", re.MULTILINE | re.DOTALL)
_KINDS = ("crd", "clusterrole", "clusterrolebinding")
_LEFT_TO_KUBERNETES = ("default", "kube-root-ca.crt")


async def test_nothing_is_left_of_what_the_readme_removes(story: Story) -> None:
    """The documented commands leave no pod, right or definition; a new install serves at once."""
    await story.create_server("gone", models=[story.tiny("m")])
    await story.wait_for_server("gone")
    found = _REMOVE_ALL.search(_README)
    assert found is not None

    try:
        with story.within(240, "all that the README removes"):
            for line in found[1].splitlines():
                story.installation.run_documented(line)
            await _until_no_pods(story)
        assert _left(story) == []
    finally:
        with story.within(180, "helm install from nothing"):
            story.installation.install()
    with story.within(90, "the first ModelServer after it -> Ready"):
        await story.create_server("first", models=[story.tiny("m")])
        await story.wait_for_server("first", seconds=90)


async def _until_no_pods(story: Story) -> None:
    for namespace in (story.namespace, NAMESPACE):
        for pod in await story.api.list("Pod", namespace):
            name = pod["metadata"]["name"]
            await story.api.wait_until_gone("Pod", name, namespace, seconds=150)


def _left(story: Story) -> list[str]:
    """Names of whatever is the chart's, or of Batchwright's kinds."""
    wide = story.cluster.kubectl("get", ",".join(_KINDS), "--output=name").splitlines()
    kinds = "deployment,service,configmap,secret,serviceaccount,lease,role,rolebinding,networkpolicy,pdb"
    own = story.cluster.kubectl("get", kinds, f"--namespace={NAMESPACE}", "--output=name").splitlines()
    served = story.cluster.kubectl("get", kinds, f"--namespace={story.namespace}", "--output=name")
    inside = [*own, *(line for line in served.splitlines() if "gone" in line)]
    named = [line for line in inside if line.rpartition("/")[2] not in _LEFT_TO_KUBERNETES]
    return [line for line in wide if RELEASE in line and NODE not in line] + named
