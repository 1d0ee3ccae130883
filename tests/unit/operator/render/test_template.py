"""Which pod template a Deployment gets: upgrades and rollbacks of the operator replace no pods."""

from copy import deepcopy
from dataclasses import replace

import pytest

from batchwright_operator.render import names
from batchwright_operator.render.bundle import Bundle, render_bundle
from batchwright_operator.render.revisions.registry import REVISIONS
from batchwright_operator.render.settings import Settings
from batchwright_operator.render.template import Template, choose_template, newest_template
from batchwright_operator.resources.modelserver import ModelServer
from tests.support.modelservers import DEMULTIPLEX, make_server, model_document
from tests.support.template_revisions import NEXT

OLD = Settings(image="server:1")
NEW = Settings(image="server:2")
EDITED = make_server(pod={"priorityClassName": "high"})


def made_by_old(server: ModelServer | None = None) -> names.Manifest:
    """A Deployment as the older operator made it."""
    return render_bundle(server or make_server(), OLD, {}).deployment


def upgraded(server: ModelServer, deployment: names.Manifest, *, may_upgrade: bool = False) -> Bundle:
    """What the newer operator makes of it."""
    chosen = choose_template(server, NEW, deployment, may_upgrade=may_upgrade, revisions=NEXT)
    return render_bundle(server, NEW, {}, chosen, revisions=NEXT)


def rolled_back(server: ModelServer, deployment: names.Manifest) -> Bundle:
    """What the older operator makes of it."""
    return render_bundle(server, OLD, {}, choose_template(server, OLD, deployment, may_upgrade=False))


def pods(deployment: names.Manifest) -> names.Manifest:
    """Its pod template."""
    template: names.Manifest = deployment["spec"]["template"]
    return template


def image(deployment: names.Manifest) -> str:
    """The image of its pods."""
    return str(pods(deployment)["spec"]["containers"][0]["image"])


def test_new_pods_get_the_newest() -> None:
    """Where there is no Deployment yet."""
    chosen = choose_template(make_server(), NEW, None, may_upgrade=False, revisions=NEXT)
    assert chosen == newest_template(NEW, NEXT) == Template("next", "server:2")


@pytest.mark.parametrize(
    "server",
    [
        make_server(),
        make_server(replicas=9),
        make_server(model_document(batching={"strategy": "Dynamic"})),
        make_server(model_document(), model_document("other")),
    ],
)
def test_an_upgrade_keeps_pods(server: ModelServer) -> None:
    """What changes no pod under the old operator changes none under the new one."""
    before = made_by_old()
    after = upgraded(server, before).deployment
    assert pods(after) == pods(before)
    assert after["metadata"]["annotations"][names.TEMPLATE_REVISION] == "r1"
    assert after["metadata"]["annotations"][names.SERVER_IMAGE] == "server:1"


def test_a_change_of_the_pod_takes_the_newest() -> None:
    """Pods that are replaced anyway are not made by an old revision once more."""
    after = upgraded(EDITED, made_by_old()).deployment
    assert (image(after), pods(after)["spec"]["dnsPolicy"]) == ("server:2", "Default")


def test_the_newest_may_be_taken() -> None:
    """When it is the turn of an object that follows the operator."""
    after = upgraded(make_server(), made_by_old(), may_upgrade=True).deployment
    assert (image(after), pods(after)["spec"]["dnsPolicy"]) == ("server:2", "Default")


def test_a_choice_is_stable() -> None:
    """What was chosen is chosen again for what was made by it."""
    for server in (make_server(), EDITED):
        once = upgraded(server, made_by_old())
        assert upgraded(server, once.deployment).manifests == once.manifests


def test_an_image_of_the_users() -> None:
    """It is rendered whatever the operator's is; without it the pods change, and get the newest."""
    named = make_server(pod={"image": "mine:7"})
    before = made_by_old(named)
    assert image(before) == image(upgraded(named, before).deployment) == "mine:7"
    assert image(upgraded(make_server(), before).deployment) == "server:2"


def test_a_rollback_keeps_pods() -> None:
    """The pods of a revision that the older operator does not know stay as they were observed."""
    newer = render_bundle(make_server(), NEW, {}, revisions=NEXT).deployment
    observed = deepcopy(newer)
    observed["spec"]["template"]["spec"]["restartPolicy"] = "Always"  # as the API server adds
    after = rolled_back(make_server(), observed)
    assert pods(after.deployment) == pods(observed)
    assert after.template_hash == pods(newer)["metadata"]["annotations"][names.TEMPLATE_HASH]
    for key in (names.TEMPLATE_REVISION, names.SERVER_IMAGE, names.TEMPLATE_HASHES):
        assert after.deployment["metadata"]["annotations"][key] == newer["metadata"]["annotations"][key]
    assert upgraded(make_server(), after.deployment).deployment["spec"] == observed["spec"] | {
        "template": pods(newer)
    }


def test_a_switch_after_a_rollback() -> None:
    """The rest of the Deployment and the document are still written."""
    newer = render_bundle(make_server(), NEW, {}, revisions=NEXT).deployment
    server = make_server(replicas=5)
    chosen = choose_template(server, OLD, newer, may_upgrade=False)
    after = render_bundle(server, OLD, {"resnet": DEMULTIPLEX}, chosen)
    assert after.deployment["spec"]["replicas"] == 5
    assert pods(after.deployment) == pods(newer)


def test_a_change_after_a_rollback_takes_what_is_known() -> None:
    """A pod that the user changes is made as this operator can."""
    newer = render_bundle(make_server(), NEW, {}, revisions=NEXT).deployment
    after = rolled_back(EDITED, newer).deployment
    assert (image(after), after["metadata"]["annotations"][names.TEMPLATE_REVISION]) == (
        "server:1",
        "r1",
    )
    assert "dnsPolicy" not in pods(after)["spec"]


@pytest.mark.parametrize("hashes", ["", "{", "[]", '{"r9": "00"}', '{"r1": 5}'])
def test_pods_are_not_replaced_on_a_guess(hashes: str) -> None:
    """Without a revision that both know, nothing tells that the user changed anything."""
    newer = render_bundle(make_server(), NEW, {}, revisions=NEXT).deployment
    newer["metadata"]["annotations"][names.TEMPLATE_HASHES] = hashes
    after = rolled_back(EDITED, newer).deployment
    assert pods(after) == pods(newer)
    assert not choose_template(EDITED, OLD, newer, may_upgrade=False).is_comparable


def test_a_removed_record_is_restored() -> None:
    """Somebody who removes annotations of a Deployment has no pods replaced."""
    before = made_by_old()
    bare = {**before, "metadata": {**before["metadata"], "annotations": {}}}
    after = upgraded(make_server(), bare).deployment
    assert after["metadata"]["annotations"][names.SERVER_IMAGE] == "server:1"
    assert (pods(after), image(after)) == (pods(before), "server:1")


def test_a_removed_mark_is_restored() -> None:
    """Somebody who edits the pod template has it put back, by the revision that was recorded."""
    edited = deepcopy(made_by_old())
    edited["spec"]["template"]["metadata"]["annotations"] = None
    edited["spec"]["template"]["spec"]["containers"][0]["image"] = "another:1"
    assert pods(upgraded(make_server(), edited).deployment) == pods(made_by_old())


def test_a_deployment_of_another_making() -> None:
    """Of one that says nothing, nothing is kept."""
    bare = deepcopy(made_by_old())
    bare["metadata"].pop("annotations")
    bare["spec"]["template"]["metadata"].pop("annotations")
    assert upgraded(make_server(), bare).deployment["metadata"]["annotations"][
        names.TEMPLATE_REVISION
    ] == ("next")


def test_revisions_are_side_by_side() -> None:
    """Every revision of a release is rendered by it, and recorded for one before it."""
    server = make_server()
    found = {
        item.name: render_bundle(server, NEW, {}, Template(item.name, "server:2"), revisions=NEXT)
        for item in NEXT
    }
    assert len({bundle.template_hash for bundle in found.values()}) == len(NEXT) == len(REVISIONS) + 1
    records = {
        bundle.deployment["metadata"]["annotations"][names.TEMPLATE_HASHES] for bundle in found.values()
    }
    assert len(records) == 1


def test_keys_and_namespaces_change_no_pod() -> None:
    """What an administrator changes at the operator reaches pods in place, or not at all."""
    settings = replace(OLD, admin_keys=(b"key",), operator_namespace="elsewhere", calibration_seconds=5)
    chosen = choose_template(make_server(), settings, made_by_old(), may_upgrade=False)
    assert pods(render_bundle(make_server(), settings, {}, chosen).deployment) == pods(made_by_old())
