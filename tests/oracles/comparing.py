"""How a reference is compared with its oracle: the same weights in float64, and slopes instead of gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from course.models.checkpoints import named_weights

needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="takes its gradients with TensorFlow"
)


def redrawn(model, seed=3, spread=0.3):
    """A model after every weight that is trained was drawn anew, those that begin as zeros and ones, too."""
    rng = np.random.default_rng(seed)
    for _, variable in sorted(named_weights(model).items()):
        if variable.trainable:
            variable.assign(variable + spread * rng.normal(size=variable.shape).astype("float32"))
    return model


def as_float64(model):
    """Name of each weight, such as `blocks.0.attention.query_dense.kernel` -> float64 array."""
    return {
        name: ops.convert_to_numpy(variable).astype("float64")
        for name, variable in named_weights(model).items()
    }


def expect_slopes(model, loss, loss_at, step=1e-5, within=2e-5, every=1):
    """For every weight, the slope of the loss along a random direction: by autodiff, and by differences in float64.

    Args:
        model: a model that was called.
        loss: takes nothing and gives the loss as a tensor.
        loss_at: takes weights as `as_float64` gives them, and gives the oracle's loss.
        step: how far the oracle goes to either side.
        within: how far the slopes may be apart.
        every: look at every so many weights, where the oracle is slow.
    """
    import tensorflow as tf

    variables = {name: each for name, each in named_weights(model).items() if each.trainable}
    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, [variable.value for variable in variables.values()])
    weights, rng = as_float64(model), np.random.default_rng(4)
    assert float(value) == pytest.approx(loss_at(weights), abs=1e-5)
    for name, gradient in list(zip(variables, gradients, strict=True))[::every]:
        gradient = np.asarray(tf.convert_to_tensor(gradient), "float64")
        direction = rng.normal(size=gradient.shape)
        direction *= step / np.linalg.norm(direction)
        up, down = (loss_at(weights | {name: weights[name] + sign * direction}) for sign in (1, -1))
        assert np.sum(gradient * direction) / step == pytest.approx((up - down) / (2 * step), abs=within), (
            name
        )
