"""Counts the weights of published sizes from shapes, so that no weight is made: some models would take gigabytes."""

import math

import keras
import numpy as np


def count_weights(make, *inputs):
    """`(trained, fixed)`: how many weights a model has.

    Args:
        make: takes nothing and gives a model.
        inputs: shape and dtype of each tensor of the model's one input: `((1, 8), "int32")`.
    """
    tensors = tuple(keras.KerasTensor(*each) for each in inputs)
    # In such a scope a variable knows its shape and has no values yet.
    with keras.StatelessScope(initialize_variables=False):
        model = make()
        model.compute_output_spec(tensors[0] if len(tensors) == 1 else tensors)
    weights = (model.trainable_weights, model.non_trainable_weights)
    return tuple(sum(math.prod(variable.shape) for variable in each) for each in weights)


def count_stacked(make, num_layers, *inputs):
    """The same of a model whose layers are all as large: counted with one and with two of them.

    Args:
        make: takes a number of layers and gives a model.
        num_layers: how many it is to have.
        inputs: as for `count_weights`.
    """
    one, two = (np.array(count_weights(lambda n=n: make(n), *inputs)) for n in (1, 2))
    return tuple((one + (num_layers - 1) * (two - one)).tolist())
