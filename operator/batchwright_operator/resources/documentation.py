"""The texts below the fields of a model, from its source: what users read of a field."""

import ast
import inspect
import itertools
import textwrap

from pydantic import BaseModel


def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """The text below each field of `model` and of those it extends, in one line each."""
    texts: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if issubclass(part, BaseModel) and part is not BaseModel:
            texts |= _own_texts(part)
    return {name: text for name, text in texts.items() if name in model.model_fields}


def _own_texts(model: type[BaseModel]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(model))
    except OSError:  # a class that was made at run time
        return {}
    (definition,) = ast.parse(source).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
