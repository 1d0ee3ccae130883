"""The pod template revisions that this release knows, side by side."""

from collections.abc import Callable
from dataclasses import dataclass

from batchwright_operator.render import names
from batchwright_operator.render.revisions.r1 import template as r1
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer


@dataclass(frozen=True)
class Revision:
    """One way to render the pods of a ModelServer, with the image for those that name none."""

    name: str
    render: Callable[[ModelServer, Settings, str], names.Manifest]


REVISIONS = (Revision("r1", r1.render_template),)  # the newest last
