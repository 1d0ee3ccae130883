"""A view with a page beside it."""

from batchwright_operator.controller.run import Run
from batchwright_operator.local.page.ledger import Ledger
from batchwright_operator.local.page.server import PageServer
from batchwright_operator.local.view import FILES, View


class PagedView:
    """Hands on to `inner` all that it is told, and shows it on the page too."""

    def __init__(self, inner: View, ledger: Ledger, server: PageServer) -> None:
        self._inner = inner
        self._ledger = ledger
        self._server = server

    def start(self) -> None:
        self._inner.start()

    def publish(self, run: Run) -> None:
        self._inner.publish(run)
        self._ledger.add(run)
        self._server.refresh()

    def forget(self, name: str) -> None:
        self._inner.forget(name)
        self._ledger.forget(name)
        self._server.refresh()

    def say(self, text: str) -> None:
        self._inner.say(text)

    def complain(self, text: str, about: str = FILES) -> None:
        self._inner.complain(text, about)
        self._ledger.complain(text, about)
        self._server.refresh()

    def settle(self, about: str = FILES) -> None:
        self._inner.settle(about)
        self._ledger.settle(about)
        self._server.refresh()

    def stop(self) -> None:
        self._inner.stop()
