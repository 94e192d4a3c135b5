"""Handwritten digits, 8x8: small enough that a model trains while you watch."""

from course.data.registry import DataSet, images, stratified
from course.data.sets.mnist5k import MNIST


def examples():
    """`(split, {"image", "label"})` of scikit-learn's digits, whose pixels count from 0 to 16."""
    import numpy as np
    from sklearn.datasets import load_digits

    data = load_digits()
    # Stretched to 0..255, so that a lesson may divide the pixels of any set by 255.
    pixels = np.round(data.images * (255 / 16)).astype("uint8")[..., None]  # (example, 8, 8, 1)
    labels = data.target.tolist()
    for split, image, label in zip(stratified(labels), pixels, labels, strict=True):
        yield split, {"image": image, "label": label}


DATA = DataSet(
    name="digits",
    about="1,797 handwritten digits, grey 8x8",
    package="scikit-learn",
    licence="CC BY 4.0",
    examples=examples,
    features=images(8, 8),
    pair=("image", "label"),
    larger=MNIST,
)
