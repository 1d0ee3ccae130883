"""What a run of the demo leaves behind. All times are seconds since the traffic began."""

from dataclasses import dataclass, field

OK = "OK"


@dataclass(frozen=True)
class Answer:
    """One request and how it ended."""

    client: int
    start: float
    end: float
    samples: int
    code: str = OK  # or the name of a gRPC status, or of an exception
    mismatched: int = 0  # rows that differ from the expected ones
    detail: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the server answered with a result."""
        return self.code == OK

    @property
    def milliseconds(self) -> float:
        """How long the client waited."""
        return 1000.0 * (self.end - self.start)


@dataclass(frozen=True)
class Reading:
    """What the server said of the model at one moment."""

    at: float
    process: str
    strategy: str
    reloads: int  # since the process started


@dataclass(frozen=True)
class Switch:
    """A change of plan that the policy decided; plans read `strategy/streams`."""

    at: float
    model: str
    source: str
    target: str
    reason: str
    message: str

    @property
    def strategies(self) -> tuple[str, str]:
        """The strategies alone, from and to."""
        return self.source.partition("/")[0], self.target.partition("/")[0]


@dataclass(frozen=True)
class Run:
    """Everything observed from the first request to the last answer."""

    answers: tuple[Answer, ...]
    readings: tuple[Reading, ...]
    switches: tuple[Switch, ...]
    ended: float  # when the clients were told to stop
    settled: float | None = None  # when the server first said that the switch's plan serves
    decision: dict[str, object] = field(default_factory=dict)  # the last one in the status
