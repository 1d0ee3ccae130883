"""The names of the classes."""

from dataclasses import dataclass
from pathlib import Path

from example_client import faults

_FILE_NAME = "labels.txt"


@dataclass(frozen=True)
class Labels:
    """One name for each class number; empty where nobody named them."""

    names: tuple[str, ...] = ()

    def render(self, number: int) -> str:
        """The name and the number, or the number alone."""
        return f"{self.names[number]} {number}" if 0 <= number < len(self.names) else str(number)

    def render_expected(self, number: int) -> str:
        """The number and the name, in the order in which OVMS's client tells what it expected."""
        return f"{number} {self.names[number]}" if 0 <= number < len(self.names) else str(number)


def load(path: Path | None, *, beside: Path) -> Labels:
    """The names in `path`, one a line; without it those in labels.txt beside `beside`, if there.

    Raises ClientError when `path` is given and cannot be read.
    """
    chosen = path or beside.with_name(_FILE_NAME)
    if path is None and not chosen.is_file():
        return Labels()
    try:
        return Labels(tuple(chosen.read_text("utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise faults.ClientError(f"cannot read the labels in {chosen}: {error}") from error
