"""BERT, beside GPT and ELMo (Devlin et al. 2019, *BERT: Pre-training of Deep Bidirectional
Transformers*).

Tokens are integers; `PAD` fills shorter sequences up. Masks are boolean everywhere: in attention
`True` = may attend, in masked language modelling `True` = chosen, to be guessed.
"""

import keras
import numpy as np
from keras import ops

from course.models.composite import Composite
from solutions.attention import MultiHeadAttention, causal_mask
from solutions.transformer import AddAndNorm

# The first pieces of every vocabulary of this lab.
PAD = 0  # fills rows up
UNKNOWN = 1  # a word with a strange sign in it
CLS = 2  # stands in front, for the whole row
SEP = 3  # ends a segment
MASK = 4  # hides a piece

# The released models, all with 512 positions; `build("base")` makes one.
SIZES = {
    "tiny": {"num_layers": 2, "num_heads": 2, "hidden_dim": 128, "intermediate_dim": 512},
    "mini": {"num_layers": 4, "num_heads": 4, "hidden_dim": 256, "intermediate_dim": 1024},
    "small": {"num_layers": 4, "num_heads": 8, "hidden_dim": 512, "intermediate_dim": 2048},
    "medium": {"num_layers": 8, "num_heads": 8, "hidden_dim": 512, "intermediate_dim": 2048},
    "base": {"num_layers": 12, "num_heads": 12, "hidden_dim": 768, "intermediate_dim": 3072},
    "large": {"num_layers": 24, "num_heads": 16, "hidden_dim": 1024, "intermediate_dim": 4096},
}
# The first GPT: as large as BERT base by design, with a vocabulary of its own.
GPT1 = {
    "vocabulary_size": 40_478,
    "num_layers": 12,
    "num_heads": 12,
    "hidden_dim": 768,
    "intermediate_dim": 3072,
}


def pack(first, second=None, max_length=64, cls=CLS, sep=SEP):
    """Put one or two segments into one row of fixed length (section 3).

    Args:
        first: token numbers of the first segment, a list of ints.
        second: token numbers of the second, or `None`.
        max_length: length of the row, at least 3.
        cls: the token in front.
        sep: the token that ends each segment.

    Returns:
        `(tokens, segments)`, two int32 NumPy arrays `(max_length,)`. Tokens: `cls`, first, `sep`,
        then second and `sep` if there is a second, then `PAD`. Segments: 1 for the second segment
        and its `sep`, else 0. While the whole is too long, the longer segment loses its last token;
        when both are equally long, the second does.
    """
    ### BEGIN SOLUTION
    first, second = list(first), None if second is None else list(second)
    room = max_length - (2 if second is None else 3)
    while len(first) + len(second or ()) > room:
        longer = first if second is None or len(first) > len(second) else second
        longer.pop()
    row = [cls, *first, sep]
    marks = [0] * len(row)
    if second is not None:
        row += [*second, sep]
        marks += [1] * (len(second) + 1)
    filler = [0] * (max_length - len(row))  # 0 is PAD, and the segment of padding
    return np.array(row + filler, "int32"), np.array(marks + filler, "int32")
    ### END SOLUTION


def mask_tokens(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    """Choose tokens to be guessed, and hide most of them (section 3.1).

    In each row `round(share * length)` tokens are chosen, at least one, where `length` counts all
    tokens that are not `PAD`. Only these can be chosen: tokens that are neither `PAD` nor `CLS` nor
    `SEP`. Those with the smallest `choice_noise` are. What stands at a chosen place is then decided
    by `kind_noise`.

    Args:
        tokens: integers `(batch, length)`.
        choice_noise: numbers between 0 and 1, `(batch, length)`.
        kind_noise: numbers between 0 and 1, `(batch, length)`: below 0.8 the token becomes `MASK`,
            from 0.8 and below 0.9 it becomes the random token, from 0.9 it stays.
        random_tokens: integers `(batch, length)`, drawn from the whole vocabulary.
        share: which part is chosen.

    Returns:
        `(inputs, chosen)`: integers `(batch, length)`, what the model reads, and booleans
        `(batch, length)`.
    """
    ### BEGIN SOLUTION
    tokens = ops.cast(tokens, "int32")
    real = tokens != PAD
    ordinary = ops.logical_and(real, ops.logical_and(tokens != CLS, tokens != SEP))
    length = ops.sum(ops.cast(real, "float32"), axis=-1, keepdims=True)  # (batch, 1)
    wanted = ops.cast(ops.maximum(ops.round(share * length), 1.0), "int32")
    # Sorting twice turns noise into ranks; whoever may not be chosen comes last.
    noise = ops.where(ordinary, choice_noise, 2.0)
    rank = ops.cast(ops.argsort(ops.argsort(noise, axis=-1), axis=-1), "int32")  # (batch, length)
    chosen = ops.logical_and(ordinary, rank < wanted)
    replaced = ops.where(kind_noise < 0.9, ops.cast(random_tokens, "int32"), tokens)
    replaced = ops.where(kind_noise < 0.8, MASK, replaced)
    return ops.where(chosen, replaced, tokens), chosen
    ### END SOLUTION


def sentence_pair(documents, document, place, noise):
    """Two segments that follow one another, or only look as if they did (section 3.1, task 2).

    Args:
        documents: at least two documents; each is a list of segments, each segment a list of token
            numbers.
        document: number of the document that the first segment comes from.
        place: number of the first segment in it.
        noise: three numbers from 0 to 1, below 1. If the first is below 0.5 and the document goes
            on, the second segment is the next one. Else it is a random one: of the *other*
            documents, in their order, the one numbered `int(noise[1] * (number of others))`, and of
            its segments number `int(noise[2] * (number of segments))`.

    Returns:
        `(first, second, is_next)`: two lists of token numbers, and 1 if the second really follows,
        else 0.
    """
    ### BEGIN SOLUTION
    first = documents[document][place]
    goes_on = place + 1 < len(documents[document])
    if goes_on and noise[0] < 0.5:
        return first, documents[document][place + 1], 1
    other = int(noise[1] * (len(documents) - 1))
    if other >= document:  # steps over the own document
        other += 1
    segments = documents[other]
    return first, segments[int(noise[2] * len(segments))], 0
    ### END SOLUTION


def small():
    """The spread that BERT's matrices begin with: a normal distribution of 0.02, its tails cut off."""
    return keras.initializers.TruncatedNormal(stddev=0.02)


class BertEmbedding(Composite):
    """What a token is, where it stands and which segment it is in: three vectors, added up (section
    3, figure 2).

    Sub-layers: `token_embedding`, `position_embedding` and `segment_embedding`, each a
    `keras.layers.Embedding` of width `hidden_dim` that begins with `small()`; `normalization`, a
    `LayerNormalization` with an epsilon of 1e-12, and after it `dropout`.

    Args:
        vocabulary_size: how many tokens there are.
        max_length: how many positions there are.
        hidden_dim: width of the vectors.
        num_segments: how many segments there are.
        dropout: rate of the dropout.
    """

    def __init__(self, vocabulary_size, max_length, hidden_dim, num_segments=2, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        ### BEGIN SOLUTION
        self.token_embedding = keras.layers.Embedding(
            vocabulary_size, hidden_dim, small(), name="token_embedding"
        )
        self.position_embedding = keras.layers.Embedding(
            max_length, hidden_dim, small(), name="position_embedding"
        )
        self.segment_embedding = keras.layers.Embedding(
            num_segments, hidden_dim, small(), name="segment_embedding"
        )
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-12, name="normalization")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        ### END SOLUTION

    def call(self, tokens, segments):
        """Embed.

        Args:
            tokens: integers `(batch, length)`.
            segments: integers `(batch, length)`.

        Returns:
            `(batch, length, hidden_dim)`.
        """
        ### BEGIN SOLUTION
        positions = self.position_embedding(ops.arange(tokens.shape[1]))  # (length, hidden_dim)
        x = self.token_embedding(tokens) + self.segment_embedding(segments) + positions
        return self.dropout(self.normalization(x))  # (batch, length, hidden_dim)
        ### END SOLUTION


class BertLayer(Composite):
    """Self-attention, then two dense layers, post-LN: the Transformer's encoder layer with a GELU
    (section 3).

    Sub-layers: `attention`, a `MultiHeadAttention`; `intermediate_dense`, a
    `Dense(intermediate_dim)` with a GELU, and `output_dense`, a `Dense(hidden_dim)`; and around
    them `attention_residual` and `feed_forward_residual`, each an `AddAndNorm(dropout)` whose
    `normalization.epsilon` is set to `epsilon`.

    Args:
        num_heads: heads of the attention; must divide `hidden_dim`.
        hidden_dim: width of the layer.
        intermediate_dim: width in the middle of the dense part.
        dropout: rate of the dropout in both residual connections.
        epsilon: of both normalizations.
        approximate: whether the GELU is the tanh form of the authors' code, or the exact one of
            most later code.
    """

    def __init__(
        self,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.1,
        epsilon=1e-12,
        approximate=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.approximate = approximate
        ### BEGIN SOLUTION
        self.attention = MultiHeadAttention(num_heads, hidden_dim, name="attention")
        self.attention_residual = AddAndNorm(dropout, name="attention_residual")
        self.intermediate_dense = keras.layers.Dense(intermediate_dim, name="intermediate_dense")
        self.output_dense = keras.layers.Dense(hidden_dim, name="output_dense")
        self.feed_forward_residual = AddAndNorm(dropout, name="feed_forward_residual")
        for residual in (self.attention_residual, self.feed_forward_residual):
            residual.normalization.epsilon = epsilon
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

        # Feed-forward: each position for itself.
        def feed_forward(x):
            wide = keras.activations.gelu(self.intermediate_dense(x), approximate=self.approximate)
            return self.output_dense(wide)

        # Both halves are added to what goes into them, by a layer that normalizes, too.
        x = self.attention_residual(inputs, sublayer=attend)
        return self.feed_forward_residual(x, sublayer=feed_forward)
        ### END SOLUTION


class Bert(Composite, keras.Model):
    """Embeddings, layers, and a pooler that reads the first place (section 3).

    Sub-layers: `embedding`, a `BertEmbedding`; `blocks`, a list of `BertLayer`; `pooler_dense`, a
    `Dense(hidden_dim)` with a tanh.

    Args:
        vocabulary_size: how many tokens there are.
        num_layers: number of layers.
        num_heads: heads of each attention; must divide `hidden_dim`.
        hidden_dim: width of the model.
        intermediate_dim: width in the middle of the dense parts.
        max_length: how many positions there are.
        num_segments: how many segments there are.
        dropout: rate of all dropout.
        approximate: the form of the GELU, see `BertLayer`.
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        max_length=512,
        num_segments=2,
        dropout=0.1,
        approximate=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.embedding = BertEmbedding(
            vocabulary_size, max_length, hidden_dim, num_segments, dropout, name="embedding"
        )
        self.blocks = [
            BertLayer(
                num_heads,
                hidden_dim,
                intermediate_dim,
                dropout,
                approximate=approximate,
                name=f"block_{number}",
            )
            for number in range(num_layers)
        ]
        self.pooler_dense = keras.layers.Dense(hidden_dim, activation="tanh", name="pooler_dense")

    def call(self, inputs):
        """Read.

        Args:
            inputs: `(tokens, segments)`, both integers `(batch, length)`. Nobody attends to a
                `PAD`.

        Returns:
            `(states, pooled)`: `(batch, length, hidden_dim)`, what the last layer gave, and
            `(batch, hidden_dim)`, what the pooler makes of its first place.
        """
        ### BEGIN SOLUTION
        tokens, segments = inputs
        real = (tokens != PAD)[:, None, None, :]  # (batch, heads, query, key)
        x = self.embedding(tokens, segments)
        for block in self.blocks:
            x = block(x, attention_mask=real)
        return x, self.pooler_dense(x[:, 0])
        ### END SOLUTION


class MaskedLanguageHead(Composite):
    """From the state at a place to a score for every token that could stand there (section 3.1, task 1).

    Sub-layers: `transform_dense`, a `Dense(hidden_dim)` with a GELU, and `normalization`, a
    `LayerNormalization` with an epsilon of 1e-12. A weight of its own: `bias`,
    `(vocabulary_size,)`, which begins as zeros. The matrix that makes scores is not its own: it is
    that of the token embeddings.

    Args:
        vocabulary_size: how many tokens there are.
        hidden_dim: width of the model.
        approximate: the form of the GELU, see `BertLayer`.
    """

    def __init__(self, vocabulary_size, hidden_dim, approximate=True, **kwargs):
        super().__init__(**kwargs)
        self.approximate = approximate
        self.bias = self.add_weight(shape=(vocabulary_size,), initializer="zeros", name="bias")
        ### BEGIN SOLUTION
        self.transform_dense = keras.layers.Dense(hidden_dim, name="transform_dense")
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-12, name="normalization")
        ### END SOLUTION

    def call(self, states, embeddings):
        """Transform, normalize, compare with every token's embedding, add the bias.

        Args:
            states: `(batch, places, hidden_dim)`.
            embeddings: `(vocabulary_size, hidden_dim)`, the matrix of the token embeddings.

        Returns:
            Logits `(batch, places, vocabulary_size)`.
        """
        ### BEGIN SOLUTION
        x = keras.activations.gelu(self.transform_dense(states), approximate=self.approximate)
        x = self.normalization(x)  # (batch, places, hidden_dim)
        return ops.matmul(x, ops.transpose(embeddings)) + self.bias  # (batch, places, vocabulary_size)
        ### END SOLUTION


def masked_language_loss(labels, logits, chosen):
    """How surprised the model is by the tokens it had to guess (section 3.1, task 1).

    Args:
        labels: integers `(batch, places)`, the true tokens.
        logits: `(batch, places, vocabulary_size)`.
        chosen: booleans `(batch, places)`; places where it is `False` do not count.

    Returns:
        A scalar in nats: the mean over all chosen places of the batch; 0 if there are none.
    """
    ### BEGIN SOLUTION
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    own = ops.take_along_axis(log_probabilities, ops.cast(labels, "int32")[..., None], axis=-1)[..., 0]
    chosen = ops.cast(chosen, "float32")  # (batch, places)
    return -ops.sum(own * chosen) / ops.maximum(ops.sum(chosen), 1.0)
    ### END SOLUTION


class BertPretraining(Composite, keras.Model):
    """A `Bert` with both heads of pre-training. `bert` reads, `head` guesses tokens, `next_dense`
    judges the pair.
    """

    def __init__(self, bert, **kwargs):
        super().__init__(**kwargs)
        self.bert = bert
        tokens = bert.embedding.token_embedding
        self.head = MaskedLanguageHead(tokens.input_dim, tokens.output_dim, name="head")
        self.next_dense = keras.layers.Dense(2, name="next_dense")

    def call(self, inputs):
        """`(tokens, segments, places)` to two tensors of logits.

        `tokens` and `segments` are integers `(batch, length)`; `places`, integers
        `(batch, number)`, says which places are
        to be guessed: only there is the large product with the vocabulary computed. Returns
        `(batch, number, vocabulary_size)` and `(batch, 2)`, whose column 1 stands for "the second
        segment follows".
        """
        tokens, segments, places = inputs
        states, pooled = self.bert((tokens, segments))
        states = ops.take_along_axis(states, places[..., None], axis=1)  # (batch, number, hidden_dim)
        embeddings = ops.convert_to_tensor(self.bert.embedding.token_embedding.embeddings)
        return self.head(states, embeddings), self.next_dense(pooled)


def linear_warmup_decay(step, peak, warmup_steps, total_steps):
    """The learning rate: up in a straight line, then down to 0 in another (appendix A.2).

    Args:
        step: number of the step; a number or a tensor of any shape.
        peak: the rate at step `warmup_steps`.
        warmup_steps: at step 0 the rate is 0, and it rises until here.
        total_steps: from here on the rate is 0.

    Returns:
        The rates, a float tensor shaped as `step`.
    """
    ### BEGIN SOLUTION
    step = ops.cast(step, "float32")
    rising = step / warmup_steps
    falling = (total_steps - step) / (total_steps - warmup_steps)
    return peak * ops.maximum(ops.minimum(rising, falling), 0.0)
    ### END SOLUTION


class LinearSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """`linear_warmup_decay` as Keras' optimizers want it."""

    def __init__(self, peak, warmup_steps, total_steps):
        self.peak, self.warmup_steps, self.total_steps = peak, warmup_steps, total_steps

    def __call__(self, step):
        # Keras counts from 0, and a step at a rate of 0 would be wasted.
        return linear_warmup_decay(
            ops.cast(step, "float32") + 1.0, self.peak, self.warmup_steps, self.total_steps + 1
        )

    def get_config(self):
        return {"peak": self.peak, "warmup_steps": self.warmup_steps, "total_steps": self.total_steps}


def make_optimizer(peak, total_steps, warmup_share=0.1):
    """BERT's optimizer: AdamW with a decay of 0.01, which leaves biases and norms alone, and
    clipped gradients.

    Two details differ from the authors' code: theirs does not correct Adam's bias of the first
    steps, and Keras' does.
    """
    warmup = max(1, round(warmup_share * total_steps))
    schedule = LinearSchedule(peak, warmup, total_steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01, epsilon=1e-6, global_clipnorm=1.0)
    # Keras calls a norm's two weights gamma and beta.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class BertClassifier(Composite, keras.Model):
    """A `Bert` that sorts texts: dropout and one new dense layer on what the pooler gives (section 4.1).

    Sub-layers: `bert`, `dropout`, and `class_dense`, a `Dense(num_classes)`.

    Args:
        bert: a `Bert`, pre-trained or not.
        num_classes: how many classes.
        dropout: rate of the dropout before the dense layer.
    """

    def __init__(self, bert, num_classes, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.bert = bert
        ### BEGIN SOLUTION
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.class_dense = keras.layers.Dense(num_classes, kernel_initializer=small(), name="class_dense")
        ### END SOLUTION

    def call(self, inputs):
        """`(tokens, segments)`, both integers `(batch, length)`, to logits `(batch, num_classes)`."""
        ### BEGIN SOLUTION
        _, pooled = self.bert(inputs)
        return self.class_dense(self.dropout(pooled))
        ### END SOLUTION


def sentence_vectors(states, tokens):
    """One vector for each text: the mean of its states, scaled to length 1.

    Args:
        states: `(batch, length, hidden_dim)`, what the last layer gave.
        tokens: integers `(batch, length)`; the states at `PAD` do not count.

    Returns:
        `(batch, hidden_dim)`; each row has length 1, so the product of two rows is the cosine
        between them.
    """
    ### BEGIN SOLUTION
    real = ops.cast(tokens != PAD, states.dtype)[..., None]  # (batch, length, 1)
    mean = ops.sum(states * real, axis=1) / ops.sum(real, axis=1)  # (batch, hidden_dim)
    return mean / ops.sqrt(ops.sum(ops.square(mean), axis=-1, keepdims=True))
    ### END SOLUTION


class GPT(Composite, keras.Model):
    """The first GPT (Radford et al. 2018): the same layers, and nobody sees what comes later.

    No segments, no norm on the embeddings; the output matrix is that of the embeddings, without a
    bias. The normalizations have an epsilon of 1e-5.
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        max_length=512,
        dropout=0.1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.token_embedding = keras.layers.Embedding(
            vocabulary_size, hidden_dim, small(), name="token_embedding"
        )
        self.position_embedding = keras.layers.Embedding(
            max_length, hidden_dim, small(), name="position_embedding"
        )
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.blocks = [
            BertLayer(num_heads, hidden_dim, intermediate_dim, dropout, epsilon=1e-5, name=f"block_{number}")
            for number in range(num_layers)
        ]

    def states(self, tokens):
        """Integers `(batch, length)` to `(batch, length, hidden_dim)`; place `i` knows tokens 0 to
        `i`.
        """
        length = tokens.shape[1]
        x = self.dropout(self.token_embedding(tokens) + self.position_embedding(ops.arange(length)))
        for block in self.blocks:
            x = block(x, attention_mask=causal_mask(length))
        return x

    def call(self, tokens):
        """Integers `(batch, length)` to logits `(batch, length, vocabulary_size)` of the token that
        comes next.
        """
        states = self.states(tokens)  # (batch, length, hidden_dim)
        return ops.matmul(states, ops.transpose(self.token_embedding.embeddings))


class Elmo(Composite, keras.Model):
    """What ELMo (Peters et al. 2018) does, small: one LSTM reads forwards, another backwards, and
    they never meet.

    The original reads characters, and is far wider. Here both readers share the token embeddings,
    and these make the scores, too.
    """

    def __init__(self, vocabulary_size, num_layers, hidden_dim, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.token_embedding = keras.layers.Embedding(
            vocabulary_size, hidden_dim, small(), name="token_embedding"
        )
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.forward_lstms, self.backward_lstms = (
            [
                keras.layers.LSTM(hidden_dim, return_sequences=True, name=f"{way}_{number}")
                for number in range(num_layers)
            ]
            for way in ("forward", "backward")
        )

    def one_way(self, lstms, x):
        """`(batch, length, hidden_dim)` through LSTMs, with a residual connection around each but
        the first.
        """
        for number, lstm in enumerate(lstms):
            x = lstm(x) + (x if number else 0.0)
        return x

    def both_ways(self, tokens):
        """Two tensors `(batch, length, hidden_dim)`: what was read up to each place from the left,
        and from the right.
        """
        x = self.dropout(self.token_embedding(tokens))
        backward = ops.flip(self.one_way(self.backward_lstms, ops.flip(x, axis=1)), axis=1)
        return self.one_way(self.forward_lstms, x), backward

    def states(self, tokens):
        """Integers `(batch, length)` to `(batch, length, 2 * hidden_dim)`: the two readings side by
        side.
        """
        return ops.concatenate(self.both_ways(tokens), axis=-1)

    def call(self, tokens):
        """Logits `(batch, length, vocabulary_size)`, twice: of the next token, and of the one before."""
        forward, backward = self.both_ways(tokens)
        embeddings = ops.transpose(self.token_embedding.embeddings)  # (hidden_dim, vocabulary_size)
        return ops.matmul(forward, embeddings), ops.matmul(backward, embeddings)


class Reader(Composite):
    """A `Bert` that reads one segment and shows its states, as `GPT` and `Elmo` do."""

    def __init__(self, bert, **kwargs):
        super().__init__(**kwargs)
        self.bert = bert
        bert.pooler_dense.trainable = False  # nobody asks it here

    def states(self, tokens):
        """Integers `(batch, length)` to `(batch, length, hidden_dim)`."""
        return self.bert((tokens, ops.zeros_like(tokens)))[0]


class StatesClassifier(Composite, keras.Model):
    """A `Reader`, `GPT` or `Elmo` that sorts texts: dropout and a dense layer on the mean of its
    states.
    """

    def __init__(self, reader, num_classes, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.reader = reader
        self.output_dense = keras.layers.Dense(num_classes, kernel_initializer=small(), name="output_dense")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def call(self, inputs):
        """`(tokens, segments)` to logits `(batch, num_classes)`; padding and segments do not count."""
        tokens, _ = inputs
        real = ops.cast(tokens != PAD, "float32")[..., None]  # (batch, length, 1)
        mean = ops.sum(self.reader.states(tokens) * real, axis=1) / ops.sum(real, axis=1)
        return self.output_dense(self.dropout(mean))


def build(size, vocabulary_size=30_522, pretraining=False, **options):
    """A model of a released size.

    Args:
        size: `"tiny"`, `"mini"`, `"small"`, `"medium"`, `"base"` or `"large"`.
        vocabulary_size: 30,522 in the uncased English models.
        pretraining: whether to put both heads on it.
        options: further arguments of `Bert`.

    Raises:
        KeyError: if there is no such size.
    """
    bert = Bert(vocabulary_size, **(SIZES[size] | options))
    return BertPretraining(bert) if pretraining else bert


def spread_weights(model, spread=0.02, seed=0):
    """Draw all matrices, embeddings and dense layers alike, anew with this spread. Call the model
    once before.

    0.02 is what the authors' code has, for widths of hundreds. A narrow model learns sooner from a
    wider start.
    """
    for layer in model._flatten_layers():
        part = {keras.layers.Dense: "kernel", keras.layers.Embedding: "embeddings"}.get(type(layer))
        if part:
            seed += 1
            matrix = getattr(layer, part)
            matrix.assign(keras.random.truncated_normal(matrix.shape, stddev=spread, seed=seed))
