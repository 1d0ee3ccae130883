"""The command line's flags, as data: OVMS's, and what becomes of each."""

from dataclasses import dataclass
from enum import Enum, StrEnum

from batchwright_server.config import refusals


class Treatment(StrEnum):
    """What becomes of a flag that is given."""

    WORKS = "works"
    ACCEPTED = "accepted"  # without effect, with a warning that says why
    REFUSED = "refused"  # with the reason


class Kind(Enum):
    """What the value of a flag is."""

    TEXT = "text"
    NUMBER = "number"
    SECONDS = "seconds"
    SWITCH = "switch"
    PORT = "port"
    JSON = "json"
    LEVEL = "level"
    FORMAT = "format"
    URL = "url"
    ADDRESSES = "addresses"


@dataclass(frozen=True)
class Flag:
    """One flag. `help` says what it does, or why it does nothing."""

    name: str
    help: str
    kind: Kind = Kind.TEXT
    default: str | int | float | bool | None = None
    treatment: Treatment = Treatment.WORKS


LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR")
FORMATS = ("text", "json")
MOST_WORKERS = 256
_ADDRESSES = "addresses to listen on: IPv4, IPv6 or names, with commas between them"
_ALL = "0.0.0.0"  # noqa: S104  as OVMS

SERVER = (
    Flag("config_path", "configuration file (JSON) with the models"),
    Flag("port", "gRPC port, 0 for none", Kind.PORT, 0),
    Flag("rest_port", "HTTP port, 0 for none", Kind.PORT, 0),
    Flag("admin_port", "HTTP port for whoever manages the server, 0 for none", Kind.PORT, 0),
    Flag("grpc_bind_address", _ADDRESSES, Kind.ADDRESSES, _ALL),
    Flag("rest_bind_address", _ADDRESSES, Kind.ADDRESSES, _ALL),
    Flag("admin_bind_address", _ADDRESSES, Kind.ADDRESSES, _ALL),
    Flag("grpc_channel_arguments", "key=value,key=value", default=""),
    Flag(
        "file_system_poll_wait_seconds",
        "how often the configuration and the versions are looked at, 0 for never",
        Kind.SECONDS,
        1.0,
    ),
    Flag("workers", "processes behind the ports, which share processors and memory", Kind.NUMBER, 1),
    Flag("cache_dir", "folder for compiled models; /opt/cache if it is there"),
    Flag(
        "calibration_dir", "folder in which a restarted server finds what it measured in the last hour"
    ),
    Flag("cpu_extension", "library with operations of your own, loaded into the server"),
    Flag(
        "metrics_enable",
        "metrics are always on, at /metrics of the HTTP port",
        Kind.SWITCH,
        default=False,
    ),
    Flag("metrics_list", "all metrics are served; unknown names are warned of", default=""),
    Flag("log_level", "one of TRACE (as DEBUG), DEBUG, INFO, WARNING, ERROR", Kind.LEVEL, "INFO"),
    Flag("log_format", "text or json, one line an event", Kind.FORMAT, "text"),
    Flag("log_path", "file that has the log too, beside standard error"),
    Flag(
        "tracing_endpoint",
        "URL of an OpenTelemetry collector (OTLP over HTTP); off if not given",
        Kind.URL,
    ),
)

PROTECTION = (
    Flag("tls_cert_path", "certificate chain of the server (PEM), for gRPC and HTTP"),
    Flag("tls_key_path", "its key (PEM, without a password)"),
    Flag("tls_client_ca_path", "authorities (PEM) of the certificates that clients must show"),
    Flag("auth_token_file", "file with a bearer token in each line; calls must carry one of them"),
)

CROSS_ORIGIN = (
    Flag(
        "allowed_origins",
        "whose web pages may ask models, with commas between them; * for any",
        default="",
    ),
    Flag("allowed_methods", "by which methods, * for any", default="*"),
    Flag("allowed_headers", "with which headers, * for any", default="*"),
    Flag("allow_credentials", "with cookies, from origins that are named", Kind.SWITCH, default=False),
)

LIMITS = (
    Flag("max_message_bytes", "of a gRPC message or an HTTP body that comes", Kind.NUMBER, 1 << 30),
    Flag(
        "max_waiting_bytes",
        "of requests that wait, of all models together, 0 for a quarter of the memory that models leave",
        Kind.NUMBER,
        0,
    ),
    Flag("max_connections", "open at once, gRPC and HTTP each, 0 for any number", Kind.NUMBER, 0),
    Flag("max_concurrent_streams", "gRPC calls of a connection, 0 for any number", Kind.NUMBER, 0),
    Flag("max_connection_age_seconds", "gRPC clients connect anew, 0 for never", Kind.SECONDS, 0.0),
    Flag(
        "max_connection_age_grace_seconds",
        "for calls that run when their connection is of age, 0 for any time",
        Kind.SECONDS,
        300.0,
    ),
    Flag("max_connection_idle_seconds", "until a silent one is closed, 0 for never", Kind.SECONDS, 0.0),
    Flag(
        "keepalive_time_seconds", "a silent gRPC client is asked after it, 0 for 2 h", Kind.SECONDS, 60.0
    ),
    Flag("keepalive_timeout_seconds", "for its answer, 0 for 60 s", Kind.SECONDS, 20.0),
)

MODEL = (
    Flag("model_name", "name that clients ask for"),
    Flag("model_path", "folder with a folder for each version, or a model file"),
    Flag("batch_size", "a number, auto (reload for each new size), -1 or min:max (dynamic)"),
    Flag("shape", "(1,3,224,224) with numbers, -1 or min:max, or auto; or a JSON object by input"),
    Flag("layout", "NCHW or NHWC:NCHW, or a JSON object by input and output"),
    Flag("mean", "subtracted from what clients send: a number, or [one,for,each] channel"),
    Flag("scale", "what clients send is divided by it, after mean: a number, or [one,for,each] channel"),
    Flag("color_format", "MODEL:CLIENTS, as RGB:BGR: what the model wants, and what clients send"),
    Flag("precision", "CLIENTS:MODEL, as UINT8:FP32: what clients send, and what the model wants"),
    Flag("model_version_policy", "JSON with one of latest, specific, all; the latest one if not given"),
    Flag("nireq", "infer requests; 0: twice OpenVINO's optimum", Kind.NUMBER),
    Flag("target_device", "OpenVINO device, CPU if not given"),
    Flag("plugin_config", "OpenVINO properties as a JSON object", Kind.JSON),
)


def _accepted(name: str, reason: str, kind: Kind = Kind.TEXT) -> Flag:
    return Flag(name, reason, kind, None, Treatment.ACCEPTED)


def _refused(name: str, reason: str, kind: Kind = Kind.TEXT) -> Flag:
    return Flag(name, reason, kind, None, Treatment.REFUSED)


_ONE_LOOP = "one event loop does all I/O, and OpenVINO's threads infer; --workers is about processes"
_NO_SEQUENCES = "there are no sequences: stateful models are not supported"

ACCEPTED = (
    _accepted("grpc_workers", _ONE_LOOP, Kind.NUMBER),
    _accepted("grpc_max_threads", _ONE_LOOP, Kind.NUMBER),
    _accepted(
        "grpc_memory_quota", "messages are bounded in size, each by --max_message_bytes", Kind.NUMBER
    ),
    _accepted("rest_workers", _ONE_LOOP, Kind.NUMBER),
    _accepted("sequence_cleaner_poll_wait_minutes", _NO_SEQUENCES, Kind.NUMBER),
    _accepted(
        "custom_node_resources_cleaner_interval_seconds", "custom nodes are not supported", Kind.NUMBER
    ),
)

REFUSED = (
    _refused("stateful", refusals.STATEFUL, Kind.SWITCH),
    _refused("idle_sequence_cleanup", refusals.STATEFUL, Kind.SWITCH),
    _refused("low_latency_transformation", refusals.STATEFUL, Kind.SWITCH),
    _refused("max_sequence_number", refusals.STATEFUL, Kind.NUMBER),
    _refused("resize", refusals.RESIZE),
    _refused("api_key_file", refusals.CREDENTIALS),
    _refused("allowed_local_media_path", refusals.GENERATIVE),
    _refused("allowed_media_domains", refusals.GENERATIVE),
    _refused("pull", refusals.GENERATIVE, Kind.SWITCH),
    _refused("source_model", refusals.GENERATIVE),
    _refused("gguf_filename", refusals.GENERATIVE),
    _refused("overwrite_models", refusals.GENERATIVE, Kind.SWITCH),
    _refused("model_repository_path", refusals.GENERATIVE),
    _refused("task", refusals.GENERATIVE),
    _refused("weight-format", refusals.GENERATIVE),
    _refused("extra_quantization_params", refusals.GENERATIVE),
    _refused("list_models", refusals.MANAGEMENT, Kind.SWITCH),
    _refused("add_to_config", refusals.MANAGEMENT),
    _refused("remove_from_config", refusals.MANAGEMENT),
)

ALL = (*SERVER, *PROTECTION, *CROSS_ORIGIN, *LIMITS, *MODEL, *ACCEPTED, *REFUSED)
