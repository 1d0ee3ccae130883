"""What OVMS's configuration can say and this server cannot do: refused by name, with the reason."""

from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator

STATEFUL = (
    "stateful models are not supported: any request may be answered by any stream of any replica, and "
    "none keeps state for the next one; carry the state in inputs and outputs"
)
RESIZE = (
    "resizing is not supported and ignoring it would change answers; make it part of the model "
    "(OpenVINO's PrePostProcessor, then save_model) or do it in the client"
)
CUSTOM_LOADERS = "custom loaders are not supported: models are read from files as OpenVINO reads them"
CUSTOM_NODES = (
    "custom nodes are not supported: a shared library would run inside the server with all its rights; "
    "make the step part of a model, or do it in the client"
)
MEDIAPIPE = "MediaPipe graphs are not supported; serve their models, and connect these by a pipeline"
CREDENTIALS = "the /v3 generative API, to which it belongs, is not served"
GENERATIVE = "generative models, their download and their /v3 API are not supported"
MANAGEMENT = "the server does not edit configuration files; edit the file, which is read again"


def _refuse(reason: str) -> Callable[[object], None]:
    def refuse(value: object) -> None:
        # `false` and empty lists ask for nothing, so a file that spells them out still loads.
        if value is not None and value is not False and value not in ([], {}):
            raise ValueError(reason)

    return refuse


Stateful = Annotated[None, BeforeValidator(_refuse(STATEFUL))]
Resize = Annotated[None, BeforeValidator(_refuse(RESIZE))]
CustomLoaders = Annotated[None, BeforeValidator(_refuse(CUSTOM_LOADERS))]
CustomNodes = Annotated[None, BeforeValidator(_refuse(CUSTOM_NODES))]
MediaPipe = Annotated[None, BeforeValidator(_refuse(MEDIAPIPE))]
