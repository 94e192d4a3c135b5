"""What the experiments of Lab 6 need besides the learner's own layers: images, noise, training, layer-wise rates."""

import keras
import numpy as np
from keras import ops

from course.experiments import training
from course.experiments.loading import scaled
from course.experiments.measuring import Probe, in_parts
from course.models.checkpoints import named_weights


def digits(limit=None):
    """`(images, labels, test_images, test_labels)`: MNIST without its black frame, 24 x 24 pixels.

    Pixels have mean 0 and variance 1 over all training images, as the paper's have (roughly): see `standardized`.
    """
    images, labels = scaled("mnist5k", "train", limit)
    held_out, held_out_labels = scaled("mnist5k", "test", limit)
    images, held_out = standardized(images[:, 2:26, 2:26], held_out[:, 2:26, 2:26])
    return images, labels, held_out, held_out_labels


def emoji(limit=None):
    """`(images, test_images)`: the pictures of OpenMoji, `(count, 32, 32, 3)`, standardized."""
    return standardized(*(scaled("openmoji", split, limit)[0] for split in ("train", "test")))


def standardized(images, *others):
    """Images less the mean of all pixels, divided by their spread; the others by the same two numbers."""
    mean, spread = images.mean(), images.std()
    return tuple(((each - mean) / spread).astype("float32") for each in (images, *others))


# --- noise, and what it hides -----------------------------------------------------------------------------


def random_noise(rng, count, grid):
    """Noise that hides patches here and there: `(count, patches)`, evenly drawn."""
    return rng.random((count, grid[0] * grid[1]), dtype="float32")


def grid_noise(rng, count, grid):
    """Noise that keeps one patch of every two by two, all images the same way; for a mask ratio of 75 %."""
    noise = 1 + rng.random((count, *grid), dtype="float32")
    noise[:, ::2, ::2] -= 1
    return noise.reshape(count, -1)


def block_noise(block_mask, ratio, smallest=4):
    """Noise that hides the blocks of the learner's `block_mask`.

    `random_masking` hides exactly so many patches, so single ones come or go where the blocks are too few or too many.
    """

    def of(rng, count, grid):
        masks = [block_mask(rng.random((40, 4)), grid, ratio, smallest) for _ in range(count)]
        return (rng.random((count, grid[0] * grid[1])) + np.reshape(masks, (count, -1))).astype("float32")

    return of


def hidden_batches(images, steps, batch_size, grid, noise=random_noise, augment=None, seed=1):
    """`training.Batches` of `((images, noise),)`: random images, and for each fresh noise."""
    plain = training.batches(images, None, steps, batch_size, augment, seed)

    def make(step):
        (shown,) = plain[step]
        return ((shown, noise(np.random.default_rng([seed, step]), len(shown), grid)),)

    return training.Batches(steps, make)


def mirrored(images, rng):
    """Each image as it is or mirrored, by chance."""
    return np.where(rng.random(len(images))[:, None, None, None] < 0.5, images, images[:, :, ::-1])


def cropped(images, rng, least=0.6, mirror=True):
    """A random square of each image, at least `least` of its side, stretched to its old size; perhaps mirrored."""
    images, side = mirrored(images, rng) if mirror else images, images.shape[1]
    found = np.empty_like(images)
    for number, image in enumerate(images):
        part = side * rng.uniform(least, 1)
        top, left = rng.uniform(0, side - part, 2)
        rows, columns = ((start + (np.arange(side) + 0.5) * part / side).astype(int) for start in (top, left))
        found[number] = image[rows][:, columns]
    return found


# --- training ---------------------------------------------------------------------------------------------


class LayerwiseAdamW(keras.optimizers.Adam):
    """AdamW in which each weight has its own share of the learning rate, of its decay too.

    Args:
        learning_rate: number or schedule.
        shares: id of a variable -> its share; 1 for all others.
        weight_decay: for variables with two axes or more, as in MAE.
        options: of `keras.optimizers.Adam`.
    """

    def __init__(self, learning_rate, shares=(), weight_decay=0.05, **options):
        super().__init__(learning_rate, **options)
        self.shares, self.decay = dict(shares), weight_decay

    def build(self, variables):
        super().build(variables)
        # Later, TensorFlow hands over its own variables; Keras knows how to tell whose they are.
        self.own_share = {self._var_key(one): self.shares.get(id(one), 1.0) for one in variables}

    def update_step(self, gradient, variable, learning_rate):
        share = self.own_share[self._var_key(variable)]
        learning_rate = ops.cast(learning_rate, variable.dtype) * share
        if len(variable.shape) > 1:
            self.assign_sub(variable, variable * (learning_rate * self.decay))
        super().update_step(gradient, variable, learning_rate)


def optimizer_for(steps, rate, shares=(), **options):
    """`LayerwiseAdamW` with a short warm-up, a cosine to 0 and clipped gradients."""
    schedule = training.warmup_cosine(steps, rate, start=rate / 20)
    return LayerwiseAdamW(schedule, shares, global_clipnorm=1.0, **options)


def pretrain(
    model, images, steps, *, noise=random_noise, augment=None, rate=3e-3, batch_size=64, seed=1, **options
):
    """Train a `MaskedAutoencoder`, with betas of 0.9 and 0.95 as in the paper.

    Args:
        model: its `encoder` has a `grid`.
        images: `(count, height, width, channels)`.
        steps: how many batches.
        noise: `noise(rng, count, grid)`, what decides which patches are hidden.
        augment: `augment(images, rng)` for each batch.
        rate: highest learning rate.
        batch_size: images a batch.
        seed: of batches and noise.
        options: `name` and `lines`, as for `training.fit`.

    Returns:
        `training.Trained`.
    """
    data = hidden_batches(images, steps, batch_size, model.encoder.grid, noise, augment, seed)
    return training.fit(model, optimizer_for(steps, rate, beta_2=0.95), None, data, **options)


def pretrain_as_in_study(model, images, steps, recipe, *, noise=random_noise, seed=0, **options):
    """Train a `MaskedAutoencoder` as the course's study did, so that its point lies on the study's curves.

    The rate stays where it is after the warm-up, so every length is one of the same curve; in the end the model has
    the running average of its weights.

    Args:
        model, images, steps, noise, seed, options: as for `pretrain`.
        recipe: of the study, `results.read("mae")["recipe"]`.

    Returns:
        `training.Trained`.
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, alpha=1.0, warmup_target=recipe["rate"], warmup_steps=recipe["warmup_steps"]
    )
    optimizer = LayerwiseAdamW(
        schedule,
        weight_decay=recipe["weight_decay"],
        beta_1=recipe["betas"][0],
        beta_2=recipe["betas"][1],
        global_clipnorm=recipe["clipping"],
        use_ema=True,
        ema_momentum=recipe["average"],
    )
    data = hidden_batches(images, steps, recipe["batch"], model.encoder.grid, noise, seed=seed)
    return training.fit(model, optimizer, None, data, **options)


def fine_tune(
    model, images, labels, steps, *, shares=(), augment=None, rate=1e-3, batch_size=32, seed=1, **options
):
    """Train a classifier.

    Args:
        model: gives logits.
        images, labels: what it learns from.
        steps: how many batches.
        shares: id of a variable -> its share of the learning rate.
        augment, rate, batch_size, seed, options: as for `pretrain`.

    Returns:
        `training.Trained`.
    """
    data = training.batches(images, labels, steps, batch_size, augment, seed)
    return training.fit(model, optimizer_for(steps, rate, shares), training.CROSS_ENTROPY, data, **options)


def train_tokenizer(tokenizer, images, steps, rate=3e-3, batch_size=64, **options):
    """Train a `VisualTokenizer`; arguments and result as of `pretrain`."""
    tokenizer.start(images[:500])
    optimizer = keras.optimizers.Adam(training.warmup_cosine(steps, rate, start=rate / 20))
    data = training.batches(images, None, steps, batch_size)
    return training.fit(tokenizer, optimizer, None, data, **options)


# --- measuring --------------------------------------------------------------------------------------------


def guesses(model, images, seed=0, noise=random_noise):
    """`(predictions, mask)` of a `MaskedAutoencoder` as NumPy arrays; the same hidden patches for the same seed."""
    return in_parts(model, (images, noise(np.random.default_rng(seed), len(images), model.encoder.grid)))


def probed(encoder, examples, held_out, count=200, draws=3):
    """Accuracy of linear probes on the mean of an encoder's patches, as the course's study measures it.

    Args:
        encoder: the learner's `MAEEncoder`.
        examples, held_out: `(images, labels)` to learn from and to be judged by.
        count: how many labels a probe has.
        draws: how often they are drawn; the mean counts.
    """

    def features(images):
        return in_parts(lambda part: ops.mean(encoder(part)[0][:, 1:], axis=1), images)

    new, found = features(held_out[0]), []
    for draw in range(draws):
        rows = training.few(examples[1], count, draw)
        probe = Probe(features(examples[0][rows]), examples[1][rows])
        found.append(probe.accuracy(new, held_out[1]))
    return float(np.mean(found))


def mean_image_error(images, held_out):
    """The squared error of whoever guesses the mean of all training images, every time."""
    return float(np.mean((held_out - images.mean(axis=0)) ** 2))


def shares_of(model, layer_rates, num_layers, decay):
    """What `fine_tune` wants as `shares`: the learner's `layer_rates`, by variable."""
    named = named_weights(model)
    rates = layer_rates(list(named), num_layers, decay)
    return {id(variable): rate for variable, rate in zip(named.values(), rates, strict=True)}


# --- the `gpu` preset: photographs ------------------------------------------------------------------------


def photographs(name, split):
    """The images of a labelled set such as `"tfds:cifar10"`, standardized, float32."""
    return standardized(scaled(name, split)[0])[0]


def large_autoencoder(encoder, decoder, autoencoder, targets, num_layers=12, hidden_dim=192):
    """The learner's parts put together for photographs of 32 by 32 in 256 patches."""
    seen = encoder((32, 32), 2, num_layers, 3, hidden_dim, 4 * hidden_dim)
    return autoencoder(seen, decoder(seen.grid, 12, 4, 3, hidden_dim, 4 * hidden_dim), targets)
