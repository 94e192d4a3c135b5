"""How all labs measure: a model's answers part by part, accuracy, attention, linear probes."""

import contextlib
import warnings

import keras
import numpy as np
from keras import ops


def in_parts(function, inputs, size=250):
    """What a function or model makes of many examples, in parts of the batch, so that memory stays small.

    Args:
        function: takes what `inputs` is, and gives a tensor or several.
        inputs: an array `(example, ...)`, or a tuple of them.
        size: examples in a part.

    Returns:
        The same as `function`, as NumPy arrays.
    """
    count = len(keras.tree.flatten(inputs)[0])
    parts = []
    for start in range(0, count, size):
        part = keras.tree.map_structure(lambda each, at=start: each[at : at + size], inputs)
        parts.append(keras.tree.map_structure(ops.convert_to_numpy, function(part)))
    return keras.tree.map_structure(lambda *pieces: np.concatenate(pieces), *parts)


def accuracy(model, inputs, labels):
    """How often the highest of a model's logits is that of the label.

    Args:
        model: gives logits `(example, num_classes)`.
        inputs: an array `(example, ...)`, or a tuple of them.
        labels: integers `(example,)`.
    """
    return float(np.mean(in_parts(model, inputs).argmax(axis=-1) == labels))


@contextlib.contextmanager
def recorded(layers):
    """Record the weights of attention layers while the block runs.

    Args:
        layers: `MultiHeadAttention` layers.

    Yields:
        A list with one list for each layer, to which each call adds its weights as an array.
    """
    seen, originals = [[] for _ in layers], [layer.call for layer in layers]

    def spy(original, into):
        def call(*args, **kwargs):
            output, weights = original(*args, **kwargs)
            into.append(ops.convert_to_numpy(weights))
            return output, weights

        return call

    try:
        for layer, original, into in zip(layers, originals, seen, strict=True):
            layer.call = spy(original, into)
        yield seen
    finally:
        for layer, original in zip(layers, originals, strict=True):
            layer.call = original


class Probe:
    """A linear classifier on frozen features: logistic regression, each feature first brought to mean 0, variance 1.

    Args:
        features: NumPy array `(example, width)`.
        labels: `(example,)`.
    """

    def __init__(self, features, labels):
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from threadpoolctl import threadpool_limits

        self.pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=150, tol=1e-3))
        # These matrices are too small to be shared out, and so many iterations are enough to compare encoders.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.pipeline.fit(features, labels)

    def predict(self, features):
        """Classes `(example,)`."""
        return self.pipeline.predict(features)

    def accuracy(self, features, labels):
        """How often it is right."""
        return float(np.mean(self.predict(features) == labels))
