"""Lab 6's reference against an independent implementation, published sizes, masks, tokenizer, rates, experiments."""

import keras
import numpy as np
import pytest
from keras import ops
from oracles import mae as oracle
from oracles.comparing import as_float64, expect_slopes, needs_tensorflow, redrawn
from sizes import count_stacked

from autograder.authoring.checkpoints import mae as maker
from course import blocks, checkpoint, plots
from course.experiments import few_labels, reconstructions, training
from course.experiments import mae as experiment
from course.models import checkpoints
from solutions import beit
from solutions import mae as reference
from solutions.vit import patchify

SIZES = {
    "image_size": (8, 12),
    "patch_size": 4,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 14,
}
DECODER = {"num_layers": 1, "num_heads": 3, "hidden_dim": 12, "intermediate_dim": 10}


def drawn(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def noise(*shape, seed=2):
    return np.random.default_rng(seed).random(shape).astype("float32")


def small_model(module=reference, normalized=False, kind="MAEEncoder"):
    encoder = getattr(module, kind)(**SIZES, mask_ratio=0.5)
    decoder = module.MAEDecoder((2, 3), 48, **DECODER)

    def targets(images):
        pieces = patchify(images, 4)
        return reference.normalize_patches(pieces) if normalized else pieces

    model = reference.MaskedAutoencoder(encoder, decoder, targets)
    model((np.zeros((1, 8, 12, 3), "float32"), noise(1, 6)))
    return redrawn(model)


def test_forward_pass_agrees_with_the_oracle():
    model, images, chance = small_model(), drawn(3, 8, 12, 3), noise(3, 6)
    weights = as_float64(model)
    tokens, _, _ = model.encoder(images, chance)
    guesses, mask = model((images, chance))
    for number in range(3):
        wanted = oracle.autoencoder(
            weights, images[number].astype("float64"), chance[number], 4, 0.5, (2, 1), (2, 3)
        )
        np.testing.assert_allclose(tokens[number], wanted[0], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(guesses[number], wanted[1], rtol=1e-5, atol=1e-5)
        assert set(np.flatnonzero(mask[number])) == set(wanted[2])


def oracle_loss(weights, images, chance, normalized):
    found = [
        oracle.autoencoder(weights, image, row, 4, 0.5, (2, 1), (2, 3))
        for image, row in zip(images, chance, strict=True)
    ]
    return oracle.error([each[1] for each in found], images, [each[2] for each in found], 4, normalized)


@needs_tensorflow
@pytest.mark.parametrize("normalized", [False, True])
def test_loss_and_gradients_agree_with_the_oracle(normalized):
    model, images, chance = small_model(normalized=normalized), drawn(2, 8, 12, 3), noise(2, 6)

    def loss():
        return model.compute_loss(x=(images, chance), y_pred=model((images, chance)))

    def loss_at(weights):
        return oracle_loss(weights, images.astype("float64"), chance, normalized)

    expect_slopes(model, loss, loss_at, within=5e-5, every=4)


def test_beit_agrees_with_the_oracle():
    sizes = {name: SIZES[name] for name in ("num_layers", "num_heads", "hidden_dim", "intermediate_dim")}
    model, images = beit.BEiT(8, 2, **sizes, num_codes=7), drawn(2, 8, 8, 3)
    mask = noise(2, 16) < 0.4
    model((images, mask))
    weights = as_float64(redrawn(model))
    found = model((images, mask))
    for number in range(2):
        wanted = oracle.beit(weights, images[number].astype("float64"), mask[number], 2, 2, 2)
        np.testing.assert_allclose(found[number], wanted, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match='"shared", "own" or "absolute"'):
        beit.BEiT(8, 2, **sizes, positions="none")


def published(name, **options):
    """`(trained, fixed)` weights of a published size, for images of 224 by 224."""
    size, patch_size = name.split("/")
    patches = (224 // int(patch_size)) ** 2

    def make(num_layers):
        return reference.build(name, num_layers=num_layers, **options)

    inputs = (((1, 224, 224, 3), "float32"), ((1, patches), "float32"))
    return count_stacked(make, reference.SIZES[size]["num_layers"], *inputs)


@pytest.mark.parametrize(
    ("name", "trainable", "fixed"),
    [("B/16", 111_655_680, 252_160), ("L/16", 329_239_296, 302_592), ("H/14", 656_613_964, 460_544)],
)
def test_published_sizes(name, trainable, fixed):
    assert published(name) == (trainable, fixed)


@pytest.mark.parametrize(("decoder", "count"), [
    ({"num_layers": 1}, 4_072_704),
    ({"num_layers": 12}, 38_748_928),
    ({"hidden_dim": 128, "intermediate_dim": 512}, 1_816_832),
    ({"hidden_dim": 1024, "intermediate_dim": 4096}, 102_609_664),
])  # fmt: skip
def test_published_sizes_of_decoders(decoder, count):
    assert published("L/16", decoder=decoder)[0] - 303_099_904 == count


@pytest.mark.parametrize(("name", "variant", "options", "count"), [
    ("B/16", "released", {}, 91_965_776),
    ("L/16", "released", {}, 311_534_016),
    ("B/16", "paper", {}, 92_089_856),
    ("L/16", "paper", {}, 311_674_880),
    ("B/16", "fine-tuned", {}, 86_530_984),
    ("L/16", "fine-tuned", {}, 304_430_568),
    ("B/16", "fine-tuned", {"num_classes": None}, 85_761_984),
    ("B/16", "fine-tuned", {"image_size": 384}, 86_744_104),
])  # fmt: skip
def test_published_sizes_of_beit(name, variant, options, count):
    size, side = name.split("/")[0], options.get("image_size", 224)

    def make(num_layers):
        return beit.build(name, variant, num_layers=num_layers, **options)

    found = count_stacked(make, reference.SIZES[size]["num_layers"], ((1, side, side, 3), "float32"))
    assert found == (count, 0)


# masks


def test_what_is_hidden_comes_back():
    patches, chance = drawn(5, 196, 3), noise(5, 196)
    visible, mask, restore = reference.random_masking(patches, chance, 0.75)
    assert visible.shape == (5, 49, 3) and (np.sum(mask, axis=1) == 147).all()
    back = ops.convert_to_numpy(reference.restore_order(visible, np.full(3, 9.0, "float32"), restore))
    np.testing.assert_array_equal(back[~np.asarray(mask)], patches[~np.asarray(mask)])
    assert (back[np.asarray(mask)] == 9).all()
    everything, _, restore = reference.random_masking(patches, chance, 0.0)
    np.testing.assert_array_equal(reference.restore_order(everything, np.zeros(3), restore), patches)


def test_encoder_is_blind_to_hidden_pixels():
    model, images, chance = small_model(), drawn(3, 8, 12, 3), noise(3, 6)
    tokens, mask, _ = model.encoder(images, chance)
    hidden = reconstructions.by_pixel(np.asarray(mask), 4, (2, 3))
    np.testing.assert_array_equal(
        model.encoder(np.where(hidden, 7.0, images).astype("float32"), chance)[0], tokens
    )
    assert tokens.shape == (3, 4, 8)
    full = small_model(kind="FullLengthEncoder").encoder
    tokens = full(images, chance)[0]
    np.testing.assert_array_equal(full(np.where(hidden, 7.0, images).astype("float32"), chance)[0], tokens)
    assert tokens.shape == (3, 7, 8)


def test_loss_ignores_visible_patches():
    model, images, chance = small_model(), drawn(3, 8, 12, 3), noise(3, 6)
    guesses, mask = model((images, chance))
    loss = float(model.compute_loss(x=(images, chance), y_pred=(guesses, mask)))
    elsewhere = ops.where(mask[..., None], guesses, guesses + 5.0)
    assert float(model.compute_loss(x=(images, chance), y_pred=(elsewhere, mask))) == pytest.approx(
        loss, abs=1e-5
    )
    there = ops.where(mask[..., None], guesses + 5.0, guesses)
    assert abs(float(model.compute_loss(x=(images, chance), y_pred=(there, mask))) - loss) > 1


def test_blocks_hide_what_the_papers_say():
    rng = np.random.default_rng(1)
    by_paper = np.array([reference.block_mask(rng.random((60, 4)), (14, 14)).sum() for _ in range(300)])
    by_code = np.array(
        [reference.block_mask_at_most(rng.random((60, 4)), (14, 14)).sum() for _ in range(300)]
    )
    assert by_paper.min() > 78.4 and by_paper.mean() < 95
    assert by_code.max() == 75 and by_code.mean() > 65
    first = [reference.block_mask_at_most(rng.random((1, 4)), (14, 14)) for _ in range(100)]
    for mask in first:  # one block is one rectangle, of about 16 patches at least
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert mask.sum() == len(rows) * len(columns) and (mask.sum() >= 12 or not mask.any())


def test_noise_of_blocks_and_grids_hides_them():
    rng = np.random.default_rng(1)
    grid = experiment.grid_noise(rng, 3, (6, 6))
    _, mask, _ = reference.random_masking(np.zeros((3, 36, 1), "float32"), grid, 0.75)
    kept = ~np.asarray(mask).reshape(3, 6, 6)
    assert kept[:, ::2, ::2].all() and kept.sum() == 27
    blocks_only = experiment.block_noise(lambda noise, grid, ratio, smallest: np.eye(6) > 0, 6 / 36)(
        rng, 2, (6, 6)
    )
    _, mask, _ = reference.random_masking(np.zeros((2, 36, 1), "float32"), blocks_only, 6 / 36)
    np.testing.assert_array_equal(np.asarray(mask).reshape(2, 6, 6), [np.eye(6) > 0] * 2)


# the rest


def test_blocks_are_the_same_model():
    """The wrappers of `course.blocks` take the reference's weights and give its answers."""
    own, twin = small_model(), small_model(blocks)
    weights = checkpoints.named_weights(own)
    for path, variable in checkpoints.named_weights(twin).items():
        variable.assign(weights[path])
    images, chance = drawn(3, 8, 12, 3), noise(3, 6)
    np.testing.assert_allclose(own((images, chance))[0], twin((images, chance))[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(own.encoder(images)[0], twin.encoder(images)[0], rtol=1e-4, atol=1e-4)


def test_ready_made_functions_agree():
    rng = np.random.default_rng(6)
    for grid in ((14, 14), (5, 9)):
        for _ in range(20):
            chance = rng.random((30, 4))
            np.testing.assert_array_equal(
                *(each.block_mask(chance, grid, 0.5, 6) for each in (reference, blocks))
            )
    vectors, codebook, patches = drawn(3, 5, 4), drawn(7, 4, seed=2), drawn(3, 5, 6)
    codes, hidden = rng.integers(0, 6, (3, 5)), noise(3, 5) < 0.5
    paths = list(checkpoints.named_weights(small_model()))
    for name, given in (
        ("visual_tokens", (vectors, codebook)),
        ("visual_token_loss", (codes, patches, hidden)),
        ("sin_cos_positions", ((3, 5), 12)),
        ("normalize_patches", (patches,)),
        ("masked_mse", (patches, patches[::-1].copy(), hidden)),
        ("layer_rates", (paths, 2)),
    ):
        np.testing.assert_allclose(*(getattr(each, name)(*given) for each in (reference, blocks)), atol=1e-5)
    for one, other in zip(
        *(each.random_masking(patches, noise(3, 5), 0.4) for each in (reference, blocks)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_positions_agree_with_the_oracle():
    np.testing.assert_allclose(
        reference.sin_cos_positions((5, 7), 16), oracle.positions((5, 7), 16), atol=1e-6
    )


def test_tokenizer_learns_and_gradients_go_straight_through():
    keras.utils.set_random_seed(1)
    images = np.repeat(np.repeat(noise(200, 2, 2, 1), 4, axis=1), 4, axis=2)  # patches of one grey each
    tokenizer = reference.VisualTokenizer(4, 1, num_codes=8, code_dim=2, hidden_dim=8)
    losses = experiment.train_tokenizer(tokenizer, images, 150, rate=1e-2).losses
    codes = ops.convert_to_numpy(tokenizer.tokens(images))
    assert len(np.unique(codes)) >= 5 and losses[-1] < losses[0]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Rounding to a code has no slope: without the trick, the guess would tell the layers before it nothing.
        with tf.GradientTape() as tape:
            error = ops.mean(ops.square(tokenizer(images)[0] - patchify(images, 4)))
        assert np.abs(tape.gradient(error, tokenizer.hidden_dense.kernel.value)).max() > 0


@pytest.mark.parametrize("guesses", [1, 16])
def test_tokens_as_targets(guesses):
    def targets(images):
        codes = ops.cast(ops.sum(patchify(images, 4), axis=-1) > 0, "int32")
        return codes if guesses == 1 else ops.repeat(codes[..., None], 16, axis=-1)

    encoder = reference.FullLengthEncoder(**SIZES)
    model = reference.MaskedAutoencoder(encoder, reference.LinearDecoder(2 * guesses), targets)
    images, chance = drawn(3, 8, 12, 3), noise(3, 6)
    found = float(
        model.compute_loss(x=(images, chance), y_pred=(ops.zeros((3, 6, 2 * guesses)), noise(3, 6) < 0.5))
    )
    assert found == pytest.approx(np.log(2), abs=1e-5)


def test_rates_by_layer_are_applied():
    model = reference.MAEClassifier(reference.MAEEncoder(**SIZES), 3)
    images, labels = drawn(32, 8, 12, 3), np.arange(32) % 3
    model(images[:1])
    model.head.kernel.assign(drawn(8, 3))
    before = {path: ops.convert_to_numpy(one) for path, one in checkpoints.named_weights(model).items()}
    shares = experiment.shares_of(model, lambda paths, *_: [float("head" in path) for path in paths], 2, 0.75)
    experiment.fine_tune(model, images, labels, 8, shares=shares, batch_size=8)
    for path, variable in checkpoints.named_weights(model).items():
        moved = np.abs(ops.convert_to_numpy(variable) - before[path]).max()
        assert (moved > 0) == ("head" in path), path


def test_learns_to_fill_stripes():
    """Images of one grey each: whoever sees one patch knows all."""
    keras.utils.set_random_seed(1)
    images = drawn(300, 1, 1, 1) * np.ones((1, 8, 12, 3), "float32")
    model = small_model()
    run = experiment.pretrain(model, images, 200, rate=5e-3, batch_size=32)
    guess, mask = experiment.guesses(model, images)
    error = float(reference.masked_mse(guess, patchify(images, 4), mask))
    assert error < 0.3 * experiment.mean_image_error(images, images) and run.seconds > 0


def test_judge_starts_from_the_same_place():
    images, labels = drawn(60, 8, 12, 3), np.arange(60) % 3
    images[:, :4, :4] += 2 * labels[:, None, None, None]

    def make():
        model = reference.MAEClassifier(reference.MAEEncoder(**SIZES), 3)
        model(images[:1])
        return model

    judge = few_labels.FewLabels(make, images, labels, images, labels, 8, rate=5e-3)
    rows = training.few(labels, 30)
    assert judge.tuned(None, rows) == judge.tuned(None, rows)
    flat = judge.probed(lambda pictures: pictures.reshape(len(pictures), -1), rows)
    assert flat > 0.6


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_photographs_take_two_steps(policy):
    """The code path of the `gpu` preset, on made-up photographs of CIFAR's shape, mixed precision included."""
    (photos,) = experiment.standardized(np.random.default_rng(1).random((6, 32, 32, 3)).astype("float32"))
    keras.config.set_dtype_policy(policy)
    try:
        model = experiment.large_autoencoder(
            reference.MAEEncoder,
            reference.MAEDecoder,
            reference.MaskedAutoencoder,
            lambda images: reference.normalize_patches(patchify(images, 2)),
            num_layers=1,
            hidden_dim=12,
        )
        losses = experiment.pretrain(model, photos, 2, batch_size=2, augment=experiment.cropped).losses
    finally:
        keras.config.set_dtype_policy("float32")
    assert len(losses) == 2 and np.isfinite(losses).all()


@pytest.mark.parametrize(
    ("name", "sizes", "images"), [("mae_digits", maker.DIGITS, "digits"), ("mae_emoji", maker.EMOJI, "emoji")]
)
def test_checkpoints_are_as_good_as_they_say(name, sizes, images):
    training, *_, held_out = getattr(experiment, images)()[:: 2 if images == "digits" else 1]
    model = maker.autoencoder(sizes, training.shape[-1])
    patches = (sizes["image_size"][0] // 4) ** 2
    model((training[:1], noise(1, patches)))
    facts = checkpoint(model, name)
    assert maker.error(model, held_out, 4) == pytest.approx(facts["error"], abs=0.005)
    assert facts["error"] < 0.7 * facts["mean_image"]


def test_pictures_are_drawn():
    images, mask = np.clip(drawn(3, 8, 12, 3), 0, 1), noise(3, 6) < 0.5
    given = reconstructions.hidden(images, mask, 4, (2, 3))
    assert (given[reconstructions.by_pixel(mask, 4, (2, 3))[..., 0]] == reconstructions.GREY).all()
    np.testing.assert_array_equal(reconstructions.painted(images, images, mask, 4, (2, 3)), images)
    for fig in (
        plots.picture_rows([images, given], ["a", "b"]),
        reconstructions.position_maps(drawn(6, 5), (2, 3)),
        reconstructions.draw_idea(images[0], given[0], mask[0], 4, (2, 3)),
    ):
        fig.canvas.draw()
