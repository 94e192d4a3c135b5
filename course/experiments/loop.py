"""Many steps of training in one call, so that Python is not asked between them.

`keras.Model.fit` hands over each batch and calls its callbacks after each step. For the small models of the labs that
takes a good part of the time. Here batches are stacked while the steps before them are computed, and Keras' own
`train_step` runs over the stack inside of one graph. That is for TensorFlow, the course's default; elsewhere, and
where a model is to run without a graph, `fit` does the same work.
"""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import keras
import numpy as np

TOGETHER = 25  # steps in one call; a few seconds at most, so that whoever stops a cell need not wait


def run(model, data, progress, shuffle=False):
    """Train a compiled model on batches, each of them once.

    Args:
        model: a Keras model after `compile`.
        data: a `keras.utils.PyDataset` that gives the same batch for the same number.
        progress: a `keras.callbacks.Callback`; it hears of the first step, and then at the latest of every
            `progress.every`-th.
        shuffle: take the batches in random order.
    """
    if keras.backend.backend() != "tensorflow" or model.run_eagerly:
        model.fit(data, shuffle=shuffle, verbose=0, callbacks=[progress])
        return
    order = np.random.permutation(len(data)) if shuffle else np.arange(len(data))
    steps = _steps(model, data[int(order[0])])
    model.reset_metrics()
    progress.set_model(model)
    progress.on_train_begin()
    ends = _ends(len(data), progress.every)
    with ThreadPoolExecutor(1) as ahead:
        waiting = ahead.submit(_stacks, data, order[: ends[0]])
        for place, end in enumerate(ends):
            stacks = waiting.result()
            if end < len(data):
                waiting = ahead.submit(_stacks, data, order[end : ends[place + 1]])
            for stack in stacks:
                steps(stack)
            progress.on_train_batch_end(end - 1, {"loss": float(model.get_metrics_result()["loss"])})
    # Takes averaged weights, if there are any.
    model.optimizer.finalize_variable_values(model.trainable_variables)


def _ends(steps, every):
    """After which steps there is a pause: the first, each look, and so that no part is too long."""
    looks = {1, steps, *range(every, steps + 1, every)}
    found = [0]
    for look in sorted(looks):
        while found[-1] < look:
            found.append(min(look, found[-1] + TOGETHER))
    return found[1:]


def _stacks(data, numbers):
    """Batches as stacks `(steps, batch, ...)`, one for each run of batches of the same shape."""
    groups, last = [], None
    for number in numbers:
        batch = data[int(number)]
        shape = [np.shape(each) for each in keras.tree.flatten(batch)]
        if shape != last:
            groups.append([])
        groups[-1].append(batch)
        last = shape
    return [keras.tree.map_structure(lambda *each: np.stack(each), *group) for group in groups]


def _is_news(record):
    """Not that each model and each length of batch has a graph of its own: that is as it should be here."""
    return "tf.function retracing" not in record.getMessage()


def _steps(model, batch):
    """A compiled function that trains on a stack of batches; made once for each `compile`."""
    made = getattr(model, "steps_together", None)
    if made is not None and made.optimizer is model.optimizer:
        return made.steps
    import tensorflow as tf

    tf.get_logger().addFilter(_is_news)
    _make_variables(model, batch)
    step = tf.function(model.train_step, jit_compile=True) if model.jit_compile else model.train_step

    @tf.function(reduce_retracing=True)
    def steps(stack):
        for number in tf.range(tf.shape(tf.nest.flatten(stack)[0])[0]):
            step(tf.nest.map_structure(lambda each, at=number: each[at], stack))

    model.steps_together = SimpleNamespace(optimizer=model.optimizer, steps=steps)
    return steps


def _make_variables(model, batch):
    """A graph's loop may not make variables: weights, the optimizer's moments and the loss' means are made before."""
    inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
    model.compute_loss(x=inputs, y=targets, y_pred=model(inputs), sample_weight=weights)
    model.optimizer.build(model.trainable_variables)
