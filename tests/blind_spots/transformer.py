"""Blind spots of Lab 2."""

import keras
import numpy as np
from keras import ops

from blind_spots import blind_spot
from solutions import transformer
from solutions.transformer import PAD, select


@blind_spot("AddAndNorm", "the rate taken for what is kept")
class KeepsTheRate(transformer.AddAndNorm):
    def __init__(self, dropout=0.1, pre_norm=False, **kwargs):
        super().__init__(dropout, pre_norm, **kwargs)
        self.dropout = keras.layers.Dropout(1.0 - dropout, name="dropout")


@blind_spot("AddAndNorm", "post-LN drops nothing")
class DropsInPreNormOnly(transformer.AddAndNorm):
    def call(self, inputs, sublayer):
        if not self.pre_norm:
            return self.normalization(inputs + sublayer(inputs))
        return inputs + self.dropout(sublayer(self.normalization(inputs)))


@blind_spot("FeedForward", "dropout inside, which nobody asked for")
class DropsInside(transformer.FeedForward):
    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(hidden_dim, intermediate_dim, **kwargs)
        self.inner_dropout = keras.layers.Dropout(0.1)

    def call(self, inputs):
        return self.output_dense(self.inner_dropout(self.intermediate_dense(inputs)))


@blind_spot("EncoderLayer", "dropped twice")
class DropsTwice(transformer.EncoderLayer):
    def __init__(self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, **kwargs):
        super().__init__(num_heads, hidden_dim, intermediate_dim, dropout, **kwargs)
        self.more_dropout = keras.layers.Dropout(dropout)

    def call(self, inputs, attention_mask=None):
        def look(x):
            return self.more_dropout(self.attention(x, attention_mask=attention_mask)[0])

        x = self.attention_residual(inputs, sublayer=look)
        return self.feed_forward_residual(x, sublayer=lambda x: self.more_dropout(self.feed_forward(x)))


@blind_spot("EncoderLayer", "one residual under two names")
class SharesResidual(transformer.EncoderLayer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.feed_forward_residual = self.attention_residual


@blind_spot("DecoderLayer", "one attention under two names")
class SharesAttention(transformer.DecoderLayer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cross_attention = self.self_attention


@blind_spot("Transformer", "the encoder learns nothing")
class DetachesMemory(transformer.Transformer):
    def call(self, inputs):
        source, target = inputs
        return self.decode(target, ops.stop_gradient(self.encode(source)), source)


@blind_spot("smoothed_cross_entropy", "no gradient gets through")
def smoothed_detached(labels, logits, smoothing=0.1):
    logs = ops.stop_gradient(ops.log_softmax(logits, axis=-1))
    own = ops.take_along_axis(logs, ops.cast(labels, "int32")[..., None], axis=-1)[..., 0]
    lost = -(1.0 - smoothing) * own - smoothing * ops.mean(logs, axis=-1)
    real = ops.cast(labels != PAD, "float32")
    return ops.sum(lost * real) / ops.sum(real)


def searched(
    step, state, start, end, max_length, beam_size, length_penalty, keep=None, rows_kept=None, enough=None
):
    """A beam search with places to go wrong.

    `keep(candidates, beam_size, done)` gives those that stay, as pairs of opening and token, best first; `rows_kept`
    the rows of the state; `enough(done)` whether to stop.
    """
    openings, sums, done = [[]], np.zeros(1), []
    for _ in range(max_length):
        latest = [opening[-1] if opening else start for opening in openings]
        logits, state = step(ops.convert_to_tensor(latest, dtype="int32"), state)
        totals = sums[:, None] + ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))
        order = np.stack(np.unravel_index(np.argsort(-totals, axis=None), totals.shape), axis=1).tolist()
        kept = keep(order, len(done)) if keep else order[:beam_size]
        ended = [(row, token) for row, token in kept if token == end]
        going = [(row, token) for row, token in kept if token != end]
        done += [(openings[row] + [token], totals[row, token]) for row, token in ended]
        sums = np.array([totals[row, token] for row, token in going])
        openings = [openings[row] + [token] for row, token in going]
        if not openings or (enough and enough(done)):
            break
        rows = [row for row, _ in going]
        state = select(state, np.array(rows_kept(rows) if rows_kept else rows))
    done += zip(openings, sums, strict=True)
    scores = [total / ((5 + len(tokens)) / 6) ** length_penalty for tokens, total in done]
    best = int(np.argmax(scores))
    return np.array(done[best][0], "int32"), float(scores[best])


@blind_spot("beam_search", "fills places of ended openings up in the same step")
def refills(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    def keep(order, done):
        best = order[: 2 * beam_size]
        ended = [each for each in best[:beam_size] if each[1] == end]
        return ended + [each for each in best if each[1] != end][:beam_size]

    return searched(step, state, start, end, max_length, beam_size, length_penalty, keep)


@blind_spot("beam_search", "openings that ended keep their place")
def shrinks(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    def keep(order, done):
        return order[: max(beam_size - done, 0)]

    return searched(step, state, start, end, max_length, beam_size, length_penalty, keep)


@blind_spot("beam_search", "the state of the best opening for all")
def best_row_for_all(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    def rows_kept(rows):
        return rows[:1] * len(rows)

    return searched(step, state, start, end, max_length, beam_size, length_penalty, rows_kept=rows_kept)


@blind_spot("beam_search", "always a beam of four")
def four_whatever_is_asked(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    return searched(step, state, start, end, max_length, 4, length_penalty)


@blind_spot("beam_search", "stops when as many have ended as the beam is wide")
def stops_early(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    def enough(done):
        return len(done) >= beam_size

    return searched(step, state, start, end, max_length, beam_size, length_penalty, enough=enough)
