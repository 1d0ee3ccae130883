"""What is wrong with a pipeline: one fault names its pipeline, node and item."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing to correct; `node` and `item` are empty where the fault is not about one."""

    pipeline: str
    message: str
    node: str = ""
    item: str = ""

    def __str__(self) -> str:
        places = [("pipeline", self.pipeline), ("node", self.node), ("item", self.item)]
        where = ", ".join(f"{what} {name!r}" for what, name in places if name)
        return f"{where}: {self.message}"
