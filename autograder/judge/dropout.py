"""Training as a probe can look at it: every layer is told so, and what dropout draws follows from shapes alone.

Runs in the judge and, sent as text, in the student process. Needs Keras on TensorFlow.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np


def in_training(work: Callable) -> Any:
    """What `work()` gives, with every layer in it told that this is training: as inside a model that is trained."""
    import keras

    found = []

    class Trained(keras.layers.Layer):
        def call(self, inputs, training=None):
            found.append(work())
            return inputs

    Trained()(keras.ops.zeros(()), training=True)
    return found[0]


@contextlib.contextmanager
def predictable(mirrored: bool) -> Any:
    """Random numbers between 0 and 1 that follow from their shape, and from how many of that shape came before.

    All dropout of TensorFlow and Keras compares such numbers with a rate, so it is the same in two processes. Some
    compare the other way round, which drops others: the judge holds both patterns ready.
    """
    from tensorflow.python.ops import gen_random_ops, gen_stateless_random_ops, gen_stateless_random_ops_v2

    turns = {}

    def pattern(shape):
        shape = tuple(int(size) for size in shape)
        turns[shape] = turns.get(shape, 0) + 1
        drawn = np.random.default_rng([*shape, turns[shape]]).uniform(0.001, 0.999, shape).astype("float32")
        return np.float32(1.0) - drawn if mirrored else drawn

    def uniform(shape, *args, dtype=None, **kwargs):
        import tensorflow as tf

        dtype = tf.float32 if dtype is None else dtype
        if tf.executing_eagerly():
            return tf.cast(pattern(np.asarray(shape)), dtype)
        found = tf.numpy_function(pattern, [shape], tf.float32)  # where the batch is known only when it runs
        found.set_shape(tf.TensorShape(tf.get_static_value(shape, partial=True)))
        return tf.cast(found, dtype)

    def plain(shape, dtype, **kwargs):
        return uniform(shape, dtype=dtype)

    def seeded(shape, seed, dtype=None, name=None):
        return uniform(shape, dtype=dtype)

    def binomial(shape, seed, counts, probs, dtype=None, name=None):
        import tensorflow as tf

        return tf.cast(uniform(shape) < tf.cast(probs, "float32"), tf.int64 if dtype is None else dtype)

    replaced = (
        (gen_random_ops, "random_uniform", plain),
        (gen_stateless_random_ops_v2, "stateless_random_uniform_v2", uniform),
        (gen_stateless_random_ops, "stateless_random_uniform", seeded),
        (gen_stateless_random_ops, "stateless_random_binomial", binomial),
    )
    before = [getattr(module, name) for module, name, _ in replaced]
    for module, name, function in replaced:
        setattr(module, name, function)
    try:
        yield
    finally:
        for (module, name, _), function in zip(replaced, before, strict=True):
            setattr(module, name, function)
