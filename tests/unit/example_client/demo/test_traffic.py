import asyncio

import grpc
import numpy as np

from example_client.demo import reference, traffic
from tests.unit.example_client import digit_service

PIXELS = np.zeros((10, 3, 4, 4), np.float32)
PIXELS[:, 0, 0, 0] = np.arange(10)
RIGHT = np.eye(10, dtype=np.float32)


async def _run(port: int, rows: np.ndarray, requests: int) -> traffic.Traffic:
    served = traffic.Served(f"127.0.0.1:{port}", "digits", "0", "1463")
    clients = traffic.Traffic(traffic.Offer(3, 1, 5), served, reference.Expected(PIXELS, rows, 0.0, 1.0))
    running = asyncio.create_task(clients.run())
    async with asyncio.timeout(20):
        while len(clients.answers) < requests:
            await asyncio.sleep(0.01)
    clients.stop()
    await running
    return clients


async def test_clients_check_every_row() -> None:
    """All clients get answers to batches of all sizes, and right rows count as right."""
    with digit_service.serving(digit_service.DigitService()) as port:
        clients = await _run(port, RIGHT, 60)

    assert {answer.client for answer in clients.answers} == {0, 1, 2}
    assert {answer.samples for answer in clients.answers} == {1, 2, 3, 4, 5}
    assert all(answer.is_ok and answer.mismatched == 0 for answer in clients.answers)


async def test_rows_of_another_image_are_noticed() -> None:
    """A server that mixes up rows is found out: each of them is counted."""
    with digit_service.serving(digit_service.DigitService()) as port:
        clients = await _run(port, RIGHT[::-1].copy(), 5)

    assert all(answer.mismatched == answer.samples for answer in clients.answers)


async def test_refusals_are_recorded_and_the_clients_go_on() -> None:
    """A failed request is kept with its status, and its client sends the next one."""
    service = digit_service.DigitService([grpc.StatusCode.RESOURCE_EXHAUSTED])
    with digit_service.serving(service) as port:
        clients = await _run(port, RIGHT, 10)

    assert [answer.code for answer in clients.answers].count("RESOURCE_EXHAUSTED") == 1
    assert sum(answer.is_ok for answer in clients.answers) >= 9


def test_not_a_number_does_not_match() -> None:
    """An answer of NaN, or of another shape, is a wrong answer."""
    expected = reference.Expected(PIXELS, RIGHT, 0.0, 1.0)
    rows = RIGHT[:2].copy()
    rows[1] = np.nan

    assert expected.mismatched(np.array([0, 1]), rows) == 1
    assert expected.mismatched(np.array([0, 1]), RIGHT[:1]) == 2
