"""iGPT: a language model that writes pictures (Chen et al. 2020, *Generative Pretraining from Pixels*).

A picture is integers `(batch, height, width)`, one colour of a palette for each pixel. Masks are
boolean everywhere: in attention `True` = may attend, in the BERT objective `True` = hidden.
"""

import math

import keras
from keras import ops

from course.models.composite import Composite
from solutions.attention import MultiHeadAttention, causal_mask, scaled_dot_product_attention

# The published models, all with 512 colours and, in these counts, 32 x 32 pixels. `build("S")` makes one.
SIZES = {
    "S": {"num_layers": 24, "num_heads": 8, "hidden_dim": 512},
    "M": {"num_layers": 36, "num_heads": 8, "hidden_dim": 1024},
    "L": {"num_layers": 48, "num_heads": 16, "hidden_dim": 1536},
}


def make_palette(pixels, num_colours, seed=0):
    """The colours that stand for all others best: k-means (section 3.2). Dark ones come first.

    Args:
        pixels: NumPy array `(..., channels)` from -1 to 1.
        num_colours: how many colours.
        seed: where k-means starts.

    Returns:
        Float32 NumPy array `(num_colours, channels)`.
    """
    from sklearn.cluster import KMeans

    pixels = pixels.reshape(-1, pixels.shape[-1])  # (pixel, channels)
    centres = KMeans(num_colours, n_init=3, random_state=seed).fit(pixels).cluster_centers_
    return centres[centres.sum(axis=-1).argsort()].astype("float32")


def quantize(images, palette):
    """Give each pixel the number of the palette's nearest colour (section 3.2).

    Args:
        images: `(batch, height, width, channels)` from -1 to 1.
        palette: `(num_colours, channels)` from -1 to 1.

    Returns:
        Integers (int32) `(batch, height, width)`: for each pixel the colour whose squared distance,
        summed over the channels, is smallest.
    """
    ### BEGIN SOLUTION
    palette = ops.convert_to_tensor(palette)
    difference = images[..., None, :] - palette  # (batch, height, width, num_colours, channels)
    distance = ops.sum(ops.square(difference), axis=-1)  # (batch, height, width, num_colours)
    return ops.cast(ops.argmin(distance, axis=-1), "int32")
    ### END SOLUTION


def dequantize(tokens, palette):
    """Make a picture of colour numbers again.

    Args:
        tokens: integers `(batch, height, width)`.
        palette: `(num_colours, channels)` from -1 to 1.

    Returns:
        `uint8 (batch, height, width, channels)`: -1 becomes 0, 1 becomes 255, what lies between is
        rounded.
    """
    ### BEGIN SOLUTION
    colours = ops.take(ops.convert_to_tensor(palette), tokens, axis=0)  # (batch, height, width, channels)
    return ops.cast(ops.round(127.5 * (colours + 1.0)), "uint8")
    ### END SOLUTION


def image_to_sequence(pixels, start=None):
    """Read a picture row by row, and with `start` one step late (sections 2.1 and 3.2).

    Args:
        pixels: embedded pixels `(batch, height, width, hidden_dim)`.
        start: for the autoregressive objective, the vector `(hidden_dim,)` that comes first. For
            the BERT objective, `None`.

    Returns:
        `(batch, height * width, hidden_dim)`. Without `start`, place `i` holds pixel `i`. With it,
        place 0 holds `start` and place `i` holds pixel `i - 1`: so the last pixel is not among the
        inputs.
    """
    ### BEGIN SOLUTION
    _, height, width, hidden_dim = pixels.shape
    sequence = ops.reshape(pixels, (-1, height * width, hidden_dim))  # (batch, length, hidden_dim)
    if start is None:
        return sequence
    first = ops.zeros_like(sequence[:, :1]) + start  # (batch, 1, hidden_dim)
    return ops.concatenate([first, sequence[:, :-1]], axis=1)  # (batch, length, hidden_dim)
    ### END SOLUTION


class RMSNorm(keras.layers.Layer):
    """Bring each position to a root mean square of 1, then stretch each channel; the norm of the
    authors' code.

    No mean is subtracted and nothing is added. Weight: `scale`, `(width,)`, which begins as ones.

    Args:
        epsilon: is added to the mean square, so that nothing is divided by 0.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, inputs):
        """`(..., width)` to the same shape: `inputs / sqrt(mean(inputs ** 2) + epsilon) * scale`."""
        ### BEGIN SOLUTION
        mean_square = ops.mean(ops.square(inputs), axis=-1, keepdims=True)  # (..., 1)
        return inputs * ops.rsqrt(mean_square + self.epsilon) * self.scale
        ### END SOLUTION


def quick_gelu(x):
    """The activation of the authors' code: `x * sigmoid(1.702 x)`, close to a GELU and quick to
    compute.
    """
    return x * ops.sigmoid(1.702 * x)


class PixelBlock(Composite):
    """Self-attention, then two dense layers, pre-norm: ViT's block with another norm and another GELU.

    Sub-layers: `attention_normalization`, an `RMSNorm`; `attention`, a `MultiHeadAttention` without
    biases; `feed_forward_normalization`, an `RMSNorm`; `intermediate_dense`, a `Dense(4 * hidden_dim)`,
    and `output_dense`, a `Dense(hidden_dim)`, both without biases, with `quick_gelu` between them.

    Args:
        num_heads: heads of the attention; must divide `hidden_dim`.
        hidden_dim: width of the block; the dense part is four times as wide in the middle.
    """

    def __init__(self, num_heads, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        ### BEGIN SOLUTION
        self.attention_normalization = RMSNorm(name="attention_normalization")
        self.attention = MultiHeadAttention(num_heads, hidden_dim, use_bias=False, name="attention")
        self.feed_forward_normalization = RMSNorm(name="feed_forward_normalization")
        self.intermediate_dense = keras.layers.Dense(
            4 * hidden_dim, use_bias=False, name="intermediate_dense"
        )
        self.output_dense = keras.layers.Dense(hidden_dim, use_bias=False, name="output_dense")
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
            wide = quick_gelu(self.intermediate_dense(x))
            return self.output_dense(wide)

        # Both halves are normalized on the way in, and added to what was there before the norm.
        x = inputs + attend(self.attention_normalization(inputs))
        return x + feed_forward(self.feed_forward_normalization(x))
        ### END SOLUTION


class ImageGPT(Composite, keras.Model):
    """Embeddings, blocks, a last norm and one score for each colour, for one of the two objectives
    (section 2).

    Sub-layers: `pixel_embedding`, `blocks` (a list of `PixelBlock`), `final_norm`, `logits_dense`.
    Weights of its own: `positions`, `(height * width, hidden_dim)`, and for the autoregressive
    objective `start`, `(hidden_dim,)`.

    Args:
        num_colours: colours of the palette.
        height: rows of a picture.
        width: pixels of a row.
        num_layers: number of blocks.
        num_heads: heads of each attention; must divide `hidden_dim`.
        hidden_dim: width of the model.
        objective: `"autoregressive"` or `"bert"`.

    Raises:
        ValueError: if there is no such objective.
    """

    def __init__(
        self,
        num_colours,
        height,
        width,
        num_layers,
        num_heads,
        hidden_dim,
        objective="autoregressive",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if objective not in ("autoregressive", "bert"):
            raise ValueError(f'The objective is "autoregressive" or "bert", not {objective!r}.')
        self.objective = objective
        self.num_colours, self.height, self.width = num_colours, height, width
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.pixel_embedding = keras.layers.Embedding(num_colours, hidden_dim, small, name="pixel_embedding")
        smaller = keras.initializers.RandomNormal(stddev=0.01)
        self.positions = self.add_weight(
            shape=(height * width, hidden_dim), initializer=smaller, name="positions"
        )
        self.start = None
        if objective == "autoregressive":
            self.start = self.add_weight(
                shape=(hidden_dim,), initializer=keras.initializers.RandomNormal(stddev=0.02), name="start"
            )
        self.blocks = [
            PixelBlock(num_heads, hidden_dim, name=f"block_{number}") for number in range(num_layers)
        ]
        self.final_norm = RMSNorm(name="final_norm")
        # All zero: before training, every colour is equally likely.
        self.logits_dense = keras.layers.Dense(
            num_colours, use_bias=False, kernel_initializer="zeros", name="logits_dense"
        )

    def embed(self, images, mask=None):
        """Embedded pixels as a sequence, with positions.

        Args:
            images: integers `(batch, height, width)`.
            mask: optional boolean `(batch, height, width)`. Where it is `True` the pixel's
                embedding is all 0, so that only its position is left.

        Returns:
            `(batch, height * width, hidden_dim)`. With the autoregressive objective the sequence
            begins with `start`.
        """
        ### BEGIN SOLUTION
        pixels = self.pixel_embedding(images)  # (batch, height, width, hidden_dim)
        if mask is not None:
            pixels = ops.where(mask[..., None], 0.0, pixels)
        sequence = image_to_sequence(pixels, self.start)  # (batch, length, hidden_dim)
        return sequence + self.positions
        ### END SOLUTION

    def layer_outputs(self, images, mask=None):
        """What each layer makes of pictures.

        Args:
            images: integers `(batch, height, width)`.
            mask: optional boolean `(batch, height, width)`; `True` = hidden.

        Returns:
            A list of `num_layers + 1` tensors `(batch, height * width, hidden_dim)`: the embedded
            sequence, then what each block gave. With the autoregressive objective no place sees a
            later one; with BERT's, all see all.
        """
        ### BEGIN SOLUTION
        causal = causal_mask(self.height * self.width) if self.objective == "autoregressive" else None
        outputs = [self.embed(images, mask)]
        for block in self.blocks:
            outputs.append(block(outputs[-1], attention_mask=causal))
        return outputs
        ### END SOLUTION

    def logits(self, x):
        """What the last block gave, `(batch, length, hidden_dim)`, to scores
        `(batch, height, width, num_colours)`.
        """
        scores = self.logits_dense(self.final_norm(x))  # (batch, length, num_colours)
        return ops.reshape(scores, (-1, self.height, self.width, self.num_colours))  # as a picture

    def call(self, inputs):
        """Pictures, or a pair `(images, mask)`, to the logits `(batch, height, width, num_colours)`
        of each pixel.
        """
        images, mask = inputs if isinstance(inputs, tuple | list) else (inputs, None)
        return self.logits(self.layer_outputs(images, mask)[-1])


def build(size, objective="autoregressive", **options):
    """A model of a published size; for the spread of the authors' weights, see `spread_weights`.

    Args:
        size: `"S"`, `"M"` or `"L"`.
        objective: `"autoregressive"` or `"bert"`.
        options: further arguments of `ImageGPT`, such as `height=48, width=48`.

    Raises:
        KeyError: if there is no such size.
    """
    shape = {"num_colours": 512, "height": 32, "width": 32}
    return ImageGPT(objective=objective, **(shape | SIZES[size] | options))


def spread_weights(model, seed=0):
    """Draw the blocks' matrices anew as the authors' code does. Call the model once before.

    Query, key and value: 1 / sqrt(width), which is what Keras draws, too. Output of attention: 1 /
    sqrt(width * layers), so that the sum over all layers does not grow with their number. Dense
    layers: 0.02, meant for wide models.
    """
    for block in model.blocks:
        width = block.attention.query_dense.kernel.shape[0]
        spreads = {block.intermediate_dense: 0.02, block.output_dense: 0.02}
        for name in ("query_dense", "key_dense", "value_dense"):
            spreads[getattr(block.attention, name)] = width**-0.5
        spreads[block.attention.output_dense] = (width * len(model.blocks)) ** -0.5
        for dense, spread in spreads.items():
            seed += 1
            dense.kernel.assign(keras.random.normal(dense.kernel.shape, stddev=spread, seed=seed))


def autoregressive_loss(images, logits):
    """How surprised the model is by each pixel, given those before it (section 2.1).

    Args:
        images: integers `(batch, height, width)`.
        logits: `(batch, height, width, num_colours)`, where `logits[b, y, x]` is the model's guess
            for `images[b, y, x]`.

    Returns:
        A scalar in nats: the mean over all pixels of minus the log-probability of the pixel's own
        colour.
    """
    ### BEGIN SOLUTION
    # The inputs are one step late already, see `image_to_sequence`: nothing is to be shifted here.
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    own = ops.take_along_axis(log_probabilities, ops.cast(images, "int32")[..., None], axis=-1)[..., 0]
    return -ops.mean(own)
    ### END SOLUTION


def bert_mask(noise, probability=0.15):
    """Choose the pixels to hide, each for itself (section 2.1).

    Args:
        noise: numbers between 0 and 1, evenly drawn, `(batch, height, width)`.
        probability: how likely each pixel is to be hidden.

    Returns:
        Boolean `(batch, height, width)`: `True`, for hidden, where the noise is below
        `probability`.
    """
    ### BEGIN SOLUTION
    return noise < probability
    ### END SOLUTION


def bert_loss(images, logits, mask):
    """How surprised the model is by the pixels it could not see (section 2.1).

    Args:
        images: integers `(batch, height, width)`.
        logits: `(batch, height, width, num_colours)`.
        mask: boolean `(batch, height, width)`; `True` = hidden.

    Returns:
        A scalar in nats: the mean over the hidden pixels of the whole batch; 0 if nothing is
        hidden.
    """
    ### BEGIN SOLUTION
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    own = ops.take_along_axis(log_probabilities, ops.cast(images, "int32")[..., None], axis=-1)[..., 0]
    hidden = ops.cast(mask, "float32")  # (batch, height, width)
    return -ops.sum(own * hidden) / ops.maximum(ops.sum(hidden), 1.0)
    ### END SOLUTION


def next_pixel(logits, noise, temperature=1.0, top_k=None):
    """Draw a colour for each row of a batch.

    Args:
        logits: `(batch, num_colours)`.
        noise: numbers `(batch,)`, evenly drawn, at least 0 and below 1.
        temperature: what the logits are divided by. Below 1 likely colours become likelier.
        top_k: if given, only the `top_k` likeliest colours may be drawn.

    Returns:
        Integers (int32) `(batch,)`: lay the colours' probabilities side by side from 0 to 1, colour
        0 first; the noise falls on one of them.
    """
    ### BEGIN SOLUTION
    logits = ops.cast(logits, "float32") / temperature
    if top_k is not None:
        least, _ = ops.top_k(logits, top_k)  # (batch, top_k), in falling order
        logits = ops.where(logits >= least[:, -1:], logits, -math.inf)
    reached = ops.cumsum(
        ops.softmax(logits, axis=-1), axis=-1
    )  # (batch, num_colours): each colour's right end
    # Rounding may leave the last end a little off 1, so the noise is measured by it.
    passed = reached <= ops.cast(noise, "float32")[:, None] * reached[:, -1:]
    return ops.sum(ops.cast(passed, "int32"), axis=-1)
    ### END SOLUTION


def recomputing_step(model, count):
    """What drawing needs of an autoregressive model, the plain way: each step runs the whole model
    again.

    Args:
        model: an `ImageGPT`.
        count: how many pictures are drawn at once.

    Returns:
        `(step, state)`, where `step(tokens, state)` takes the pixel just written in each picture,
        `(count,)`, or `None` for the very first, and gives `(logits, state)`:
        `(count, num_colours)` for the next pixel, and the state after it.
    """
    length = model.height * model.width

    def step(tokens, state):
        written = state["written"]
        if tokens is not None:
            written = ops.concatenate([written, ops.cast(tokens, "int32")[:, None]], axis=1)
        blank = ops.zeros((count, length - written.shape[1]), "int32")  # nobody looks at what comes later
        images = ops.concatenate([written, blank], axis=1)
        logits = model(ops.reshape(images, (count, model.height, model.width)))
        flat = ops.reshape(logits, (count, length, -1))  # (count, length, num_colours)
        return flat[:, written.shape[1]], {"written": written}

    return step, {"written": ops.zeros((count, 0), "int32")}


def cached_step(model, count):
    """The same as `recomputing_step`, but each step computes its own place only.

    Keys and values of earlier places never change, because nobody sees what comes later. So they
    are kept.
    """

    def step(tokens, state):
        place, kept = state["place"], []
        if tokens is None:
            x = ops.zeros((count, 1)) + model.start  # (count, hidden_dim)
        else:
            x = model.pixel_embedding(ops.cast(tokens, "int32"))  # (count, hidden_dim)
        x = x + model.positions[place]
        for block, past in zip(model.blocks, state["past"] or [None] * len(model.blocks), strict=True):
            attention, normed = block.attention, block.attention_normalization(x)
            query, key, value = (
                ops.reshape(dense(normed), (count, attention.num_heads, 1, -1))  # (count, heads, 1, head_dim)
                for dense in (attention.query_dense, attention.key_dense, attention.value_dense)
            )
            if past is not None:
                key = ops.concatenate([past[0], key], axis=2)  # (count, heads, place + 1, head_dim)
                value = ops.concatenate([past[1], value], axis=2)
            kept.append((key, value))
            output, _ = scaled_dot_product_attention(query, key, value)
            x = x + attention.output_dense(ops.reshape(output, (count, -1)))  # (count, hidden_dim)
            # By its kernel, so that it does not matter on which side of the call a block applies `quick_gelu`.
            wide = ops.matmul(block.feed_forward_normalization(x), block.intermediate_dense.kernel)
            x = x + block.output_dense(quick_gelu(wide))
        logits = model.logits_dense(model.final_norm(x))  # (count, num_colours)
        return logits, {"place": place + 1, "past": kept}

    return step, {"place": 0, "past": None}


def complete(step, state, known, noise, temperature=1.0, top_k=None):
    """Continue pictures pixel by pixel; without known pixels, draw new ones.

    Args:
        step: `step(tokens, state)` takes the pixel just written in each picture, integers
            `(batch,)`, or `None` for the very first, and gives `(logits, state)`:
            `(batch, num_colours)` for the next pixel, and the next state.
        state: the state for the first call.
        known: integers `(batch, known_length)`: the pixels that are there already, in reading
            order. `known_length` may be 0.
        noise: numbers `(batch, length)`: `noise[:, i]` decides pixel `i`, if it is not known.
        temperature: as for `next_pixel`.
        top_k: as for `next_pixel`.

    Returns:
        Integers `(batch, length)`: the known pixels, then the drawn ones.
    """
    ### BEGIN SOLUTION
    written, latest = [], None
    for place in range(noise.shape[1]):
        logits, state = step(latest, state)
        if place < known.shape[1]:
            latest = ops.cast(known[:, place], "int32")  # the model reads it all the same
        else:
            latest = next_pixel(logits, noise[:, place], temperature, top_k)
        written.append(latest)
    return ops.stack(written, axis=1)  # (batch, length)
    ### END SOLUTION


def layer_features(model, images, mask=None):
    """One vector for each picture and layer: the mean over all places (section 2.2).

    Args:
        model: an `ImageGPT`.
        images: integers `(batch, height, width)`.
        mask: optional boolean `(batch, height, width)`; `True` = hidden.

    Returns:
        A list of `num_layers + 1` tensors `(batch, hidden_dim)`.
    """
    return [ops.mean(output, axis=1) for output in model.layer_outputs(images, mask)]


class FineTuned(Composite, keras.Model):
    """A pre-trained model that names what it sees and goes on predicting pixels (section 2.2).

    Args:
        model: an `ImageGPT`, whose weights are trained further.
        num_classes: number of classes.
    """

    def __init__(self, model, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.model = model
        self.class_dense = keras.layers.Dense(num_classes, kernel_initializer="zeros", name="class_dense")

    def call(self, inputs):
        """Pictures, or a pair `(images, mask)`, to `(class_logits, logits)`: `(batch, num_classes)`
        and as `ImageGPT`.
        """
        images, mask = inputs if isinstance(inputs, tuple | list) else (inputs, None)
        x = self.model.layer_outputs(images, mask)[-1]  # (batch, length, hidden_dim)
        return self.class_dense(ops.mean(self.model.final_norm(x), axis=1)), self.model.logits(x)


def joint_loss(classes, class_logits, pixel_loss):
    """The classes' mean cross-entropy in nats, plus the loss of the pixels (section 2.2)."""
    losses = keras.losses.sparse_categorical_crossentropy(classes, class_logits, from_logits=True)
    return ops.mean(losses) + pixel_loss


def vote(predictions, noise):
    """Let several predictions for each picture vote; ties are broken at random (section 4.6).

    Args:
        predictions: integers `(votes, batch)`: the class that each of the masked copies got.
        noise: numbers `(batch, num_classes)`, evenly drawn, at least 0 and below 1.

    Returns:
        Integers (int32) `(batch,)`: the class with the most votes; of several with as many, the one
        with the largest noise.
    """
    ### BEGIN SOLUTION
    ballots = ops.one_hot(predictions, noise.shape[-1], dtype=noise.dtype)  # (votes, batch, num_classes)
    counts = ops.sum(ballots, axis=0)  # (batch, num_classes)
    # Less than one vote, so it decides between equals only.
    return ops.cast(ops.argmax(counts + noise, axis=-1), "int32")
    ### END SOLUTION
