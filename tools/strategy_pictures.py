"""How each strategy works, drawn: `python -m tools.strategy_pictures docs/images`.

Each picture has the same three requests, of 2, 3 and 2 samples, and what becomes of them over time.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tools import svg

_WIDTH, _MARGIN, _LABELS, _BEGIN = 760.0, 18.0, 62.0, 250.0
_UNIT = 54.0  # of time
_LANE, _CELL, _TOP, _GAP = 24.0, 15.0, 58.0, 14.0


class Kind(StrEnum):
    """What happens."""

    WAIT = "wait"
    COMPILE = "compile"
    INFER = "infer"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Block:
    """Something that takes from `start` to `end`, in units of time."""

    start: float
    end: float
    kind: Kind
    said: str = ""


@dataclass(frozen=True)
class Request:
    """So many samples, and what becomes of them; lanes run side by side. `padding` fills up a size."""

    samples: int
    lanes: tuple[tuple[Block, ...], ...]
    padding: int = 0


@dataclass(frozen=True)
class Story:
    """One strategy: what is compiled before, the requests, and what to take from it."""

    name: str
    compiled: str
    requests: tuple[Request, ...]
    moral: str


def _infer(start: float, end: float, said: str) -> Block:
    return Block(start, end, Kind.INFER, said)


RELOAD = Story(
    "reload",
    "compiled: nothing yet",
    (
        Request(2, ((Block(0, 2.6, Kind.COMPILE, "compile for 2"), _infer(2.6, 3.8, "infer 2")),)),
        Request(
            3,
            (
                (
                    Block(0.6, 2.6, Kind.WAIT, "waits"),
                    Block(2.6, 5.2, Kind.COMPILE, "compile for 3"),
                    _infer(5.2, 6.7, "infer 3"),
                ),
            ),
        ),
        Request(2, ((_infer(3.8, 5.0, "infer 2"),),)),
    ),
    "A new size is compiled first; a size that is kept runs at once, even meanwhile.",
)
DEMULTIPLEX = Story(
    "demultiplex",
    "compiled: 1, on two streams",
    (
        Request(2, ((_infer(0, 1.2, "1"),), (_infer(0, 1.2, "1"),))),
        Request(3, ((_infer(1.2, 2.4, "1"), _infer(2.4, 3.6, "1")), (_infer(1.2, 2.4, "1"),))),
        Request(2, ((_infer(3.6, 4.8, "1"),), (_infer(2.4, 3.6, "1"),))),
    ),
    "Every sample is an inference of its own, side by side; answers go back in order.",
)
DYNAMIC = Story(
    "dynamic",
    "compiled: any size",
    (
        Request(2, ((_infer(0, 1.5, "infer 2"),),)),
        Request(3, ((Block(0.6, 1.5, Kind.WAIT, ""), _infer(1.5, 3.4, "infer 3")),)),
        Request(2, ((_infer(3.4, 4.9, "infer 2"),),)),
    ),
    "Never compiles again; each inference is a little slower than one of a fixed size.",
)
FIXED = Story(
    "fixed",
    "compiled: 2",
    (
        Request(2, ((_infer(0, 1.2, "infer 2"),),)),
        Request(3, ((Block(0.6, 3.6, Kind.REFUSE, "INVALID_ARGUMENT"),),)),
        Request(2, ((_infer(1.9, 3.1, "infer 2"),),)),
    ),
    "The fastest for its one size, and for no other.",
)
BUCKETS = Story(
    "buckets",
    "compiled: 1 and 4",
    (
        Request(2, ((_infer(0, 0.8, "1"), _infer(0.8, 1.6, "1")),)),
        Request(
            3,
            ((Block(0.6, 1.6, Kind.WAIT, ""), _infer(1.6, 3.5, "infer 4")),),
            padding=1,
        ),
        Request(2, ((_infer(3.5, 4.3, "1"), _infer(4.3, 5.1, "1")),)),
    ),
    "Each request runs on the compiled sizes that cost least together, padded where that pays.",
)
STORIES = (RELOAD, DEMULTIPLEX, DYNAMIC, FIXED, BUCKETS)


def render(story: Story) -> str:
    """The picture of one strategy."""
    told = f"{story.name}: {story.compiled}. {story.moral}"
    height = _TOP + sum(_height(request) for request in story.requests) + 40
    return svg.document(_WIDTH, height, told, _marks(story, height))


def _height(request: Request) -> float:
    return _LANE * len(request.lanes) + _GAP


def _marks(story: Story, height: float) -> Iterator[str]:
    yield svg.text(_MARGIN, 32, story.name, "big")
    yield svg.text(_BEGIN, 32, story.compiled, "soft")
    yield svg.text(_WIDTH - _MARGIN, 32, "time →", "soft end")
    yield svg.line((_BEGIN, 42), (_WIDTH - _MARGIN, 42), "rule")
    top = _TOP
    for request in story.requests:
        yield from _request(request, top)
        top += _height(request)
    yield svg.text(_MARGIN, height - 18, story.moral, "soft")


def _request(request: Request, top: float) -> Iterator[str]:
    middle = top + _LANE * len(request.lanes) / 2
    yield svg.text(_MARGIN, middle + 4, "request", "soft")
    for index in range(request.samples + request.padding):
        style = "sample" if index < request.samples else "padding"
        place = _MARGIN + _LABELS + index * (_CELL + 4)
        yield svg.box(place, middle - _CELL / 2, (_CELL, _CELL), style)
    yield svg.line((_MARGIN + _LABELS + 92, middle), (_BEGIN - 10, middle), "rule")
    for index, lane in enumerate(request.lanes):
        for block in lane:
            yield from _block(block, top + index * _LANE)


def _block(block: Block, top: float) -> Iterator[str]:
    start, end = _BEGIN + block.start * _UNIT, _BEGIN + block.end * _UNIT
    yield svg.box(start + 1, top + 1, (end - start - 2, _LANE - 3), block.kind.value)
    style = "soft middle" if block.kind is Kind.WAIT else "on middle"
    if block.said:
        yield svg.text((start + end) / 2, top + 16, block.said, style)


def main() -> None:
    """Write a file for each strategy into the folder that is the one argument."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for story in STORIES:
        (folder / f"{story.name}.svg").write_text(render(story))


if __name__ == "__main__":
    main()
