"""Messages between the judge and a student process: a JSON header and raw arrays. Nothing is unpickled.

Frame: two big-endian 32-bit lengths, the header as UTF-8 JSON, then the arrays' bytes one after another. The
header's `arrays` lists `[path, dtype, shape]` of each. A frame is refused before it is allocated when it is
larger than `MAX_HEADER` and `MAX_PAYLOAD`, and an array when its bytes do not add up to its shape.
"""

import json
import math
import re
import select
import socket
import struct
import time
from collections.abc import Callable

import numpy as np

MAX_HEADER = 1 << 20  # bytes
MAX_PAYLOAD = 64 << 20  # bytes
MAX_ARRAYS = 1000
DTYPES = {
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
}
_LENGTHS = struct.Struct(">II")


class WireError(ValueError):
    """A frame that is too large, malformed or not what was asked for."""


class Closed(ConnectionError):
    """The other side is gone."""


class TimedOut(TimeoutError):
    """No complete frame came in time."""


def send(channel: socket.socket, header: dict, arrays: dict | None = None) -> None:
    """Send one frame.

    Args:
        channel: a connected stream socket.
        header: a JSON-serialisable dictionary.
        arrays: path -> NumPy array. bfloat16 and the like go as float32.

    Raises:
        WireError: if the frame is larger than the limits or holds a dtype that is not on the list.
        Closed: if the other side is gone.
    """
    described, parts = [], []
    for path, array in (arrays or {}).items():
        array = np.asarray(array)
        if array.dtype.name == "bfloat16":
            array = array.astype("float32")
        if array.dtype.kind == "U" and array.dtype.itemsize == 0:
            array = array.astype("<U1")
        if not _may_travel(_name(array)):
            raise WireError(
                f"an array of {array.dtype.name} cannot be sent; numbers, booleans or text are expected"
            )
        described.append([path, _name(array), list(array.shape)])
        parts.append(array.tobytes())
    head = json.dumps({**header, "arrays": described}).encode()
    size = sum(map(len, parts))
    if len(head) > MAX_HEADER or size > MAX_PAYLOAD or len(parts) > MAX_ARRAYS:
        raise WireError(f"{size + len(head)} bytes in {len(parts)} arrays are more than one reply may hold")
    try:
        channel.sendall(b"".join((_LENGTHS.pack(len(head), size), head, *parts)))
    except OSError as error:
        raise Closed(str(error)) from error


def _name(array):
    return array.dtype.str if array.dtype.kind == "U" else array.dtype.name


def _may_travel(dtype):
    return isinstance(dtype, str) and (dtype in DTYPES or re.fullmatch(r"<U[1-9]\d{0,5}", dtype) is not None)


def receive(
    channel: socket.socket, timeout: float | None = None, watch: Callable[[], None] | None = None
) -> tuple[dict, dict]:
    """Receive one frame.

    Args:
        channel: a connected stream socket.
        timeout: seconds until the whole frame must be there; `None` waits for ever.
        watch: called about ten times a second while waiting; may raise to give up.

    Returns:
        `(header, arrays)`; `header` without its `arrays` entry.

    Raises:
        WireError, Closed, TimedOut: see there; whatever `watch` raises.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    head_size, size = _LENGTHS.unpack(_read(channel, _LENGTHS.size, deadline, watch))
    if head_size > MAX_HEADER or size > MAX_PAYLOAD:
        raise WireError(f"a reply of {head_size + size} bytes is larger than allowed")
    try:
        header = json.loads(_read(channel, head_size, deadline, watch))
        described = header.pop("arrays")
        return header, _unpack(described, _read(channel, size, deadline, watch))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WireError(f"a malformed reply: {error}") from error


def _unpack(described, payload):
    arrays, offset = {}, 0
    if not isinstance(described, list) or len(described) > MAX_ARRAYS:
        raise WireError("a malformed list of arrays")
    for path, dtype, shape in described:
        whole = all(type(size) is int and 0 <= size <= MAX_PAYLOAD for size in shape)
        if not isinstance(path, str) or not _may_travel(dtype) or not whole or len(shape) > 16:
            raise WireError("a malformed array")
        count = math.prod(shape)
        end = offset + count * np.dtype(dtype).itemsize
        if end > len(payload):
            raise WireError("an array is larger than what was sent")
        arrays[path] = np.frombuffer(payload, dtype, count, offset).reshape(shape)
        offset = end
    if offset != len(payload):
        raise WireError("more bytes than arrays")
    return arrays


def _read(channel, size, deadline, watch):
    chunks = bytearray()
    while len(chunks) < size:
        left = 0.1 if deadline is None else min(0.1, deadline - time.monotonic())
        if left <= 0:
            raise TimedOut("no answer in time")
        ready, _, _ = select.select([channel], [], [], left)
        if watch is not None:
            watch()
        if ready:
            try:
                chunk = channel.recv(min(size - len(chunks), 1 << 16))
            except OSError as error:
                raise Closed(str(error)) from error
            if not chunk:
                raise Closed("the other side is gone")
            chunks += chunk
    return bytes(chunks)


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, one for each side."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
