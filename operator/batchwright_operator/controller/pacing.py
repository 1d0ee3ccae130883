"""Which pod template an object gets, and that a newer operator replaces the pods of one at a time."""

from batchwright_operator.reconcile import rollout
from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.render.revisions.registry import REVISIONS
from batchwright_operator.render.settings import Settings
from batchwright_operator.render.template import Revisions, Template, choose_template
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer, UpdatePolicy

# After a start so long passes before the first: a rollout that was under way then comes to an end.
WARM_UP_SECONDS = 60.0


class Pacer:
    """Grants upgrades of pods over all objects of an operator: the next when the last is complete.

    One that never completes keeps the others as they are: a release that does not start is tried on one
    object, not on all.
    """

    def __init__(self, started_at: float, revisions: Revisions = REVISIONS) -> None:
        self._revisions = revisions
        self._begin = started_at + WARM_UP_SECONDS
        self._upgrading: ObjectKey | None = None

    def choose(
        self, server: ModelServer, settings: Settings, observed: Observed, *, now: float
    ) -> Template:
        """The template for `server` now."""
        kept, newest = (
            choose_template(
                server,
                settings,
                observed.deployment,
                may_upgrade=may_upgrade,
                revisions=self._revisions,
            )
            for may_upgrade in (False, True)
        )
        if server.spec.update.policy is not UpdatePolicy.WITH_OPERATOR:
            self.forget(server.key)
            return kept
        if kept == newest:
            if rollout.is_complete(observed):
                self.forget(server.key)
            return kept
        if self._upgrading is None and now >= self._begin:
            self._upgrading = server.key
        return newest if self._upgrading == server.key else kept

    def forget(self, key: ObjectKey) -> None:
        """The object is through, gone, or no longer to be upgraded."""
        if self._upgrading == key:
            self._upgrading = None
