"""Which data sets there are.

To add one, write a module in `course/data/sets/` that ends in `DATA = DataSet(...)`; nothing else has to be touched.
Neither this file nor a set's module imports TensorFlow, so the list of sets is there at once.
"""

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from course.errors import CourseError


class DataError(CourseError):
    """A data set that cannot be had; the text says what to do."""


@dataclass(frozen=True)
class Larger:
    """A set of TensorFlow Datasets for the same task. `name` begins with `tfds:`."""

    name: str
    about: str
    download: str
    licence: str


@dataclass(frozen=True)
class DataSet:
    """A data set that an installed package ships.

    Attributes:
        name: what `load` is called with.
        about: what it holds, in a few words, with number and shape.
        package: the distribution that ships it.
        licence: of the data, not of the package.
        examples: yields `(split, example)`, in an order that never changes; `example` is a dict of features.
        features: takes the module `tensorflow_datasets`, returns a dict of its feature types.
        pair: names of the two features that make an `(input, label)` pair, or `None`.
        larger: the TFDS set of the same task, or `None`.
        version: raise it when the examples change: prepared copies are kept by version.
    """

    name: str
    about: str
    package: str
    licence: str
    examples: Callable[[], Iterator[tuple[str, dict]]] = field(repr=False)
    features: Callable[[object], dict] = field(repr=False)
    pair: tuple[str, str] | None = None
    larger: Larger | None = None
    version: str = "1.0.0"


@functools.cache
def data_sets():
    """All embedded sets by name."""
    from course.data import sets

    modules = (
        importlib.import_module(f"{sets.__name__}.{entry.name}")
        for entry in pkgutil.iter_modules(sets.__path__)
    )
    found = [module.DATA for module in modules if hasattr(module, "DATA")]
    return {data.name: data for data in sorted(found, key=lambda data: data.name)}


def find(name):
    """The embedded set of that name.

    Raises:
        DataError: with the nearest names.
    """
    known = data_sets()
    if name in known:
        return known[name]
    everything = [*known, *(data.larger.name for data in known.values() if data.larger)]
    near = difflib.get_close_matches(str(name), everything, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(dict.fromkeys(near))}?" if near else f"there are {', '.join(known)}."
    raise DataError(
        f"There is no data set called {name!r}; {hint} Sets of TensorFlow Datasets are written tfds:NAME."
    )


def images(height, width, channels=1, classes=10):
    """Features of labelled images, for `DataSet.features`."""

    def features(tfds):
        import numpy as np

        # A plain tensor, not a PNG: these sets are small, and decoding would cost more than reading.
        image = tfds.features.Tensor(shape=(height, width, channels), dtype=np.uint8)
        return {"image": image, "label": tfds.features.ClassLabel(num_classes=classes)}

    return features


def stratified(labels, every=5):
    """Split name of each example: within each class, every fifth is for testing, the others for training.

    Depends on the order of the examples alone, so it is the same on every machine.
    """
    seen = {}
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        yield "train" if seen[label] % every else "test"
