"""Writes the CustomResourceDefinitions that the models in `batchwright_operator.resources` make.

    python -m tools.custom_resources crds docs

The second folder, which may be left out, gets the reference of their fields, custom-resources.md.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from batchwright_operator.resources.schema import definition
from tools import custom_resource_reference

LARGEST = 128 * 1024  # bytes; `kubectl apply` keeps a copy in an annotation of at most 256 KiB
REFERENCE = "custom-resources.md"
_HEAD = "# Generated from the models in operator/batchwright_operator/resources by `make generate`.\n"


def render_files() -> dict[str, str]:
    """The files' texts, by name."""
    files = {}
    for kind in definition.KINDS:
        name = f"{definition.GROUP}_{kind.plural}.yaml"
        files[name] = _HEAD + _to_yaml(definition.render_definition(kind))
        size = len(files[name].encode())
        if size > LARGEST:
            raise ValueError(f"{name}: expected at most {LARGEST} bytes, got {size}")
    return files


def _to_yaml(manifest: Mapping[str, Any]) -> str:
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=105, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Without anchors: what is said twice is written twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def main() -> None:
    """Write the files into the folders that are the arguments."""
    folder, *docs = map(Path, sys.argv[1:])
    folder.mkdir(exist_ok=True)
    for name, text in render_files().items():
        (folder / name).write_text(text)
    for pages in docs:
        (pages / REFERENCE).write_text(custom_resource_reference.render_reference())


if __name__ == "__main__":
    main()
