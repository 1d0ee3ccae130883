"""What is wrong with a document, as a list of places and reasons."""

from dataclasses import dataclass

from pydantic import ValidationError


@dataclass(frozen=True)
class Problem:
    """One fault: the path of the field (`models[0].name`) and what to do about it."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidDocument(ValueError):
    """A document that cannot be accepted; carries every problem found, not the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """Pydantic's findings with paths as a user writes them, and the value that came."""
    return tuple(_problem(dict(item)) for item in error.errors(include_url=False))


def _problem(item: dict[str, object]) -> Problem:
    location = item["loc"]
    path = format_path(location if isinstance(location, tuple) else ())
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        return Problem(path, "unknown key; remove it or check its spelling")
    if item["type"] == "missing":
        return Problem(path, "required, but missing")
    return Problem(path, f"{message} (got {_shorten(item['input'])})")


def format_path(location: tuple[object, ...]) -> str:
    """`("a", 0, "b")` as `a[0].b`."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def _shorten(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
