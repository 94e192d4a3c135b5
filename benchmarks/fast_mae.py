"""Masked autoencoders of Lab 6 as one compiled program: the same weights and the same results as the lab's layers.

A study trains dozens of them, so what the lab's layers do for the sake of being read is done without here. Only the
visible patches are embedded, the decoder works in the order of the noise, nothing visible is guessed, and a hundred
steps are one call. `tests/test_study.py` compares loss and gradients with the reference.

Weights are a flat dictionary with the names of `course.checkpoints`, so a learner's own layers take them.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Setting(NamedTuple):
    """What a masked autoencoder is like, and how its riddles are made.

    Attributes:
        ratio: share of the patches that is hidden.
        noise: `"random"`, `"grid"` or `"block"`.
        mask_tokens: whether the encoder sees a mask token wherever a patch is hidden.
        depth: blocks of the decoder; 0 is one dense layer, which needs `mask_tokens`.
        target: `"pixels"`, `"normalized"`, `"words"` or `"colours"`.
    """

    ratio: float = 0.75
    noise: str = "random"
    mask_tokens: bool = False
    depth: int = 1
    target: str = "pixels"


class Sizes(NamedTuple):
    """Of the networks; the defaults are those of the study."""

    layers: int = 3
    heads: int = 4
    width: int = 64
    middle: int = 128
    decoder_width: int = 32
    decoder_middle: int = 64


def layer_norm(x, weights, name):
    mean = x.mean(axis=-1, keepdims=True)
    centred = x - mean
    variance = jnp.square(centred).mean(axis=-1, keepdims=True)
    return centred * lax.rsqrt(variance + 1e-6) * weights[f"{name}.gamma"] + weights[f"{name}.beta"]


def dense(x, weights, name):
    return x @ weights[f"{name}.kernel"] + weights[f"{name}.bias"]


def attention(x, weights, name, heads):
    batch, length, width = x.shape
    shape = (batch, length, heads, width // heads)
    query, key, value = (
        dense(x, weights, f"{name}.{one}_dense").reshape(shape) for one in ("query", "key", "value")
    )
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) / np.sqrt(width // heads).astype("float32")
    mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, axis=-1), value)
    return dense(mixed.reshape(batch, length, width), weights, f"{name}.output_dense")


def vit(x, weights, name, layers, heads):
    """A stack of pre-norm blocks and the final normalization."""
    for number in range(layers):
        block = f"{name}.blocks.{number}"
        x = x + attention(
            layer_norm(x, weights, f"{block}.attention_normalization"), weights, f"{block}.attention", heads
        )
        wide = dense(
            layer_norm(x, weights, f"{block}.mlp_normalization"), weights, f"{block}.intermediate_dense"
        )
        x = x + dense(jax.nn.gelu(wide, approximate=False), weights, f"{block}.output_dense")
    return layer_norm(x, weights, f"{name}.final_normalization")


def encode(weights, patches, positions, sizes):
    """Tokens `(batch, 1 + patches, width)`, class token first, of embedded patches that know their positions."""
    first = jnp.broadcast_to(weights["encoder.class_token"], (patches.shape[0], 1, patches.shape[2]))
    return vit(
        jnp.concatenate([first, patches], axis=1), weights, "encoder.encoder", sizes.layers, sizes.heads
    )


def features(weights, patches, positions, sizes):
    """The mean of the encoder's patches, as the probe of Lab 6 sees it: `(images, width)`.

    Args:
        weights: of a model, or of its encoder.
        patches: `(images, patches, values)`.
        positions: of the encoder, `(patches, width)`.
        sizes: of the network.
    """
    embedded = dense(patches, weights, "encoder.patch_embedding.projection_dense") + positions
    return encode(weights, embedded, positions, sizes)[:, 1:].mean(axis=1)


def guesses(weights, visible, order, positions, setting, sizes):
    """What is guessed for the hidden patches, `(batch, hidden, outputs)`, in the order of their noise.

    Args:
        weights: of the model.
        visible: the visible patches in the order of their noise, `(batch, visible, values)`.
        order: which patch comes first, second ..., `(batch, patches)`.
        positions: `(encoder's, decoder's)`, each `(patches, width)`.
        setting, sizes: of the model.
    """
    batch, seen = visible.shape[:2]
    hidden = order.shape[1] - seen
    tokens = dense(visible, weights, "encoder.patch_embedding.projection_dense")
    if setting.mask_tokens:
        gaps = jnp.broadcast_to(weights["encoder.mask_token"], (batch, hidden, sizes.width))
        tokens = jnp.concatenate([tokens, gaps], axis=1) + positions[0][order]
    else:
        tokens = tokens + positions[0][order[:, :seen]]
    tokens = encode(weights, tokens, positions[0], sizes)
    if setting.depth == 0:
        return dense(tokens[:, 1 + seen :], weights, "decoder.prediction_dense")
    x = dense(tokens, weights, "decoder.embedding_dense")
    if not setting.mask_tokens:
        gaps = jnp.broadcast_to(weights["decoder.mask_token"], (batch, hidden, sizes.decoder_width))
        x = jnp.concatenate([x, gaps], axis=1)
    places = jnp.pad(positions[1], ((1, 0), (0, 0)))[jnp.pad(order + 1, ((0, 0), (1, 0)))]
    x = vit(x + places, weights, "decoder.decoder", setting.depth, sizes.heads)
    return dense(x[:, 1 + seen :], weights, "decoder.prediction_dense")


def loss(weights, visible, order, targets, positions, setting, sizes):
    """Squared error or cross-entropy of hidden patches; `targets` are theirs, in the order of their noise."""
    found = guesses(weights, visible, order, positions, setting, sizes)
    if jnp.issubdtype(targets.dtype, jnp.integer):
        sure = jax.nn.log_softmax(found, axis=-1)
        return -jnp.take_along_axis(sure, targets[..., None], axis=-1).mean()
    return jnp.square(found - targets).mean()


# --- training ---------------------------------------------------------------------------------------------


def start(weights):
    """What `chunk` hands on: weights, their two moments, their running average, steps done."""
    zeros = jax.tree.map(jnp.zeros_like, weights)
    return weights, zeros, zeros, weights, jnp.zeros((), "int32")


def chunk(setting, sizes, patches, targets, positions, rate=2e-3, warmup=300, decay=0.05, keep=0.998):
    """A compiled function `(state, rows, orders) -> (state, mean loss)` of as many steps as there are rows.

    AdamW with betas of 0.9 and 0.95, decay for weights of two axes, gradients clipped to a norm of 1, a warm-up and
    then a constant rate, and a running average of the weights, which is what is measured.

    Args:
        setting, sizes: of the model.
        patches: of all images, `(images, patches, values)`.
        targets: of all images, `(images, patches, values)` or integers `(images, patches)`.
        positions: as for `guesses`.
        rate: learning rate after the warm-up.
        warmup: steps.
        decay: of weights.
        keep: of the running average; less at the beginning.
    """
    seen = int(patches.shape[1] * (1 - setting.ratio))

    def step(state, drawn):
        weights, first, second, average, done = state
        rows, order = drawn
        visible = patches[rows[:, None], order[:, :seen]]
        wanted = targets[rows[:, None], order[:, seen:]]
        value, slopes = jax.value_and_grad(loss)(weights, visible, order, wanted, positions, setting, sizes)
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(one)) for one in jax.tree.leaves(slopes)))
        slopes = jax.tree.map(lambda one: one * jnp.minimum(1.0, 1.0 / norm), slopes)
        done = done + 1
        speed = rate * jnp.minimum(1.0, done / warmup)
        first = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, first, slopes)
        second = jax.tree.map(lambda old, new: 0.95 * old + 0.05 * new * new, second, slopes)

        def moved(weight, mean, square):
            smaller = weight * (1 - speed * decay) if weight.ndim > 1 else weight
            return smaller - speed * (mean / (1 - 0.9**done)) / (jnp.sqrt(square / (1 - 0.95**done)) + 1e-7)

        weights = jax.tree.map(moved, weights, first, second)
        part = jnp.minimum(keep, done / (done + 10.0))
        average = jax.tree.map(lambda old, new: part * old + (1 - part) * new, average, weights)
        return (weights, first, second, average, done), value

    @jax.jit
    def run(state, rows, orders):
        state, values = lax.scan(step, state, (rows, orders))
        return state, values.mean()

    return run
