"""What a node reads of a Deployment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.cluster.template import expand, parse_template
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from tests.support.modelservers import make_server


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("--bind=$(POD_IP)", "--bind=127.0.0.3"),
        ("$(POD_IP)$(POD_IP)", "127.0.0.3127.0.0.3"),
        ("$(OTHER)", "$(OTHER)"),
        ("$$(POD_IP)", "$(POD_IP)"),
        ("$POD_IP", "$POD_IP"),
    ],
)
def test_expand(text: str, expanded: str) -> None:
    """Variables are put in as in a container's command; unknown ones stay as they are."""
    assert expand(text, {"POD_IP": "127.0.0.3"}) == expanded


@given(st.text(alphabet="$()AB "))
def test_expand_without_variables(text: str) -> None:
    """Where nothing is known, only doubled dollar signs change."""
    assert expand(text, {}) == text.replace("$$", "$")


def test_rendered_deployment() -> None:
    """What is rendered is understood: command, environment, probe and mount."""
    server = make_server(pod={"env": [{"name": "A", "value": "1"}]}, service={"httpPort": 8123})
    bundle = render_bundle(server, Settings(admin_port=None, scratch_mount=None), {})
    template = parse_template(bundle.deployment)
    assert (template.admin_port, template.mark) == (8123, bundle.template_hash)
    assert template.ready_path == "/v2/health/ready"
    assert template.config_mount == "/etc/batchwright"
    facts = {"metadata.name": "vision-0", "status.podIP": "127.0.0.1"}
    assert template.environment(facts) == {"A": "1", "POD_NAME": "vision-0", "POD_IP": "127.0.0.1"}


def test_digest_is_that_of_the_pod() -> None:
    """The number of replicas does not make another template; the environment does."""
    one, two, other = (
        parse_template(render_bundle(server, Settings(), {}).deployment).digest
        for server in (
            make_server(),
            make_server(replicas=2),
            make_server(pod={"env": [{"name": "A", "value": "1"}]}),
        )
    )
    assert one == two != other
