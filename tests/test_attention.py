"""The reference of Lab 1 against NumPy written from the paper, and against Keras, gradients included."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from autograder.hidden.probes.attention import finite_and_right_elsewhere
from course import blocks
from solutions import attention as lab

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
DRAWN = np.random.default_rng(7)


def drawn(*shape):
    return DRAWN.normal(size=shape).astype("float32")


def equal(actual, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(actual), ops.convert_to_numpy(expected), **CLOSE)


def both_equal(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        equal(one, other)


# --- the oracle: loops over single positions, in double precision, from sections 3.2.1 and 3.2.2 ------------


def attend(query, key, value, allowed):
    """Attention of one sequence and head. `allowed[i, j]`: query i may attend to key j."""
    output, weights = np.zeros((len(query), value.shape[1])), np.zeros((len(query), len(key)))
    for i, q in enumerate(query.astype("float64")):
        open_to_i = [j for j in range(len(key)) if allowed[i, j]]
        raised = {j: np.exp(sum(q * key[j]) / len(q) ** 0.5) for j in open_to_i}
        for j in open_to_i:
            weights[i, j] = raised[j] / sum(raised.values())
            output[i] += weights[i, j] * value[j]
    return output, weights


def attend_with_heads(layer, query, key, value, allowed):
    """Multi-head attention: head h works on its own slice of each projection."""

    def project(name, inputs):
        dense = getattr(layer, name)
        projected = inputs @ dense.kernel.numpy()
        return projected + dense.bias.numpy() if dense.use_bias else projected

    query, key, value = (
        project("query_dense", query),
        project("key_dense", key),
        project("value_dense", value),
    )
    width = layer.hidden_dim // layer.num_heads
    outputs, weights = [], []
    for b in range(len(query)):
        slices = [slice(h * width, (h + 1) * width) for h in range(layer.num_heads)]
        heads = [
            attend(query[b][:, s], key[b][:, s], value[b][:, s], allowed[b, h]) for h, s in enumerate(slices)
        ]
        outputs.append(np.concatenate([output for output, _ in heads], axis=-1))
        weights.append([weights for _, weights in heads])
    return project("output_dense", np.array(outputs)), np.array(weights)


def some_allowed(*shape):
    allowed = DRAWN.random(shape) < 0.5
    allowed[..., 0] = True
    return allowed


def with_weights(layer, *inputs):
    """The layer, built, every weight drawn (Keras starts biases at 0, which would hide a lost one)."""
    layer(*inputs)
    for variable in layer.weights:
        variable.assign(drawn(*variable.shape) * 0.5)
    return layer


def keras_twin(layer, query, key, value):
    """`keras.layers.MultiHeadAttention` with the weights of a layer of this course."""
    head_dim = layer.hidden_dim // layer.num_heads
    twin = keras.layers.MultiHeadAttention(
        layer.num_heads, head_dim, output_shape=layer.hidden_dim, use_bias=layer.use_bias
    )
    twin.build(query.shape, value.shape, key.shape)
    for name in ("query_dense", "key_dense", "value_dense", "output_dense"):
        for own, given in zip(getattr(twin, name).weights, getattr(layer, name).weights, strict=True):
            own.assign(ops.reshape(given, own.shape))
    return twin


def gradients(function, sources):
    """Gradients of a lopsided sum of all outputs, so that no two entries have the same."""
    with tf.GradientTape() as tape:
        tape.watch(sources)
        total = sum(
            ops.sum(ops.sin(part + 0.3) * (1 + ops.arange(part.shape[-1], dtype="float32")))
            for part in function()
        )
    return tape.gradient(total, sources)


# --- functions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [-1, 0, 1, -2])
def test_softmax(axis):
    scores = drawn(3, 4, 5)
    raised = np.exp(scores.astype("float64"))
    equal(lab.softmax(ops.convert_to_tensor(scores), axis), raised / raised.sum(axis=axis, keepdims=True))
    equal(lab.softmax(1e4 + 0 * scores, axis), np.full(scores.shape, 1 / scores.shape[axis]))


def test_gradient_of_softmax():
    scores = tf.constant(drawn(3, 4))
    both_equal(*(gradients(lambda f=f: [f(scores)], [scores]) for f in (lab.softmax, ops.softmax)))


@pytest.mark.parametrize("masked", [False, True])
def test_attention_against_the_oracle(masked):
    query, key, value = drawn(2, 3, 4), drawn(2, 5, 4), drawn(2, 5, 6)
    allowed = some_allowed(2, 3, 5) if masked else np.ones((2, 3, 5), bool)
    found = lab.scaled_dot_product_attention(query, key, value, mask=allowed if masked else None)
    outputs, weights = zip(
        *(attend(*parts) for parts in zip(query, key, value, allowed, strict=True)), strict=True
    )
    both_equal(found, (np.array(outputs), np.array(weights)))


@pytest.mark.parametrize("mask_shape", [None, (4, 6), (2, 1, 1, 6), (2, 3, 4, 6)])
def test_attention_and_its_gradients_against_keras(mask_shape):
    parts = [tf.constant(drawn(*shape)) for shape in ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5))]
    mask = None if mask_shape is None else tf.constant(some_allowed(*mask_shape))
    full = None if mask is None else ops.broadcast_to(mask, (2, 3, 4, 6))

    def ours():
        return [lab.scaled_dot_product_attention(*parts, mask=mask)[0]]

    def theirs():
        turned = (ops.swapaxes(part, 1, 2) for part in parts)
        return [ops.swapaxes(ops.dot_product_attention(*turned, mask=full), 1, 2)]

    both_equal(ours(), theirs())
    both_equal(gradients(ours, parts), gradients(theirs, parts))


def test_nowhere_to_attend_is_finite_and_leaves_other_rows_alone():
    parts = [tf.constant(drawn(*shape)) for shape in ((3, 4), (5, 4), (5, 6))]
    mask = np.ones((3, 5), bool)
    mask[1] = False
    output, weights = lab.scaled_dot_product_attention(*parts, mask=mask)
    assert np.isfinite(output).all() and np.isfinite(weights).all()
    equal(ops.sum(weights, axis=-1), np.ones(3))
    equal(output[::2], lab.scaled_dot_product_attention(*parts)[0][::2])
    found = gradients(lambda: lab.scaled_dot_product_attention(*parts, mask=mask), parts)
    assert all(np.isfinite(gradient).all() for gradient in found)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_causal_mask(length):
    mask = ops.convert_to_numpy(lab.causal_mask(length))
    assert mask.dtype == bool
    assert mask.tolist() == [[key <= query for key in range(length)] for query in range(length)]


@pytest.mark.parametrize(
    "make", [list, np.array, lambda x: np.array(x, "int32"), tf.constant, lambda x: tf.constant(x, "int64")]
)
def test_padding_mask(make):
    lengths = [3, 0, 5, 1]
    mask = ops.convert_to_numpy(lab.padding_mask(make(lengths), 5))
    assert mask.dtype == bool and mask.shape == (4, 1, 1, 5)
    assert mask[:, 0, 0].tolist() == [[position < length for position in range(5)] for length in lengths]


def test_heads():
    inputs = drawn(2, 3, 8)
    heads = ops.convert_to_numpy(lab.split_heads(inputs, 4))
    for b, h, position, channel in np.ndindex(2, 4, 3, 2):
        assert heads[b, h, position, channel] == inputs[b, position, 2 * h + channel]
    equal(lab.merge_heads(heads), inputs)
    both_equal(lab.split_heads(inputs, 1), inputs[:, None])


def test_any_finite_weights_will_do_where_nothing_is_allowed():
    """The probe's own comparison; it must also stand whatever a submission sends."""
    allowed = np.array([[[True, False], [False, False]]])
    right = {
        "result.0": np.ones((1, 2, 3), "float32"),
        "result.1": np.ones((1, 2, 2), "float32"),
        "allowed": allowed,
    }

    def verdict(path, index, value, **others):
        changed = right[path].copy()
        changed[index] = value
        return finite_and_right_elsewhere(right | {path: changed} | others, right)

    assert verdict("result.0", (0, 1), 7.0) is None
    assert "other queries are not right" in verdict("result.0", (0, 0), 7.0)
    assert "NaN" in verdict("result.1", (0, 1), np.nan)
    assert "other queries are not right" in verdict("result.0", (0, 0), 7.0, allowed=np.zeros_like(allowed))
    assert "shape" in verdict("result.0", (0, 1), 7.0, **{"result.1": np.ones(3, "float32")})
    assert "output and weights" in finite_and_right_elsewhere({"result": np.ones(2)}, right)


# --- layers -----------------------------------------------------------------------------------------------


def test_self_attention_is_one_head():
    """Against Keras' layer with one head and an output projection that changes nothing."""
    inputs, mask = tf.constant(drawn(2, 4, 5)), tf.constant(some_allowed(2, 1, 4, 4))
    layer = with_weights(lab.SelfAttention(3), inputs)
    twin = keras.layers.MultiHeadAttention(1, 3, output_shape=3)
    twin.build(inputs.shape, inputs.shape)
    for name in ("query_dense", "key_dense", "value_dense"):
        for own, given in zip(getattr(twin, name).weights, getattr(layer, name).weights, strict=True):
            own.assign(ops.reshape(given, own.shape))
    twin.output_dense.kernel.assign(np.eye(3)[None])

    def theirs():
        return twin(inputs, inputs, attention_mask=mask, return_attention_scores=True)

    both_equal(layer(inputs, attention_mask=mask), theirs())
    ours = gradients(lambda: layer(inputs, attention_mask=mask), [inputs, *values_of(layer)])
    wanted = gradients(theirs, [inputs, *values_of(twin, "query_dense", "key_dense", "value_dense")])
    for one, other in zip(ours, wanted, strict=True):
        equal(one, ops.reshape(other, one.shape))


def values_of(layer, *names):
    """The TensorFlow variables of the named dense sub-layers, in the order of the names."""
    names = names or tuple(name for name in FOUR if hasattr(layer, name))
    return [variable.value for name in names for variable in getattr(layer, name).weights]


FOUR = ("query_dense", "key_dense", "value_dense", "output_dense")
CASES = {
    "self": ((4, 5),),
    "cross": ((4, 5), (7, 3)),
    "own values": ((4, 5), (7, 3), (7, 8)),
}


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_multi_head_attention(case, masked, use_bias):
    given = [tf.constant(drawn(2, *shape)) for shape in CASES[case]]
    query, key, value = (*given, *given[-1:] * 2)[:3]
    shape = (2, 3, query.shape[1], key.shape[1])
    allowed = some_allowed(*shape) if masked else np.ones(shape, bool)
    mask = tf.constant(allowed) if masked else None
    layer = with_weights(lab.MultiHeadAttention(3, 6, use_bias=use_bias), *given)
    twin = keras_twin(layer, query, key, value)

    def ours():
        return layer(*given, attention_mask=mask)

    def theirs():
        return twin(query, value, key, attention_mask=mask, return_attention_scores=True)

    both_equal(ours(), attend_with_heads(layer, *(part.numpy() for part in (query, key, value)), allowed))
    both_equal(ours(), theirs())
    mine, wanted = (
        gradients(ours, [*given, *values_of(layer)]),
        gradients(theirs, [*given, *values_of(twin, *FOUR)]),
    )
    for one, other in zip(mine, wanted, strict=True):
        np.testing.assert_allclose(one, ops.reshape(other, one.shape), rtol=1e-5, atol=3e-5)


@pytest.mark.parametrize("mask_shape", [(4, 4), (2, 1, 1, 4), (2, 1, 4, 4), (1, 3, 1, 4)])
def test_masks_broadcast(mask_shape):
    inputs, mask = drawn(2, 4, 5), some_allowed(*mask_shape)
    layer = with_weights(lab.MultiHeadAttention(3, 6), inputs)
    full = np.broadcast_to(mask, (2, 3, 4, 4))
    both_equal(layer(inputs, attention_mask=mask), attend_with_heads(layer, inputs, inputs, inputs, full))


def test_one_layer_takes_any_batch_and_length():
    layer = with_weights(lab.MultiHeadAttention(2, 4), drawn(2, 3, 5))
    for batch, length in ((1, 1), (4, 9)):
        inputs = drawn(batch, length, 5)
        everything = np.ones((batch, 2, length, length), bool)
        both_equal(layer(inputs), attend_with_heads(layer, inputs, inputs, inputs, everything))


def test_heads_must_share_the_width_evenly():
    for module in (lab, blocks):
        with pytest.raises(ValueError, match="3 heads cannot share a width of 8"):
            module.MultiHeadAttention(3, 8)


@pytest.mark.parametrize(
    "make, config",
    [
        (lab.SelfAttention, {"key_dim": 3}),
        (lab.MultiHeadAttention, {"num_heads": 2, "hidden_dim": 6, "use_bias": False}),
    ],
)
def test_saves_loads_and_trains(make, config, tmp_path):
    inputs = keras.Input((4, 5))
    make_model = lambda layer: keras.Model(inputs, layer(inputs)[0])  # noqa: E731
    layer = make(**config)
    model = make_model(layer)
    x, y = drawn(8, 4, 5), drawn(8, 4, model.output.shape[-1])
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse", jit_compile=False)
    losses = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save_weights(tmp_path / "layer.weights.h5")
    again = make.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    copy = make_model(again)
    copy.load_weights(tmp_path / "layer.weights.h5")
    equal(copy(x), model(x))


def test_padding_mask_reaches_a_compiled_model():
    """Lengths and tokens go in, and what stands in the padding changes nothing."""
    tokens, lengths = keras.Input((6, 5)), keras.Input((), dtype="int32")
    mask = keras.layers.Lambda(lambda x: lab.padding_mask(x, 6))(lengths)
    model = keras.Model([tokens, lengths], lab.MultiHeadAttention(2, 4)(tokens, attention_mask=mask)[0])
    x, n = drawn(3, 6, 5), np.array([2, 6, 4], "int32")
    before = model.predict([x, n], verbose=0)
    x[0, 2:] = 99.0
    equal(model.predict([x, n], verbose=0)[0, :2], before[0, :2])


# --- the same answers in `course.blocks` --------------------------------------------------------------------


def test_blocks_functions():
    scores = drawn(2, 3, 4)
    for axis in (-1, 0, 1):
        equal(blocks.softmax(scores, axis), lab.softmax(scores, axis))
    query, key, value = drawn(2, 3, 4, 5), drawn(2, 3, 6, 5), drawn(2, 3, 6, 7)
    for mask in (None, some_allowed(4, 6), some_allowed(2, 1, 1, 6)):
        found = blocks.scaled_dot_product_attention(query, key, value, mask=mask)
        both_equal(found, lab.scaled_dot_product_attention(query, key, value, mask=mask))
    lengths = np.array([0, 3, 5])
    assert np.array_equal(blocks.causal_mask(5), lab.causal_mask(5))
    assert np.array_equal(blocks.padding_mask(lengths, 5), lab.padding_mask(lengths, 5))
    heads = lab.split_heads(drawn(2, 3, 8), 4)
    equal(blocks.split_heads(lab.merge_heads(heads), 4), heads)
    equal(blocks.merge_heads(heads), lab.merge_heads(heads))


@pytest.mark.parametrize("name, config", [("SelfAttention", (6,)), ("MultiHeadAttention", (3, 6))])
def test_blocks_layers(name, config):
    inputs = tf.constant(drawn(2, 4, 5))
    ours, theirs = (with_weights(getattr(module, name)(*config), inputs) for module in (lab, blocks))
    for sub_layer in [name for name in FOUR if hasattr(ours, name)]:
        getattr(theirs, sub_layer).set_weights(getattr(ours, sub_layer).get_weights())
    for mask in (None, some_allowed(4, 4), some_allowed(2, 1, 1, 4)):
        both_equal(theirs(inputs, attention_mask=mask), ours(inputs, attention_mask=mask))
    found, wanted = (gradients(lambda m=m: m(inputs), [inputs, *values_of(m)]) for m in (theirs, ours))
    both_equal(found, wanted)
