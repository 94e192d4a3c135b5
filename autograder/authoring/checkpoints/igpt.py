"""The checkpoints of Lab 5: digits for both objectives, and emoji in colour."""

import keras
import numpy as np
from keras import ops

from autograder.authoring.checkpoints.make import maker
from course.experiments.igpt import pretrain, small_images
from course.experiments.measuring import in_parts
from solutions.igpt import ImageGPT, autoregressive_loss, bert_loss, bert_mask, make_palette, quantize

# As in the lab.
DIGITS = {"height": 8, "width": 8, "num_layers": 4, "num_heads": 4, "hidden_dim": 48}
EMOJI = {"height": 12, "width": 12, "num_layers": 3, "num_heads": 4, "hidden_dim": 64}


def quantized(name, size, num_colours, margin=0, palette=None):
    """`(train, test, palette)` of a data set, as numbers of colours."""
    images = [small_images(name, split, size, margin)[0] for split in ("train", "test")]
    palette = make_palette(images[0], num_colours) if palette is None else palette
    return *(in_parts(lambda part: quantize(part, palette), each) for each in images), palette


def nats(model, images, seed=1):
    """Loss on held-out pictures; for the BERT objective over five masks, so that chance matters less."""
    if model.objective == "autoregressive":
        return float(autoregressive_loss(images, in_parts(model, images)))
    rng = np.random.default_rng(seed)
    masks = [ops.convert_to_numpy(bert_mask(rng.random(images.shape))) for _ in range(5)]
    losses = [bert_loss(images, in_parts(model, (images, mask)), mask) for mask in masks]
    return float(np.mean(losses))


def trained(objective, images, num_colours, sizes, steps, rate=4e-3, seed=1):
    """An `ImageGPT`, trained."""
    keras.utils.set_random_seed(seed)
    model = ImageGPT(num_colours, **sizes, objective=objective)
    loss = autoregressive_loss if objective == "autoregressive" else bert_loss
    mask = None if objective == "autoregressive" else bert_mask
    pretrain(model, images, steps, loss, mask, rate=rate, seed=seed)
    return model


def digits(objective, steps):
    train, test, palette = quantized("mnist5k", 8, 6, margin=2)
    model = trained(objective, train, 6, DIGITS, steps)
    about = f"{objective} objective, 4,000 MNIST digits at 8x8 in 6 greys, {steps:,} steps of 64"
    return model, {"about": about, "nats": round(nats(model, test), 3), "palette": palette}


@maker("igpt_digits_ar")
def digits_autoregressive(steps=1_500):
    return digits("autoregressive", steps)


@maker("igpt_digits_bert")
def digits_bert(steps=1_500):
    return digits("bert", steps)


@maker("igpt_emoji_ar")
def emoji_autoregressive(steps=700):
    # So few pictures are soon known by heart: mirrored ones double their number, and training ends in time.
    train, test, palette = quantized("openmoji", 12, 16)
    train = np.concatenate([train, train[:, :, ::-1]])
    model = trained("autoregressive", train, 16, EMOJI, steps, rate=3e-3)
    about = (
        "autoregressive objective, 1,316 emoji of OpenMoji (CC BY-SA 4.0) and their mirror images "
        f"at 12x12 in 16 colours, {steps:,} steps of 64"
    )
    return model, {"about": about, "nats": round(nats(model, test), 3), "palette": palette}
