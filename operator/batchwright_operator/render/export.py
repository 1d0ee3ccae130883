"""From a ModelServer to a configuration document for a server alone; what it cannot say is listed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic.alias_generators import to_camel

from batchwright_operator.render.document import render_config
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.batching import Adaptive, Mode
from batchwright_operator.resources.metadata import Metadata
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer, ModelServerSpec
from batchwright_operator.resources.pod import Pod, Service
from batchwright_server.config.batching import Batching
from batchwright_server.config.document import Document, ModelConfig, ModelEntry, parse_document
from batchwright_server.config.plan import DEFAULT_STREAMS
from batchwright_server.config.problems import Problem


@dataclass(frozen=True)
class Exported:
    """The document, and all that it does not say of the ModelServer."""

    document: Document
    losses: tuple[Problem, ...]


def export_document(server: ModelServer, settings: Settings) -> Exported:
    """What a server alone would have to be told to serve the same models, in OVMS's words if it can."""
    rendered = parse_document(render_config(server, settings, {}))
    entries = tuple(ModelEntry(config=_simplify(config)) for config in rendered.models)
    document = Document(model_config_list=entries, pipeline_config_list=rendered.pipeline_config_list)
    return Exported(document, tuple(_losses(server)))


def _simplify(config: ModelConfig) -> ModelConfig:
    if config.batching is None:
        return config
    texts = {
        "shape": _object(config.shape),
        "layout": _object(config.layout),
        "batching": _without_streams(config.batching),
    }
    plain = config.model_copy(update=texts)
    for batch_size in (None, *_batch_sizes(plain.effective_batching)):
        short = plain.model_copy(update={"batching": None, "batch_size": batch_size})
        ignored = batch_size is not None and plain.shape is not None  # shape takes precedence
        if not ignored and short.effective_batching == plain.effective_batching:
            return short
    return plain


def _without_streams(batching: Batching) -> Batching:
    if batching.streams is DEFAULT_STREAMS[batching.strategy]:
        return batching.model_copy(update={"streams": None})
    return batching


def _object(value: str | dict[str, str] | None) -> str | dict[str, str] | None:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        named: dict[str, str] = json.loads(value)
        return named
    return value


def _batch_sizes(batching: Batching) -> Iterator[int | str]:
    yield "auto"
    if batching.fixed.batch_size is not None:
        yield batching.fixed.batch_size
    bounds = batching.dynamic
    yield "-1" if bounds.max is None else f"{bounds.min}:{bounds.max}"


def _losses(server: ModelServer) -> Iterator[Problem]:
    yield from _metadata_losses(server.metadata, "metadata")
    for pipeline in server.pipelines:
        yield from _metadata_losses(pipeline.metadata, f"Pipeline {pipeline.name}: metadata")
    yield from _cluster_losses(server.spec)
    yield from _flag_losses(server.spec)
    for index, model in enumerate(server.spec.models):
        if model.source.pvc is None:
            yield Problem(f"spec.models[{index}].source", "put the model's files where base_path says")
        yield from _model_losses(model, f"spec.models[{index}].batching")


def _cluster_losses(spec: ModelServerSpec) -> Iterator[Problem]:
    if spec.replicas != 1:
        yield Problem("spec.replicas", "start as many servers")
    if spec.pod != Pod():
        yield Problem("spec.pod", "a server alone has no pod")
    for key in ("network_policy", "autoscaling", "monitoring", "update", "model_cache"):
        if getattr(spec, key) != ModelServerSpec.model_fields[key].default:
            yield Problem(f"spec.{to_camel(key)}", "a server alone is no object of a cluster")


def _flag_losses(spec: ModelServerSpec) -> Iterator[Problem]:
    if spec.service != Service():
        ports = f"--port {spec.service.grpc_port} --rest_port {spec.service.http_port}"
        yield Problem("spec.service", f"give the server {ports}")
    if spec.tls is not None:
        flags = "--tls_cert_path and --tls_key_path"
        if spec.tls.client_ca_config_map is not None:
            flags += ", and --tls_client_ca_path"
        yield Problem("spec.tls", f"give the server {flags}")
    if spec.auth is not None:
        yield Problem("spec.auth", "give the server --auth_token_file")


def _metadata_losses(metadata: Metadata, path: str) -> Iterator[Problem]:
    named = Metadata(name=metadata.name)
    for key in ("namespace", "labels", "annotations"):
        if getattr(metadata, key) != getattr(named, key):
            yield Problem(f"{path}.{key}", "a server alone is no object of a cluster")


def _model_losses(model: Model, path: str) -> Iterator[Problem]:
    batching = model.batching
    if not batching.is_adaptive:
        return
    kept = Adaptive(mode=Mode.OBSERVE, candidates=batching.adaptive.candidates)
    if batching.adaptive != kept:
        yield Problem(
            f"{path}.adaptive",
            "a server alone measures the candidates and stays on the first, with no policy to switch it",
        )
    if len(batching.adaptive.candidates) == 1:
        yield Problem(f"{path}.adaptive.candidates", "with one candidate there is nothing to measure")
