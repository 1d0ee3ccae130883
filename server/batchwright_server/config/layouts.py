"""The `layout` parameter of a model: OVMS's texts, `NCHW` or `NHWC:NCHW`, for one input or several."""

import re
from dataclasses import dataclass

from batchwright_server.config.shapes import by_name

BATCH = "N"

_LAYOUT = re.compile(r"(\.\.\.)?(?:[A-Z?](\.\.\.)?)*")
_EXPECTED = "expected a layout such as NCHW, N... or NHWC:NCHW (what clients send : what the model has)"


@dataclass(frozen=True)
class Layout:
    """What each dimension is; `model` differs from `tensor` where a transposition is asked for."""

    tensor: str  # as clients send or receive it
    model: str

    @property
    def is_transposed(self) -> bool:
        """Whether samples are served in another order than the model has."""
        return self.served != self.model

    @property
    def served(self) -> str:
        """The clients' order with the batch, if there is one, in front."""
        return BATCH + self.tensor.replace(BATCH, "") if BATCH in self.tensor else self.tensor

    @property
    def batch_axis(self) -> int:
        """Where clients have the batch, from the end behind dots; 0 without a batch."""
        before, batch, behind = self.tensor.partition(BATCH)
        if not batch:
            return 0
        return -1 - len(behind) if "..." in before else len(before)


def parse_layout(text: str) -> Layout:
    """The layout in a text. Raises ValueError that says what was expected."""
    tensor, colon, model = re.sub(r"\s", "", text).upper().partition(":")
    for part in (tensor, model) if colon else (tensor,):
        _check(part)
    if colon and sorted(tensor) != sorted(model):
        raise ValueError(f"{_EXPECTED}; both sides of the colon need the same dimensions")
    return Layout(tensor, model if colon else tensor)


def parse_layouts(value: object) -> dict[str, Layout]:
    """The layouts by input or output; a single one for the key EVERY_INPUT. Raises ValueError."""
    layouts = {}
    for name, text in by_name(value):
        try:
            layouts[name] = parse_layout(text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}" if name else str(error)) from error
    return layouts


def _check(text: str) -> None:
    letters = [letter for letter in text if letter.isalpha()]
    well_formed = _LAYOUT.fullmatch(text) and text.count("...") <= 1
    if not text or not well_formed or len(set(letters)) != len(letters):
        raise ValueError(f"{_EXPECTED}; each letter once")
