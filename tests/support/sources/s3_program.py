"""An S3 server on loopback that knows one user, whom it tells on its first line as JSON.

It runs in the environment of `tests.support.sources.s3server`, with moto, or in any that has it. The
arguments are the address, the port (0 is any), the name of a bucket, and a folder whose files it has.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

_FIRST_CALLS = 3  # those of _make_user; every other one has to be signed by a known user
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(_FIRST_CALLS)

import boto3  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402

_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


class _Handler(WSGIRequestHandler):  # type: ignore[misc]  # publishes no types
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Nothing: those who ask count for themselves."""


def main(address: str, port: str, bucket: str, folder: str = "") -> None:
    """Serve until killed."""
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server(address, int(port), application, threaded=True, request_handler=_Handler)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    key = _make_user(endpoint)
    _make_bucket(endpoint, key, bucket, folder)
    told = {"port": server.server_port, "key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    print(json.dumps(told), flush=True)  # noqa: T201
    serving.join()


def _make_user(endpoint: str) -> dict[str, str]:
    nobody = {"AccessKeyId": "none", "SecretAccessKey": "none"}
    iam = _client("iam", endpoint, nobody)
    iam.create_user(UserName="reader")
    iam.put_user_policy(UserName="reader", PolicyName="all", PolicyDocument=json.dumps(_POLICY))
    key: dict[str, str] = iam.create_access_key(UserName="reader")["AccessKey"]
    return key


def _make_bucket(endpoint: str, key: dict[str, str], bucket: str, folder: str) -> None:
    s3 = _client("s3", endpoint, key)
    s3.create_bucket(Bucket=bucket)
    for path in sorted(Path(folder).rglob("*")) if folder else ():
        if path.is_file():
            s3.upload_file(str(path), bucket, str(path.relative_to(folder)))


def _client(service: str, endpoint: str, key: dict[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
