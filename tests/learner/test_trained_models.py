"""What the lessons show of others' trained models, with small stand-ins for them."""

import keras
import numpy as np
import pytest
from keras import ops

from course.experiments import chemistry, photo_crops, trained_vit
from course.models.pretrained import rxnmapper
from solutions.bert import BertLayer
from solutions.vit import VisionTransformer


@pytest.fixture(scope="module")
def vit():
    keras.utils.set_random_seed(1)
    model = VisionTransformer((8, 8), 4, 2, 2, 8, 16)
    model(np.zeros((1, 8, 8, 3), "float32"))
    return model


def test_layers_are_read_in_one_run_as_one_by_one(vit):
    images = np.random.default_rng(1).random((5, 8, 8, 3)).astype("float32")
    both = photo_crops.by_layer(vit, images, (1, 2), size=2)
    assert both[1].shape == (5, 4, 8)
    np.testing.assert_allclose(both[1].mean(axis=1), photo_crops.features(vit, images, 1), atol=1e-6)
    np.testing.assert_allclose(both[2], ops.convert_to_numpy(vit.encode(images))[:, 1:], atol=1e-5)


def test_directions_count_what_varies():
    rng = np.random.default_rng(2)
    assert photo_crops.directions(rng.normal(size=(4000, 6))) == pytest.approx(6, rel=0.02)
    assert photo_crops.directions(rng.normal(size=(4000, 1)) * np.ones(6)) == pytest.approx(1)


def test_paint_goes_to_what_is_alike_and_nowhere_else():
    features = np.eye(3)[[[0, 1], [2, 0]]]
    seen = {"one": trained_vit.Seen(None, {9: features}, None, [])}
    clicks = [trained_vit.Click("one", (0, 0), 4), trained_vit.Click("one", (0, 1), 2)]
    assert trained_vit.paint(seen, clicks)["one"].tolist() == [[4, 2], [-1, 4]]
    assert trained_vit.paint(seen, [])["one"].tolist() == [[-1, -1], [-1, -1]]


@pytest.fixture
def file():
    """The vocabulary of a reaction, without the weights."""
    made = object.__new__(rxnmapper.ReactionBert)
    made.vocabulary = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "C", "O", ">>", "."]
    made._numbers = {token: number for number, token in enumerate(made.vocabulary)}
    return made


def test_each_token_of_a_product_is_hidden_once_and_wrong_guesses_show(file):
    tokens, places, rows = chemistry.hide_each(file, "C.O>>CO")
    assert (tokens[4], places.tolist(), rows[0].tolist()) == (">>", [5, 6], [0, 4, 7, 5, 6, 2, 5, 1])

    def always_carbon(numbers):
        return 9.0 * np.eye(8, dtype="float32")[np.full(numbers.shape, 4)]

    found = chemistry.fill_in(always_carbon, file, "C.O>>CO")
    assert [(token, guess) for token, guess, _ in found] == [("C", "C"), ("O", "C")]
    assert found[0][2] > 0.9 > 0.1 > found[1][2]
    assert len(chemistry.filled_picture({"x": found}).axes[0].lines) == 1  # one cross


def test_attention_between_atoms_leaves_out_all_else(file):
    layer, used = BertLayer(2, 4, 8, dropout=0.0), 3

    def read(numbers):
        x = ops.one_hot(numbers, 8)[..., :4]
        for _ in range(used):
            x = layer(x)
        return x

    read(np.zeros((1, 3), "int32"))
    product, reactants, weights = chemistry.atom_attention(read, layer, file, "C.OC>>CO", number=3, head=2)
    assert (product, reactants, weights.shape) == (["C", "O"], ["C", "O", "C"], (2, 3))
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, atol=1e-5)
    assert chemistry.same_element(product, reactants, np.array([[1, 0, 0], [0, 0, 1.0]])) == 1
