"""One line of text for each thing that happened."""

from datetime import datetime

from batchwright_operator.reconcile.outcome import Event


def event_line(name: str, event: Event) -> str:
    """An event as a line: local time, object, reason, message."""
    clock = datetime.fromtimestamp(event.at).astimezone().strftime("%H:%M:%S")
    about = f"Pipeline {event.pipeline}" if event.pipeline else event.model
    subject = f" {about}:" if about else ""
    return f"{clock} {name} {event.reason}:{subject} {event.message}"
