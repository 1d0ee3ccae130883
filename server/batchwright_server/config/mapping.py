"""`mapping_config.json` in a version's folder: names for clients in place of the model's own."""

import json
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from batchwright_server.config.frozen import Frozen
from batchwright_server.config.problems import InvalidDocument, Problem, problems_of


def _check_aliases(value: dict[str, str]) -> dict[str, str]:
    aliases = list(value.values())
    twice = sorted({alias for alias in aliases if aliases.count(alias) > 1})
    if twice:
        raise ValueError(f"each name once; given more than once: {twice}")
    return value


Aliases = Annotated[dict[str, Annotated[str, Field(min_length=1)]], AfterValidator(_check_aliases)]


class NameMapping(Frozen):
    """Aliases by the model's own names; a name that is not here keeps its own."""

    inputs: Aliases = Field(default={})
    outputs: Aliases = Field(default={})


def parse_mapping(text: bytes) -> NameMapping:
    """The mapping in a JSON text. Raises InvalidDocument with every problem found."""
    try:
        return NameMapping.model_validate(json.loads(text))
    except ValidationError as error:
        raise InvalidDocument(problems_of(error)) from error
    except (ValueError, RecursionError) as error:
        raise InvalidDocument((Problem("", f"not valid JSON: {error}"),)) from error
