"""The server's configuration document for a ModelServer and its models' current plans."""

from collections.abc import Mapping

from batchwright_operator.render import admin, sources
from batchwright_operator.render.pipelines import render_pipeline
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources import quantity
from batchwright_operator.resources.batching import Batching as BatchingSpec
from batchwright_operator.resources.batching import Coalesce as CoalesceSpec
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.versions import VersionPolicy
from batchwright_server.config import batching, document, version_policy
from batchwright_server.config.admin import Admin
from batchwright_server.config.plan import Plan, Strategy

Plans = Mapping[str, Plan]

# What buckets are compiled for until the policy has chosen.
FIRST_SIZES = batching.Buckets().sizes


def default_plan(model: Model) -> Plan:
    """The plan a model starts with when nothing is known of it yet."""
    return candidates(model)[0]


def candidates(model: Model) -> tuple[Plan, ...]:
    """The plans that may serve; buckets whose sizes the user left open begin with the usual ones."""
    is_open = model.batching.buckets.sizes is None
    return tuple(
        plan.with_sizes(FIRST_SIZES) if is_open and plan.strategy is Strategy.BUCKETS else plan
        for plan in map(Plan.of, model.batching.strategies)
    )


def render_config(server: ModelServer, settings: Settings, plans: Plans) -> bytes:
    """The document as the server reads it; a model that `plans` does not name gets its default."""
    models = tuple(
        document.ModelEntry(
            config=_model_config(model, settings, plans.get(model.name) or default_plan(model))
        )
        for model in server.spec.models
    )
    pipelines = tuple(render_pipeline(pipeline) for pipeline in server.pipelines)
    return document.render_document(
        document.Document(
            model_config_list=models,
            pipeline_config_list=pipelines,
            admin=_admin(server, settings),
        )
    )


def _admin(server: ModelServer, settings: Settings) -> Admin | None:
    hashes = admin.token_hashes(settings, server)
    return Admin(token_sha256=hashes) if hashes else None


def _model_config(model: Model, settings: Settings, plan: Plan) -> document.ModelConfig:
    return document.ModelConfig(
        name=model.name,
        base_path=sources.base_path(model, settings),
        nireq=model.infer_requests or 0,
        target_device=model.device,
        plugin_config=dict(model.plugin_config),
        model_version_policy=_version_policy(model.version_policy),
        shape=model.shape,
        layout=model.layout,
        batching=_batching(model.batching, settings, plan),
    )


def _version_policy(policy: VersionPolicy) -> version_policy.VersionPolicyBlock:
    if policy.specific is not None:
        versions = version_policy.SpecificVersions(versions=policy.specific.versions)
        return version_policy.VersionPolicyBlock(specific=versions)
    if policy.latest is not None:
        latest = version_policy.LatestVersions(num_versions=policy.latest.count)
        return version_policy.VersionPolicyBlock(latest=latest)
    return version_policy.VersionPolicyBlock(all=version_policy.AllVersions())


def _batching(spec: BatchingSpec, settings: Settings, plan: Plan) -> batching.Batching:
    beside = tuple(item for item in spec.strategies if item is not plan.strategy)
    return batching.Batching(
        strategy=plan.strategy,
        streams=plan.streams,
        max_batch_size=spec.max_batch_size,
        candidates=beside,
        reload=batching.Reload(
            on_miss=batching.OnMiss(spec.reload.on_miss.value.lower()),
            queue=_queue(spec),
            compiled_cache=_compiled_cache(spec),
        ),
        fixed=batching.Fixed(batch_size=spec.fixed.batch_size),
        dynamic=batching.Dynamic(min=spec.dynamic.min, max=spec.dynamic.max),
        buckets=batching.Buckets(sizes=spec.buckets.sizes or plan.sizes or FIRST_SIZES),
        coalesce=_coalesce(spec.coalesce),
        calibration=_calibration(settings),
    )


def _coalesce(spec: CoalesceSpec | None) -> batching.Coalesce | None:
    if spec is None:
        return None
    return batching.Coalesce(
        max_batch_size=spec.max_batch_size, max_delay_seconds=spec.max_delay_microseconds / 1e6
    )


def _queue(spec: BatchingSpec) -> batching.ReloadQueue:
    queue = spec.reload.queue
    return batching.ReloadQueue(
        max_requests=queue.max_requests,
        max_wait_seconds=queue.max_wait_seconds,
        max_bytes=int(quantity.amount(queue.max_bytes)) if queue.max_bytes else None,
    )


def _compiled_cache(spec: BatchingSpec) -> batching.CompiledCache:
    cache = spec.reload.compiled_cache
    most = int(quantity.amount(cache.max_bytes)) if cache.max_bytes else None
    return batching.CompiledCache(max_entries=cache.max_entries, max_bytes=most)


def _calibration(settings: Settings) -> batching.Calibration:
    if settings.calibration_seconds is None:
        return batching.Calibration()
    return batching.Calibration(max_seconds=settings.calibration_seconds)
