"""What a visible check says beyond right or wrong: it recognises what a known mistake gives, and names the mistake."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from course import blocks
from course.checking import (
    CheckFailed,
    NamedMistake,
    expect,
    expect_close,
    expect_pair,
    expect_shape,
    first_lines,
    fixed_normal,
    to_numpy,
    unwritten,
)
from course.models.composite import Composite

# Part of an error -> what it means when a block is called. TensorFlow tries to pack a pair into one tensor; others name
# the tuple.
A_PAIR = "the attention returns a pair, `(output, weights)`: go on with the first of them, `[0]`"
EXPLAINED = {
    "Shapes of all inputs must match": A_PAIR,
    "tuple": A_PAIR,
    "object is not callable": "a result was handed over where a function is due: `sublayer=` takes a function of x",
    "Only input tensors may be passed as positional": "the function has to be handed over by name: `sublayer=...`",
    "must be broadcastable": "a mask does not fit its attention: it is (batch, heads, query, key), with axes of size 1 "
    "where it is the same for all. Which mask goes where?",
    "missing a required argument: 'value'": "that is Keras' `MultiHeadAttention`, which asks for a value and has other "
    "sub-layers: use your own, of Lab 1, by its bare name",
    "expects 1 input(s), but it received 2": "a layer that takes one tensor was given a pair: pick one of the two",
    "Incompatible shapes": "two tensors of different shape are joined: what comes out of a part must be as wide as what "
    "went in, and a mask is (batch, heads, query, key)",
}


def expect_or_name_mistake(
    actual: Any, expected: Any, message: str | Sequence[str], mistakes: Mapping[str, Any]
) -> None:
    """Like `expect_close`, but a result that a known mistake gives is called by the mistake's name.

    Args:
        actual: the tensor that the learner's code gave, or a tuple of tensors.
        expected: what it should have given.
        message: what to say when no mistake fits; for a tuple, one message for each tensor.
        mistakes: what to say -> the result of that mistake, or a function that works it out.

    Raises:
        CheckFailed: if `actual` and `expected` differ.
    """
    parts = (
        (actual, expected, message) if isinstance(expected, tuple) else ((actual,), (expected,), (message,))
    )
    try:
        for part in zip(*parts, strict=True):
            expect_close(*part)
    except CheckFailed:
        for sentence, wrong in mistakes.items():
            if alike(actual, wrong() if callable(wrong) else wrong):
                raise NamedMistake(sentence) from None
        raise


def alike(actual: Any, wrong: Any) -> bool:
    """Whether two tensors have one shape and the same values, NaN at the same places included; or two tuples of them."""
    if isinstance(wrong, tuple):
        return (
            isinstance(actual, tuple | list) and len(actual) == len(wrong) and all(map(alike, actual, wrong))
        )
    if not hasattr(actual, "shape"):
        return False
    actual, wrong = to_numpy(actual), to_numpy(wrong)
    return actual.shape == wrong.shape and bool(np.allclose(actual, wrong, atol=1e-4, equal_nan=True))


def expect_other_shape(tensor: Any, shape: Sequence[int], sentence: str) -> None:
    """Fail with `sentence` if `tensor` has this shape, which a known mistake gives."""
    if tuple(getattr(tensor, "shape", ())) == shape:
        raise NamedMistake(sentence)


def attempt(sentence: str, function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call `function`; say `sentence` if it stops with an error whose own words would not help.

    Raises:
        CheckFailed: if it does.
    """
    try:
        return function(*args, **kwargs)
    except Exception as error:
        if unwritten(error):
            raise
        raise CheckFailed(f"{sentence}\n{type(error).__name__}: {first_lines(error)}") from error


def run_block(block: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call a block that holds an attention layer; errors that its parts bring with them are explained.

    Raises:
        CheckFailed: if it stops with one of these. Every other error stays as it is.
    """
    try:
        return block(*args, **kwargs)
    except Exception as error:
        for part, sentence in EXPLAINED.items():
            if part in str(error):
                raise NamedMistake(f"{sentence}\n{type(error).__name__}: {first_lines(error)}") from error
        raise


class _Asked(Composite):
    """A function as a layer, so that Keras can be asked what it makes of inputs of unknown length."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(*inputs)


def expect_any_batch(function: Callable, *tensors: Any) -> None:
    """Fail unless a function also works while the size of the batch is unknown, as in a model that is being trained.

    Args:
        function: takes tensors whose first axis is the batch.
        tensors: examples, for which it works.

    Raises:
        CheckFailed: if it does not. (On TensorFlow: other backends always know the size.)
    """
    unknown = [
        keras.Input(tensor.shape[1:], dtype=keras.backend.standardize_dtype(tensor.dtype))
        for tensor in map(ops.convert_to_tensor, tensors)
    ]
    try:
        _Asked(function)(unknown)
    except Exception as error:
        raise NamedMistake(
            "it works here, and not in training: there the size of the batch is not known yet, and `x.shape[0]` is None. "
            "Write -1 in `ops.reshape`, `ops.shape(x)[0]` elsewhere, and use `ops`, not NumPy"
        ) from error


def set_dense(layer: Any, *names: str, use_bias: bool = True) -> None:
    """Give the named dense sub-layers of a built layer fixed uneven weights.

    Raises:
        CheckFailed: if one is missing, unused, activated, or has a bias where it should not.
    """
    for seed, name in enumerate(names, start=1):
        dense: Any = getattr(layer, name, None)
        expect(isinstance(dense, keras.layers.Dense), f"the layer needs `self.{name}`, a keras.layers.Dense")
        part = name.removesuffix("_dense")
        expect(dense.built, f"`self.{name}` is made but never called: the {part} should pass through it")
        expect(
            dense.activation is keras.activations.linear, f"`self.{name}` has an activation: it needs none"
        )
        expect(dense.use_bias or not use_bias, f"`self.{name}` has no bias: it should have one here")
        expect(
            use_bias or not dense.use_bias, f"`self.{name}` has a bias in spite of use_bias=False: pass it on"
        )
        for variable in dense.weights:
            variable.assign(fixed_normal(*variable.shape, seed=seed, scale=0.7))


def set_all(layer: Any, *names: str) -> None:
    """Give every weight below the named sub-layers fixed uneven values, whatever order they were made in.

    Raises:
        CheckFailed: if one is missing or unused.
    """
    for number, name in enumerate(names):
        part: Any = getattr(layer, name, None)
        expect(part is not None, f"the layer needs `self.{name}`, see its docstring")
        expect(part.weights, f"`self.{name}` is made but not used")
        for variable in part.weights:
            path = variable.path.split(f"{part.name}/", 1)[-1]
            seed = 1000 * number + sum(place * ord(letter) for place, letter in enumerate(path))
            fan_in = variable.shape[0] if len(variable.shape) > 1 else 1
            variable.assign(fixed_normal(*variable.shape, seed=seed, scale=fan_in**-0.5))


def apply_dense(dense: Any, inputs: Any) -> Any:
    """What a dense layer's kernel and bias make of `inputs`; `inputs` themselves if there is no such layer."""
    if dense is None:
        return inputs
    outputs = ops.matmul(inputs, dense.kernel)
    return outputs if dense.bias is None else outputs + dense.bias


def expect_output_and_weights(
    result: Any, output_shape: Sequence[int], weights_shape: Sequence[int]
) -> tuple[Any, Any]:
    """The `(output, weights)` that an attention layer returned.

    Raises:
        CheckFailed: if they do not have these shapes.
    """
    output, weights = expect_pair(result)
    if tuple(getattr(output, "shape", ())) == weights_shape:
        expect_other_shape(weights, output_shape, "the output comes first, the weights second")
    expect_shape(weights, weights_shape, "the weights are (batch, heads, query_length, key_length)")
    expect_shape(output, output_shape, "the output is (batch, query_length, width), without an axis of heads")
    return output, weights


def reference_attention(
    layer: Any, query: Any, key: Any, value: Any, mask: Any = None, heads: int = 1, **mistake: Any
) -> tuple[Any, Any]:
    """`(output, weights)` of Keras' attention with the weights of a learner's layer, or what a mistake gives.

    Args:
        layer: has `query_dense`, `key_dense`, `value_dense` and perhaps `output_dense`.
        query, key, value: inputs `(batch, length, width)`.
        mask: boolean, broadcastable to `(batch, heads, query, key)`; `True` = may attend.
        heads: number of heads.
        mistake: `names` of the dense layers for query, key and value; a factor to `stretch` the scores by;
            functions that `split` and `merge` heads; `project=False` to leave `output_dense` out.
    """
    split, merge = mistake.get("split", blocks.split_heads), mistake.get("merge", blocks.merge_heads)
    names = mistake.get("names", ("query_dense", "key_dense", "value_dense"))
    parts = (apply_dense(getattr(layer, name), x) for name, x in zip(names, (query, key, value), strict=True))
    query, key, value = (split(part, heads) for part in parts)
    query = query * mistake.get("stretch", 1.0)
    output, weights = blocks.scaled_dot_product_attention(query, key, value, mask=mask)
    last = getattr(layer, "output_dense", None) if mistake.get("project", True) else None
    return apply_dense(last, merge(output)), weights


def expect_attention(found: Any, expected: Any, attends: Callable, mistakes: Mapping[str, Any]) -> None:
    """Fail unless two pairs `(output, weights)` agree.

    Args:
        found: the learner's.
        expected: Keras'.
        attends: `reference_attention` with layer and inputs already given.
        mistakes: what to say -> what `attends` needs to make the same mistake.

    Raises:
        CheckFailed: if they differ. Speaks of the weights first: when they are wrong, so is the output.
    """
    messages = (
        "the weights do not agree with Keras: look at queries, keys, scale and mask",
        "the weights agree with Keras, the output does not: look at the values",
    )
    wrong = {sentence: functools.partial(_turned, attends, mistake) for sentence, mistake in mistakes.items()}
    expect_or_name_mistake(found[::-1], expected[::-1], messages, wrong)


def _turned(attends, mistake):
    return attends(**mistake)[::-1]
