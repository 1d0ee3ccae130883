"""KServe v2 over HTTP, with binary data and the extensions that load generators call."""

from aiohttp import web

from batchwright_server import errors
from batchwright_server.api import deadlines, http_bodies, json_fields, kserve_documents, kserve_json
from batchwright_server.api.backend import Backend
from batchwright_server.api.byte_inputs import ByteInputs
from batchwright_server.api.http_answers import JSON, json_response
from batchwright_server.api.kserve_versions import parse_version
from batchwright_server.core.tensors import count_bytes
from batchwright_server.runtime.dataplane import PredictCall, Prediction, Protocol
from batchwright_server.runtime.servable import State

_LENGTH_HEADER = "Inference-Header-Content-Length"
_MODEL_PATHS = ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")


class KServeHandlers:
    """Answers the calls under `/v2`, but for the server's own health."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._dataplane = backend.dataplane

    def routes(self) -> list[web.RouteDef]:
        """What is served where."""
        routes = [
            web.get("/v2", self._get_server),
            web.get("/v2/models/stats", self._get_all_statistics),
            web.get("/v2/repository/index", self._get_index),
            web.post("/v2/repository/index", self._post_index),
            web.post("/v2/repository/models/{model}/load", self._post_load),
            web.post("/v2/repository/models/{model}/unload", self._post_unload),
        ]
        for path in _MODEL_PATHS:
            routes += [
                web.get(path, self._get_model),
                web.get(f"{path}/ready", self._get_ready),
                web.get(f"{path}/config", self._get_config),
                web.get(f"{path}/stats", self._get_statistics),
                web.post(f"{path}/infer", self._post_infer),
            ]
        return routes

    async def _get_server(self, _request: web.Request) -> web.Response:
        return json_response(kserve_documents.describe_server())

    async def _get_model(self, request: web.Request) -> web.Response:
        model, version = _target(request)
        description = self._dataplane.describe(model, version)
        versions = self._dataplane.report_status(model)
        return json_response(kserve_documents.describe_model(description, versions))

    async def _get_ready(self, request: web.Request) -> web.Response:
        model, version = _target(request)
        versions = self._dataplane.report_status(model, version)
        ready = any(found.state is State.AVAILABLE for found in versions)
        return json_response({"name": model, "ready": ready}, 200 if ready else 503)

    async def _get_config(self, request: web.Request) -> web.Response:
        description = self._dataplane.describe(*_target(request))
        return json_response(kserve_documents.describe_config(description))

    async def _get_statistics(self, request: web.Request) -> web.Response:
        found = self._backend.statistics.collect(*_target(request))
        return json_response(kserve_documents.describe_statistics(found))

    async def _get_all_statistics(self, _request: web.Request) -> web.Response:
        return json_response(kserve_documents.describe_statistics(self._backend.statistics.collect()))

    async def _get_index(self, _request: web.Request) -> web.Response:
        return self._index(ready_only=False)

    async def _post_index(self, request: web.Request) -> web.Response:
        body = await http_bodies.read(request)
        wanted = json_fields.parse_object("body", body) if body else {}
        return self._index(ready_only=json_fields.flag_at(wanted, "ready") or False)

    def _index(self, *, ready_only: bool) -> web.Response:
        models = self._dataplane.report_all()
        return json_response(kserve_documents.describe_index(models, ready_only=ready_only))

    async def _post_load(self, _request: web.Request) -> web.Response:
        raise errors.ManagedByConfiguration("loading a model")

    async def _post_unload(self, _request: web.Request) -> web.Response:
        raise errors.ManagedByConfiguration("unloading a model")

    async def _post_infer(self, request: web.Request) -> web.Response:
        model, version = _target(request)
        deadline = deadlines.of_headers(request.headers)
        bytes_of = ByteInputs(self._dataplane.describe(model, version))
        body = await http_bodies.read(request)
        length = _json_length(request)
        quick = len(body) if length is None else length  # raw data is not copied
        asked = await http_bodies.convert(
            quick, lambda: kserve_json.parse_request(body, length, bytes_of)
        )
        call = PredictCall(
            protocol=Protocol.KSERVE_REST,
            model=model,
            version=version,
            inputs=asked.inputs,
            output_filter=asked.outputs,
            deadline=min(deadline, deadlines.of_parameter(asked.timeout)),
        )
        prediction = await self._dataplane.predict(call)
        return await _answer(prediction, asked)


async def _answer(prediction: Prediction, asked: kserve_json.InferRequest) -> web.Response:
    document = {"model_name": prediction.model, "model_version": str(prediction.version)}
    if asked.id:
        document["id"] = asked.id
    size = sum(map(count_bytes, prediction.outputs.values()))
    answer = await http_bodies.convert(
        size, lambda: kserve_json.render_answer(document, prediction.outputs, asked)
    )
    if not answer.json_length:
        return web.Response(body=answer.body, content_type=JSON)
    headers = {_LENGTH_HEADER: str(answer.json_length)}
    return web.Response(body=answer.body, content_type="application/octet-stream", headers=headers)


def _target(request: web.Request) -> tuple[str, int]:
    return request.match_info["model"], parse_version(request.match_info.get("version", ""))


def _json_length(request: web.Request) -> int | None:
    text = request.headers.get(_LENGTH_HEADER)
    if text is not None and not (text.isascii() and text.isdecimal() and len(text) < 12):
        raise errors.InvalidInput(_LENGTH_HEADER, "a number of bytes", repr(text[:60]))
    return None if text is None else int(text)
