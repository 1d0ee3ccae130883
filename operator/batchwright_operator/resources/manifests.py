"""From YAML text to objects, with every fault listed: file, document, path and reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from batchwright_operator.resources import kinds, loader, modelserver, wording
from batchwright_server.config.problems import Problem

Resource = kinds.Resource


@dataclass(frozen=True)
class Fault:
    """One fault of a file; `document` counts from 0 and is None where the whole file is meant."""

    file: str
    document: int | None
    problem: Problem

    def __str__(self) -> str:
        place = self.file if self.document is None else f"{self.file}: document {1 + self.document}"
        return f"{place}: {self.problem}"


class InvalidManifests(ValueError):
    """Manifests that cannot be accepted; carries every fault found, not the first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def parse_manifests(text: str, *, file: str) -> tuple[Resource, ...]:
    """The objects in a YAML text of any number of documents. Raises InvalidManifests."""
    found = list(_objects(text, file=file))
    faults = tuple(item for item in found if isinstance(item, Fault))
    if not found:
        faults = (Fault(file, None, Problem("", f"no object in it; expected a {modelserver.KIND}")),)
    if faults:
        raise InvalidManifests(faults)
    return tuple(item for item in found if not isinstance(item, Fault))


def check_names(objects: tuple[tuple[str, Resource], ...]) -> tuple[Fault, ...]:
    """A fault for each (file, object) whose name an earlier object of its kind has."""
    faults, seen = [], dict[tuple[str, str], str]()
    for file, item in objects:
        key = (item.kind, item.name)
        if key in seen:
            message = f"{item.name!r} is the name of an object in {seen[key]} too"
            faults.append(Fault(file, None, Problem("metadata.name", message)))
        seen.setdefault(key, file)
    return tuple(faults)


def _objects(text: str, *, file: str) -> Iterator[Resource | Fault]:
    index = 0
    try:
        for index, raw in enumerate(loader.load_documents(text)):
            if raw is not None:
                yield from _parse_object(raw, file=file, index=index)
    except yaml.YAMLError as error:
        yield Fault(file, None, Problem("", f"not valid YAML: {_one_line(error)}"))


def _parse_object(raw: Any, *, file: str, index: int) -> Iterator[Resource | Fault]:
    problems = tuple(kinds.check_kind(raw))
    if problems:
        yield from (Fault(file, index, problem) for problem in problems)
        return
    resource = kinds.KINDS[raw["kind"]]
    try:
        yield resource.model_validate(raw, by_alias=True, by_name=False)
    except ValidationError as error:
        found = wording.to_problems(error, resource)
        yield from (Fault(file, index, problem) for problem in found)


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
