"""What `batchwright up` writes about one ModelServer: its status, and a line for each event."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from example_client.demo import records


@dataclass(frozen=True)
class Journal:
    """The files in the ModelServer's own folder."""

    home: Path

    def status(self) -> dict[str, Any]:
        """The ModelServer's status; empty while there is none."""
        try:
            document: dict[str, Any] = json.loads((self.home / "status.json").read_bytes())
        except FileNotFoundError:
            return {}
        status: dict[str, Any] = document.get("status", {})
        return status

    def is_ready(self) -> bool:
        """Whether the condition Ready is True."""
        conditions = self.status().get("conditions", [])
        return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)

    def decision(self, model: str) -> dict[str, object]:
        """The policy's last decision for `model`; empty while there is none."""
        for one in self.status().get("models", []):
            if one.get("name") == model:
                decision: dict[str, object] = one.get("decision") or {}
                return decision
        return {}

    def switches(self, since: float) -> tuple[records.Switch, ...]:
        """The changes of plan told so far, back ones included, their times counted from `since`.

        `since` is in Unix seconds, as the events' own times are.
        """
        try:
            text = (self.home / "events.jsonl").read_text("utf-8")
        except FileNotFoundError:
            return ()
        whole_lines = text[: text.rfind("\n") + 1].splitlines()  # the last one may be half written
        events = [json.loads(line) for line in whole_lines]
        return tuple(
            _switch(event, since)
            for event in events
            if event.get("from") and event.get("to") and event["at"] >= since
        )


def _switch(event: dict[str, Any], since: float) -> records.Switch:
    return records.Switch(
        at=event["at"] - since,
        model=event["model"],
        source=event["from"],
        target=event["to"],
        reason=event["reason"],
        message=event["message"],
    )
