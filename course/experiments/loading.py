"""Data sets of images as arrays."""

import numpy as np

from course import data


def arrays(name, split="train", limit=None):
    """A data set's images as they are, and its labels.

    Args:
        name: as for `course.data.load`.
        split: as for `course.data.load`.
        limit: how many to take; all if left out.

    Returns:
        `(images, labels)`: uint8 `(count, height, width, channels)`, int32 `(count,)`, zeros where there are none.
    """
    examples = list(data.load(name, split, as_supervised=False).take(limit or -1).as_numpy_iterator())
    images = np.stack([example["image"] for example in examples])
    return images, np.array([example.get("label", 0) for example in examples], "int32")


def scaled(name, split="train", limit=None):
    """The same, with images as floats from 0 to 1."""
    images, labels = arrays(name, split, limit)
    return images.astype("float32") / 255, labels
