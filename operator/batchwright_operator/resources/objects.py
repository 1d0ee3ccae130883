"""Objects as a cluster has them, read with what this release knows of them."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from batchwright_operator.resources import kinds, wording
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pipeline import Pipeline
from batchwright_server.config.problems import Problem


class InvalidObject(ValueError):
    """An object that this release cannot act on; carries every problem found, each with its path."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def read_object(raw: Mapping[str, Any]) -> ModelServer | Pipeline:
    """The ModelServer or Pipeline in an API server's answer. Raises InvalidObject.

    Keys that this release does not know are dropped, so that going back from a newer one works; a value
    it cannot do what is said with is a problem, since passing it over would promise what is not done.
    """
    problems = tuple(kinds.check_kind(raw))
    if problems:
        raise InvalidObject(problems)
    model = kinds.KINDS[raw["kind"]]
    try:
        return model.model_validate(raw, by_alias=True, by_name=False, extra="ignore")
    except ValidationError as error:
        raise InvalidObject(wording.to_problems(error, model)) from error
