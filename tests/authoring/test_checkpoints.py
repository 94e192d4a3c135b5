"""Checkpoints: small, harmless, found by the names of attributes, and as good as they say."""

import keras
import numpy as np
import pytest

from autograder.authoring.checkpoints import igpt
from autograder.authoring.checkpoints import make as making
from course import blocks, checkpoint
from course.errors import CourseError
from course.models import checkpoints
from solutions.igpt import ImageGPT

SIZES = {"height": 3, "width": 4, "num_layers": 2, "num_heads": 2, "hidden_dim": 8}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    return tmp_path


def small_model(module=None, seed=1, **options):
    keras.utils.set_random_seed(seed)
    kind = module.ImageGPT if module else ImageGPT
    model = kind(5, **(SIZES | options))
    model(np.zeros((1, model.height, model.width), "int32"))
    return model


def test_weights_find_their_place_in_another_s_layers(folder):
    model, twin = small_model(), small_model(blocks, seed=2)
    model.logits_dense.kernel.assign(np.random.default_rng(1).normal(size=(8, 5)))
    palette = np.linspace(-1, 1, 5)[:, None].astype("float32")
    checkpoints.save(model, "small", {"about": "for a test", "nats": 1.5, "palette": palette})
    facts = checkpoint(twin, "small")
    assert facts["about"] == "for a test" and facts["nats"] == 1.5
    np.testing.assert_array_equal(facts["palette"], palette)
    images = np.random.default_rng(2).integers(0, 5, size=(2, 3, 4)).astype("int32")
    np.testing.assert_allclose(model(images), twin(images), atol=0.02)  # half precision


def test_every_weight_has_a_name():
    model = small_model()
    names = checkpoints.named_weights(model)
    assert len(names) == len(model.weights) == 21
    assert "blocks.1.attention.query_dense.kernel" in names and "final_norm.scale" in names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_layers": 3}, "your model's blocks.2.*and 7 more.* has no values"),
        ({"num_layers": 1}, "your model has no blocks.1.*and 7 more"),
        ({"objective": "bert"}, "your model has no start"),
        ({"hidden_dim": 16}, r"shape \(8, 8\), and your model's is \(16, 16\)"),
    ],
)
def test_what_does_not_fit_is_said_and_changes_nothing(folder, options, message):
    checkpoints.save(small_model(), "small", {"about": "for a test"})
    model = small_model(seed=3, **options)
    before = model.get_weights()
    with pytest.raises(CourseError, match=message):
        checkpoint(model, "small")
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_was_never_called(folder):
    checkpoints.save(small_model(), "small", {"about": "for a test"})
    with pytest.raises(CourseError, match="Call the model on one batch before loading 'small'"):
        checkpoint(ImageGPT(5, **SIZES), "small")


def test_no_such_checkpoint():
    with pytest.raises(CourseError, match="no checkpoint called 'igpt_digits'; there is igpt_digits_ar"):
        checkpoint(small_model(), "igpt_digits")


def test_a_checkpoint_must_be_small(folder, monkeypatch):
    monkeypatch.setattr(checkpoints, "LARGEST", 1000)
    with pytest.raises(ValueError, match="a checkpoint may take"):
        checkpoints.save(small_model(), "small", {})
    assert not list(folder.iterdir())


# those that come with the course


def test_somebody_makes_each_of_them():
    assert checkpoints.available() == sorted(making.all_makers())


@pytest.mark.parametrize("name", checkpoints.available())
def test_each_is_small_and_holds_no_code(name):
    path = checkpoints.FOLDER / f"{name}.npz"
    assert path.stat().st_size < checkpoints.LARGEST
    weights, facts = checkpoints.read(name)  # reads without pickle
    assert facts["about"] and all(np.isfinite(values).all() for values in weights.values())


@pytest.mark.parametrize(
    ("name", "data", "sizes"),
    [
        ("igpt_digits_ar", ("mnist5k", 8, 6, 2), igpt.DIGITS),
        ("igpt_digits_bert", ("mnist5k", 8, 6, 2), igpt.DIGITS | {"objective": "bert"}),
        ("igpt_emoji_ar", ("openmoji", 12, 16, 0), igpt.EMOJI),
    ],
)
def test_igpt_is_as_good_as_it_says(name, data, sizes):
    weights, facts = checkpoints.read(name)
    _, images, _ = igpt.quantized(*data, palette=facts["palette"])
    model = ImageGPT(data[2], **sizes)
    model(images[:1])
    assert checkpoint(model, name)["nats"] == facts["nats"]
    assert igpt.nats(model, images) == pytest.approx(facts["nats"], abs=0.01)


def test_making_writes_what_loading_reads(folder, monkeypatch):
    said = []
    monkeypatch.setitem(making._MAKERS, "tiny", lambda: (small_model(), {"about": "tiny", "nats": 1.0}))
    making.make(["tiny"], report=said.append)
    assert checkpoint(small_model(seed=5), "tiny")["about"] == "tiny" and len(said) == 2
    with pytest.raises(KeyError, match="nobody makes a checkpoint called 'huge'"):
        making.make(["huge"])
