"""What the experiments of Lab 4 need besides the learner's own layers: batches, training, a small CNN."""

import time

import keras
import numpy as np
from keras import ops


def arrays(dataset, limit=None):
    """A data set of `(image, label)` as `(images, labels)`: floats from 0 to 1, and integers."""
    images, labels = zip(*dataset.take(limit or -1).as_numpy_iterator(), strict=True)
    return np.stack(images).astype("float32") / 255, np.array(labels, "int32")


def shifted(images, rng, most=2):
    """Each image moved by up to `most` pixels to any side, black filling in."""
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    places = rng.integers(0, 2 * most + 1, (len(images), 2))
    return np.stack([one[y : y + height, x : x + width] for one, (y, x) in zip(padded, places, strict=True)])


class Batches(keras.utils.PyDataset):
    """`steps` batches of rows drawn at random, changed by `augment` if it is given; the same for the same seed."""

    def __init__(self, images, targets, steps, batch_size=64, augment=None, seed=1):
        super().__init__()
        self.images, self.targets, self.augment = images, targets, augment
        self.rows = np.random.default_rng(seed).permuted(
            np.tile(np.arange(len(images)), (-(-steps * batch_size // len(images)), 1)), axis=1
        )  # each row of this table is one pass over the images
        self.rows = self.rows.reshape(-1)[: steps * batch_size].reshape(steps, batch_size)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, step):
        rows = self.rows[step]
        images = self.images[rows]
        if self.augment is not None:
            images = self.augment(images, np.random.default_rng([7, step]))
        return (images,) if self.targets is None else (images, self.targets[rows])


class Progress(keras.callbacks.Callback):
    """Says a few times how far the training is and how long it will take."""

    def __init__(self, name, steps, lines=2):
        super().__init__()
        self.name, self.steps, self.losses = name, steps, []
        self.at = {round(steps * number / (lines + 1)) for number in range(1, lines + 1)}

    def on_train_begin(self, logs=None):
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float((logs or {}).get("loss", np.nan)))
        if batch + 1 in self.at and self.name:
            left = (time.perf_counter() - self.start) * (self.steps / (batch + 1) - 1)
            print(f"{self.name}: step {batch + 1} of {self.steps}, about {left:.0f} s to go", flush=True)


def optimizer_for(steps, rate=1e-3, weight_decay=0.05):
    """AdamW with a short warm-up, a cosine to 0 and clipped gradients, as in ViT; no decay where there is no kernel."""
    warmup = max(steps // 10, 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, max(steps - warmup, 1), warmup_target=rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(
        var_names=["bias", "gamma", "beta", "tokens", "positions", "mask_vector"]
    )
    return optimizer


def fit(model, images, targets, steps, *, name="", loss=None, augment=None, rate=1e-3, batch_size=64, seed=1):
    """Train a model for some steps.

    Args:
        model: takes images and gives logits, or has a `compute_loss` of its own if there are no targets.
        images: `(example, height, width, channels)`.
        targets: `(example, ...)`, or `None`.
        steps: number of batches.
        name: what to call it while it trains; without one, it is silent.
        loss: of targets and outputs; cross-entropy of integer labels if left out.
        augment: `augment(images, rng)` for each batch.
        rate: highest learning rate.
        batch_size: examples a batch.
        seed: of the order of the examples.

    Returns:
        `(losses, seconds)`: the running mean of the loss after each step, and how long it took.
    """
    import course

    if loss is None and targets is not None:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    eager = steps < 10  # a smoke test: making a graph would take longer than all its steps
    model.compile(
        optimizer_for(steps, rate), loss, jit_compile=not eager and course.jit_compile(), run_eagerly=eager
    )
    return _run(model, images, targets, steps, name, augment, batch_size, seed)


def again(model, weights, images, targets, steps, *, name="", augment=None, batch_size=64, seed=1):
    """`fit` once more from the same start, on other data, without the seconds that a new graph takes.

    Args:
        model: was trained by `fit` with as many steps.
        weights: what `model.get_weights()` gave before that.
        images, targets, steps, name, augment, batch_size, seed: as for `fit`.

    Returns:
        `(losses, seconds)`, as `fit`.
    """
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        if variable is not model.optimizer.learning_rate:
            variable.assign(ops.zeros_like(variable))
    return _run(model, images, targets, steps, name, augment, batch_size, seed)


def _run(model, images, targets, steps, name, augment, batch_size, seed):
    progress = Progress(name, steps)
    start = time.perf_counter()
    batches = Batches(images, targets, steps, batch_size, augment, seed)
    model.fit(batches, shuffle=False, verbose=0, callbacks=[progress])
    return progress.losses, time.perf_counter() - start


def logits_of(model, images, batch_size=250):
    """What a model answers to images, as an array; nothing is traced, so nothing warns."""
    parts = [
        model(images[start : start + batch_size], training=False)
        for start in range(0, len(images), batch_size)
    ]
    return np.concatenate([ops.convert_to_numpy(part) for part in parts])


def accuracy(model, images, labels):
    """Share of images whose largest logit is that of their label."""
    return float((logits_of(model, images).argmax(axis=-1) == labels).mean())


def small_cnn(image_shape, num_classes=10, width=16):
    """Three convolutions that know their neighbourhood: about 24,000 weights."""
    layers = [keras.Input(image_shape)]
    for factor in (1, 2):
        layers += [
            keras.layers.Conv2D(factor * width, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
        ]
    layers += [
        keras.layers.Conv2D(4 * width, 3, padding="same", activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(num_classes),
    ]
    return keras.Sequential(layers)


def few(labels, count, seed=1):
    """`count` rows, the same number of each class as far as that goes, drawn at random."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    classes = [order[labels[order] == each] for each in np.unique(labels)]
    turns = [rows[place] for place in range(max(map(len, classes))) for rows in classes if place < len(rows)]
    return np.array(turns[:count])


class Student(keras.Model):
    """Makes of a model with two heads one whose output a loss can read: `(batch, 2, num_classes)`."""

    def __init__(self, model, both):
        super().__init__()
        self.model, self.both = model, both

    def build(self, input_shape):
        """Leave building to the model."""

    def call(self, images):
        return ops.stack(self.both(images), axis=1)


def distilling(loss):
    """A distillation loss as `fit` wants it: labels and teacher's logits side by side, both heads stacked."""

    def of(targets, heads):
        labels, teacher = ops.cast(targets[:, 0], "int32"), targets[:, 1:]
        return loss(labels, heads[:, 0], heads[:, 1], teacher)

    return of


def copy_weights(source, target, leave=()):
    """Give a built model the weights of another with the same layers, those named in `leave` excepted."""

    def named(model):
        return {variable.path.split("/", 1)[-1]: variable for variable in model.trainable_variables}

    theirs = named(source)
    for path, variable in named(target).items():
        if path.split("/")[0] not in leave and path.split("/")[-1] not in leave:
            variable.assign(theirs[path])


# --- the `gpu` preset: CIFAR-10 ---------------------------------------------------------------------------


def train_on_colour_images(model, train, test, epochs, batch_size=256, rate=1e-3, steps=None):
    """Train on a `tf.data` set of colour images with crops, flips and label smoothing.

    Args:
        model: takes floats from 0 to 1 and gives logits.
        train: `(image, label)` pairs, uint8 images of one size.
        test: the same.
        epochs: passes over the training images.
        batch_size: images a step.
        rate: highest learning rate.
        steps: steps an epoch; all the images if left out.

    Returns:
        Keras' history, with `val_accuracy` after each epoch.
    """
    import tensorflow as tf

    import course

    def augment(image, label):
        image = tf.image.random_flip_left_right(tf.cast(image, tf.float32) / 255.0)
        shape = image.shape
        padded = tf.pad(image, ((4, 4), (4, 4), (0, 0)), mode="REFLECT")
        return tf.image.random_crop(padded, shape), tf.one_hot(label, model.head.units)

    def plain(image, label):
        return tf.cast(image, tf.float32) / 255.0, tf.one_hot(label, model.head.units)

    steps = steps or max(int(train.cardinality()) // batch_size, 1)
    train = (
        train.shuffle(10_000, seed=1).repeat().map(augment, tf.data.AUTOTUNE).batch(batch_size).prefetch(2)
    )
    test = test.map(plain, tf.data.AUTOTUNE).batch(batch_size)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    model.compile(
        optimizer_for(steps * epochs, rate), loss, metrics=["accuracy"], jit_compile=course.jit_compile()
    )
    return model.fit(
        train, validation_data=test, epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=2
    )
