"""Small trained weights that come with the course, so that nobody has to wait for a training.

    model = ImageGPT(6, 8, 8, num_layers=4, num_heads=4, hidden_dim=48)
    model(images[:1])                                    # a model has weights once it was called
    course.checkpoint(model, "igpt_digits_ar")

Weights find their place by the names of attributes, `blocks.0.attention.query_dense.kernel`, so a learner's own layers
take them, whatever order they make their parts in. Files are NumPy archives in half precision; nothing in them is code.
"""

import difflib
import json
from pathlib import Path

import numpy as np

from course.errors import CourseError

FOLDER = Path(__file__).parents[1] / "weights"
LARGEST = 2 * 2**20  # bytes of a file: they are part of the package


def available():
    """Names of all checkpoints, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def checkpoint(model, name):
    """Load trained weights into a model.

    Args:
        model: a model or layer that has been called once.
        name: one of `available()`.

    Returns:
        A dict of what is to be known about it: `about`, in words; measured figures, such as `nats`; and arrays that
        belong to it, such as the `palette`.

    Raises:
        CourseError: if there is no such checkpoint, if the model has no weights yet, or if the names or shapes of its
            weights differ. Then no weight has been changed.
    """
    weights, facts = read(name)
    own = named_weights(model)
    if not own or not model.built:
        raise CourseError(f"Call the model on one batch before loading {name!r}: it has no weights yet.")
    _expect_same_names(name, set(weights), set(own))
    for path, values in weights.items():
        if tuple(own[path].shape) != values.shape:
            raise CourseError(
                f"The checkpoint {name!r} has {path} of shape {values.shape}, and your model's is "
                f"{tuple(own[path].shape)}: build the model with the sizes that the lab gives."
            )
    for path, values in weights.items():
        own[path].assign(values)
    return facts


def named_weights(layer):
    """The weights of a layer by the attributes they are reached by, such as `blocks.0.output_dense.kernel`.

    Args:
        layer: a built `keras.layers.Layer` or model.

    Returns:
        Path -> `keras.Variable`.
    """
    import keras

    found, seen = {}, set()

    def visit(value, path):
        if id(value) in seen:
            return
        if isinstance(value, keras.Variable):
            seen.add(id(value))
            found[".".join(path)] = value
        elif isinstance(value, keras.layers.Layer):
            seen.add(id(value))
            # Keras keeps its own lists of layers and weights in names with an underscore; single ones are parts.
            parts = {
                name.lstrip("_"): part
                for name, part in vars(value).items()
                if not (name.startswith("_") and isinstance(part, list | tuple | dict))
            }
            for name in sorted(parts):
                visit(parts[name], (*path, name))
        elif isinstance(value, list | tuple):
            for number, part in enumerate(value):
                visit(part, (*path, str(number)))

    visit(layer, ())
    trained = {id(variable) for variable in layer.weights}
    return {path: variable for path, variable in found.items() if id(variable) in trained}


def read(name):
    """`(weights, facts)` of a checkpoint: path -> float32 array, and what `checkpoint` returns.

    Raises:
        CourseError: if there is none of that name.
    """
    path = FOLDER / f"{name}.npz"
    if name not in available():
        near = difflib.get_close_matches(str(name), available(), n=1) or available()
        raise CourseError(f"There is no checkpoint called {name!r}; there is {', '.join(near) or 'none'}.")
    with np.load(path, allow_pickle=False) as archive:
        facts = json.loads(str(archive["facts"]))
        weights = {}
        for key in archive.files:
            kind, _, rest = key.partition("/")
            if kind == "weight":
                weights[rest] = archive[key].astype("float32")
            elif kind == "array":
                facts[rest] = archive[key]
    return weights, facts


def save(model, name, facts, folder=None):
    """Write a model's weights, in half precision. For instructors: see `autograder/authoring/checkpoints/make.py`.

    Args:
        model: a built model.
        name: of the checkpoint.
        facts: what `checkpoint` is to return: texts, numbers and NumPy arrays.
        folder: where to write; beside this module if left out.

    Raises:
        ValueError: if the file would be too large to be part of the package.
    """
    path = Path(folder or FOLDER) / f"{name}.npz"
    arrays = {f"array/{key}": value for key, value in facts.items() if isinstance(value, np.ndarray)}
    plain = {key: value for key, value in facts.items() if not isinstance(value, np.ndarray)}
    for key, variable in named_weights(model).items():
        arrays[f"weight/{key}"] = np.asarray(variable.numpy(), "float16")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, facts=np.array(json.dumps(plain, sort_keys=True)), **arrays)
    if path.stat().st_size > LARGEST:
        size = path.stat().st_size
        path.unlink()
        raise ValueError(f"{name} takes {size / 2**20:.1f} MB; a checkpoint may take {LARGEST / 2**20:.0f}.")


def _expect_same_names(name, theirs, own):
    missing, surplus = sorted(theirs - own), sorted(own - theirs)
    if not missing and not surplus:
        return
    parts = []
    if missing:
        parts.append(f"your model has no {missing[0]}" + _more(missing))
    if surplus:
        parts.append(f"your model's {surplus[0]}" + _more(surplus) + " has no values in it")
    raise CourseError(
        f"The checkpoint {name!r} does not fit: {', and '.join(parts)}. Sub-layers must have the names "
        "that the docstrings give, and the model the sizes that the lab gives."
    )


def _more(names):
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
