"""Which photograph is a crop from? A task with few labels for a trained ViT, for the end of Lab 4."""

import numpy as np

from course.experiments import measuring
from course.experiments.photographs import photograph

# Twelve photographs; colour would give them away, so crops are grey.
CLASSES = (
    "astronaut", "hopper", "cat", "coffee", "rocket", "motorcycle", "coins", "brick", "grass", "gravel", "china", "flower",
)  # fmt: skip
SIDE = 112  # of a crop, in pixels: 8 by 8 patches of 14


def crops(names=CLASSES, train=10, test=20, seed=1):
    """Grey crops: those to learn from out of the left halves, those to be tested on out of the right ones.

    Args:
        names: of the photographs, which are the classes.
        train: crops of each to learn from.
        test: crops of each to be tested on.
        seed: of the places.

    Returns:
        `(images, labels, test_images, test_labels)`: float32 `(count, 112, 112, 3)` from 0 to 1 with three equal
        colours, int32 `(count,)`. The n-th crops of all classes come before any class's next.
    """
    rng = np.random.default_rng(seed)
    taken = {True: [], False: []}
    for name in names:
        image = photograph(name, 4 * SIDE, top=0.1).mean(axis=-1, keepdims=True).repeat(3, axis=-1)
        half = image.shape[1] // 2
        for left, count in ((True, train), (False, test)):
            begin = 0 if left else half
            ys = rng.integers(0, image.shape[0] - SIDE + 1, count)
            xs = begin + rng.integers(0, half - SIDE + 1, count)
            taken[left].append([image[y : y + SIDE, x : x + SIDE] for y, x in zip(ys, xs, strict=True)])
    found = []
    for left in (True, False):
        parts = np.array(taken[left]).swapaxes(0, 1)  # (count, class, side, side, 3)
        labels = np.tile(np.arange(len(names), dtype="int32"), len(parts))
        found += [parts.reshape(-1, SIDE, SIDE, 3), labels]
    return tuple(found)


def features(model, images, layer=6, size=24):
    """The mean of the patches after a layer of a ViT: `(count, hidden_dim)`."""

    def after(part):
        x = model.embedding(part)
        for block in model.encoder.blocks[:layer]:
            x = block(x)
        return x[:, model.num_tokens :]

    return measuring.in_parts(after, images, size=size).mean(axis=1)


def by_layer(model, images, layers=(6, 9, 12), size=24):
    """The patches after several layers of a ViT, in one run: layer -> `(count, patches, hidden_dim)`.

    As everywhere in the labs, the last layer is normalized, since that is what the model gives.
    """

    def after(part):
        x, found, last = model.embedding(part), {}, len(model.encoder.blocks)
        for number, block in enumerate(model.encoder.blocks, start=1):
            x = block(x)
            if number in layers:
                state = model.encoder.final_normalization(x) if number == last else x
                found[number] = state[:, model.num_tokens :]
            if number == max(layers):
                break
        return found

    return measuring.in_parts(after, images, size=size)


def directions(features):
    """How many directions features use: `(sum of variances)^2 / sum of their squares`, from 1 to `hidden_dim`.

    Args:
        features: `(..., hidden_dim)`.
    """
    rows = features.reshape(-1, features.shape[-1])
    variances = np.linalg.eigvalsh(np.cov(rows.T))
    return float(variances.sum() ** 2 / np.square(variances).sum())


def pixels(images, side=28):
    """Crops as their own features: one colour, shrunk by means, laid out."""
    block = images.shape[1] // side
    small = images[..., 0].reshape(len(images), side, block, side, block).mean(axis=(2, 4))
    return small.reshape(len(images), -1)


def probes(kinds, labels, test_labels, counts=(1, 3, 10)):
    """How often a linear probe on few labels a class is right.

    Args:
        kinds: name -> `(features, test_features)`, in the order of `crops`.
        labels: of the features.
        test_labels: of the test features.
        counts: labels a class.

    Returns:
        Name -> accuracy for each of `counts`.
    """
    classes = int(labels.max()) + 1
    return {
        name: [
            measuring.Probe(own[: count * classes], labels[: count * classes]).accuracy(new, test_labels)
            for count in counts
        ]
        for name, (own, new) in kinds.items()
    }
