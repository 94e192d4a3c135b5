"""Lab 5's reference against an independent implementation, published sizes, drawing, wrappers, experiments."""

import keras
import numpy as np
import pytest
from keras import ops
from oracles import igpt as oracle
from oracles.comparing import as_float64, expect_slopes, needs_tensorflow, redrawn
from sizes import count_stacked, count_weights

from course import blocks
from course.experiments import igpt as experiment
from course.experiments import measuring
from course.models import checkpoints
from solutions import igpt as reference
from solutions.igpt import ImageGPT, autoregressive_loss, bert_loss, cached_step, complete, recomputing_step

RNG = np.random.default_rng(1)
IMAGES = RNG.integers(0, 7, size=(3, 4, 5)).astype("int32")
MASK = RNG.random((3, 4, 5)) < 0.3


def small_model(objective="autoregressive", module=reference):
    keras.utils.set_random_seed(5)
    model = module.ImageGPT(7, 4, 5, num_layers=2, num_heads=2, hidden_dim=6, objective=objective)
    model(IMAGES)
    return redrawn(model)


@pytest.mark.parametrize(("objective", "mask"), [("autoregressive", None), ("bert", None), ("bert", MASK)])
def test_forward_pass_agrees_with_the_oracle(objective, mask):
    model = small_model(objective)
    weights = as_float64(model)
    assert len(weights) == len(model.trainable_variables)
    wanted = oracle.logits(weights, IMAGES, 2, 2, mask)
    found = model(IMAGES) if mask is None else model((IMAGES, mask))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    for number, image in enumerate(IMAGES):
        hidden = None if mask is None else mask[number]
        each = oracle.states(weights, image, 2, 2, hidden)
        for own, right in zip(model.layer_outputs(IMAGES, mask), each, strict=True):
            np.testing.assert_allclose(own[number], right, rtol=1e-5, atol=1e-5)


def test_losses_agree_with_the_oracle():
    scores = 3 * RNG.normal(size=(3, 4, 5, 7)).astype("float32")
    assert float(autoregressive_loss(IMAGES, scores)) == pytest.approx(
        oracle.surprise(IMAGES, scores), abs=1e-5
    )
    assert float(bert_loss(IMAGES, scores, MASK)) == pytest.approx(
        oracle.surprise(IMAGES, scores, MASK), abs=1e-5
    )


@needs_tensorflow
@pytest.mark.parametrize("objective", ["autoregressive", "bert"])
def test_gradients_agree_with_the_oracle(objective):
    model, mask = small_model(objective), MASK if objective == "bert" else None

    def loss():
        if mask is None:
            return autoregressive_loss(IMAGES, model(IMAGES))
        return bert_loss(IMAGES, model((IMAGES, mask)), mask)

    def loss_at(weights):
        return oracle.surprise(IMAGES, oracle.logits(weights, IMAGES, 2, 2, mask), mask)

    expect_slopes(model, loss, loss_at)


@pytest.mark.parametrize(
    ("size", "autoregressive", "bert"),
    [("S", 76_571_648, 76_571_136), ("M", 455_157_760, 455_156_736), ("L", 1_362_250_752, 1_362_249_216)],
)
def test_published_sizes(size, autoregressive, bert):
    for objective, count in (("autoregressive", autoregressive), ("bert", bert)):

        def make(num_layers, objective=objective):
            return reference.build(size, objective, num_layers=num_layers)

        layers = reference.SIZES[size]["num_layers"]
        assert count_stacked(make, layers, ((1, 32, 32), "int32")) == (count, 0)
    assert oracle.weights_of(reference.SIZES[size], 512, 1024, True) == autoregressive
    assert oracle.weights_of(reference.SIZES[size], 512, 1024, False) == bert


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "count"), [({}, 1_362_250_752), ({"height": 48, "width": 48}, 1_364_216_832)]
)
def test_the_largest_is_counted_whole(options, count):
    picture = (1, options.get("height", 32), options.get("width", 32))
    assert count_weights(lambda: reference.build("L", **options), (picture, "int32")) == (count, 0)


def test_spread_of_the_authors_weights():
    model = ImageGPT(7, 2, 2, num_layers=4, num_heads=2, hidden_dim=64)
    model(np.zeros((1, 2, 2), "int32"))
    before = np.std(model.blocks[0].attention.query_dense.kernel)
    reference.spread_weights(model)
    attention = model.blocks[3].attention
    for kernel, spread in (
        (attention.key_dense.kernel, 64**-0.5),
        (attention.output_dense.kernel, (64 * 4) ** -0.5),
        (model.blocks[1].intermediate_dense.kernel, 0.02),
    ):
        assert np.std(kernel) == pytest.approx(spread, rel=0.05)
    assert before == pytest.approx(64**-0.5, rel=0.05)  # what Keras draws is as wide
    assert not np.any(model.logits_dense.kernel)


@pytest.mark.parametrize("options", [{}, {"temperature": 0.5}, {"top_k": 3}])
def test_the_cache_changes_nothing(options):
    model = small_model()
    noise = ops.convert_to_tensor(np.random.default_rng(2).random((4, 20)).astype("float32"))
    for known in (np.zeros((4, 0), "int32"), RNG.integers(0, 7, size=(4, 9)).astype("int32")):
        drawn = [
            np.asarray(complete(*make(model, 4), known, noise, **options))
            for make in (recomputing_step, cached_step)
        ]
        np.testing.assert_array_equal(*drawn)
        np.testing.assert_array_equal(drawn[0][:, : known.shape[1]], known)


def test_both_steps_give_the_model_s_logits():
    model = small_model()
    wanted = np.asarray(model(IMAGES)).reshape(3, 20, 7)
    for make in (recomputing_step, cached_step):
        step, state = make(model, 3)
        for place in range(20):
            tokens = None if place == 0 else IMAGES.reshape(3, 20)[:, place - 1]
            logits, state = step(tokens, state)
            np.testing.assert_allclose(logits, wanted[:, place], atol=1e-4)


def test_drawn_colours_follow_the_probabilities():
    logits = np.tile(np.log(np.array([[0.1, 0.6, 0.0001, 0.2999]], "float32")), (4000, 1))
    noise = np.random.default_rng(1).random(4000).astype("float32")
    shares = np.bincount(np.asarray(reference.next_pixel(logits, noise)), minlength=4) / 4000
    np.testing.assert_allclose(shares, [0.1, 0.6, 0.0, 0.3], atol=0.03)
    hottest = np.nextafter(np.float32(1), np.float32(0)) * np.ones(4000, "float32")
    assert (
        np.asarray(reference.next_pixel(logits, hottest)).max() == 3
    )  # rounding leads to no colour number 4


def test_bert_masks_are_independent():
    mask = np.asarray(reference.bert_mask(np.random.default_rng(1).random((2000, 8, 8))))
    assert mask.mean() == pytest.approx(0.15, abs=0.005)
    counts = mask.sum(axis=(1, 2))
    assert counts.var() == pytest.approx(
        64 * 0.15 * 0.85, rel=0.15
    )  # binomial: numbers vary from picture to picture


def test_palette_and_quantization_are_close_to_the_picture():
    images = np.random.default_rng(1).uniform(-1, 1, size=(4, 6, 6, 3)).astype("float32")
    palette = reference.make_palette(images, 60)
    assert palette.shape == (60, 3) and (np.diff(palette.sum(axis=-1)) >= 0).all()
    back = np.asarray(reference.dequantize(reference.quantize(images, palette), palette)) / 127.5 - 1
    assert np.abs(back - images).mean() < 0.25
    own = np.asarray(reference.quantize(palette[None, None], palette))
    np.testing.assert_array_equal(own, np.arange(60)[None, None])


@pytest.mark.parametrize("objective", ["autoregressive", "bert"])
def test_blocks_are_the_same_model(objective):
    """The wrappers of `course.blocks` take the reference's weights and give its answers."""
    own, twin = small_model(objective), small_model(objective, blocks)
    weights = checkpoints.named_weights(own)
    for path, variable in checkpoints.named_weights(twin).items():
        variable.assign(weights[path])
    pair = IMAGES if objective == "autoregressive" else (IMAGES, MASK)
    np.testing.assert_allclose(own(pair), twin(pair), rtol=1e-4, atol=1e-4)


def test_no_such_objective():
    for module in (reference, blocks):
        with pytest.raises(ValueError, match='"autoregressive" or "bert", not "?\'?gan'):
            module.ImageGPT(7, 4, 5, 1, 1, 6, objective="gan")


@pytest.mark.parametrize("objective", ["autoregressive", "bert"])
def test_learns_stripes(objective):
    """Rows of one colour: the first pixel of a row is chance, the others are certain."""
    keras.utils.set_random_seed(1)
    stripes = np.repeat(np.random.default_rng(1).integers(0, 4, size=(200, 3, 1)), 4, axis=2).astype("int32")
    model = ImageGPT(4, 3, 4, num_layers=1, num_heads=2, hidden_dim=16, objective=objective)
    masking = reference.bert_mask if objective == "bert" else None
    loss = bert_loss if objective == "bert" else autoregressive_loss
    losses = experiment.pretrain(model, stripes, 150, loss, masking, rate=1e-2, batch_size=32, lines=3).losses
    assert len(losses) == 3 and losses[-1] < 0.6 * losses[0]


def test_fine_tuning_with_the_joint_loss_takes_two_steps():
    model = small_model()
    classifier = reference.FineTuned(model, 5)
    class_logits, logits = classifier(IMAGES)
    assert class_logits.shape == (3, 5) and logits.shape == (3, 4, 5, 7)
    loss = reference.joint_loss(np.array([0, 1, 4]), class_logits, autoregressive_loss(IMAGES, logits))
    assert float(loss) == pytest.approx(np.log(5) + float(autoregressive_loss(IMAGES, logits)), abs=1e-4)


def test_cifar_s_path_takes_two_steps():
    """The code path of the `gpu` preset, on made-up photographs of the same shape."""
    photos = np.random.default_rng(1).uniform(-1, 1, size=(6, 32, 32, 3)).astype("float32")
    palette = reference.make_palette(photos[:1], 512)
    tokens = measuring.in_parts(lambda part: reference.quantize(part, palette), photos, size=2)
    assert tokens.shape == (6, 32, 32) and tokens.max() < 512
    model = ImageGPT(512, 32, 32, num_layers=1, num_heads=2, hidden_dim=16)
    run = experiment.pretrain(model, tokens, 2, autoregressive_loss, batch_size=2, lines=2)
    assert run.steps == [1, 2] and run.losses[0] == pytest.approx(np.log(512), abs=0.1)


# experiments


def test_shrinking_takes_means_of_areas():
    images = np.random.default_rng(1).random((2, 6, 6, 3))
    halves = images.reshape(2, 3, 2, 3, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(experiment.shrink(images, 3), halves, atol=1e-6)
    odd = experiment.shrink(images, 4)  # does not divide: the mean of all stays
    np.testing.assert_allclose(odd.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=1e-6)


def test_baselines_are_ordered_as_they_should_be():
    rows = np.repeat(
        RNG.integers(0, 4, size=(300, 3, 1)), 4, axis=2
    )  # a neighbour tells all, the place nothing
    found = experiment.baselines(rows[:200], rows[200:], 4)
    assert found["by left neighbour"] < 0.75 * found["by place"]
    assert found["same everywhere"] == pytest.approx(np.log(4), abs=0.02)


def test_batches_hide_other_pixels_each_time():
    images = RNG.integers(0, 7, size=(50, 4, 5)).astype("int32")
    batches = experiment.batches(images, 3, 8, reference.bert_mask)
    assert len(batches) == 3
    (shown, mask), answers = batches[0]
    assert shown.shape == mask.shape == answers.shape == (8, 4, 5)
    np.testing.assert_array_equal(answers[mask], shown[mask])
    assert (answers[~mask] == -1).all()
    assert (batches[1][0][1] != mask).any()


def test_pictures_are_drawn():
    from course import plots

    palette = np.array([[-1.0], [0.0], [1.0]], "float32")
    known = RNG.integers(0, 3, size=(4, 3, 3))
    fig = experiment.picture_rows(
        [known, np.where(known == 1, -1, known)], reference.dequantize, palette, ["a", "b"]
    )
    assert plots.Picture(fig, "pictures").png[:4] == b"\x89PNG"
    assert plots.Picture(experiment.draw_idea(known[0], reference.dequantize, palette), "idea").width > 0
