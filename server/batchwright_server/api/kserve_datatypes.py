"""KServe v2's names of element types."""

from typing import Any

import numpy as np

from batchwright_server.errors import InvalidInput

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


BYTES = "BYTES"  # elements of any length: strings, or images


def parse_datatype(field: str, name: object) -> np.dtype[Any]:
    """The number type of that name. Raises InvalidInput: BF16 is not served, BYTES are no numbers."""
    dtype = DTYPES.get(name) if isinstance(name, str) else None
    if dtype is None:
        raise InvalidInput(f"{field}: datatype", f"one of {', '.join(DTYPES)}", repr(name))
    return dtype


def to_name(dtype: np.dtype[Any]) -> str:
    """The wire's name of an element type; BYTES for what is no number."""
    return _NAMES.get(dtype, BYTES)
