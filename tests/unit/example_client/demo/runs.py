"""Runs of the demo, made up for tests."""

from example_client.demo import records

SWITCH = records.Switch(
    at=10.0,
    model="resnet",
    source="reload/one",
    target="demultiplex/optimum",
    reason="StrategySwitched",
    message="Demultiplex: 20 reloads took 50 % of the work <&>",
)


def answers(start: float, end: float, *, seconds: float, samples: int = 8) -> list[records.Answer]:
    """One client's requests, one after the other, `seconds` each."""
    count = int((end - start) / seconds)
    starts = [start + index * seconds for index in range(count)]
    return [records.Answer(0, at, at + seconds, samples) for at in starts]


def readings(*, reloads: int) -> tuple[records.Reading, ...]:
    """One reading a second: `reloads` spread over the ten seconds before the switch, none after."""
    before = [records.Reading(float(at), "p", "reload", 5 + at * reloads // 10) for at in range(11)]
    after = [records.Reading(float(at), "p", "demultiplex", 5 + reloads) for at in range(11, 31)]
    return (*before, *after)


def switched() -> records.Run:
    """Ten seconds of 8 samples/s, a switch that settles after one second, 19 seconds of 32."""
    return records.Run(
        answers=(*answers(0.0, 10.0, seconds=1.0), *answers(11.0, 30.0, seconds=0.25)),
        readings=readings(reloads=20),
        switches=(SWITCH,),
        ended=30.0,
        settled=11.0,
    )


def steady() -> records.Run:
    """Ten seconds without a switch."""
    return records.Run(
        answers=tuple(answers(0.0, 10.0, seconds=0.5)),
        readings=readings(reloads=0)[:11],
        switches=(),
        ended=10.0,
        decision={"message": "Reload stays: no reload in 10 s."},
    )
