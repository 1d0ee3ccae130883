"""Which pod template a Deployment gets: an upgrade of the operator alone never replaces a pod.

A Deployment records the revision and the image that its pods were rendered with. They are kept while
rendering with them gives the same pods; as soon as the user has changed the pods anyway, or may have
them changed, they get the newest.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from batchwright_operator.render import names
from batchwright_operator.render.revisions.registry import REVISIONS, Revision
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config import digest

Revisions = tuple[Revision, ...]


@dataclass(frozen=True)
class Template:
    """A revision, and the image for pods that name none.

    `kept` is a Deployment whose pod template stays as it was observed: a newer operator, whose revision
    this one does not know, rendered it, and the user has changed nothing since. Where nothing is left to
    compare by, `is_comparable` is false: what the user changes of the pods waits for a newer operator.
    """

    revision: str
    image: str
    kept: names.Manifest | None = None
    is_comparable: bool = True


def newest_template(settings: Settings, revisions: Revisions = REVISIONS) -> Template:
    """What new pods get."""
    return Template(revisions[-1].name, settings.image)


def choose_template(
    server: ModelServer,
    settings: Settings,
    deployment: names.Manifest | None,
    *,
    may_upgrade: bool,
    revisions: Revisions = REVISIONS,
) -> Template:
    """The template for `server`, whose Deployment was observed as given; `may_upgrade`: the newest.

    A revision of a newer operator is left alone while what the user wrote gives, by a revision that both
    know, what it gave then. When it does not, the newest that is known here takes its place.
    """
    newest = newest_template(settings, revisions)
    if deployment is None or may_upgrade:
        return newest
    recorded = _Recorded.of(deployment)
    if recorded.revision is None:
        return _recognise(recorded, server, settings, revisions) or newest
    if recorded.revision in (item.name for item in revisions):
        template = Template(recorded.revision, recorded.image or settings.image)
        is_same = recorded.template_hash in ("", hash_of(server, settings, template, revisions))
        return template if is_same else newest
    image = recorded.image or settings.image
    is_comparable = any(item.name in recorded.hashes for item in revisions)
    kept = Template(recorded.revision, image, deployment, is_comparable)
    return kept if _is_unchanged(recorded, kept, (server, settings), revisions) else newest


def render_template(
    server: ModelServer, settings: Settings, template: Template, revisions: Revisions = REVISIONS
) -> tuple[names.Manifest, dict[str, str]]:
    """The pod template, marked with its hash; and what its Deployment has to record of it."""
    if template.kept is not None:
        return _keep(template.kept)
    pods = _render(server, settings, template, revisions)
    metadata, own = pods["metadata"], _digest(pods)
    annotations = {**metadata.get("annotations", {}), names.TEMPLATE_HASH: own}
    marked = {**pods, "metadata": {**metadata, "annotations": annotations}}
    others = (item.name for item in revisions if item.name != template.revision)
    hashes = {
        name: hash_of(server, settings, Template(name, template.image), revisions) for name in others
    } | {template.revision: own}
    record = {
        names.TEMPLATE_REVISION: template.revision,
        names.SERVER_IMAGE: template.image,
        names.TEMPLATE_HASHES: json.dumps(hashes, sort_keys=True),
    }
    return marked, record


def hash_of(
    server: ModelServer, settings: Settings, template: Template, revisions: Revisions = REVISIONS
) -> str:
    """The hash of the pod template that a revision and an image give."""
    return _digest(_render(server, settings, template, revisions))


@dataclass(frozen=True)
class _Recorded:
    """What a Deployment says of its pods; what somebody removed is None or empty."""

    revision: str | None
    image: str | None
    hashes: Mapping[str, str]
    template_hash: str
    container_image: str

    @classmethod
    def of(cls, deployment: names.Manifest) -> "_Recorded":
        annotations = deployment["metadata"].get("annotations") or {}
        template = deployment["spec"]["template"]
        marks = template.get("metadata", {}).get("annotations") or {}
        containers = {item["name"]: item for item in template["spec"]["containers"]}
        return cls(
            revision=annotations.get(names.TEMPLATE_REVISION),
            image=annotations.get(names.SERVER_IMAGE),
            hashes=_parse_hashes(annotations.get(names.TEMPLATE_HASHES, "")),
            template_hash=marks.get(names.TEMPLATE_HASH, ""),
            container_image=containers.get(names.SERVER_CONTAINER, {}).get("image", ""),
        )


def _recognise(
    recorded: _Recorded, server: ModelServer, settings: Settings, revisions: Revisions
) -> Template | None:
    """The revision and image of a Deployment that has lost its record, if they can be told."""
    images = (settings.image, recorded.container_image)
    could_be = (Template(item.name, image) for item in reversed(revisions) for image in images)
    for template in could_be:
        if hash_of(server, settings, template, revisions) == recorded.template_hash:
            return template
    return None


def _is_unchanged(
    recorded: _Recorded, kept: Template, given: tuple[ModelServer, Settings], revisions: Revisions
) -> bool:
    """Whether the user has changed nothing of the pods, as far as this release can tell."""
    shared = [item.name for item in revisions if item.name in recorded.hashes]
    if not shared:
        return True  # nothing to compare by: what runs is not replaced on a guess
    template = Template(shared[-1], kept.image)
    return hash_of(*given, template, revisions) == recorded.hashes[template.revision]


def _keep(deployment: names.Manifest) -> tuple[names.Manifest, dict[str, str]]:
    observed = deployment["spec"]["template"]
    metadata = observed.get("metadata", {})
    kept = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}
    annotations = deployment["metadata"].get("annotations") or {}
    ours = (names.TEMPLATE_REVISION, names.SERVER_IMAGE, names.TEMPLATE_HASHES)
    record = {key: annotations[key] for key in ours if key in annotations}
    return {"metadata": kept, "spec": observed["spec"]}, record


def _render(
    server: ModelServer, settings: Settings, template: Template, revisions: Revisions
) -> names.Manifest:
    revision = next(item for item in revisions if item.name == template.revision)
    return revision.render(server, settings, template.image)


def _digest(pods: names.Manifest) -> str:
    return digest.digest(json.dumps(pods, sort_keys=True).encode())


def _parse_hashes(text: str) -> Mapping[str, str]:
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}
    found = parsed.items() if isinstance(parsed, dict) else ()
    return {name: text for name, text in found if isinstance(text, str)}
