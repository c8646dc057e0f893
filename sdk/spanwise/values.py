"""What stands for values of the usual libraries, none of which is imported here: arrays, tables, pictures, tensors."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any, Final

_MOST_NUMBERS: Final = 1_000
_MOST_ROWS: Final = 20
_MOST_PICTURE_BYTES: Final = 512_000


def stand_in(value: Any) -> Any:
    """Return what stands for a value of a library that is known here, or *value* itself."""
    reader = _READERS.get(type(value).__module__.partition(".")[0])
    return value if reader is None else reader(value)


def _array(value: Any) -> Any:
    """Return a number as a number, a small array as its numbers, a large one by its shape."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return value.item()
    size = getattr(value, "size", None)
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        return value
    if isinstance(size, int) and size <= _MOST_NUMBERS:
        return value.tolist()
    return {"type": type(value).__name__, "shape": list(value.shape), "dtype": str(value.dtype)}


def _tensor(value: Any) -> Any:
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        return value
    return {"type": type(value).__name__, "shape": list(value.shape), "dtype": str(value.dtype)}


def _pandas(value: Any) -> Any:
    """Return the first rows of a table, and how many there are."""
    if hasattr(value, "columns") and hasattr(value, "to_dict"):
        columns = [str(name) for name in value.columns]
        rows = [
            dict(zip(columns, row, strict=True)) for row in value.head(_MOST_ROWS).itertuples(index=False, name=None)
        ]
        return {"type": "DataFrame", "rows": len(value), "columns": columns, "head": rows}
    if hasattr(value, "head") and hasattr(value, "tolist"):
        return {"type": type(value).__name__, "rows": len(value), "head": value[:_MOST_ROWS].tolist()}
    return value


def _polars(value: Any) -> Any:
    if hasattr(value, "columns") and hasattr(value, "to_dicts"):
        head = value.head(_MOST_ROWS).to_dicts()
        return {"type": "DataFrame", "rows": value.height, "columns": list(value.columns), "head": head}
    if hasattr(value, "to_list") and hasattr(value, "head"):
        return {"type": "Series", "rows": len(value), "head": value.head(_MOST_ROWS).to_list()}
    return value


def _picture(value: Any) -> Any:
    """Return a picture as a ``data:`` URL, which the viewer shows, or by its size where it is large."""
    if not hasattr(value, "save") or not hasattr(value, "size"):
        return value
    kind = "JPEG" if getattr(value, "format", None) == "JPEG" else "PNG"
    width, height = value.size
    if width * height <= _MOST_PICTURE_BYTES * 4:
        out = io.BytesIO()
        value.save(out, kind)
        if out.tell() <= _MOST_PICTURE_BYTES:
            return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"
    return {"type": "image", "width": width, "height": height, "mode": value.mode}


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "numpy": _array,
    "cupy": _tensor,
    "torch": _tensor,
    "jax": _tensor,
    "jaxlib": _tensor,
    "tensorflow": _tensor,
    "pandas": _pandas,
    "polars": _polars,
    "PIL": _picture,
}
