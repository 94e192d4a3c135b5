"""Reads the weights of a PyTorch file of the older kind, which is a pickle, without PyTorch and without trust.

A pickle is a small program that may call anything. The unpickler here knows three names and refuses all others, in the
records before the weights too, and what it makes of a tensor is a note where its bytes lie.
"""

import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from course.errors import CourseError

MAGIC = 0x1950A86A20F9469CFC6C  # what such a file begins with


class _Storage(NamedTuple):
    key: str
    size: int  # numbers


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


def _tensor(storage, offset, shape, strides, *rest):
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    KNOWN = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        ("torch", "FloatStorage"): "float32",  # a text, so that it cannot be called
    }

    def find_class(self, module, name):
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self.KNOWN[module, name]

    def persistent_load(self, record):
        kind, numbers, key, _, size, view = record
        if (kind, numbers, view) != ("storage", "float32", None):
            raise pickle.UnpicklingError("it holds something else than float32 numbers")
        return _Storage(str(key), int(size))


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a PyTorch file of the older kind.

    Args:
        path: the file, of float32 tensors.

    Returns:
        Name -> float32 array.

    Raises:
        CourseError: if it is no such file, is cut off, or asks for anything but tensors.
    """
    try:
        with Path(path).open("rb") as file:
            if _Unpickler(file).load() != MAGIC:
                raise ValueError("another kind of file")
            _Unpickler(file).load()  # the version of the format
            if not _Unpickler(file).load()["little_endian"]:
                raise ValueError("written on another kind of machine")
            tensors = _Unpickler(file).load()
            keys = _Unpickler(file).load()
            storages = {key: _read_storage(file) for key in keys}
        return {name: _values(tensor, storages) for name, tensor in tensors.items()}
    except Exception as error:  # a broken pickle fails in any way
        raise CourseError(f"{path} is no file of weights that can be trusted: {error}.") from error


def _read_storage(file):
    size = int.from_bytes(file.read(8), "little")
    values = np.frombuffer(file.read(4 * size), "<f4")
    if len(values) != size:
        raise ValueError("it is cut off")
    return values


def _values(tensor, storages):
    strides = tuple(math.prod(tensor.shape[axis + 1 :]) for axis in range(len(tensor.shape)))
    if tensor.strides != strides:
        raise ValueError("a tensor does not lie in one piece")
    end = tensor.offset + math.prod(tensor.shape)
    return storages[tensor.storage.key][tensor.offset : end].reshape(tensor.shape)
