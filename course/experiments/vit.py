"""What the experiments of Lab 4 need besides the learner's own layers: training, a small CNN, distillation."""

import keras
import numpy as np
from keras import ops

from course.experiments import training
from course.machine import presets


def shifted(images, rng, most=2):
    """Each image moved by up to `most` pixels to any side, black filling in."""
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    places = rng.integers(0, 2 * most + 1, (len(images), 2))
    return np.stack([one[y : y + height, x : x + width] for one, (y, x) in zip(padded, places, strict=True)])


def optimizer_for(steps, rate=1e-3, weight_decay=0.05):
    """AdamW with a short warm-up, a cosine to 0 and clipped gradients, as in ViT; no decay where there is no kernel."""
    schedule = training.warmup_cosine(steps, rate, start=rate / 20)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(
        var_names=["bias", "gamma", "beta", "tokens", "positions", "mask_vector"]
    )
    return optimizer


def fit(
    model,
    images,
    targets,
    steps,
    *,
    loss=training.CROSS_ENTROPY,
    augment=None,
    rate=1e-3,
    batch_size=64,
    seed=1,
    **options,
):
    """Train a model as ViT was trained, for some steps.

    Args:
        model: takes images, and gives what the loss takes.
        images: `(example, height, width, channels)`.
        targets: `(example, ...)`, or `None`.
        steps: number of batches.
        loss: of targets and outputs; `None` if the model has a `compute_loss` of its own.
        augment: `augment(images, rng)` for each batch.
        rate: highest learning rate.
        batch_size: examples a batch.
        seed: of the order of the examples.
        options: `name` and `lines`, as for `training.fit`.

    Returns:
        `training.Trained`.
    """
    data = training.batches(images, targets, steps, batch_size, augment, seed)
    return training.fit(model, optimizer_for(steps, rate), loss, data, **options)


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
        optimizer_for(steps * epochs, rate), loss, metrics=["accuracy"], jit_compile=presets.jit_compile()
    )
    return model.fit(
        train, validation_data=test, epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=2
    )
