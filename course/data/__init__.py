"""Data sets, all behind one function, all as `tf.data.Dataset`.

    course.data.available()                 what there is: source, size, licence, does it need the network?
    course.data.load("mnist5k")             5,000 digits out of an installed package: works without network
    course.data.load("tfds:mnist")          all 70,000, from TensorFlow Datasets: needs the network once

The name says it all: a plain name is an embedded set, and `tfds:NAME` is the set NAME of the TensorFlow Datasets
catalogue. So one argument is the way from a laptop to a GPU:

    course.data.load(course.choose(laptop="mnist5k", gpu="tfds:mnist"))

Prepared sets are kept in the folder that COURSE_DATA names, or in the platform's cache folder.
"""

from course.data.catalogue import available
from course.data.registry import DataError, find
from course.machine.quiet import quiet

__all__ = ["DataError", "available", "load"]


def load(name, split="train", *, as_supervised=None, folder=None):
    """Load a data set, preparing it first if this has not been done yet.

    Images are `uint8 (height, width, channels)` from 0 to 255, labels `int64`. The order is the same every time;
    shuffle with `.shuffle(...)`.

    Args:
        name: a name of `available()`, or `tfds:NAME` or `tfds:NAME/CONFIG` for any set of TensorFlow Datasets.
        split: `"train"`, `"test"`, or a part such as `"train[:500]"` or `"test[50%:]"`.
        as_supervised: `True` for `(input, label)` pairs, which `model.fit` takes; `False` for dicts with all features.
            Left out, pairs if the set has them.
        folder: where prepared sets are kept, if not in the usual place.

    Returns:
        A `tf.data.Dataset` of single examples, not yet batched.

    Raises:
        DataError: if there is no such set or split, if it needs the network and there is none, or if it cannot be
            written; the message says what to do.
    """
    from course.data import cache

    folder = cache.folder() if folder is None else folder
    if str(name).startswith("tfds:"):
        from course.data.online import builder_for

        builder = builder_for(name.removeprefix("tfds:"), folder)
    else:
        from course.data.embedded import builder_for

        builder = builder_for(find(name), folder)
    if as_supervised is None:
        as_supervised = builder.info.supervised_keys is not None
    try:
        with quiet():
            return builder.as_dataset(split=split, as_supervised=as_supervised)
    except (ValueError, KeyError, AssertionError) as error:
        splits = " and ".join(sorted(builder.info.splits, reverse=True))
        if as_supervised and builder.info.supervised_keys is None:
            raise DataError(f"{name!r} has no (input, label) pairs: leave as_supervised out.") from error
        raise DataError(
            f"{name!r} has no split {split!r}. It has {splits}, and parts of them such as 'train[:500]'."
        ) from error
