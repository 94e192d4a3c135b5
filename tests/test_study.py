"""Lab 6's study: its compiled program is the reference's model, and what a lab says follows from the recorded runs."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

jax = pytest.importorskip("jax")
sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

import fast_mae  # noqa: E402
import mae as study  # noqa: E402
import tensorflow as tf  # noqa: E402

from course.models.checkpoints import named_weights  # noqa: E402
from solutions import mae as reference  # noqa: E402
from solutions.vit import patchify  # noqa: E402

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("name", study.SETTINGS)
def test_the_study_trains_the_model_of_the_lab(name):
    """The same loss and the same gradients for the same weights, images and noise."""
    setting, sizes = study.SETTINGS[name], fast_mae.Sizes(2, 2, 16, 24, 8, 12)
    images = RNG.normal(size=(5, 24, 24, 1)).astype("float32")
    noise = RNG.random((5, 36), dtype="float32")
    outputs = 16 if setting.target in ("pixels", "normalized") else 7
    keras.utils.set_random_seed(1)
    kind = reference.FullLengthEncoder if setting.mask_tokens else reference.MAEEncoder
    encoder = kind((24, 24), 4, *sizes[:4], mask_ratio=setting.ratio)
    decoder = reference.LinearDecoder(outputs)
    if setting.depth:
        decoder = reference.MAEDecoder(
            (6, 6), outputs, setting.depth, sizes.heads, sizes.decoder_width, sizes.decoder_middle
        )
    wanted = patchify(tf.constant(images), 4)
    if setting.target == "normalized":
        wanted = reference.normalize_patches(wanted)
    elif setting.target != "pixels":
        wanted = tf.constant(RNG.integers(0, 7, (5, 36)), "int32")
    model = reference.MaskedAutoencoder(encoder, decoder, lambda images: wanted)
    model((images, noise))
    own = named_weights(model)
    for path, variable in own.items():  # zero biases and equal gains would hide a mistake
        if not path.endswith("positions"):
            variable.assign(RNG.normal(size=variable.shape) * 0.3 + ("gamma" in path))
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=(images, noise), y_pred=model((images, noise)))
    slopes = dict(zip(own, tape.gradient(loss, [variable.value for variable in own.values()]), strict=True))

    order = noise.argsort(axis=-1)
    seen = int(36 * (1 - setting.ratio))
    every = np.arange(5)[:, None]
    positions = [
        np.asarray(own[f"{part}.positions"])[1:]
        for part in ("encoder", "decoder")
        if f"{part}.positions" in own
    ]
    positions = (positions * 2)[:2]
    weights = {path: np.asarray(variable) for path, variable in own.items() if not path.endswith("positions")}
    if setting.depth and setting.mask_tokens:
        assert not np.any(slopes.pop("decoder.mask_token"))
        del weights["decoder.mask_token"]
    visible = np.asarray(patchify(tf.constant(images), 4))[every, order[:, :seen]]
    found, found_slopes = jax.value_and_grad(fast_mae.loss)(
        weights, visible, order, np.asarray(wanted)[every, order[:, seen:]], positions, setting, sizes
    )
    assert float(found) == pytest.approx(float(loss), rel=1e-4)
    assert set(found_slopes) == {path for path, slope in slopes.items() if not path.endswith("positions")}
    for path, slope in found_slopes.items():
        np.testing.assert_allclose(slope, slopes[path], atol=2e-4, rtol=1e-3, err_msg=path)


def test_features_are_those_of_the_classifier():
    sizes = fast_mae.Sizes(2, 2, 16, 24)
    images = RNG.normal(size=(3, 24, 24, 1)).astype("float32")
    model = reference.MAEClassifier(reference.MAEEncoder((24, 24), 4, *sizes[:4]), 10)
    model(images)
    weights = {path: np.asarray(variable) for path, variable in named_weights(model).items()}
    patches, positions = np.asarray(patchify(tf.constant(images), 4)), weights["encoder.positions"][1:]
    found = fast_mae.features(weights, patches, positions, sizes)
    np.testing.assert_allclose(found, model.features(images), atol=1e-5)
