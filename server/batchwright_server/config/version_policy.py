"""Which versions of a model are served: OVMS's `model_version_policy`."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, PositiveInt, model_validator

from batchwright_server.config.frozen import Frozen


class LatestVersions(Frozen):
    """The highest numbers, as many as said."""

    num_versions: PositiveInt = 1


class SpecificVersions(Frozen):
    """Exactly these, of which those that are not there yet are waited for."""

    versions: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class AllVersions(Frozen):
    """Every version that is there."""


VersionPolicy = LatestVersions | SpecificVersions | AllVersions


class VersionPolicyBlock(Frozen):
    """A policy as it is written: an object with exactly one of the three keys."""

    latest: LatestVersions | None = None
    specific: SpecificVersions | None = None
    all: AllVersions | None = None

    @model_validator(mode="after")
    def _check_one(self) -> "VersionPolicyBlock":
        if len(self._given) != 1:
            raise ValueError("expected exactly one of latest, specific and all")
        return self

    @property
    def policy(self) -> VersionPolicy:
        """The one that is given."""
        return self._given[0]

    @property
    def _given(self) -> tuple[VersionPolicy, ...]:
        return tuple(item for item in (self.latest, self.specific, self.all) if item is not None)


DEFAULT_POLICY = VersionPolicyBlock(latest=LatestVersions())


def select(policy: VersionPolicy, available: Iterable[int]) -> tuple[int, ...]:
    """The versions to serve of those in the repository, in ascending order; may be none."""
    versions = sorted(set(available))
    match policy:
        case LatestVersions(num_versions=count):
            return tuple(versions[-count:])
        case SpecificVersions(versions=wanted):
            return tuple(version for version in versions if version in wanted)
        case AllVersions():
            return tuple(versions)
