"""How all labs train: batches, a schedule, one loop that says how far it is, copies of weights.

    run = training.fit(model, optimizer, loss, training.batches(images, labels, steps=500), name="digits")
    plots.curves(axis, {"loss": run.losses}, run.steps)
    print(f"{run.seconds:.0f} s")

What is a lab's own, the constants of its paper and its task, stands in that lab's module.
"""

import time
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from course.experiments import loop
from course.machine import presets
from course.models.checkpoints import named_weights
from course.widgets.live_curve import LiveCurve

CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)  # of integer labels and logits


class Trained(NamedTuple):
    """What a training leaves behind besides the weights."""

    steps: list  # after how many steps the loss was looked at
    losses: list  # what it was: the mean since the last look, or what was measured
    seconds: float  # of the whole training
    pace: float  # seconds a step, without the first, in which the graph is made; NaN if there was no other


# --- what to learn from -----------------------------------------------------------------------------------


class Batches(keras.utils.PyDataset):
    """A batch for each of `steps` steps: `make(step)`, which gives the same for the same step."""

    def __init__(self, steps, make):
        super().__init__()
        self.steps, self.make = steps, make

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        return self.make(step)


def batches(inputs, targets, steps, batch_size=64, augment=None, seed=1):
    """Batches of examples in random order; each pass shows every example once.

    Args:
        inputs: array `(example, ...)`, or a tuple of them.
        targets: array `(example, ...)`, or `None`.
        steps: how many batches.
        batch_size: examples a batch.
        augment: `augment(inputs, rng)` for each batch.
        seed: of the order.

    Returns:
        `Batches` of `(inputs, targets)`, or of `(inputs,)`.
    """
    count = len(keras.tree.flatten(inputs)[0])
    passes = -(-steps * batch_size // count)
    order = np.tile(np.arange(count), (passes, 1))  # a row is one pass
    order = np.random.default_rng(seed).permuted(order, axis=1).reshape(-1)
    rows = order[: steps * batch_size].reshape(steps, batch_size)

    def make(step):
        shown = keras.tree.map_structure(lambda each: each[rows[step]], inputs)
        if augment is not None:
            shown = augment(shown, np.random.default_rng([7, step]))
        return (shown,) if targets is None else (shown, targets[rows[step]])

    return Batches(steps, make)


def in_order(inputs, targets, batch_size=32):
    """Batches of examples as they come; what is too little for a whole batch is left out.

    Args:
        inputs: an array `(example, ...)`, or a tuple of them.
        targets: the same.
        batch_size: examples a batch.

    Returns:
        `Batches` of `(inputs, targets)`.
    """

    def make(step):
        part = slice(step * batch_size, (step + 1) * batch_size)
        return keras.tree.map_structure(lambda each: each[part], (inputs, targets))

    return Batches(len(keras.tree.flatten(inputs)[0]) // batch_size, make)


def few(labels, count, seed=1):
    """`count` rows, the same number of each class as far as that goes, drawn at random."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    classes = [order[labels[order] == each] for each in np.unique(labels)]
    turns = [rows[place] for place in range(max(map(len, classes))) for rows in classes if place < len(rows)]
    return np.array(turns[:count])


# --- the loss ---------------------------------------------------------------------------------------------


def where_asked(loss):
    """A loss that takes a mask, as `fit` wants it: of answers, -1 wherever nothing is asked, and logits.

    Args:
        loss: `loss(answers, logits, mask)`, the learner's.
    """

    def of(answers, logits):
        return loss(ops.maximum(answers, 0), logits, answers >= 0)

    return of


# --- the loop ---------------------------------------------------------------------------------------------


def warmup_cosine(steps, rate, start=0.0):
    """A learning rate that rises from `start` to `rate` in a tenth of the steps, then falls to 0 along a cosine."""
    warmup = max(steps // 10, 1)
    return keras.optimizers.schedules.CosineDecay(
        start, max(steps - warmup, 1), warmup_target=rate, warmup_steps=warmup
    )


def fit(model, optimizer, loss, data, *, name="", lines=6, measure=None, shuffle=False, **options):
    """Train a model on batches, each of them once.

    Args:
        model: a Keras model.
        optimizer: a Keras optimizer.
        loss: of targets and outputs; `None` if the model has a `compute_loss` of its own.
        data: `Batches`.
        name: what to call the training while it runs; without one it is silent.
        lines: how often the loss is looked at and, with a name, said.
        measure: takes nothing and gives the loss to look at, on held-out rows for example; left out, it is the mean
            loss of the batches since the last look.
        shuffle: take the batches in random order.
        options: of `model.compile`.

    Returns:
        `Trained`.
    """
    # A smoke test runs without a graph, which would take longer to make than all its steps.
    eager = len(data) < 10
    jit_compile = False if eager else presets.jit_compile()
    model.compile(optimizer, loss, run_eagerly=eager, jit_compile=jit_compile, **options)
    return further(model, data, name=name, lines=lines, measure=measure, shuffle=shuffle)


def further(model, data, *, name="", lines=6, measure=None, shuffle=False):
    """Train a model that was trained or compiled before, with its optimizer as it is, and without making a new graph.

    Args:
        model, data, name, lines, measure, shuffle: as for `fit`.

    Returns:
        `Trained`.
    """
    progress, start = Progress(len(data), name, lines, measure), time.perf_counter()
    loop.run(model, data, progress, shuffle)
    return Trained(progress.seen, progress.losses, time.perf_counter() - start, progress.pace)


def again(model, weights, data, *, name="", lines=6):
    """Train from given weights, with the optimizer of the last `fit` as it was in the beginning.

    That saves the seconds that making a new graph takes.

    Args:
        model: was trained by `fit`, with as many steps.
        weights: as `model.get_weights()` gives them.
        data, name, lines: as for `fit`.

    Returns:
        `Trained`.
    """
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        if variable is not model.optimizer.learning_rate:
            variable.assign(ops.zeros(variable.shape, variable.dtype))
    return further(model, data, name=name, lines=lines)


class Progress(keras.callbacks.Callback):
    """Looks at the loss now and then; with a name it says step, loss, and how long it will still take.

    Args:
        steps: of the whole training.
        name, lines, measure: as for `fit`.
    """

    def __init__(self, steps, name="", lines=6, measure=None):
        super().__init__()
        self.steps, self.name, self.measure = steps, name, measure
        self.every = max(1, steps // max(1, lines))
        self.seen, self.losses, self.pace = [], [], float("nan")

    def on_train_begin(self, logs=None):
        self.total, self.counted = 0.0, 0
        self.curve, self.before = LiveCurve(self.name, self.steps), (0.0, 0)

    def on_train_batch_end(self, batch, logs=None):
        """After each step, or after several; `batch` counts from 0, and the first and each look are among them."""
        done = batch + 1
        if done == 1:
            self.start = time.perf_counter()  # the first step also makes the graph
        if done % self.every == 0:
            self.seen.append(done)
            self.losses.append(self.measure() if self.measure else self._since_last_look(done, logs["loss"]))
            left = (time.perf_counter() - self.start) / max(1, batch) * (self.steps - done)
            say(self.name, done, self.steps, self.losses[-1], left)
        self._draw(done, logs["loss"])
        if batch:
            self.pace = (time.perf_counter() - self.start) / batch

    def _draw(self, done, mean):
        """A point of the live curve: the mean loss since the last one, at most four hundred of them."""
        (total, steps), now = self.before, float(mean) * done
        if done == 1 or done == self.steps or done - steps >= self.steps / 400:
            self.curve.add(done, (now - total) / max(1, done - steps))
            self.before = (now, done)

    def _since_last_look(self, done, mean):
        """Keras tells the mean since the start."""
        total, steps = float(mean) * done - self.total, done - self.counted
        self.total, self.counted = float(mean) * done, done
        return total / steps


def say(name, done, steps, loss, left):
    """The line of progress of all labs; without a name, nothing.

    Args:
        name: what is training.
        done: steps that are over.
        steps: of the whole training.
        loss: what it is now.
        left: seconds that it will still take.
    """
    if name:
        count = f"{done:{len(f'{steps:,}')},} of {steps:,}"
        print(f"{name}: step {count}   loss {loss:.3f}   about {left:.0f} s left", flush=True)


# --- weights ----------------------------------------------------------------------------------------------


def copy_weights(source, target, leave=()):
    """Give a model the weights of another: all that both have under the same name, such as `head.kernel`.

    Args:
        source: a layer or model that was called once.
        target: another one.
        leave: names, or parts of them, whose weights are not copied: `("head", "positions")`.
    """
    theirs = named_weights(source)
    for name, variable in named_weights(target).items():
        if name in theirs and not set(leave) & set(name.split(".")):
            variable.assign(theirs[name])
