"""The Transformer once more, in plain NumPy and float64, written from the paper and from nothing else here.

Weights come as a dictionary `path -> array`; `"encoder.blocks.0.attention.query_dense.kernel"` is a typical path.
"""

import numpy as np


def forward(weights, source, target, num_layers, num_heads, pad=0, pre_norm=False):
    """Logits `(batch, target_length, vocabulary)` of a Transformer without dropout.

    Args:
        weights: path -> float64 array.
        source: integers `(batch, source_length)`.
        target: integers `(batch, target_length)`.
        num_layers: of each stack.
        num_heads: of each attention.
        pad: the padding token.
        pre_norm: pre-LN with a final normalization, instead of post-LN.
    """
    table = weights["embedding.embeddings"]
    network = _Network(weights, num_heads, pre_norm)
    source_bias = np.where(source == pad, -np.inf, 0.0)[:, None, None, :]
    future = np.triu(np.full((target.shape[1],) * 2, -np.inf), k=1)
    target_bias = np.where(target == pad, -np.inf, 0.0)[:, None, None, :] + future
    x = _embed(table, source)
    for number in range(num_layers):
        place = f"encoder.blocks.{number}"
        x = network.residual(
            f"{place}.attention", x, lambda x, p=place: network.attend(f"{p}.attention", x, x, source_bias)
        )
        x = network.residual(
            f"{place}.feed_forward", x, lambda x, p=place: network.widen(f"{p}.feed_forward", x)
        )
    memory = network.finish("encoder", x)
    x = _embed(table, target)
    for number in range(num_layers):
        place = f"decoder.blocks.{number}"
        x = network.residual(
            f"{place}.self_attention",
            x,
            lambda x, p=place: network.attend(f"{p}.self_attention", x, x, target_bias),
        )
        x = network.residual(
            f"{place}.cross_attention",
            x,
            lambda x, p=place: network.attend(f"{p}.cross_attention", x, memory, source_bias),
        )
        x = network.residual(
            f"{place}.feed_forward", x, lambda x, p=place: network.widen(f"{p}.feed_forward", x)
        )
    return network.finish("decoder", x) @ table.T


def smoothed_loss(logits, labels, smoothing=0.1, pad=0):
    """Cross-entropy in nats against the smoothed distribution, averaged over real labels, one by one."""
    losses = []
    for row, label in zip(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), strict=True):
        if label != pad:
            wanted = np.full(len(row), smoothing / len(row))
            wanted[label] += 1 - smoothing
            shifted = row - row.max()
            losses.append(-(wanted * (shifted - np.log(np.exp(shifted).sum()))).sum())
    return np.mean(losses)


def positions(length, width):
    """Sine and cosine in turn, entry by entry."""
    table = np.zeros((length, width))
    for place in range(length):
        for pair in range(width // 2):
            angle = place / 10000 ** (2 * pair / width)
            table[place, 2 * pair], table[place, 2 * pair + 1] = np.sin(angle), np.cos(angle)
    return table


def _embed(table, tokens):
    return table[tokens] * np.sqrt(table.shape[1]) + positions(tokens.shape[1], table.shape[1])


class _Network:
    def __init__(self, weights, num_heads, pre_norm):
        self.weights, self.num_heads, self.pre_norm = weights, num_heads, pre_norm

    def dense(self, path, x):
        return x @ self.weights[f"{path}.kernel"] + self.weights.get(f"{path}.bias", 0.0)

    def normalize(self, path, x):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        return x * self.weights[f"{path}.gamma"] + self.weights[f"{path}.beta"]

    def residual(self, path, x, part):
        norm = f"{path}_residual.normalization"
        if self.pre_norm:
            return x + part(self.normalize(norm, x))
        return self.normalize(norm, x + part(x))

    def finish(self, path, x):
        return self.normalize(f"{path}.final_normalization", x) if self.pre_norm else x

    def attend(self, path, x, memory, bias):
        query, key, value = (
            self.dense(f"{path}.{name}_dense", each)
            for name, each in (("query", x), ("key", memory), ("value", memory))
        )
        width = query.shape[-1] // self.num_heads
        heads = []
        for head in range(self.num_heads):
            own = slice(head * width, (head + 1) * width)
            scores = np.einsum("bqc,bkc->bqk", query[..., own], key[..., own]) / np.sqrt(width) + bias[:, 0]
            raised = np.exp(scores - scores.max(-1, keepdims=True))
            heads.append(np.einsum("bqk,bkc->bqc", raised / raised.sum(-1, keepdims=True), value[..., own]))
        return self.dense(f"{path}.output_dense", np.concatenate(heads, axis=-1))

    def widen(self, path, x):
        return self.dense(
            f"{path}.output_dense", np.maximum(self.dense(f"{path}.intermediate_dense", x), 0.0)
        )
