"""Lab 4's reference: its inverse, published sizes, agreement with KerasHub and NumPy, masked patches, the gpu path."""

import keras
import numpy as np
import pytest
from keras import ops
from sizes import count_stacked

from course import blocks
from course.experiments import measuring, training
from course.experiments import patches as pictures
from course.experiments import vit as experiment
from solutions import vit as reference
from solutions.vit import DistilledVisionTransformer, MaskedPatchPrediction, VisionTransformer

DENSE = ("query_dense", "key_dense", "value_dense", "output_dense")
SIZES = ((8, 12), 4, 2, 2, 8, 14)  # images of 2 x 3 patches, two blocks


def drawn(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def small_model(kind=VisionTransformer, **options):
    """A model whose weights are all drawn: biases and gains that are not 0 and 1."""
    model = kind(*SIZES, **options)
    model(np.zeros((1, 8, 12, 3), "float32"))
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(0.4 * rng.normal(size=variable.shape).astype("float32"))
    return model


@pytest.mark.parametrize(("grid", "patch_size", "channels"), [((2, 3), 4, 3), ((5, 1), 2, 1), ((1, 1), 3, 2)])
def test_patches_come_back(grid, patch_size, channels):
    images = drawn(3, grid[0] * patch_size, grid[1] * patch_size, channels)
    patches = reference.patchify(images, patch_size)
    assert patches.shape == (3, grid[0] * grid[1], patch_size**2 * channels)
    np.testing.assert_array_equal(reference.unpatchify(patches, patch_size, grid), images)
    np.testing.assert_array_equal(patches[:, 0], images[:, :patch_size, :patch_size].reshape(3, -1))
    np.testing.assert_array_equal(patches, blocks.patchify(images, patch_size))
    np.testing.assert_array_equal(blocks.unpatchify(patches, patch_size, grid), images)


def test_patch_embedding_is_keras_convolution():
    layer, images = reference.PatchEmbedding(4, 5), drawn(2, 8, 12, 3)
    embedded = layer(images)
    convolution = keras.layers.Conv2D(5, 4, strides=4)
    convolution.build(images.shape)
    kernel, bias = layer.projection_dense.weights
    convolution.kernel.assign(ops.reshape(kernel, (4, 4, 3, 5)))
    convolution.bias.assign(bias)
    np.testing.assert_allclose(ops.reshape(convolution(images), (2, 6, 5)), embedded, atol=1e-5)


@pytest.mark.parametrize(("name", "options", "count"), [
    ("Ti/16", {}, 5_717_416),
    ("S/16", {}, 22_050_664),
    ("S/16", {"num_classes": None}, 21_665_664),
    ("S/32", {}, 22_878_952),
    ("B/16", {}, 86_567_656),
    ("B/16", {"num_classes": None}, 85_798_656),
    ("B/16", {"image_size": 384}, 86_859_496),
    ("B/32", {}, 88_224_232),
    ("L/16", {}, 304_326_632),
    ("L/16", {"image_size": 512}, 305_174_504),
    ("L/32", {}, 306_535_400),
    ("H/14", {}, 632_045_800),
    ("H/14", {"num_classes": None, "image_size": 518}, 632_189_440),
    ("Ti/16", {"distilled": True}, 5_910_800),
    ("S/16", {"distilled": True}, 22_436_432),
    ("B/16", {"distilled": True}, 87_338_192),
    ("B/16", {"distilled": True, "image_size": 384}, 87_630_032),
])  # fmt: skip
def test_published_sizes(name, options, count):
    size, side = name.split("/")[0], options.get("image_size", 224)

    def make(num_layers):
        return reference.build(name, num_layers=num_layers, **options)

    found = count_stacked(make, reference.SIZES[size]["num_layers"], ((1, side, side, 3), "float32"))
    assert found == (count, 0)


def test_a_whole_tiny_model_has_as_many_weights_as_counted():
    model = reference.build("Ti/16", distilled=True)
    model(np.zeros((1, 224, 224, 3), "float32"))
    assert model.count_params() == 5_910_800


@pytest.mark.parametrize(("target", "count"), [
    ("mean colour", 86_193_152), ("small colours", 92_099_072), ("pixels", 86_390_016),
])  # fmt: skip
def test_published_sizes_of_masked_patch_prediction(target, count):
    weights = []
    for layers in (0, 1):
        trunk = reference.build("B/16", num_classes=None, num_layers=layers)
        model = MaskedPatchPrediction(trunk, 16, 3, target)
        model(np.zeros((1, 224, 224, 3), "float32"))
        weights.append(sum(int(np.prod(variable.shape)) for variable in model.trainable_variables))
    assert weights[0] + 12 * (weights[1] - weights[0]) == count


def transplant(model, hub_embedding, hub_encoder, final, mlp):
    """Give KerasHub's layers the weights of ours; `mlp(block)` gives its two dense layers."""
    pairs = [(model.embedding.patch_embedding.projection_dense, hub_embedding.patch_embedding)]
    for own, twin in zip(model.encoder.blocks, hub_encoder.encoder_layers, strict=True):
        attention = twin.mha
        theirs = (
            attention._query_dense,
            attention._key_dense,
            attention._value_dense,
            attention._output_dense,
        )
        pairs += zip((getattr(own.attention, name) for name in DENSE), theirs, strict=True)
        pairs += [
            (own.attention_normalization, twin.layer_norm_1),
            (own.mlp_normalization, twin.layer_norm_2),
        ]
        pairs += zip((own.intermediate_dense, own.output_dense), mlp(twin), strict=True)
    pairs.append((model.encoder.final_normalization, final))
    for own, twin in pairs:
        for given, variable in zip(own.weights, twin.weights, strict=True):
            variable.assign(ops.reshape(given, variable.shape))


def test_agrees_with_keras_hub_vit():
    keras_hub = pytest.importorskip("keras_hub")
    model = small_model()
    twin = keras_hub.models.ViTBackbone((8, 12, 3), 4, 2, 2, 8, 14)
    embedding, encoder = twin.get_layer("vit_patching_and_embedding"), twin.get_layer("vit_encoder")
    transplant(
        model, embedding, encoder, encoder.layer_norm, lambda block: (block.mlp.dense_1, block.mlp.dense_2)
    )
    embedding.class_token.assign(model.embedding.tokens[None])
    embedding.position_embedding.embeddings.assign(model.embedding.positions)
    images = drawn(3, 8, 12, 3)
    np.testing.assert_allclose(model.encode(images), twin(images), atol=1e-5)


def test_agrees_with_keras_hub_deit():
    keras_hub = pytest.importorskip("keras_hub")
    model = small_model(num_tokens=2)
    twin = keras_hub.models.DeiTBackbone((8, 12, 3), 4, 2, 2, 8, 14)
    embedding, encoder = twin.get_layer("deit_patching_and_embedding"), twin.get_layer("deit_encoder")
    transplant(
        model,
        embedding,
        encoder,
        encoder.layer_norm,
        lambda block: (block.mlp.dense, block.output_layer.dense),
    )
    embedding.class_token.assign(model.embedding.tokens[None, :1])
    embedding.distillation_token.assign(model.embedding.tokens[None, 1:])
    embedding.position_embedding.assign(model.embedding.positions[None])
    images = drawn(3, 8, 12, 3)
    np.testing.assert_allclose(model.encode(images), twin(images), atol=1e-5)


@pytest.mark.parametrize(
    "options", [{"num_classes": 5}, {"pooling": "mean", "num_tokens": 2, "num_classes": 5}, {}]
)
def test_blocks_are_the_same_model(options):
    own, twin = small_model(**options), small_model(blocks.VisionTransformer, **options)
    training.copy_weights(own, twin)
    images = drawn(3, 8, 12, 3)
    np.testing.assert_allclose(own(images), twin(images), rtol=1e-4, atol=1e-4)


def test_ready_made_functions_agree():
    rng = np.random.default_rng(5)
    positions = drawn(8, 5)
    for grid in ((3, 2), (5, 7), (2, 1)):
        results = [each.interpolate_positions(positions, (3, 2), grid, 2) for each in (reference, blocks)]
        np.testing.assert_allclose(*results, atol=1e-5)
        assert results[0].shape == (2 + grid[0] * grid[1], 5)
    attentions = [ops.softmax(drawn(2, 3, 4, 4, seed=seed)) for seed in range(3)]
    results = [each.attention_rollout(attentions) for each in (reference, blocks)]
    np.testing.assert_allclose(*results, atol=1e-5)
    np.testing.assert_allclose(ops.sum(results[0], axis=-1), 1.0, atol=1e-5)
    labels, logits = rng.integers(0, 5, 3).astype("int32"), drawn(3, 3, 5)
    for name in ("hard_distillation_loss", "soft_distillation_loss"):
        np.testing.assert_allclose(
            *(getattr(each, name)(labels, *logits) for each in (reference, blocks)), atol=1e-5
        )


def test_losses_agree_with_numpy():
    labels, (own, taught, teacher) = np.array([2, 0, 1], "int32"), 2.0 * drawn(3, 3, 4).astype("float64")

    def logs(x):
        return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))

    first = -logs(own)[[0, 1, 2], labels].mean()
    decided = -logs(taught)[[0, 1, 2], teacher.argmax(axis=-1)].mean()
    p, q = logs(teacher / 3), logs(taught / 3)
    soft = 0.8 * first + 0.2 * 9 * (np.exp(p) * (p - q)).sum(axis=-1).mean()
    given = (labels, *(each.astype("float32") for each in (own, taught, teacher)))
    assert float(reference.hard_distillation_loss(*given)) == pytest.approx((first + decided) / 2, abs=1e-5)
    assert float(reference.soft_distillation_loss(*given, 3.0, 0.2)) == pytest.approx(soft, abs=1e-5)


def test_positions_do_what_they_are_for():
    """Without positions, the order of the patches means nothing; with them, it does."""
    model, images = small_model(num_classes=5), drawn(2, 8, 12, 3)
    turned = reference.unpatchify(reference.patchify(images, 4)[:, ::-1], 4, (2, 3))
    assert np.abs(model(images) - model(turned)).max() > 1e-2
    model.embedding.positions.assign(0.0 * model.embedding.positions)
    np.testing.assert_allclose(model(images), model(turned), atol=1e-4)


def test_encoder_takes_any_subset_of_patches():
    """What MAE needs: the same layers on three of six patches."""
    model, images = small_model(), drawn(2, 8, 12, 3)
    tokens = model.embedding(images)
    part = model.encoder(ops.take(tokens, np.array([0, 2, 4, 5]), axis=1))
    assert part.shape == (2, 4, 8)


def test_head_begins_without_an_opinion_and_sizes_must_fit():
    model = VisionTransformer(*SIZES, num_classes=5)
    np.testing.assert_array_equal(model(drawn(2, 8, 12, 3)), np.zeros((2, 5)))
    with pytest.raises(ValueError, match="do not cut 8 x 10 pixels"):
        VisionTransformer((8, 10), 4, 1, 2, 8, 14)


def test_distilled_model_answers_with_the_mean_of_both_heads():
    model, images = small_model(DistilledVisionTransformer, num_classes=5), drawn(3, 8, 12, 3)
    own, taught = model.class_and_distillation_logits(images)
    assert np.abs(own - taught).max() > 1e-3
    np.testing.assert_allclose(model(images), (own + taught) / 2, atol=1e-5)


# --- masked patch prediction ------------------------------------------------------------------------------


def test_corruption_hides_half_and_keeps_a_tenth():
    rng = np.random.default_rng(1)
    patches = drawn(400, 20, 3)
    mask_vector = np.array([7.0, 7.0, 7.0], "float32")
    noise = rng.random((3, 400, 20)).astype("float32")
    corrupted, chosen = (
        ops.convert_to_numpy(x) for x in reference.corrupt_patches(patches, mask_vector, noise)
    )
    assert (chosen.sum(axis=1) == 10).all()
    np.testing.assert_array_equal(corrupted[~chosen], patches[~chosen])
    masked = (corrupted == 7.0).all(axis=-1) & chosen
    kept = (corrupted == patches).all(axis=-1) & chosen
    assert masked.sum() / chosen.sum() == pytest.approx(0.8, abs=0.03)
    assert kept.sum() / chosen.sum() == pytest.approx(0.1, abs=0.03)
    for image, place in np.argwhere(chosen & ~masked & ~kept)[:50]:  # another patch of the same image
        others = np.flatnonzero((patches[image] == corrupted[image, place]).all(axis=-1))
        assert others.size and place not in others


def test_targets():
    images = np.zeros((1, 8, 8, 3), "float32")
    images[0, :, :, 0], images[0, :4, :, 1] = 1.0, 0.5
    colours = ops.convert_to_numpy(reference.patch_targets(images, 8, "mean colour"))
    np.testing.assert_array_equal(colours, [[7 * 64 + 2 * 8]])  # red 1, green 0.25 on the mean, no blue
    thumbnail = ops.convert_to_numpy(reference.patch_targets(images, 8, "small colours"))
    np.testing.assert_array_equal(thumbnail[0, 0].reshape(4, 4)[:, 0], [480, 480, 448, 448])
    np.testing.assert_array_equal(reference.patch_targets(images, 8, "pixels"), reference.patchify(images, 8))
    with pytest.raises(ValueError, match="one of mean colour, small colours, pixels"):
        reference.patch_targets(images, 2, "small colours")


@pytest.mark.parametrize("target", reference.TARGETS)
def test_loss_counts_chosen_patches_only(target):
    model = MaskedPatchPrediction(small_model(), 4, 3, target)
    images = np.random.default_rng(2).random((2, 8, 12, 3)).astype("float32")
    predictions, chosen = model(images)
    chosen = ops.convert_to_numpy(chosen)
    loss = float(model.compute_loss(images, y_pred=(predictions, chosen)))
    noise = 5.0 * drawn(*predictions.shape, seed=8)
    elsewhere = ops.where(chosen[..., None], predictions, predictions + noise)
    assert float(model.compute_loss(images, y_pred=(elsewhere, chosen))) == pytest.approx(loss, abs=1e-4)
    there = ops.where(chosen[..., None], predictions + noise, predictions)
    assert float(model.compute_loss(images, y_pred=(there, chosen))) != pytest.approx(loss, abs=1e-2)


# --- experiments ------------------------------------------------------------------------------------------


def test_again_starts_from_the_same_place():
    images, labels = drawn(64, 8, 12, 3), np.arange(64) % 5
    keras.utils.set_random_seed(1)
    model = VisionTransformer(*SIZES, num_classes=5)
    model(images[:1])
    start = model.get_weights()
    first = experiment.fit(model, images, labels, 12, batch_size=16)
    second = training.again(model, start, training.batches(images, labels, 12, batch_size=16))
    np.testing.assert_allclose(first.losses, second.losses, rtol=1e-3)


def test_a_student_learns_from_its_teacher():
    images, labels = drawn(96, 8, 12, 3), np.arange(96) % 3
    images[:, :4, :4] += labels[:, None, None, None]
    teacher = 8.0 * np.eye(3, dtype="float32")[labels]
    targets = np.concatenate([labels[:, None].astype("float32"), teacher], axis=1)
    keras.utils.set_random_seed(1)
    model = DistilledVisionTransformer(*SIZES, num_classes=3)
    student = experiment.Student(model, model.class_and_distillation_logits)
    for loss in (reference.hard_distillation_loss, reference.soft_distillation_loss):
        run = experiment.fit(
            student, images, targets, 60, loss=experiment.distilling(loss), batch_size=32, rate=5e-3
        )
        assert run.losses[-1] < run.losses[0]
    assert measuring.accuracy(model, images, labels) > 0.6


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_colour_images_take_two_steps(policy):
    """The code path of the `gpu` preset, on made-up pictures of CIFAR's shape, mixed precision included."""
    tf = pytest.importorskip("tensorflow")
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (16, 32, 32, 3)).astype("uint8")
    data = tf.data.Dataset.from_tensor_slices((images, rng.integers(0, 10, 16)))
    keras.config.set_dtype_policy(policy)
    try:
        model = VisionTransformer((32, 32), 4, 1, 2, 16, 32, 10, dropout=0.1, pooling="mean")
        history = experiment.train_on_colour_images(model, data, data, epochs=1, batch_size=8, steps=2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(history.history["loss"]).all()
    assert 0 <= history.history["val_accuracy"][0] <= 1


def test_pictures_can_be_drawn():
    image = np.random.default_rng(1).random((8, 12, 1)).astype("float32")
    figures = [
        pictures.cut_apart(image, 4),
        pictures.similarity_pictures(
            pictures.position_similarity(drawn(7, 5), (2, 3)),
            (2, 3),
            {"one": ([1, 2], [0.5, 0.1])},
        ),
        pictures.rollout_pictures(image[None].repeat(2, axis=0), drawn(2, 6), (2, 3), ["a", "b"]),
    ]
    for figure in figures:
        figure.canvas.draw()
    alike = pictures.position_similarity(drawn(7, 5), (2, 3))
    assert alike.shape == (6, 6)
    # Side by side in a row of two, and diagonally: rounded to a distance of 1.
    distances, means = pictures.similarity_by_distance(np.array([[1, 0.5], [0.5, 1]]), (1, 2))
    assert distances.tolist() == [1] and means.tolist() == [0.5]
