"""MAE and BEiT's layers once more, in plain NumPy and float64, loop by loop, written from the papers.

Weights come as a dictionary `path -> array`; `"encoder.blocks.0.attention.query_dense.kernel"` is a typical path.
"""

import math

import numpy as np


def under(weights, prefix):
    """The weights whose path begins with `prefix`, without it."""
    start = f"{prefix}."
    return {path.removeprefix(start): value for path, value in weights.items() if path.startswith(start)}


def kept_and_hidden(noise, mask_ratio):
    """For one image: the patches that stay, smallest noise first, and those that are hidden."""
    ranked = sorted(range(len(noise)), key=lambda patch: noise[patch])
    count = int(len(noise) * (1 - mask_ratio))
    return ranked[:count], ranked[count:]


def position(row, column, width):
    """Sines, then cosines, of the column; then of the row."""
    found = []
    for number in (column, row):
        angles = [number / 10000 ** (i / (width / 4)) for i in range(width // 4)]
        found += [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
    return np.array(found)


def positions(grid, width):
    return np.array([position(row, column, width) for row in range(grid[0]) for column in range(grid[1])])


def patches_of(image, side):
    """Patches of one image in reading order, each as a vector."""
    height, width, _ = image.shape
    return np.array(
        [
            image[top : top + side, left : left + side].reshape(-1)
            for top in range(0, height, side)
            for left in range(0, width, side)
        ]
    )


def dense(weights, x):
    return x @ weights["kernel"] + weights.get("bias", 0.0)


def norm(weights, x):
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
    return centred / spread * weights["gamma"] + weights["beta"]


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def attend(weights, x, num_heads, bias=None):
    query, key, value = (dense(under(weights, f"{name}_dense"), x) for name in ("query", "key", "value"))
    width, out = x.shape[-1] // num_heads, np.zeros_like(x)
    for head in range(num_heads):
        own = slice(head * width, (head + 1) * width)
        for place in range(len(x)):
            scores = key[:, own] @ query[place, own] / math.sqrt(width)
            if bias is not None:
                scores = scores + bias[head, place]
            shares = np.exp(scores - scores.max())
            out[place, own] = shares / shares.sum() @ value[:, own]
    return dense(under(weights, "output_dense"), out)


def block(weights, x, num_heads, bias=None):
    scales = weights.get("attention_scale", 1.0), weights.get("mlp_scale", 1.0)
    x = x + scales[0] * attend(
        under(weights, "attention"), norm(under(weights, "attention_normalization"), x), num_heads, bias
    )
    wide = gelu(dense(under(weights, "intermediate_dense"), norm(under(weights, "mlp_normalization"), x)))
    return x + scales[1] * dense(under(weights, "output_dense"), wide)


def stack(weights, x, num_layers, num_heads):
    for number in range(num_layers):
        x = block(under(weights, f"blocks.{number}"), x, num_heads)
    return norm(under(weights, "final_normalization"), x)


def autoencoder(weights, image, noise, side, mask_ratio, layers, heads):
    """`(tokens, guesses, hidden)` of one image: encoder's tokens, a guess for each patch, which patches are hidden.

    Args:
        layers: blocks of encoder and of decoder.
        heads: heads of encoder and of decoder.
    """
    grid = (image.shape[0] // side, image.shape[1] // side)
    encoder, decoder = under(weights, "encoder"), under(weights, "decoder")
    embedded = dense(under(encoder, "patch_embedding.projection_dense"), patches_of(image, side))
    embedded = embedded + positions(grid, embedded.shape[-1])
    kept, hidden = kept_and_hidden(noise, mask_ratio)
    sequence = np.array([encoder["class_token"], *embedded[kept]])
    tokens = stack(under(encoder, "encoder"), sequence, layers[0], heads[0])
    narrow = dense(under(decoder, "embedding_dense"), tokens)
    whole = np.tile(decoder["mask_token"], (len(embedded), 1))
    for place, patch in enumerate(kept):
        whole[patch] = narrow[1 + place]
    x = np.array([narrow[0], *(whole + positions(grid, whole.shape[-1]))])
    x = stack(under(decoder, "decoder"), x, layers[1], heads[1])
    return tokens, dense(under(decoder, "prediction_dense"), x[1:]), hidden


def error(guesses, images, hidden, side, normalized):
    """The loss of a batch: mean squared error over hidden patches."""
    errors = []
    for guess, image, places in zip(guesses, images, hidden, strict=True):
        for place in places:
            target = patches_of(image, side)[place]
            if normalized:
                target = (target - target.mean()) / math.sqrt(target.var(ddof=1) + 1e-6)
            errors.append(((guess[place] - target) ** 2).mean())
    return np.mean(errors)


def beit(weights, image, mask, side, num_layers, num_heads):
    """Scores of all codes for each patch of one image; a shared relative bias, LayerScale, no absolute positions."""
    grid = (image.shape[0] // side, image.shape[1] // side)
    x = dense(under(weights, "patch_embedding.projection_dense"), patches_of(image, side))
    x = np.array([weights["mask_token"] if hidden else patch for patch, hidden in zip(x, mask, strict=True)])
    x = np.array([weights["class_token"], *x])
    table, offsets = weights["relative_bias.table"], (2 * grid[0] - 1) * (2 * grid[1] - 1)
    bias = np.zeros((num_heads, len(x), len(x)))
    for query in range(len(x)):
        for key in range(len(x)):
            if query and key:
                (y, x_), (v, u) = divmod(query - 1, grid[1]), divmod(key - 1, grid[1])
                number = (y - v + grid[0] - 1) * (2 * grid[1] - 1) + x_ - u + grid[1] - 1
            else:
                number = offsets + (2 if query == key else 1 if query else 0)
            bias[:, query, key] = table[number]
    for number in range(num_layers):
        x = block(under(weights, f"blocks.{number}"), x, num_heads, bias)
    return dense(under(weights, "head"), norm(under(weights, "normalization"), x)[1:])
