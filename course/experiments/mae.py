"""What the experiments of Lab 6 need besides the learner's own layers: noise, training, layer-wise rates, baselines."""

import time

import keras
import numpy as np
from keras import ops

from course import data, presets
from course.experiments import vit


def digits(limit=None):
    """`(images, labels, test_images, test_labels)`: MNIST without its black frame, 24 x 24 pixels.

    Pixels have mean 0 and variance 1 over all training images, as the paper's have (roughly): see `standardized`.
    """
    images, labels = vit.arrays(data.load("mnist5k"), limit)
    held_out, held_out_labels = vit.arrays(data.load("mnist5k", "test"), limit)
    images, held_out = standardized(images[:, 2:26, 2:26], held_out[:, 2:26, 2:26])
    return images, labels, held_out, held_out_labels


def emoji(limit=None):
    """`(images, test_images)`: the pictures of OpenMoji, `(count, 32, 32, 3)`, standardized."""
    splits = []
    for split in ("train", "test"):
        loaded = data.load("openmoji", split, as_supervised=False).take(limit or -1)
        splits.append(np.stack([one["image"] for one in loaded.as_numpy_iterator()]).astype("float32") / 255)
    return standardized(*splits)


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


class Batches(vit.Batches):
    """`((images, noise),)`: random images, and for each fresh noise."""

    def __init__(self, images, steps, batch_size, grid, noise=random_noise, augment=None, seed=1):
        super().__init__(images, None, steps, batch_size, augment, seed)
        self.grid, self.noise, self.seed = grid, noise, seed

    def __getitem__(self, step):
        (images,) = super().__getitem__(step)
        return ((images, self.noise(np.random.default_rng([self.seed, step]), len(images), self.grid)),)


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


def schedule(steps, rate):
    """A short warm-up, then a cosine down to 0."""
    warmup = max(steps // 10, 1)
    return keras.optimizers.schedules.CosineDecay(
        rate / 20, max(steps - warmup, 1), warmup_target=rate, warmup_steps=warmup
    )


def pretrain(
    model, images, steps, *, noise=random_noise, augment=None, name="", rate=3e-3, batch_size=64, seed=1
):
    """Train a `MaskedAutoencoder` with AdamW, betas of 0.9 and 0.95 as in the paper, warm-up and cosine.

    Args:
        model: its `encoder` has a `grid`.
        images: `(count, height, width, channels)`.
        steps: how many batches.
        noise: `noise(rng, count, grid)`, what decides which patches are hidden.
        augment: `augment(images, rng)` for each batch.
        name: what to call it while it trains; without one, it is silent.
        rate: highest learning rate.
        batch_size: images a batch.
        seed: of batches and noise.

    Returns:
        `(losses, seconds)`: the running mean of the loss after each step, and how long it took, the first step, in
        which the graph is made, left out.
    """
    optimizer = LayerwiseAdamW(schedule(steps, rate), beta_2=0.95, global_clipnorm=1.0)
    model.compile(optimizer, **_graph(steps))
    batches = Batches(images, steps, batch_size, model.encoder.grid, noise, augment, seed)
    return _run(model, batches, steps, name)


def fine_tune(
    model, images, labels, steps, *, shares=(), augment=None, name="", rate=1e-3, batch_size=32, seed=1
):
    """Train a classifier.

    Args:
        model: gives logits.
        images, labels: what it learns from.
        steps: how many batches.
        shares: id of a variable -> its share of the learning rate.
        augment, name, rate, batch_size, seed: as for `pretrain`.

    Returns:
        `(losses, seconds)`, as `pretrain`.
    """
    optimizer = LayerwiseAdamW(schedule(steps, rate), shares, global_clipnorm=1.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **_graph(steps))
    return _run(model, vit.Batches(images, labels, steps, batch_size, augment, seed), steps, name)


def _graph(steps):
    """How to compile; a smoke test runs without a graph, which would take longer to make than all its steps."""
    return (
        {"run_eagerly": True, "jit_compile": False} if steps < 10 else {"jit_compile": presets.jit_compile()}
    )


class _Clock(keras.callbacks.Callback):
    """Starts when the first step is over."""

    def on_train_batch_end(self, batch, logs=None):
        if not batch:
            self.start = time.perf_counter()


def _run(model, batches, steps, name):
    progress, clock = vit.Progress(name, steps), _Clock()
    model.fit(batches, shuffle=False, verbose=0, callbacks=[progress, clock])
    return progress.losses, time.perf_counter() - clock.start


def train_tokenizer(tokenizer, images, steps, rate=3e-3, batch_size=64, name=""):
    """Train a `VisualTokenizer`; returns `(losses, seconds)`."""
    tokenizer.start(images[:500])
    tokenizer.compile(keras.optimizers.Adam(schedule(steps, rate)), **_graph(steps))
    return _run(tokenizer, vit.Batches(images, None, steps, batch_size), steps, name)


# --- measuring --------------------------------------------------------------------------------------------


def guesses(model, images, seed=0, noise=random_noise, batch_size=250):
    """`(predictions, mask)` of a `MaskedAutoencoder` as NumPy arrays; the same hidden patches for the same seed."""
    drawn = noise(np.random.default_rng(seed), len(images), model.encoder.grid)
    parts = [
        model((images[start : start + batch_size], drawn[start : start + batch_size]))
        for start in range(0, len(images), batch_size)
    ]
    return tuple(np.concatenate([ops.convert_to_numpy(part[place]) for part in parts]) for place in (0, 1))


def mean_image_error(images, held_out):
    """The squared error of whoever guesses the mean of all training images, every time."""
    return float(np.mean((held_out - images.mean(axis=0)) ** 2))


def features(classifier, images, batch_size=250):
    """`classifier.features` as a NumPy array."""
    parts = [
        classifier.features(images[start : start + batch_size]) for start in range(0, len(images), batch_size)
    ]
    return np.concatenate([ops.convert_to_numpy(part) for part in parts])


def probe(features, labels, test_features, test_labels):
    """Accuracy of logistic regression on frozen features, each first brought to mean 0 and variance 1.

    That is the norm that MAE puts before its linear classifier: batch normalization without learned factors.
    """
    from course.experiments.igpt import Probe

    return Probe(features, labels).accuracy(test_features, test_labels)


def shares_of(model, layer_rates, num_layers, decay):
    """What `fine_tune` wants as `shares`: the learner's `layer_rates`, by variable."""
    from course.checkpoints import named_weights

    named = named_weights(model)
    rates = layer_rates(list(named), num_layers, decay)
    return {id(variable): rate for variable, rate in zip(named.values(), rates, strict=True)}


def copy_encoder(source, target):
    """Give one encoder the weights of another; both were called before. A mask token that only one has is left out."""
    from course.checkpoints import named_weights

    theirs = named_weights(source)
    for path, variable in named_weights(target).items():
        if path in theirs:
            variable.assign(theirs[path])


# --- the `gpu` preset: photographs ------------------------------------------------------------------------


def photographs(name, split):
    """The images of a labelled set such as `"tfds:cifar10"`, standardized, float32."""
    images, _ = vit.arrays(data.load(name, split))
    return standardized(images)[0]


def large_autoencoder(encoder, decoder, autoencoder, targets, num_layers=12, hidden_dim=192):
    """The learner's parts put together for photographs of 32 by 32 in 256 patches."""
    seen = encoder((32, 32), 2, num_layers, 3, hidden_dim, 4 * hidden_dim)
    return autoencoder(seen, decoder(seen.grid, 12, 4, 3, hidden_dim, 4 * hidden_dim), targets)
