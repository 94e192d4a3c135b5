"""Values of any subject on the wire, as arrays and nothing that is unpickled, and whether two of them are alike.

`to_arrays` takes a result apart: numbers, texts, lists, dictionaries, sets, plain objects, NumPy arrays, pandas frames
and series, tensors, and what was drawn into a figure. `difference` says in words what is wrong with an answer's parts.
Runs in the judge and, sent as text, in the student process; imports nothing of the project.
"""

import datetime
import decimal
import fractions
import re
import sys
from typing import Any

import numpy as np

MAX_TEXT = 100_000  # characters
MAX_DEPTH = 20
RTOL, ATOL = 1e-5, 1e-8
RTOL_SINGLE, ATOL_SINGLE = 1e-4, 1e-4  # float32, over a handful of operations in any order

KINDS = {
    "none": "None",
    "truth": "True or False",
    "number": "a number",
    "text": "text",
    "bytes": "bytes",
    "list": "a list",
    "dict": "a dictionary",
    "set": "a set",
    "array": "an array",
    "complex": "complex numbers",
    "frame": "a data frame",
    "series": "a series",
    "time": "dates or times",
    "object": "an object",
}


def to_arrays(value: Any) -> dict:
    """A result as arrays of numbers, truths and texts.

    Returns:
        `=PLACE:KIND:PART` -> NumPy array; places are written as Python would: `['a'][0]`, `.name`.

    Raises:
        TypeError: for what cannot be compared, such as a generator; the text says so.
    """
    found = {}
    _take_apart(value, "", found, 0)
    return found


def _take_apart(value, place, found, depth):
    if depth > MAX_DEPTH:
        raise TypeError("gives something that is nested too deep, or holds itself")
    pandas, kind = sys.modules.get("pandas"), type(value)

    def part(kind, array, name=""):
        found[f"={place}:{kind}:{name}"] = array

    def deeper(item, where):
        _take_apart(item, f"{place}{where}", found, depth + 1)

    if isinstance(value, np.generic) and value.dtype.kind in "biufcU":
        value = value.item()
    if value is None:
        part("none", np.zeros(0))
    elif isinstance(value, bool):
        part("truth", np.asarray(value))
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        part("number", _texts([str(value)]), "digits")
    elif isinstance(value, int | float):
        part("number", np.asarray(value))
    elif isinstance(value, complex):
        part("complex", np.asarray([value.real, value.imag]))
    elif isinstance(value, str):
        part("text", _texts([value]))
    elif isinstance(value, bytes | bytearray):
        part("bytes", np.frombuffer(bytes(value), "uint8"))
    elif isinstance(
        value, datetime.date | datetime.time | datetime.timedelta | decimal.Decimal | fractions.Fraction
    ):
        part("object", _texts([f"{kind.__name__} {value}"]))
    elif isinstance(value, list | tuple | range):
        _list(list(value), part, deeper)
    elif isinstance(value, dict):
        keys = sorted(value, key=_key)
        part("dict", _texts(map(_key, keys)))
        if keys and all(_is_number(value[key]) for key in keys):
            part("dict", np.asarray([value[key] for key in keys], "float64"), "values")
        else:
            for key in keys:
                deeper(value[key], f"[{_key(key)}]")
    elif isinstance(value, set | frozenset):
        part("set", _texts(sorted(map(_key, value))))
    elif pandas is not None and isinstance(value, pandas.DataFrame):
        part("frame", _texts(map(_key, value.columns)), "columns")
        deeper(value.index, ".index")
        for number, name in enumerate(value.columns):
            deeper(value.iloc[:, number].to_numpy(), f"[{_key(name)}]")
    elif pandas is not None and isinstance(value, pandas.Series):
        part("series", _texts([_key(value.name)]), "name")
        deeper(value.index, ".index")
        deeper(value.to_numpy(), ".values")
    elif pandas is not None and isinstance(value, pandas.Index):
        deeper(value.to_numpy(), "")
    elif isinstance(value, np.ndarray):
        _array(value, part, deeper)
    elif hasattr(value, "detach") or hasattr(value, "numpy"):  # a tensor of PyTorch or TensorFlow
        _array(
            np.asarray((value.detach().cpu() if hasattr(value, "detach") else value).numpy()), part, deeper
        )
    elif hasattr(value, "get_axes") and hasattr(value, "savefig"):
        deeper([_drawn(axes) for axes in value.get_axes()], ".axes")
    elif hasattr(value, "get_lines") and hasattr(value, "get_xlabel"):
        deeper(_drawn(value), ".drawn")
    elif hasattr(value, "__next__") or callable(value):
        raise TypeError(f"gives a {kind.__name__} where a value was expected")
    elif hasattr(value, "__dict__") or hasattr(value, "__slots__"):
        names = sorted(vars(value) if hasattr(value, "__dict__") else value.__slots__)
        part("object", _texts([kind.__name__, *names]))
        for name in names:
            deeper(getattr(value, name, None), f".{name}")
    else:
        raise TypeError(f"gives {kind.__name__}, which cannot be compared")


def _list(items, part, deeper):
    """In one array where that says all: a thousand numbers are no thousand parts."""
    if all(map(_is_number, items)):
        part("list", np.asarray(items, "float64"))
    elif all(isinstance(item, bool) for item in items):
        part("list", np.asarray(items), "truths")
    elif all(isinstance(item, str) for item in items):
        part("list", _texts(items), "texts")
    else:
        part("list", np.asarray(len(items)), "length")
        for number, item in enumerate(items):
            deeper(item, f"[{number}]")


def _array(array, part, deeper):
    kind = array.dtype.kind
    if kind in "biuf":
        part("array", array.astype("float64") if array.dtype.itemsize > 8 else array)
    elif kind == "c":
        part("complex", np.stack([array.real, array.imag], axis=-1).astype("float64"))
    elif kind in "mM":
        part("time", array.astype(f"{kind}8[ns]").astype("int64"))
    elif kind in "US":
        part("array", _texts(array.astype(str).ravel()).reshape(array.shape), "texts")
    else:
        part("array", np.asarray(array.shape, "int64"), "shape")
        deeper([_plain(item) for item in array.ravel().tolist()], "")


def _plain(item):
    """pandas writes a missing text as NaN, None or NA, by version."""
    pandas = sys.modules.get("pandas")
    return None if pandas is not None and (item is pandas.NA or item is pandas.NaT or item != item) else item


def _drawn(axes):
    """What an axes object of Matplotlib shows."""
    return {
        "title": axes.get_title(),
        "xlabel": axes.get_xlabel(),
        "ylabel": axes.get_ylabel(),
        "lines": [np.asarray(line.get_xydata(), "float64") for line in axes.get_lines()],
        "points": [np.ma.getdata(one.get_offsets()).astype("float64") for one in axes.collections],
        "bars": [
            [float(bar.get_x()), float(bar.get_width()), float(bar.get_height())]
            for bar in axes.patches
            if hasattr(bar, "get_height")
        ],
    }


def _is_number(item):
    if isinstance(item, bool | np.bool_):
        return False
    return isinstance(item, float | np.floating) or (
        isinstance(item, int | np.integer) and -(2**53) <= item <= 2**53
    )


def _key(key):
    """A key as text; `1`, `1.0` and NumPy's 1 are the same key in Python."""
    if isinstance(key, np.generic):
        key = key.item()
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    if isinstance(key, tuple | frozenset):
        return f"({', '.join(sorted(map(_key, key)) if isinstance(key, frozenset) else map(_key, key))})"
    return repr(key)


def _texts(texts):
    texts = [str(text) for text in texts]
    if sum(map(len, texts)) > MAX_TEXT or len(texts) * max(map(len, texts), default=0) > 10 * MAX_TEXT:
        raise TypeError("gives more text than can be compared")
    longest = max([1, *map(len, texts)])
    # NumPy drops zeros at the end of a text, so each gets an end of its own.
    return np.asarray([f"{text}|" for text in texts], f"<U{longest + 1}")


def difference(
    arrays: dict, expected: dict, rtol: float | None = None, atol: float | None = None
) -> str | None:
    """What is wrong with an answer's parts, in words that give no expected value away; `None` if nothing is.

    Args:
        arrays, expected: as `to_arrays` gives them.
        rtol, atol: tolerances; if left out, by the kind of number.
    """
    ours, due = _by_place(arrays), _by_place(expected)
    for place, wanted in due.items():
        where = f"`result{place}`" if place else "the result"
        if place not in ours:
            return f"{where} is missing"
        kind, parts = ours[place]
        if kind != wanted[0]:
            missing = ": is a `return` missing?" if kind == "none" and not place else ""
            return (
                f"{where} is {KINDS.get(kind, kind)} where {KINDS.get(wanted[0], wanted[0])} is due{missing}"
            )
        problem = _parts_differ(kind, parts, wanted[1], rtol, atol)
        if problem:
            return f"{where} {problem}"
    return "the result holds more than is due" if ours.keys() - due.keys() else None


_NAME = re.compile(r"=(?P<place>.*):(?P<kind>[a-z]+):(?P<part>[a-z]*)", re.DOTALL)


def _by_place(arrays):
    """Place -> `(kind, part -> array)`."""
    found = {}
    for name, array in arrays.items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise ValueError(f"no part of a value: {name[:40]}")
        found.setdefault(match["place"], (match["kind"], {}))[1][match["part"]] = array
    return found


def _parts_differ(kind, parts, due, rtol, atol):
    if kind == "dict" and not np.array_equal(parts.get(""), due.get("")):
        return "has other keys than it should"
    if kind == "frame" and not np.array_equal(parts.get("columns"), due.get("columns")):
        same = sorted(parts["columns"].tolist()) == sorted(due["columns"].tolist())
        return "has its columns in another order" if same else "has other columns than it should"
    if kind == "list" and _length(parts) != _length(due):
        return f"has {_length(parts)} entries, which is not the right number"
    if parts.keys() != due.keys():
        return "holds another kind of values than it should"
    for name, array in parts.items():
        problem = _arrays_differ(array, due[name], rtol, atol)
        if problem:
            return problem
    return None


def _length(parts):
    ((name, array),) = parts.items()
    return int(array) if name == "length" else len(array)


def _arrays_differ(array, due, rtol, atol):
    if array.shape != due.shape:
        return f"has the wrong shape, {array.shape}"
    if array.dtype.kind == "U" or due.dtype.kind == "U":
        return None if array.dtype.kind == due.dtype.kind and bool(np.all(array == due)) else "is not right"
    if (array.dtype == bool) != (due.dtype == bool):
        return f"holds {'truths' if array.dtype == bool else 'numbers'} where the other is due"
    if array.dtype.kind in "biu" and due.dtype.kind in "biu":
        return None if np.array_equal(array, due) else "is not right"
    if np.isnan(array.astype("float64")).any() and not np.isnan(due.astype("float64")).any():
        return "holds NaN"
    single = due.dtype.itemsize < 8 and due.dtype.kind == "f"
    rtol = (RTOL_SINGLE if single else RTOL) if rtol is None else rtol
    atol = (ATOL_SINGLE if single else ATOL) if atol is None else atol
    close = np.allclose(array.astype("float64"), due.astype("float64"), rtol=rtol, atol=atol, equal_nan=True)
    return None if close else "is not right"
