"""The Transformer, from positions to beam search (Vaswani et al. 2017, *Attention Is All You Need*).

Tokens are integers; `PAD` fills shorter sequences up. Masks are boolean everywhere: `True` = may
attend, broadcastable to `(batch, heads, query, key)`.
"""

import math

import keras
import numpy as np
from keras import ops

from course.models.composite import Composite
from solutions.attention import (
    MultiHeadAttention,
    causal_mask,
    merge_heads,
    padding_mask,
    scaled_dot_product_attention,
    split_heads,
)

# The token that fills shorter sequences up. Nobody attends to it, and no loss is counted over it.
PAD = 0

# Table 3 of the paper. `build("base")` makes the model.
SIZES = {
    "base": {"num_layers": 6, "num_heads": 8, "hidden_dim": 512, "intermediate_dim": 2048, "dropout": 0.1},
    "big": {"num_layers": 6, "num_heads": 16, "hidden_dim": 1024, "intermediate_dim": 4096, "dropout": 0.3},
}


def positional_encoding(length, hidden_dim):
    """Give every position a pattern of its own, made of waves of many lengths (section 3.5).

    Args:
        length: number of positions, an int.
        hidden_dim: width of the patterns, an even int.

    Returns:
        `(length, hidden_dim)`, float32: channel `2i` of position `pos` is
        `sin(pos / 10000 ** (2i / hidden_dim))`, channel `2i + 1` is the cosine of the same angle.
    """
    ### BEGIN SOLUTION
    position = ops.arange(length, dtype="float32")[:, None]  # (length, 1)
    channel = ops.arange(0, hidden_dim, 2, dtype="float32")  # (hidden_dim / 2,): the even ones, 2i
    angle = position * ops.exp(channel * (-math.log(10000.0) / hidden_dim))  # (length, hidden_dim / 2)
    pairs = ops.stack([ops.sin(angle), ops.cos(angle)], axis=-1)  # (length, hidden_dim / 2, 2)
    return ops.reshape(pairs, (length, hidden_dim))  # sine and cosine take turns
    ### END SOLUTION


class FeedForward(Composite):
    """Widen, ReLU, narrow again, at each position by itself (section 3.3).

    Sub-layers: `intermediate_dense`, a `Dense(intermediate_dim)`, and `output_dense`, a
    `Dense(hidden_dim)`.

    Args:
        hidden_dim: width of the output.
        intermediate_dim: width in the middle, four times as wide in the paper.
    """

    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        ### BEGIN SOLUTION
        self.intermediate_dense = keras.layers.Dense(
            intermediate_dim, activation="relu", name="intermediate_dense"
        )
        self.output_dense = keras.layers.Dense(hidden_dim, name="output_dense")
        ### END SOLUTION

    def call(self, inputs):
        """`(batch, length, width)` to `(batch, length, hidden_dim)`."""
        ### BEGIN SOLUTION
        return self.output_dense(self.intermediate_dense(inputs))
        ### END SOLUTION


class AddAndNorm(Composite):
    """A residual connection around a sub-layer, with dropout and layer normalization (sections 3.1
    and 5.4).

    Post-LN, as in the paper: `normalization(inputs + dropout(sublayer(inputs)))`.
    Pre-LN, as in most later models: `inputs + dropout(sublayer(normalization(inputs)))`.

    Sub-layers: `normalization`, a `LayerNormalization` with an epsilon of 1e-6, and `dropout`, a
    `Dropout`.

    Args:
        dropout: which share of the sub-layer's output is dropped in training.
        pre_norm: whether to normalize before the sub-layer instead of after the sum.
    """

    def __init__(self, dropout=0.1, pre_norm=False, **kwargs):
        super().__init__(**kwargs)
        self.pre_norm = pre_norm
        ### BEGIN SOLUTION
        # Keras' default of 1e-3 is large beside the variance of small activations.
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-6, name="normalization")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        ### END SOLUTION

    def call(self, inputs, sublayer):
        """Apply the sub-layer and add it to its own input.

        Args:
            inputs: `(batch, length, hidden_dim)`.
            sublayer: a layer or function from `(batch, length, hidden_dim)` to the same shape. Give
                it by name, `sublayer=...`: Keras takes only tensors by position.

        Returns:
            `(batch, length, hidden_dim)`.
        """
        ### BEGIN SOLUTION
        if self.pre_norm:
            return inputs + self.dropout(sublayer(self.normalization(inputs)))
        return self.normalization(inputs + self.dropout(sublayer(inputs)))
        ### END SOLUTION


class EncoderLayer(Composite):
    """Self-attention, then feed-forward, each in a residual connection (section 3.1).

    Sub-layers: `attention`, a `MultiHeadAttention`; `feed_forward`, a `FeedForward`; and around
    them `attention_residual` and `feed_forward_residual`, each an `AddAndNorm(dropout, pre_norm)`.

    Args:
        num_heads: heads of the attention; must divide `hidden_dim`.
        hidden_dim: width of the layer.
        intermediate_dim: width in the middle of the feed-forward part.
        dropout: rate of the dropout in both residual connections.
        pre_norm: whether both normalize first.
        use_bias: whether the attention's dense layers have a bias.
    """

    def __init__(
        self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, pre_norm=False, use_bias=True, **kwargs
    ):
        super().__init__(**kwargs)
        ### BEGIN SOLUTION
        self.attention = MultiHeadAttention(num_heads, hidden_dim, use_bias=use_bias, name="attention")
        self.attention_residual = AddAndNorm(dropout, pre_norm, name="attention_residual")
        self.feed_forward = FeedForward(hidden_dim, intermediate_dim, name="feed_forward")
        self.feed_forward_residual = AddAndNorm(dropout, pre_norm, name="feed_forward_residual")
        ### END SOLUTION

    def call(self, inputs, attention_mask=None):
        """Self-attention, then feed-forward.

        Args:
            inputs: `(batch, length, hidden_dim)`.
            attention_mask: optional boolean, broadcastable to `(batch, heads, length, length)`;
                `True` = may attend.

        Returns:
            `(batch, length, hidden_dim)`.
        """

        ### BEGIN SOLUTION
        # Self-attention: each position asks all that it may see.
        def attend(x):
            return self.attention(x, attention_mask=attention_mask)[0]

        # Both halves are added to what goes into them, by a layer that normalizes, too.
        x = self.attention_residual(inputs, sublayer=attend)
        return self.feed_forward_residual(x, sublayer=self.feed_forward)
        ### END SOLUTION


class DecoderLayer(Composite):
    """Self-attention, cross-attention to the encoder's output, feed-forward (section 3.1).

    Sub-layers: `self_attention` and `cross_attention`, each a `MultiHeadAttention`; `feed_forward`,
    a `FeedForward`; and around them `self_attention_residual`, `cross_attention_residual` and
    `feed_forward_residual`, each an `AddAndNorm(dropout, pre_norm)`.

    Args:
        num_heads: heads of both attentions; must divide `hidden_dim`.
        hidden_dim: width of the layer.
        intermediate_dim: width in the middle of the feed-forward part.
        dropout: rate of the dropout in all residual connections.
        pre_norm: whether they normalize first.
        use_bias: whether the attentions' dense layers have a bias.
    """

    def __init__(
        self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, pre_norm=False, use_bias=True, **kwargs
    ):
        super().__init__(**kwargs)
        ### BEGIN SOLUTION
        self.self_attention = MultiHeadAttention(
            num_heads, hidden_dim, use_bias=use_bias, name="self_attention"
        )
        self.self_attention_residual = AddAndNorm(dropout, pre_norm, name="self_attention_residual")
        self.cross_attention = MultiHeadAttention(
            num_heads, hidden_dim, use_bias=use_bias, name="cross_attention"
        )
        self.cross_attention_residual = AddAndNorm(dropout, pre_norm, name="cross_attention_residual")
        self.feed_forward = FeedForward(hidden_dim, intermediate_dim, name="feed_forward")
        self.feed_forward_residual = AddAndNorm(dropout, pre_norm, name="feed_forward_residual")
        ### END SOLUTION

    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        """Self-attention over what is written so far, cross-attention to the source, feed-forward.

        Args:
            inputs: `(batch, target_length, hidden_dim)`.
            memory: the encoder's output, `(batch, source_length, hidden_dim)`.
            attention_mask: optional boolean for the self-attention, broadcastable to
                `(batch, heads, target_length, target_length)`; `True` = may attend.
            cross_attention_mask: optional boolean for the cross-attention, broadcastable to
                `(batch, heads, target_length, source_length)`.

        Returns:
            `(batch, target_length, hidden_dim)`.
        """

        ### BEGIN SOLUTION
        # Self-attention: each position asks all that it may see.
        def attend(x):
            return self.self_attention(x, attention_mask=attention_mask)[0]

        # Cross-attention: queries come from the target, keys and values from the encoder.
        def cross_attend(x):
            return self.cross_attention(x, memory, attention_mask=cross_attention_mask)[0]

        # All three parts are added to what goes into them, by a layer that normalizes, too.
        x = self.self_attention_residual(inputs, sublayer=attend)
        x = self.cross_attention_residual(x, sublayer=cross_attend)
        return self.feed_forward_residual(x, sublayer=self.feed_forward)
        ### END SOLUTION


def source_mask(tokens):
    """Hide the padding of the source: `(batch, length)` tokens to a boolean `(batch, 1, 1, length)`."""
    lengths = ops.sum(ops.cast(tokens != PAD, "int32"), axis=-1)
    return padding_mask(lengths, tokens.shape[1])


def decoder_mask(tokens):
    """Hide from each position of the target what comes after it, and the padding (section 3.2.3).

    Args:
        tokens: integers `(batch, length)`; `PAD` stands only at the end of a row.

    Returns:
        Boolean `(batch, 1, length, length)`: entry `[b, 0, query, key]` is `True` where
        `key <= query` and `tokens[b, key]` is not `PAD`.
    """
    ### BEGIN SOLUTION
    # (length, length) and (batch, 1, 1, length) broadcast to (batch, 1, length, length).
    return ops.logical_and(causal_mask(tokens.shape[1]), source_mask(tokens))
    ### END SOLUTION


def shift_targets(tokens):
    """Make of each target what the decoder reads and what it is to answer (section 3.1).

    Args:
        tokens: integers `(batch, length)`: start token, words, end token, padding.

    Returns:
        `(inputs, labels)`, each `(batch, length - 1)`: at each position, `labels` holds the token
        that follows the one in `inputs`.
    """
    ### BEGIN SOLUTION
    return tokens[:, :-1], tokens[:, 1:]
    ### END SOLUTION


class Encoder(Composite):
    """A stack of encoder layers, in `blocks`; with pre-LN, `final_normalization` after the last
    (section 3.1).
    """

    def __init__(
        self, num_layers, num_heads, hidden_dim, intermediate_dim, dropout, pre_norm, use_bias, **kwargs
    ):
        super().__init__(**kwargs)
        self.blocks = [
            EncoderLayer(
                num_heads, hidden_dim, intermediate_dim, dropout, pre_norm, use_bias, name=f"block_{number}"
            )
            for number in range(num_layers)
        ]
        # With pre-LN nothing has normalized the sum when it leaves the stack.
        self.final_normalization = keras.layers.LayerNormalization(epsilon=1e-6) if pre_norm else None

    def call(self, inputs, attention_mask=None):
        """`(batch, source_length, hidden_dim)` to the same shape."""
        x = inputs
        for block in self.blocks:
            x = block(x, attention_mask=attention_mask)
        return self.final_normalization(x) if self.final_normalization else x


class Decoder(Composite):
    """A stack of decoder layers, in `blocks`; with pre-LN, `final_normalization` after the last
    (section 3.1).
    """

    def __init__(
        self, num_layers, num_heads, hidden_dim, intermediate_dim, dropout, pre_norm, use_bias, **kwargs
    ):
        super().__init__(**kwargs)
        self.blocks = [
            DecoderLayer(
                num_heads, hidden_dim, intermediate_dim, dropout, pre_norm, use_bias, name=f"block_{number}"
            )
            for number in range(num_layers)
        ]
        self.final_normalization = keras.layers.LayerNormalization(epsilon=1e-6) if pre_norm else None

    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        """`(batch, target_length, hidden_dim)` to the same shape."""
        x = inputs
        for block in self.blocks:
            x = block(x, memory, attention_mask=attention_mask, cross_attention_mask=cross_attention_mask)
        return self.final_normalization(x) if self.final_normalization else x


class Transformer(Composite, keras.Model):
    """Encoder, decoder, and one matrix that is source embedding, target embedding and softmax
    (section 3.4).

    Sub-layers: `embedding`, `dropout`, `encoder` and `decoder`; the two stacks hold their layers in
    `blocks`.

    Args:
        vocabulary_size: number of tokens, `PAD` included, source and target together.
        num_layers: layers of the encoder, and of the decoder.
        num_heads: heads of each attention; must divide `hidden_dim`.
        hidden_dim: width of the model, an even number.
        intermediate_dim: width in the middle of the feed-forward parts.
        dropout: rate of all dropout.
        max_length: most positions of a sequence.
        pre_norm: pre-LN instead of the paper's post-LN.
        use_bias: whether the attentions' dense layers have a bias.
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers=6,
        num_heads=8,
        hidden_dim=512,
        intermediate_dim=2048,
        dropout=0.1,
        max_length=512,
        pre_norm=False,
        use_bias=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        # Softmax weights of this size give logits near 1; the input has to make up for it, see `embed`.
        initializer = keras.initializers.RandomNormal(stddev=hidden_dim**-0.5)
        self.embedding = keras.layers.Embedding(vocabulary_size, hidden_dim, initializer, name="embedding")
        self.positions = ops.convert_to_tensor(positional_encoding(max_length, hidden_dim))
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.encoder = Encoder(
            num_layers, num_heads, hidden_dim, intermediate_dim, dropout, pre_norm, use_bias, name="encoder"
        )
        self.decoder = Decoder(
            num_layers, num_heads, hidden_dim, intermediate_dim, dropout, pre_norm, use_bias, name="decoder"
        )

    def embed(self, tokens, start=0):
        """Token embeddings times the square root of `hidden_dim`, plus positions, then dropout
        (section 3.4).

        Args:
            tokens: integers `(batch, length)`.
            start: the position of the first of them.

        Returns:
            `(batch, length, hidden_dim)`.
        """
        ### BEGIN SOLUTION
        x = self.embedding(tokens) * math.sqrt(self.hidden_dim)  # (batch, length, hidden_dim)
        positions = self.positions[start : start + tokens.shape[1]]  # (length, hidden_dim)
        return self.dropout(x + ops.cast(positions, x.dtype))
        ### END SOLUTION

    def encode(self, source):
        """`(batch, source_length)` tokens to the memory, `(batch, source_length, hidden_dim)`."""
        ### BEGIN SOLUTION
        return self.encoder(self.embed(source), attention_mask=source_mask(source))
        ### END SOLUTION

    def decode(self, target, memory, source):
        """The logits of the next token after each position of the target.

        Args:
            target: integers `(batch, target_length)`.
            memory: what `encode(source)` gave.
            source: integers `(batch, source_length)`; they say where the memory is padding.

        Returns:
            `(batch, target_length, vocabulary_size)`.
        """
        ### BEGIN SOLUTION
        masks = {"attention_mask": decoder_mask(target), "cross_attention_mask": source_mask(source)}
        return self.logits(self.decoder(self.embed(target), memory, **masks))
        ### END SOLUTION

    def logits(self, outputs):
        """`(..., hidden_dim)` to `(..., vocabulary_size)`, by the matrix of the embedding (section
        3.4).
        """
        return ops.matmul(outputs, ops.transpose(self.embedding.embeddings))

    def call(self, inputs):
        """`(source, target)`, both integers `(batch, length)`, to the logits of `decode`."""
        ### BEGIN SOLUTION
        source, target = inputs
        return self.decode(target, self.encode(source), source)
        ### END SOLUTION


def build(size, vocabulary_size=37_000, **options):
    """A model of a published size.

    Args:
        size: `"base"` or `"big"`.
        vocabulary_size: number of tokens, about 37,000 in the paper.
        options: further arguments of `Transformer`, such as `use_bias=False` for the paper's bare
            matrices.

    Raises:
        KeyError: if there is no such size.
    """
    return Transformer(vocabulary_size, **(SIZES[size] | options))


def noam_learning_rate(step, hidden_dim, warmup_steps=4000):
    """Rise in a straight line for `warmup_steps`, then fall with the root of the step (section 5.3).

    Args:
        step: number of the step, from 1; a number or a tensor of any shape.
        hidden_dim: width of the model.
        warmup_steps: how many steps the rise takes.

    Returns:
        `hidden_dim ** -0.5 * min(step ** -0.5, step * warmup_steps ** -1.5)`, a tensor shaped as
        `step`.
    """
    ### BEGIN SOLUTION
    step = ops.cast(step, "float32")
    return hidden_dim**-0.5 * ops.minimum(ops.rsqrt(step), step * warmup_steps**-1.5)
    ### END SOLUTION


class NoamSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """`noam_learning_rate` as Keras' optimizers want it, times `factor`."""

    def __init__(self, hidden_dim, warmup_steps=4000, factor=1.0):
        self.hidden_dim, self.warmup_steps, self.factor = hidden_dim, warmup_steps, factor

    def __call__(self, step):
        # Keras counts from 0.
        step = ops.cast(step, "float32") + 1.0
        return self.factor * noam_learning_rate(step, self.hidden_dim, self.warmup_steps)

    def get_config(self):
        return {"hidden_dim": self.hidden_dim, "warmup_steps": self.warmup_steps, "factor": self.factor}


def smoothed_cross_entropy(labels, logits, smoothing=0.1):
    """Cross-entropy against labels that are not quite sure of themselves, without the padding
    (section 5.4).

    The wanted distribution gives `1 - smoothing` to the label and spreads `smoothing` evenly over
    all `vocabulary_size` tokens, the label among them.

    Args:
        labels: integers `(batch, length)`.
        logits: `(batch, length, vocabulary_size)`.
        smoothing: from 0 to 1.

    Returns:
        A scalar in nats: the mean over all labels that are not `PAD`.
    """
    ### BEGIN SOLUTION
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)  # (batch, length, vocabulary)
    own = ops.take_along_axis(log_probabilities, labels[..., None], axis=-1)[..., 0]  # (batch, length)
    losses = -(1 - smoothing) * own - smoothing * ops.mean(log_probabilities, axis=-1)
    real = ops.cast(labels != PAD, "float32")  # (batch, length)
    return ops.sum(losses * real) / ops.sum(real)
    ### END SOLUTION


def recomputing_step(model, source):
    """What decoding needs of a model, the plain way: each step runs the whole decoder again.

    Args:
        model: a `Transformer`.
        source: integers `(batch, source_length)`.

    Returns:
        `(step, state)`, where `step(tokens, state)` takes the latest token of each sequence,
        `(batch,)`, and gives `(logits, state)`: `(batch, vocabulary_size)` for the next token, and
        the state after it.
    """

    def step(tokens, state):
        target = ops.concatenate([state["target"], ops.cast(tokens, "int32")[:, None]], axis=1)
        logits = model.decode(target, state["memory"], state["source"])  # (batch, length, vocabulary)
        return logits[:, -1], state | {"target": target}

    source = ops.convert_to_tensor(source, dtype="int32")
    nothing = ops.zeros((source.shape[0], 0), dtype="int32")
    return step, {"memory": model.encode(source), "source": source, "target": nothing}


def keys_and_values(attention, x):
    """What a `MultiHeadAttention` looks up in `x`: two tensors `(batch, heads, length, head_dim)`."""
    parts = (attention.key_dense(x), attention.value_dense(x))
    return tuple(split_heads(part, attention.num_heads) for part in parts)


def look_up(attention, x, key, value, mask=None):
    """Let `x`, `(batch, 1, hidden_dim)`, attend to keys and values that are there already."""
    query = split_heads(attention.query_dense(x), attention.num_heads)  # (batch, heads, 1, head_dim)
    output, _ = scaled_dot_product_attention(query, key, value, mask=mask)
    return attention.output_dense(merge_heads(output))  # (batch, 1, hidden_dim)


def cached_step(model, source):
    """The same as `recomputing_step`, but each step computes its own token only.

    Keys and values of earlier positions never change, because nobody sees the future. So they are
    kept.
    """

    def step(tokens, state):
        past, kept = state["past"], []
        x = model.embed(
            ops.cast(tokens, "int32")[:, None], start=past[0][0].shape[2]
        )  # (batch, 1, hidden_dim)
        for block, earlier, memory in zip(model.decoder.blocks, past, state["memory"], strict=True):

            def attend(x, block=block, earlier=earlier):
                latest = keys_and_values(block.self_attention, x)
                kept.append(
                    tuple(ops.concatenate(pair, axis=2) for pair in zip(earlier, latest, strict=True))
                )
                return look_up(block.self_attention, x, *kept[-1])

            def cross_attend(x, block=block, memory=memory):
                return look_up(block.cross_attention, x, *memory, mask=state["mask"])

            x = block.self_attention_residual(x, sublayer=attend)
            x = block.cross_attention_residual(x, sublayer=cross_attend)
            x = block.feed_forward_residual(x, sublayer=block.feed_forward)
        if model.decoder.final_normalization:
            x = model.decoder.final_normalization(x)
        return model.logits(x[:, 0]), state | {"past": kept}

    source = ops.convert_to_tensor(source, dtype="int32")
    encoded = model.encode(source)
    memory = [keys_and_values(block.cross_attention, encoded) for block in model.decoder.blocks]
    past = [tuple(part[:, :, :0] for part in pair) for pair in memory]  # of no length yet
    return step, {"memory": memory, "mask": source_mask(source), "past": past}


def greedy_decode(step, state, start, end, max_length):
    """Write each sequence token by token, always the likeliest one.

    Args:
        step: `step(tokens, state)` takes the latest token of each sequence, integers `(batch,)`,
            and gives `(logits, state)`: `(batch, vocabulary_size)` for the next token, and the
            state for the next call.
        state: the state for the first call.
        start: integers `(batch,)`: the token that each sequence starts with.
        end: the token that ends a sequence, an int.
        max_length: how many tokens to write at most.

    Returns:
        Integers `(batch, length)`: what was written, `end` included, `PAD` after it, without
        `start`. Stops as soon as all sequences have ended, so `length <= max_length`.
    """
    ### BEGIN SOLUTION
    tokens = ops.convert_to_tensor(start, dtype="int32")
    ended, written = ops.zeros_like(tokens, dtype="bool"), []
    for _ in range(max_length):
        logits, state = step(tokens, state)
        tokens = ops.cast(ops.argmax(logits, axis=-1), "int32")
        tokens = ops.where(ended, PAD, tokens)  # who has ended writes no more
        written.append(tokens)
        ended = ops.logical_or(ended, tokens == end)
        if ops.all(ended):
            break
    return ops.stack(written, axis=1)  # (batch, length)
    ### END SOLUTION


def select(state, rows):
    """The state with these rows of its batch, in this order; a row may come several times."""
    return keras.tree.map_structure(
        lambda tensor: ops.take(tensor, ops.convert_to_tensor(rows), axis=0), state
    )


def beam_search(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    """Write one sequence and keep several openings in play (section 6.1).

    At each step, of all continuations of all openings the `beam_size` with the highest sum of
    log-probabilities stay. Those that end are put aside, the others go on, until none is left or
    `max_length` is reached. The result is the one with the highest score, among those that ended
    and those that were still going on: the sum divided by `((5 + length) / 6) ** length_penalty`.

    Args:
        step: as for `greedy_decode`. It is called with one row for each opening;
            `select(state, rows)` picks rows of a state.
        state: the state for the first call, of one row.
        start: the token it starts with, an int.
        end: the token that ends it, an int.
        max_length: how many tokens to write at most.
        beam_size: how many openings stay.
        length_penalty: 0 compares the sums themselves; more favours longer sequences.

    Returns:
        `(tokens, score)`: integers `(length,)`, `end` included, without `start`; and a float.
    """
    ### BEGIN SOLUTION
    openings, sums, done = [[]], np.zeros(1), []
    for _ in range(max_length):
        latest = [tokens[-1] if tokens else start for tokens in openings]
        logits, state = step(ops.convert_to_tensor(latest, dtype="int32"), state)
        totals = sums[:, None] + ops.convert_to_numpy(
            ops.log_softmax(logits, axis=-1)
        )  # (opening, vocabulary)
        best = np.argsort(-totals, axis=None)[:beam_size]
        rows, tokens = np.unravel_index(best, totals.shape)
        found = [
            (openings[row] + [int(token)], totals[row, token])
            for row, token in zip(rows, tokens, strict=True)
        ]
        done += [each for each, token in zip(found, tokens, strict=True) if token == end]
        goes_on = tokens != end
        openings = [each[0] for each, on in zip(found, goes_on, strict=True) if on]
        sums = totals[rows, tokens][goes_on]
        if not openings:
            break
        state = select(state, rows[goes_on])  # what each opening remembers goes with it
    done += zip(openings, sums, strict=True)
    scores = [total / ((5 + len(tokens)) / 6) ** length_penalty for tokens, total in done]
    best = int(np.argmax(scores))
    return np.array(done[best][0], dtype="int32"), float(scores[best])
    ### END SOLUTION
