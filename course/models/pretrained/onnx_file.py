"""Reads the weights of an ONNX file. The `onnx` package parses it; nothing in it is executed."""

from pathlib import Path

import numpy as np

from course.errors import CourseError


def read_onnx(path: Path) -> dict[str, np.ndarray]:
    """The weights of an ONNX file by name.

    An exporter gives constants that it has turned over a number for a name. Such a weight is called by what the first
    node that reads it makes, `/encoder/layer.0/query/MatMul_output_0`, with dots: `encoder.layer.0.query.MatMul`.

    Args:
        path: the file; weights that it keeps in further files are not read.

    Returns:
        Name -> array, in the file's order.

    Raises:
        CourseError: if it is no ONNX file.
    """
    import onnx

    try:
        graph = onnx.load(path, load_external_data=False).graph
        users = {}
        for node in graph.node:
            for name in node.input:
                users.setdefault(name, node.output[0])
        return {
            _name(tensor.name, users): np.array(onnx.numpy_helper.to_array(tensor))
            for tensor in graph.initializer
        }
    except Exception as error:  # protobuf's and NumPy's own, of many kinds
        raise CourseError(f"{path} is no whole ONNX file: install its package again.") from error


def _name(name, users):
    if "::" not in name:
        return name
    return users[name].removesuffix("_output_0").strip("/").replace("/", ".")
