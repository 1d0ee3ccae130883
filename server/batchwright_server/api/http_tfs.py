"""TensorFlow Serving's HTTP API: predict, status and metadata of a model."""

from aiohttp import web

from batchwright_server.api import deadlines, http_bodies, tfs_documents, tfs_json
from batchwright_server.api.http_answers import JSON, json_response
from batchwright_server.api.kserve_versions import parse_version
from batchwright_server.core.tensors import count_bytes
from batchwright_server.errors import InvalidInput
from batchwright_server.runtime.dataplane import DataPlane, PredictCall, Protocol

_MODEL_PATHS = (
    "/v1/models/{model}",
    "/v1/models/{model}/versions/{version}",
    "/v1/models/{model}/labels/{label}",
)


class TfsHandlers:
    """Answers the calls under `/v1/models`."""

    def __init__(self, dataplane: DataPlane) -> None:
        self._dataplane = dataplane

    def routes(self) -> list[web.RouteDef]:
        """What is served where; `:classify` and `:regress` are not."""
        routes = []
        for path in _MODEL_PATHS:
            routes += [
                web.post(f"{path}:predict", self._post_predict),
                web.post(path, self._post_unknown),
                web.get(path, self._get_status),
                web.get(f"{path}/metadata", self._get_metadata),
            ]
        return routes

    async def _get_status(self, request: web.Request) -> web.Response:
        versions = self._dataplane.report_status(*_target(request))
        return json_response(tfs_documents.describe_status(versions))

    async def _get_metadata(self, request: web.Request) -> web.Response:
        description = self._dataplane.describe(*_target(request))
        return json_response(tfs_documents.describe_metadata(description))

    async def _post_unknown(self, _request: web.Request) -> web.Response:
        raise web.HTTPNotFound  # as OVMS; the path alone would make it a wrong method

    async def _post_predict(self, request: web.Request) -> web.Response:
        model, version = _target(request)
        description = self._dataplane.describe(model, version)
        deadline = deadlines.of_headers(request.headers)
        body = await http_bodies.read(request)
        layout, inputs = await http_bodies.convert(
            len(body), lambda: tfs_json.parse_request(body, description)
        )
        call = PredictCall(
            protocol=Protocol.TFS_REST,
            model=model,
            version=version,
            inputs=inputs,
            output_filter=(),
            deadline=deadline,
        )
        outputs = (await self._dataplane.predict(call)).outputs
        size = sum(map(count_bytes, outputs.values()))
        answer = await http_bodies.convert(size, lambda: tfs_json.render_answer(layout, outputs))
        return web.Response(body=answer, content_type=JSON)


def _target(request: web.Request) -> tuple[str, int]:
    if label := request.match_info.get("label"):
        raise InvalidInput("label", "a version number (labels are not served)", repr(label))
    return request.match_info["model"], parse_version(request.match_info.get("version", ""))
