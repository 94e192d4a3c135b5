"""How one run of a probe is looked at. Runs in the judge and, sent as text, in the student process.

A probe is one function. The engine runs it in several views, without extra work for its author:

* values: its outputs;
* slopes: by a tape around the run, gradients to the inputs that were drawn and the weights that were set;
* again: once more, with new values on the same shapes, on the same layers, and in training with predictable dropout; and
  what became of the caller's arrays, lists and dictionaries;
* batch: the answer traced into a graph that does not know how large the batch is;
* half: on float16.

Nothing here decides anything: `autograder.judge.view_marks` does, in the judge. All but `values` and `again` need
TensorFlow. This file imports nothing else of the project, because the student process has nothing of it to import.
"""

import contextlib
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.judge import dropout

SLOPE, PART, GIVEN = "@slope ", "@part ", "@given "  # paths of what a view adds to a probe's own outputs
_LOOKS = []  # the look that is under way, last


class NotApplicable(Exception):
    """This view has nothing to look at here."""


class Look:
    """One run of a probe in one view, and what the probe's helpers registered in it.

    Args:
        view: such as `"slopes"`; several are joined by a plus sign.
        made: the layers that an earlier run of the same probe made; they are used again.
        mirrored: whether the pattern of dropout is turned round, see `autograder.judge.dropout`.
    """

    def __init__(self, view: str = "", made: Any = (), mirrored: bool = False) -> None:
        self.views = frozenset(view.split("+")) if view else frozenset()
        self.mirrored = mirrored
        self.made, self.earlier = [], list(made)
        self.drawn, self.weights, self.parts, self.given = [], {}, [], []
        self.tape = None
        self.traced = set()  # what a graph was made of; the same call needs no second one
        self._making = False  # whether a layer is being made for several probes
        self._first = None  # the layer that is looked at in a graph

    @property
    def dtype(self) -> str:
        """Of the inputs that are drawn."""
        return "float16" if "half" in self.views else "float32"

    def draw(self, tensor: Any) -> Any:
        """Register an input that was drawn."""
        if self.tape is not None:
            self.tape.watch(tensor)
            self.drawn.append(tensor)

    def weigh(self, path: str, variable: Any) -> None:
        """Register a weight that was set."""
        if self.tape is not None:
            again = sum(known.partition("#")[0] == path for known in self.weights)
            self.weights[f"{path}#{again + 1}" if again else path] = variable

    def part(self, layer: Any, names: Any) -> None:
        """Register a layer, and which of its sub-layers had weights set."""
        if "slopes" in self.views:
            self.parts.append((layer, tuple(names)))

    def outlook(self, answer: Any) -> Any:
        """The answer as this view gives it to the probe."""
        if hasattr(answer, "trainable_weights"):  # a class of layers; any other class may keep a state
            return lambda *args, **kwargs: self._instance(answer, args, kwargs)
        if isinstance(answer, type):
            return answer
        if "batch" in self.views:
            return lambda *args, **kwargs: self._in_a_graph(answer, args, kwargs)
        if "again" in self.views:
            return lambda *args, **kwargs: self._watched(answer, args, kwargs)
        return answer

    def _instance(self, answer, args, kwargs):
        if self._making:
            return answer(*args, **kwargs)
        known = self.earlier.pop(0) if self.earlier else None
        instance = answer(*args, **kwargs) if known is None else known
        self.made.append(instance)
        return self.seen(instance)

    def seen(self, layer: Any) -> Any:
        """A layer as this view gives it to the probe: the first one runs in a graph where that is looked at."""
        if "batch" not in self.views or (self._first is not None and self._first is not layer):
            return layer
        self._first = layer
        return Traced(layer, self)

    def make(self, work: Callable) -> Any:
        """What `work()` gives: a layer for several probes, which no view looks at yet."""
        self._making, tape, self.tape = True, self.tape, None
        try:
            with tape.stop_recording() if tape is not None else contextlib.nullcontext():
                return work()
        finally:
            self._making, self.tape = False, tape

    def _watched(self, answer, args, kwargs):
        result = answer(*args, **kwargs)
        self.given.append(_checksum(_mutable((*args, *(kwargs[name] for name in sorted(kwargs))))))
        return result

    def _in_a_graph(self, answer, args, kwargs):
        """Make a graph of the answer, the first axis of all that shares the first input's batch unknown; then call it."""
        import tensorflow as tf

        flat = tf.nest.flatten((args, kwargs))
        tensors = [item for item in flat if tf.is_tensor(item)]
        batch = tensors[0].shape[0] if tensors and tensors[0].shape.rank else None
        if batch is None:
            raise NotApplicable("nothing has a batch here")
        kind = _kind(flat, tf)
        if kind in self.traced:
            return answer(*args, **kwargs)
        self.traced.add(kind)
        signature = [
            tf.TensorSpec(
                [None, *item.shape[1:]] if item.shape.rank and item.shape[0] == batch else item.shape,
                item.dtype,
            )
            for item in tensors
        ]

        def graph(*given):
            given = iter(given)
            values = [next(given) if tf.is_tensor(item) else item for item in flat]
            again_args, again_kwargs = tf.nest.pack_sequence_as((args, kwargs), values)
            found = answer(*again_args, **again_kwargs)
            return [item for item in tf.nest.flatten(found) if tf.is_tensor(item)]

        # Making the graph is what fails where a batch has to be known; running it, too, would take ten times as long.
        tf.function(graph, input_signature=signature, autograph=False).get_concrete_function()
        return answer(*args, **kwargs)


def _kind(flat, tf):
    """What two calls share that make the same graph."""
    return tuple((tuple(item.shape), item.dtype.name) if tf.is_tensor(item) else repr(item) for item in flat)


class Traced:
    """A layer whose calls run in a graph; in everything else the layer itself."""

    def __init__(self, layer: Any, look: "Look") -> None:
        self.__dict__.update(layer_itself=layer, _look=look)

    def __call__(self, *args, **kwargs):
        return self._look._in_a_graph(self.layer_itself, args, kwargs)

    def __getattr__(self, name):
        return getattr(self.layer_itself, name)

    def __setattr__(self, name, value):
        setattr(self.layer_itself, name, value)


def itself(layer: Any) -> Any:
    """The layer behind a `Traced`, or the layer."""
    return vars(layer).get("layer_itself", layer) if type(layer) is Traced else layer


def current() -> "Look":
    """The look under way; one that registers nothing where there is none."""
    return _LOOKS[-1] if _LOOKS else Look()


def look_at(look: "Look", function: Callable, answer: Any, rng: Any, flatten: Callable) -> dict:
    """Run a probe's function in a view.

    Args:
        look: a new `Look`.
        function: `function(answer, rng)`, which gives outputs.
        answer: what it exercises.
        rng: an `autograder.judge.run.Draws`.
        flatten: `flatten(outputs)` gives pairs of path and output.

    Returns:
        Path -> output, each an array or a tensor; the paths that a view adds begin with an at sign.
    """
    _LOOKS.append(look)
    try:
        with contextlib.ExitStack() as stack:
            if "slopes" in look.views:
                import tensorflow as tf

                look.tape = stack.enter_context(tf.GradientTape())
            if "training" in look.views:
                stack.enter_context(dropout.predictable(look.mirrored))
                outputs = dropout.in_training(lambda: function(look.outlook(answer), rng))
            else:
                outputs = function(look.outlook(answer), rng)
            found = dict(flatten(outputs))
            target = _projection(found) if look.tape is not None else None
    finally:
        _LOOKS.pop()
    if "batch" in look.views and not look.traced:
        raise NotApplicable("the answer itself is never called")
    if look.tape is not None:
        found.update(_slopes(look, target))
    found.update({f"{PART}{number}": _counted(*part) for number, part in enumerate(look.parts)})
    for number, given in enumerate(look.given):
        found.update({f"{GIVEN}{number}.{path}": value for path, value in given.items()})
    return found


def _projection(outputs):
    """One number that depends on every decimal output, by fixed random factors; `None` if nothing can."""
    import tensorflow as tf

    terms = []
    for path, output in outputs.items():
        if hasattr(output, "constraint") and hasattr(output, "value"):  # a variable of Keras
            output = tf.convert_to_tensor(output.value)
        if tf.is_tensor(output) and output.dtype.is_floating:
            factors = np.random.default_rng(zlib.crc32(path.encode())).normal(size=output.shape)
            terms.append(tf.reduce_sum(tf.cast(output, "float32") * factors.astype("float32")))
    return tf.add_n(terms) if terms else None


def _slopes(look, target):
    import tensorflow as tf

    names = [f"input {number}" for number in range(1, len(look.drawn) + 1)] + list(look.weights)
    sources = [*look.drawn, *(variable.value for variable in look.weights.values())]
    found = [None] * len(sources) if target is None else look.tape.gradient(target, sources)
    for name, source, slope in zip(names, sources, found, strict=True):
        yield (
            SLOPE + name,
            np.zeros(source.shape, "float32") if slope is None else tf.convert_to_tensor(slope),
        )


def _counted(layer, names):
    """How many numbers a layer learns, and which of its named parts are one and the same."""
    layer, parts = itself(layer), []
    for name in names:
        part = layer
        for step in name.split("."):
            part = getattr(part, step)
        parts.append(part)
    same = [next(k for k, other in enumerate(parts) if other is part) for part in parts]
    return np.array([sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights), *same], "int64")


def _checksum(contents):
    """One number for what a call was given, as a course's documents would be thousands of arrays."""
    number = 0
    for path, array in contents.items():
        number = zlib.crc32(f"{path} {array.dtype} {array.shape} ".encode() + array.tobytes(), number)
    return {"": np.array(number, "int64")} if contents else {}


def _mutable(value, path=""):
    """Path -> what is in lists, dictionaries and NumPy arrays, which a function could have changed."""
    found = {}
    if isinstance(value, np.ndarray):
        if value.dtype != object:  # its bytes would be addresses
            found[path] = value.copy()
    elif isinstance(value, list | tuple | dict):
        items = sorted(value.items(), key=str) if isinstance(value, dict) else list(enumerate(value))
        if not isinstance(value, tuple):
            found[f"{path}.length"] = np.array(len(items))
        for key, item in items:
            inside = _mutable(item, f"{path}.{key}")
            if not isinstance(value, tuple) and isinstance(item, bool | int | float):
                inside = {f"{path}.{key}": np.array(item)}
            found.update(inside)
    return found
