"""Results read back from files of `--json`."""

from pydantic import ValidationError

from batchwright_bench.figures.outcomes import Result
from batchwright_server.config.problems import problems_of

_TOLD = 3


class InvalidResult(ValueError):
    """The message says which fields, what was expected and what came."""


def parse_result(data: bytes) -> Result:
    """A result as it was written. Raises InvalidResult."""
    try:
        return Result.model_validate_json(data)
    except ValidationError as error:
        problems = problems_of(error)
        told = "; ".join(map(str, problems[:_TOLD]))
        more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        raise InvalidResult(f"no result of --json: {told}{more}") from error
