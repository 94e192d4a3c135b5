"""Visible checks see what learning needs: right numbers that cannot be trained are not green, and the reason is true."""

import keras
import numpy as np
import pytest
from keras import ops

import solutions.attention
import solutions.bert
import solutions.igpt
import solutions.mae
import solutions.transformer
import solutions.vit
from course import checking
from course.checking.expectations import NamedMistake, fixed_normal, told_apart
from course.checking.gradients import expect_gradients
from course.checking.learning import (
    dropped,
    expect_fresh,
    expect_half,
    expect_made_once,
    expect_no_dropout,
    expect_parts,
    expect_rate,
    expect_untouched,
    predictable_dropout,
)

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="slopes are asked on TensorFlow"
)

WRONG = []


def answer_of(module, exercise, source):
    """An answer to an exercise, from source that may use what the reference's module has."""
    namespace = dict(vars(module), Given=getattr(module, exercise))
    exec(source, namespace)
    return namespace[exercise]


def wrong_source(module, exercise, name, source, *words):
    answer = answer_of(module, exercise, source)
    WRONG.append(pytest.param(exercise, answer, words, id=f"{exercise}-{name}"))


wrong_source(
    solutions.attention,
    "scaled_dot_product_attention",
    "detached_weights",
    """
def scaled_dot_product_attention(query, key, value, mask=None):
    output, weights = Given(query, key, value, mask)
    return ops.matmul(ops.stop_gradient(weights), value), weights
""",
    "gradient",
    "`query`",
)
wrong_source(
    solutions.attention,
    "MultiHeadAttention",
    "drops_its_weights",
    """
class MultiHeadAttention(Given):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.drop = keras.layers.Dropout(0.2)

    def call(self, query, key=None, value=None, attention_mask=None):
        output, weights = super().call(query, key, value, attention_mask)
        return self.drop(output), weights
""",
    "in training",
    "asks for none",
)
wrong_source(
    solutions.transformer,
    "AddAndNorm",
    "what_is_kept",
    """
class AddAndNorm(Given):
    def __init__(self, dropout=0.1, pre_norm=False, **kwargs):
        super().__init__(dropout, pre_norm, **kwargs)
        self.dropout = keras.layers.Dropout(1 - dropout)
""",
    "not 1 - dropout",
)
wrong_source(
    solutions.transformer,
    "EncoderLayer",
    "one_residual",
    """
class EncoderLayer(Given):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.feed_forward_residual = self.attention_residual
""",
    "one and the same layer",
)
wrong_source(
    solutions.transformer,
    "EncoderLayer",
    "detached_attention",
    """
class EncoderLayer(Given):
    def call(self, inputs, attention_mask=None):
        look = lambda x: ops.stop_gradient(self.attention(x, attention_mask=attention_mask)[0])
        return self.feed_forward_residual(self.attention_residual(inputs, sublayer=look), sublayer=self.feed_forward)
""",
    "gradient",
    "`inputs`",
)
wrong_source(
    solutions.bert,
    "BertClassifier",
    "frozen",
    """
class BertClassifier(Given):
    def __init__(self, bert, num_classes, dropout=0.1, **kwargs):
        super().__init__(bert, num_classes, dropout, **kwargs)
        bert.trainable = False
""",
    "frozen",
)
wrong_source(
    solutions.bert,
    "masked_language_loss",
    "numpy",
    """
def masked_language_loss(labels, logits, chosen):
    return ops.convert_to_tensor(ops.convert_to_numpy(Given(labels, logits, chosen)))
""",
    "no gradient reaches `logits`",
    "NumPy",
)
wrong_source(
    solutions.vit,
    "ViTBlock",
    "one_norm",
    """
class ViTBlock(Given):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.mlp_normalization = self.attention_normalization
""",
    "one and the same layer",
)
wrong_source(
    solutions.vit,
    "attention_rollout",
    "eats",
    """
def attention_rollout(attentions):
    layers = []
    while attentions:
        layers.append(attentions.pop(0))
    return Given(layers)
""",
    "changed `attentions`",
)
wrong_source(
    solutions.igpt,
    "RMSNorm",
    "constant_norm",
    """
class RMSNorm(Given):
    def call(self, inputs):
        norm = ops.sqrt(ops.mean(ops.square(inputs), axis=-1, keepdims=True) + self.epsilon)
        return inputs / ops.stop_gradient(norm) * self.scale
""",
    "gradient that reaches `inputs`",
)
wrong_source(
    solutions.mae,
    "restore_order",
    "detached_token",
    """
def restore_order(visible, mask_token, restore):
    return Given(visible, ops.stop_gradient(ops.convert_to_tensor(mask_token)), restore)
""",
    "no gradient reaches `mask_token`",
)
wrong_source(
    solutions.mae,
    "random_masking",
    "order_for_restore",
    """
def random_masking(patches, noise, mask_ratio):
    count = int(patches.shape[1] * (1 - mask_ratio))
    order = ops.argsort(noise, axis=-1)
    return ops.take_along_axis(patches, order[:, :count, None], axis=1), order >= count, order
""",
    "the order, not its inverse",
)


@pytest.mark.parametrize(("exercise", "answer", "words"), WRONG)
def test_a_visible_check_says_the_true_reason(exercise, answer, words):
    report = checking.run_checks(answer, exercise)
    said = "\n".join(report.problems)
    assert not report.passed
    assert all(word in said for word in words), said


def test_a_named_mistake_hides_the_others_guesses():
    source = """
class ViTBlock(Given):
    def call(self, inputs):
        x = inputs + self.dropout(self.attention(self.attention_normalization(inputs))[0])
        dense = self.intermediate_dense
        wide = ops.relu(ops.matmul(self.mlp_normalization(x), dense.kernel) + dense.bias)
        return x + self.dropout(self.output_dense(wide))

    def build(self, shape):
        self.intermediate_dense.build(shape)
"""
    report = checking.run_checks(answer_of(solutions.vit, "ViTBlock", source), "ViTBlock")
    said = [outcome.problem for outcome in report.outcomes if outcome.problem]
    assert any("ReLU" in problem for problem in said)
    assert not any("small activations" in problem for problem in said)


def test_two_numbers_are_told_apart():
    assert told_apart(1.1184, 1.1191) == ("1.118", "1.119")
    assert told_apart(1.00001, 1.00002) == ("1.00001", "1.00002")


def test_a_gradient_that_is_right_passes_in_any_style():
    x = fixed_normal(3, 4)
    expect_gradients(lambda x: ops.softmax(x - ops.stop_gradient(ops.max(x, axis=-1, keepdims=True))), x=x)


def test_dropout_is_predictable_within_and_random_outside():
    x, layer = ops.ones((40, 50)), keras.layers.Dropout(0.3)
    with predictable_dropout():
        one, other = layer(x, training=True), keras.random.dropout(x, 0.3)
        assert np.array_equal(one, other) and np.array_equal(one, dropped(x, 0.3))
    assert not np.array_equal(layer(x, training=True), one)
    assert 0.25 < np.mean(np.asarray(one) == 0) < 0.35


class Forgetful(keras.layers.Layer):
    def call(self, x):
        self.dense = keras.layers.Dense(2)
        return self.dense(x)


class Remembering:
    kept = None

    def __call__(self, x):
        self.kept = x if self.kept is None else self.kept
        return self.kept


def test_memory_parts_arguments_and_types():
    with pytest.raises(NamedMistake, match="of the first"):
        expect_fresh(Remembering(), (fixed_normal(2),), (fixed_normal(2, seed=1),))
    with pytest.raises(NamedMistake, match="changed `found`"):
        expect_untouched(lambda found: found.append(1), found=[0])
    with pytest.raises(NamedMistake, match="float32 goes out"):
        expect_half(lambda x: ops.cast(x, "float32"), fixed_normal(2, 3))
    with pytest.raises(NamedMistake, match="asks for none"):
        expect_no_dropout(keras.layers.Dropout(0.5), ops.ones((9, 9)))
    with pytest.raises(NamedMistake, match="drops 0.5"):
        layer = keras.Sequential([keras.layers.Dropout(0.5)])
        layer.part = layer.layers[0]
        expect_rate(layer, 0.1, "part")
    with pytest.raises(NamedMistake, match="weights anew|new weights"):
        expect_made_once(Forgetful(), fixed_normal(2, 3))
    dense = keras.layers.Dense(2)
    dense(fixed_normal(2, 3))
    with pytest.raises(NamedMistake, match="8 numbers to train, and 9"):
        expect_parts(dense, weights=9)
