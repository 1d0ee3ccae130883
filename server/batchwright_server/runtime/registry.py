"""The models that are served, and those that failed to load."""

from dataclasses import dataclass, field

from batchwright_server import errors
from batchwright_server.runtime.servable import Servable


@dataclass
class Registry:
    """Models by name. `failures` says of the others why they do not serve."""

    servables: dict[str, Servable] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def find(self, name: str, version: int = 0) -> Servable:
        """The servable of that name and version (0: whichever serves).

        Raises ModelNotFound or ModelUnavailable.
        """
        servable = self.servables.get(name)
        if servable is None:
            if name in self.failures:
                raise errors.ModelUnavailable(name, self.failures[name])
            raise errors.ModelNotFound(name)
        if version not in (0, servable.version):
            raise errors.ModelNotFound(name, version)
        return servable
