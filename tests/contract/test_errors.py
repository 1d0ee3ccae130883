from batchwright_server import errors
from batchwright_server.api import codes


def test_every_kind_of_failure_has_a_grpc_code() -> None:
    """The table that translates failures is complete."""
    assert set(codes.GRPC_CODES) == set(errors.Kind)


def test_every_kind_of_failure_has_an_http_status() -> None:
    """The table that translates failures for HTTP is complete, and none of them is a success."""
    assert set(codes.HTTP_STATUS) == set(errors.Kind)
    assert min(codes.HTTP_STATUS.values()) >= 400
