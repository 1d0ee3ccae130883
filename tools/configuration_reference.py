"""Writes docs/configuration.md, and the table of flags in docs/migration.md, from what the code says.

    python -m tools.configuration_reference docs

Keys, types, bounds and defaults come from the models; a meaning that is missing in the table beside this
module is an error.
"""

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from batchwright_server.config import flags, plugin_keys
from batchwright_server.config.document import Document

WORDS = tomllib.loads(Path(__file__).with_name("configuration_meanings.toml").read_text())
MEANINGS = {
    f"{model}.{key}": meaning
    for model, meanings in WORDS.items()
    if isinstance(meanings, dict)
    for key, meaning in meanings.items()
}

BEGIN, END = "<!-- flags: generated -->\n", "<!-- /flags -->\n"
_LENGTHS = {"minimum": "≥ {}", "maximum": "≤ {}", "exclusiveMinimum": "> {}", "minItems": "at least {}"}


def render_reference() -> str:
    """The whole of docs/configuration.md."""
    sections = [_section(path, model) for path, model in _models("", Document)]
    return "\n".join([WORDS["introduction"], *sections, WORDS["plugin_keys"], _plugin_table()])


def render_flags() -> str:
    """The table of flags in docs/migration.md."""
    rows = [
        f"| `--{flag.name}` | {flag.treatment.value} | {_cell(flag.help)} |\n"
        for flag in sorted(flags.ALL, key=lambda flag: flag.name)
    ]
    return "| flag | here | |\n|---|---|---|\n" + "".join(rows)


def documented_keys() -> set[str]:
    """The keys that need a meaning: all but those that are refused."""
    return {
        f"{model.__name__}.{name}"
        for _, model in _models("", Document)
        for name, schema in model.model_json_schema().get("properties", {}).items()
        if schema.get("type") != "null"
    }


def replace_flags(page: str) -> str:
    """`page` with a fresh table of flags."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{render_flags()}\n{END}{after}"


def _models(path: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    yield path, model
    for name, field in model.model_fields.items():
        for inner, suffix in _inner_models(field.annotation):
            yield from _models(f"{path}.{name}{suffix}".lstrip("."), inner)


def _inner_models(annotation: object) -> Iterator[tuple[type[BaseModel], str]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, ""
        return
    suffix = "[]" if getattr(annotation, "__origin__", None) in (tuple, list) else ""
    for argument in get_args(annotation):
        yield from ((model, suffix + rest) for model, rest in _inner_models(argument))


def _section(path: str, model: type[BaseModel]) -> str:
    title = f"`{path}`" if path else "The document"
    schema = model.model_json_schema()
    rows = [_row(model, name, schema["properties"][name], schema) for name in model.model_fields]
    head = f"## {title}\n\n{(model.__doc__ or '').strip()}\n"
    table = "\n| key | value | default | meaning |\n|---|---|---|---|\n" + "".join(rows)
    return head + (table if rows else "")


def _row(model: type[BaseModel], name: str, schema: dict[str, Any], whole: dict[str, Any]) -> str:
    if schema.get("type") == "null":
        return f"| `{name}` | refused | | {_cell(_reason(model, name))} |\n"
    required = name in whole.get("required", [])
    default = "required" if required else _default(schema.get("default"))
    meaning = MEANINGS[f"{model.__name__}.{name}"]
    return f"| `{name}` | {_cell(_type(schema, whole))} | {_cell(default)} | {_cell(meaning)} |\n"


def _reason(model: type[BaseModel], name: str) -> str:
    try:
        model.model_validate({name: ["anything"]})
    except ValidationError as error:
        for item in error.errors():
            if item["loc"] == (name,):
                return item["msg"].removeprefix("Value error, ")
    raise LookupError(f"{model.__name__}.{name} takes a value and has no type")


def _default(value: object) -> str:
    return "" if value in (None, {}, []) else f"`{json.dumps(value)}`"


def _type(schema: dict[str, Any], whole: dict[str, Any]) -> str:
    if "anyOf" in schema:
        types = [_type(item, whole) for item in schema["anyOf"] if item.get("type") != "null"]
        return " or ".join(dict.fromkeys(types))
    if "$ref" in schema:
        return _type(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    for key in ("enum", "const"):
        if key in schema:
            values = schema[key] if key == "enum" else [schema[key]]
            return ", ".join(f"`{value}`" for value in values)
    bounds = [text.format(schema[key]) for key, text in _LENGTHS.items() if key in schema]
    return ", ".join([_kind(schema, whole), *bounds])


def _kind(schema: dict[str, Any], whole: dict[str, Any]) -> str:
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema['items'], whole)}"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"object of {_type(schema['additionalProperties'], whole)}"
        case "string":
            return "text"
        case kind:
            return str(kind)


def _plugin_table() -> str:
    rows = []
    for key, rule in sorted(plugin_keys.TABLE.items()):
        told = f"`{rule.to}`" if isinstance(rule, plugin_keys.Renamed) else f"left out: {rule.reason}"
        rows.append(f"| `{key}` | {told} |\n")
    return "| key | today |\n|---|---|\n" + "".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the pages into the folder that is the one argument."""
    folder = Path(sys.argv[1])
    (folder / "configuration.md").write_text(render_reference())
    migration = folder / "migration.md"
    migration.write_text(replace_flags(migration.read_text()))


if __name__ == "__main__":
    main()
