"""iGPT once more, in plain NumPy and float64, loop by loop, written from the paper and the description of its code.

Weights come as a dictionary `path -> array`; `"blocks.0.attention.query_dense.kernel"` is a typical path.
"""

import numpy as np


def logits(weights, images, num_layers, num_heads, mask=None):
    """Scores `(batch, height, width, num_colours)`; autoregressive if there is a weight `start`.

    Args:
        weights: path -> float64 array.
        images: integers `(batch, height, width)`.
        num_layers: number of blocks.
        num_heads: of each attention.
        mask: boolean `(batch, height, width)`; `True` = hidden.
    """
    scores = []
    for number, image in enumerate(images):
        x = states(weights, image, num_layers, num_heads, None if mask is None else mask[number])[-1]
        rows = [root_mean_square(row, weights["final_norm.scale"]) for row in x]
        scores.append(np.array(rows) @ weights["logits_dense.kernel"])
    return np.array(scores).reshape(*images.shape, -1)


def states(weights, image, num_layers, num_heads, mask=None):
    """One picture's embedded sequence and what each layer makes of it, each `(length, width)`."""
    pixels = []
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            hidden = mask is not None and mask[y, x]
            pixel = weights["pixel_embedding.embeddings"][image[y, x]]
            pixels.append(np.zeros_like(pixel) if hidden else pixel)
    causal = "start" in weights
    if causal:
        pixels = [weights["start"], *pixels[:-1]]
    h = np.array(pixels) + weights["positions"]
    found = [h]
    for number in range(num_layers):
        block = {
            path.removeprefix(f"blocks.{number}."): value
            for path, value in weights.items()
            if path.startswith(f"blocks.{number}.")
        }
        h = h + attend(block, normalized(h, block["attention_normalization.scale"]), num_heads, causal)
        wide = normalized(h, block["feed_forward_normalization.scale"]) @ block["intermediate_dense.kernel"]
        h = h + (wide / (1 + np.exp(-1.702 * wide))) @ block["output_dense.kernel"]
        found.append(h)
    return found


def normalized(h, gain):
    return np.array([root_mean_square(row, gain) for row in h])


def root_mean_square(row, gain):
    return gain * row / np.sqrt((row**2).sum() / len(row) + 1e-5)


def attend(block, h, num_heads, causal):
    query, key, value = (h @ block[f"attention.{name}_dense.kernel"] for name in ("query", "key", "value"))
    width = query.shape[1] // num_heads
    out = np.zeros_like(query)
    for head in range(num_heads):
        own = slice(head * width, (head + 1) * width)
        for place in range(len(h)):
            seen = place + 1 if causal else len(h)
            scores = key[:seen, own] @ query[place, own] / np.sqrt(width)
            shares = np.exp(scores - scores.max())
            out[place, own] = shares / shares.sum() @ value[:seen, own]
    return out @ block["attention.output_dense.kernel"]


def surprise(images, scores, mask=None):
    """Mean of minus the log-probability of each pixel, of hidden ones if there is a mask, in nats."""
    found = []
    for place in np.ndindex(images.shape):
        if mask is None or mask[place]:
            row = scores[place]
            found.append(np.log(np.exp(row - row.max()).sum()) + row.max() - row[images[place]])
    return np.mean(found)


def weights_of(sizes, num_colours, length, autoregressive):
    """The number of weights, by the formula of the paper's code: no biases, norms with a gain only."""
    width, layers = sizes["hidden_dim"], sizes["num_layers"]
    outside = 2 * num_colours * width + length * width + width
    return outside + layers * (12 * width**2 + 2 * width) + (width if autoregressive else 0)
