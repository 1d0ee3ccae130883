"""The texts below the fields of a class, from its source: what users read of a field."""

import ast
import inspect
import itertools
import textwrap


def field_texts(cls: type) -> dict[str, str]:
    """The text below each field of `cls` and of the classes it extends, in one line each."""
    texts: dict[str, str] = {}
    for part in reversed(cls.__mro__):
        if part.__module__.startswith(__package__ or ""):
            texts |= _own_texts(part)
    return texts


def _own_texts(cls: type) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
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
