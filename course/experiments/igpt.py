"""What the experiments of Lab 5 need besides the learner's own code: small pictures, training, baselines."""

import keras
import numpy as np
from keras import ops

from course import plots
from course.experiments import training
from course.experiments.loading import arrays

BLUE, ORANGE = plots.COLOURS[:2]
GREY = "#bbbbbb"


# --- pictures ---------------------------------------------------------------------------------------------


def shrink(images, size):
    """Square images made smaller, each new pixel the mean of the area it covers.

    Args:
        images: NumPy array `(batch, side, side, channels)`.
        size: the new side, at most the old one; need not divide it.

    Returns:
        Float32 `(batch, size, size, channels)`, in the same range.
    """
    side = images.shape[1]
    edges, old = np.linspace(0, side, size + 1), np.arange(side)
    # How much of each old row lies within each new one: (size, side), rows sum to 1.
    share = np.clip(np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old), 0, None)
    share *= size / side
    return np.einsum("yh,bhwc,xw->byxc", share, images, share, optimize=True).astype("float32")


def small_images(name, split, size, margin=0):
    """A data set's images, cropped, shrunk and scaled to -1..1, and its labels (zeros where it has none).

    Args:
        name: as for `course.data.load`.
        split: as for `course.data.load`.
        size: rows and columns of the small images.
        margin: how many pixels are cut off on every side before.

    Returns:
        `(images, labels)`: float32 `(count, size, size, channels)`, int32 `(count,)`.
    """
    images, labels = arrays(name, split)
    end = images.shape[1] - margin
    images = images[:, margin:end, margin:end]
    return shrink(images, size) / 127.5 - 1.0, labels


def picture_rows(rows, dequantize, palette, titles=()):
    """A figure with rows of pictures; a pixel of number -1 is drawn in pink chequers, as not known.

    Args:
        rows: for each row integers `(count, height, width)`.
        dequantize: the learner's.
        palette: `(num_colours, channels)`.
        titles: one for each row, written at its left.
    """

    def painted(tokens):
        tokens = np.asarray(tokens)
        colours = ops.convert_to_numpy(dequantize(np.maximum(tokens, 0), palette)) / 255
        chequers = np.indices(tokens.shape[1:]).sum(axis=0)[..., None] % 2
        unknown = np.where(chequers, (0.93, 0.80, 0.88), (0.89, 0.73, 0.82))  # a colour no palette has
        return np.where((tokens < 0)[..., None], unknown, colours)

    return plots.picture_rows([painted(tokens) for tokens in rows], titles)


def draw_idea(tokens, dequantize, palette):
    """A picture, the same as a sequence of pixels, and what both objectives hide of it.

    Args:
        tokens: integers `(height, width)`, a few rows and columns.
        dequantize: the learner's.
        palette: `(num_colours, channels)`.
    """
    from matplotlib.patches import Rectangle

    tokens = np.asarray(tokens)
    colours = ops.convert_to_numpy(dequantize(tokens[None], palette))[0]
    flat = np.repeat(colours.reshape(-1, colours.shape[-1]), 3, axis=-1)[:, :3] / 255.0
    height, width = tokens.shape
    length = height * width
    fig, axis = plots.figure(width=9.6, height=3.0)
    axis.set_axis_off()
    axis.set(xlim=(-9.4, length + 0.5), ylim=(-0.6, 8.6), aspect="equal")

    def pixel(x, y, colour, text="", edge="#777777", side=1.0):
        axis.add_patch(Rectangle((x, y), side, side, facecolor=colour, edgecolor=edge, linewidth=0.8))
        axis.text(x + side / 2, y + side / 2, text, ha="center", va="center", fontsize=10)

    for place, colour in enumerate(flat):
        row, column = divmod(place, width)
        pixel(-8.6 + 1.4 * column, 5.4 - 1.4 * row, colour, side=1.4)
    axis.text(-8.6 + 0.7 * width, 7.4, "a picture", ha="center")
    hidden = (2, 7, 10)
    for y, title in ((6.1, "autoregressive: what comes next?"), (2.0, "BERT: what is hidden here?")):
        axis.text(0, y + 1.5, title)
        for place, colour in enumerate(flat):
            known = place < length // 2 + 1 if y > 4 else place not in hidden
            asked = place == length // 2 + 1 if y > 4 else place in hidden
            pixel(
                place, y, colour if known else "white", "?" if asked else "", ORANGE if asked else "#777777"
            )
    axis.annotate("", (length // 2 + 1.4, 5.9), (0.2, 5.9), arrowprops={"arrowstyle": "->", "color": BLUE})
    axis.text(length / 4, 5.1, "sees what came before", color=BLUE, ha="center")
    axis.annotate("", (length - 0.2, 1.8), (0.2, 1.8), arrowprops={"arrowstyle": "<->", "color": BLUE})
    axis.text(length / 2, 1.0, "sees all the others", color=BLUE, ha="center")
    return fig


# --- training ---------------------------------------------------------------------------------------------


def batches(images, steps, batch_size=64, bert_mask=None, seed=0):
    """`training.Batches` of random pictures; for the BERT objective each with a fresh mask.

    A batch is `(images, images)`, or `((images, mask), answers)`, where `answers` is -1 at every pixel that is seen.
    """

    def make(step):
        rng = np.random.default_rng([seed, step])
        shown = images[rng.integers(len(images), size=batch_size)]
        if bert_mask is None:
            return shown, shown
        mask = ops.convert_to_numpy(bert_mask(rng.random(shown.shape, dtype="float32")))
        return (shown, mask), np.where(mask, shown, -1)

    return training.Batches(steps, make)


def pretrain(
    model, images, steps, loss, bert_mask=None, *, rate=4e-3, batch_size=64, seed=1, name="iGPT", lines=6
):
    """Train an `ImageGPT` with Adam (betas 0.9 and 0.95), a short warm-up and a cosine down to 0, as in the paper.

    Args:
        model: autoregressive if `bert_mask` is left out.
        images: integers `(count, height, width)`, a NumPy array.
        steps: how many batches.
        loss: `autoregressive_loss` or `bert_loss`.
        bert_mask: the learner's, for the BERT objective.
        rate: the highest learning rate.
        batch_size: pictures in a batch.
        seed: for batches and masks.
        name, lines: as for `training.fit`.

    Returns:
        `training.Trained`, with losses in nats.
    """
    wanted = loss if bert_mask is None else training.where_asked(loss)
    optimizer = keras.optimizers.Adam(training.warmup_cosine(steps, rate), beta_2=0.95)
    data = batches(images, steps, batch_size, bert_mask, seed)
    return training.fit(model, optimizer, wanted, data, name=name, lines=lines, shuffle=True)


# --- baselines --------------------------------------------------------------------------------------------


def baselines(images, held_out, num_colours):
    """What three models without a network reach on held-out pictures, in nats a pixel.

    Args:
        images: integers `(count, height, width)` to count in.
        held_out: the same, to be guessed.
        num_colours: colours of the palette.

    Returns:
        Name -> nats: one table for all pixels, one for each place, one for each left neighbour.
    """
    one_hot = np.eye(num_colours)

    def loss(table, wanted):
        return float(-np.mean(np.log(np.take_along_axis(table, wanted[..., None], axis=-1))))

    def shares(counts):
        return (counts + 0.1) / (counts + 0.1).sum(axis=-1, keepdims=True)

    everywhere = shares(one_hot[images].sum(axis=(0, 1, 2)))
    places = shares(one_hot[images].sum(axis=0))
    left = np.pad(images, ((0, 0), (0, 0), (1, 0)))[
        ..., :-1
    ]  # what stands left of the edge counts as colour 0
    pairs = np.zeros((num_colours, num_colours))
    np.add.at(pairs, (left, images), 1)
    left = np.pad(held_out, ((0, 0), (0, 0), (1, 0)))[..., :-1]
    return {
        "same everywhere": loss(np.broadcast_to(everywhere, (*held_out.shape, num_colours)), held_out),
        "by place": loss(np.broadcast_to(places, (*held_out.shape, num_colours)), held_out),
        "by left neighbour": loss(shares(pairs)[left], held_out),
    }
