"""A server program that only answers its probe; started as a pod's process.

Environment: FAIL=1 dies at once with a message; STUBBORN=1 passes over SIGTERM; DELAY is how many
seconds pass before it is ready.
"""

import argparse
import http.server
import os
import signal
import sys
import time


class _Probe(http.server.BaseHTTPRequestHandler):
    started = time.monotonic()

    def do_GET(self) -> None:
        ready = time.monotonic() - self.started >= float(os.environ.get("DELAY", "0"))
        self.send_response(200 if ready else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name it overrides
        """Keep quiet."""


def main() -> None:
    """Answer probes at the address and port of the command line."""
    if os.environ.get("FAIL") == "1":
        sys.exit("no model found\n")
    signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ.get("STUBBORN") == "1" else _end)
    parser = argparse.ArgumentParser()
    parser.add_argument("--rest_bind_address")
    parser.add_argument("--rest_port", type=int)
    flags, _ = parser.parse_known_args()
    http.server.HTTPServer((flags.rest_bind_address, flags.rest_port), _Probe).serve_forever()


def _end(_number: int, _frame: object) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
