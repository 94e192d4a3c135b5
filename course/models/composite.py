"""A base for layers that are made of other layers."""

import keras


class Composite(keras.layers.Layer):
    """A layer whose sub-layers are built when they are first called.

    It is here for speed alone. A plain `keras.layers.Layer` without a `build` method makes Keras trace `call` before
    the first call, once more for every level of nesting: for a stack of attention layers that takes many seconds.
    """

    def build(self, input_shape):
        """Leave building to the sub-layers."""
