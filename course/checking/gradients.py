"""Whether gradients reach what a visible check asks for, and are the right ones.

Right numbers from one forward pass are not enough: a layer with a `stop_gradient` inside has them, and does not learn. A
gradient is held against how the result really changes, so that no reference is needed.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from course.checking.expectations import NamedMistake, fixed_normal, to_numpy

# Steps of the finite difference. A small one steps over no kink of a ReLU, a large one stands out from what float32
# rounds away: a gradient is wrong if it is wrong by all of them.
STEPS = (3e-3, 1e-3, 1e-2)
TOLERANCE = 0.1  # of the length of the gradient; a part that is cut off costs more


def expect_gradients(function: Callable, layer: Any = None, **inputs: Any) -> None:
    """Fail unless gradients reach all inputs, and all weights of `layer`, and are the right ones.

    They are compared with finite differences, all at once: along the inputs themselves, and along a fixed random
    direction. Only if that fails is each looked at alone, to say which it is. (On TensorFlow: other backends are not
    asked.)

    Args:
        function: takes the inputs in their order and gives a tensor, or a tuple or list of tensors; what is not of
            floats does not count.
        layer: a built layer whose trainable weights are to get gradients, too.
        inputs: name of each argument, as the learner knows it -> float tensor.

    Raises:
        NamedMistake: if one gets no gradient, or a wrong one.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    weights = list(layer.trainable_variables) if layer is not None else []
    values = [tf.convert_to_tensor(value) for value in inputs.values()]
    with tf.GradientTape() as tape:
        tape.watch(values)
        height = _height(function(*values))
    sources = [*values, *(weight.value for weight in weights)]
    gradients = [None] * len(sources)
    if isinstance(height, tf.Tensor):
        gradients = tape.gradient(height, sources)
    gradients = [None if each is None else to_numpy(tf.convert_to_tensor(each)) for each in gradients]
    before = [to_numpy(source) for source in sources]
    random = [np.random.default_rng([77, place]).normal(size=each.shape) for place, each in enumerate(before)]

    def slope(directions, size):
        """What the height really rises, for each step in these directions; and what rounding may make of nothing."""
        heights = []
        for step in (size, -size):
            moved = [
                start if direction is None else (start + step * direction).astype(start.dtype)
                for start, direction in zip(before, directions, strict=True)
            ]
            for weight, value in zip(weights, moved[len(values) :], strict=True):
                weight.assign(value)
            heights.append(float(_height(function(*map(tf.convert_to_tensor, moved[: len(values)])))))
        return (heights[0] - heights[1]) / (2 * size), 1e-6 * (abs(heights[0]) + abs(heights[1]) + 1.0) / size

    def wrong(directions):
        found = [
            (gradient, direction)
            for gradient, direction in zip(gradients, directions, strict=True)
            if gradient is not None and direction is not None
        ]
        own = sum(float(np.sum(gradient * direction)) for gradient, direction in found)
        length = sum(float(np.sum(gradient**2)) for gradient, _ in found) ** 0.5
        for size in STEPS:
            wanted, noise = slope(directions, size)
            if abs(own - wanted) <= TOLERANCE * length + 3 * noise + 1e-3:
                return False
        return True

    names = [f"`{name}`" for name in inputs] + [f"`self.{_path(layer, weight)}`" for weight in weights]
    try:
        towards = [*before[: len(values)], *random[len(values) :]]
        # What no gradient reaches may be small beside the rest, so it is moved once for itself.
        missing = [
            direction if gradient is None else None
            for gradient, direction in zip(gradients, random, strict=True)
        ]
        tries = [towards, random] if values else [random]
        if any(direction is not None for direction in missing):
            tries.append(missing)
        if not any(map(wrong, tries)):
            return
        for place, name in enumerate(names):
            for direction in (before[place], random[place]):
                if wrong([direction if other == place else None for other in range(len(names))]):
                    raise NamedMistake(_cut_off(name, gradients[place]))
    finally:
        for weight, value in zip(weights, before[len(values) :], strict=True):
            weight.assign(value)


def _cut_off(name, gradient):
    if gradient is None or not gradient.any():
        return f"no gradient reaches {name}, so nothing can be learned there: is there a `stop_gradient`, or NumPy inside?"
    return (
        f"the gradient that reaches {name} is not how the result changes: is a part cut off by `stop_gradient` or "
        "NumPy, or is something kept from an earlier call?"
    )


def _height(result):
    """A scalar made of all float outputs, each entry with a fixed weight of its own."""
    total = 0.0
    for place, part in enumerate(keras.tree.flatten(result)):
        if hasattr(part, "dtype") and "float" in str(part.dtype):
            part = ops.cast(part, "float32")
            total = total + ops.sum(part * fixed_normal(*part.shape, seed=40 + place))
    return total


def _path(layer, weight):
    """What a learner calls a weight: `attention.query_dense.kernel`."""
    path, name = weight.path, f"{layer.name}/"
    return (path.split(name, 1)[1] if name in path else path).replace("/", ".")
