"""MAE: hide most of an image and paint it back (He et al. 2021, *Masked Autoencoders Are Scalable
Vision Learners*),
and what leads there: BEiT (Bao et al. 2021, *BEiT: BERT Pre-Training of Image Transformers*).

Images are floats `(batch, height, width, channels)`, patches stand in reading order, and in a mask
`True` = hidden. All chance comes in as noise, numbers evenly drawn from 0 to 1, so that every
answer is determined. BEiT's own layers, with relative positions and LayerScale, stand in
`solutions/beit.py`.
"""

import math

import keras
import numpy as np
from keras import ops

from course.models.composite import Composite
from solutions.vit import SIZES, PatchEmbedding, ViTEncoder, patchify

# The decoder of the published models (MAE, section 4.1): light beside any of the encoders.
DECODER = {"num_layers": 8, "num_heads": 16, "hidden_dim": 512, "intermediate_dim": 2048}


def random_masking(patches, noise, mask_ratio):
    """Keep a few patches of each image, drawn at random without replacement (MAE, section 3 and
    appendix A.1).

    Args:
        patches: `(batch, patches, width)`.
        noise: `(batch, patches)`: the patches with the smallest noise stay visible.
        mask_ratio: share of the patches to hide; `int(patches * (1 - mask_ratio))` stay.

    Returns:
        `(visible, mask, restore)`. `visible`, `(batch, visible, width)`: the patches that stay, in
        the order of their noise. `mask`, boolean `(batch, patches)`: `True` where a patch is
        hidden. `restore`, integers `(batch, patches)`: the place that each patch has when all are
        sorted by noise, 0 for the smallest.
    """
    ### BEGIN SOLUTION
    count = int(patches.shape[1] * (1 - mask_ratio))
    order = ops.argsort(noise, axis=-1)  # (batch, patches): which patch comes first, second ...
    restore = ops.argsort(order, axis=-1)  # (batch, patches): its inverse
    visible = ops.take_along_axis(patches, order[:, :count, None], axis=1)  # (batch, visible, width)
    return visible, restore >= count, restore
    ### END SOLUTION


def restore_order(visible, mask_token, restore):
    """Put the visible patches back to where they were, and the mask token wherever one is missing
    (MAE, section 3).

    Args:
        visible: `(batch, visible, width)`, in the order in which `random_masking` gave them.
        mask_token: `(width,)`.
        restore: integers `(batch, patches)`, as `random_masking` gave them.

    Returns:
        `(batch, patches, width)`.
    """
    ### BEGIN SOLUTION
    batch, count = ops.shape(visible)[0], restore.shape[1] - visible.shape[1]
    missing = ops.broadcast_to(mask_token, (batch, count, visible.shape[-1]))  # (batch, hidden, width)
    sorted_by_noise = ops.concatenate([visible, ops.cast(missing, visible.dtype)], axis=1)
    return ops.take_along_axis(sorted_by_noise, restore[..., None], axis=1)  # (batch, patches, width)
    ### END SOLUTION


def sin_cos_positions(grid, hidden_dim):
    """Fixed positions of patches: half of the channels tell the column, half the row (MAE, appendix
    A.1).

    Args:
        grid: `(rows, columns)` of patches.
        hidden_dim: width of the positions; 4 divides it.

    Returns:
        Float32 `(rows * columns, hidden_dim)`, patches in reading order. The first half of the
        channels belongs to the column, the second to the row. Each half is
        `[sin(angles), cos(angles)]` with `angles[i] = number * 10000 ** (-i / (hidden_dim / 4))`
        for `i` from 0 to `hidden_dim / 4 - 1`, where `number` counts columns, or rows, from 0.
    """
    ### BEGIN SOLUTION
    rows, columns = grid
    quarter = hidden_dim // 4
    frequencies = 10000.0 ** (-np.arange(quarter) / quarter)  # (quarter,)
    row, column = np.divmod(np.arange(rows * columns), columns)  # each (patches,)
    halves = []
    for number in (column, row):
        angles = number[:, None] * frequencies  # (patches, quarter)
        halves += [np.sin(angles), np.cos(angles)]
    return ops.convert_to_tensor(np.concatenate(halves, axis=-1), dtype="float32")  # (patches, hidden_dim)
    ### END SOLUTION


class MAEEncoder(Composite):
    """A ViT that sees the visible patches only (MAE, section 3).

    Sub-layers: `patch_embedding`, a `PatchEmbedding`; `encoder`, a `ViTEncoder`. Weights:
    `class_token`, `(hidden_dim,)`; `positions`, `(1 + patches, hidden_dim)`, which is not trained:
    zeros for the class token, then `sin_cos_positions`.

    Args:
        image_size: `(height, width)` in pixels.
        patch_size: side of a patch in pixels; divides both.
        num_layers: number of blocks.
        num_heads: heads of each attention; must divide `hidden_dim`.
        hidden_dim: width of the encoder; 4 divides it.
        intermediate_dim: width in the middle of the MLPs.
        mask_ratio: share of the patches that is hidden in pre-training.
    """

    def __init__(
        self,
        image_size,
        patch_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        mask_ratio=0.75,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.grid = (image_size[0] // patch_size, image_size[1] // patch_size)
        self.mask_ratio = mask_ratio
        self.patch_embedding = PatchEmbedding(patch_size, hidden_dim, name="patch_embedding")
        self.encoder = ViTEncoder(num_layers, num_heads, hidden_dim, intermediate_dim, name="encoder")
        self.class_token = self.add_weight(
            shape=(hidden_dim,), initializer=keras.initializers.RandomNormal(stddev=0.02), name="class_token"
        )
        self.positions = self.add_weight(
            shape=(1 + self.grid[0] * self.grid[1], hidden_dim),
            initializer=lambda shape, dtype: ops.pad(
                sin_cos_positions(self.grid, hidden_dim), ((1, 0), (0, 0))
            ),
            trainable=False,
            name="positions",
        )

    def call(self, images, noise=None):
        """Encode images, or what is left of them.

        Args:
            images: `(batch, height, width, channels)`.
            noise: `(batch, patches)` for `random_masking`; without it, all patches are seen.

        Returns:
            `(tokens, mask, restore)`: the class token and the visible patches,
            `(batch, 1 + visible, hidden_dim)`, and what `random_masking` says of the others.
            Without `noise`, all patches in reading order, and `None` twice.
        """
        ### BEGIN SOLUTION
        positions = ops.convert_to_tensor(self.positions)
        # A patch gets its position before anything is hidden: afterwards nobody would know where it was.
        patches = self.patch_embedding(images) + positions[1:]  # (batch, patches, hidden_dim)
        mask = restore = None
        if noise is not None:
            patches, mask, restore = random_masking(patches, noise, self.mask_ratio)
        first = ops.zeros_like(patches[:, :1]) + self.class_token + positions[0]  # (batch, 1, hidden_dim)
        return self.encoder(ops.concatenate([first, patches], axis=1)), mask, restore
        ### END SOLUTION


class MAEDecoder(Composite):
    """A light ViT that guesses every patch from what the encoder made of a few (MAE, section 3).

    Sub-layers: `embedding_dense`, a `Dense(hidden_dim)`; `decoder`, a `ViTEncoder`;
    `prediction_dense`, a `Dense(num_outputs)`. Weights: `mask_token`, `(hidden_dim,)`; `positions`,
    `(1 + patches, hidden_dim)`, the decoder's own, not trained.

    Args:
        grid: `(rows, columns)` of patches.
        num_outputs: how many numbers are guessed for each patch.
        num_layers: number of blocks.
        num_heads: heads of each attention; must divide `hidden_dim`.
        hidden_dim: width of the decoder; 4 divides it.
        intermediate_dim: width in the middle of the MLPs.
    """

    def __init__(self, grid, num_outputs, num_layers, num_heads, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        self.embedding_dense = keras.layers.Dense(hidden_dim, name="embedding_dense")
        self.decoder = ViTEncoder(num_layers, num_heads, hidden_dim, intermediate_dim, name="decoder")
        self.prediction_dense = keras.layers.Dense(num_outputs, name="prediction_dense")
        self.mask_token = self.add_weight(
            shape=(hidden_dim,), initializer=keras.initializers.RandomNormal(stddev=0.02), name="mask_token"
        )
        self.positions = self.add_weight(
            shape=(1 + grid[0] * grid[1], hidden_dim),
            initializer=lambda shape, dtype: ops.pad(sin_cos_positions(grid, hidden_dim), ((1, 0), (0, 0))),
            trainable=False,
            name="positions",
        )

    def call(self, tokens, restore):
        """Guess all patches.

        Args:
            tokens: `(batch, 1 + visible, encoder_dim)`: the class token and the visible patches,
                from the encoder.
            restore: integers `(batch, patches)`, as `random_masking` gave them.

        Returns:
            `(batch, patches, num_outputs)`, patches in reading order; the class token takes part,
            and is left out.
        """
        ### BEGIN SOLUTION
        x = self.embedding_dense(tokens)  # (batch, 1 + visible, hidden_dim)
        patches = restore_order(x[:, 1:], self.mask_token, restore)  # (batch, patches, hidden_dim)
        x = ops.concatenate([x[:, :1], patches], axis=1) + self.positions
        return self.prediction_dense(self.decoder(x)[:, 1:])  # (batch, patches, num_outputs)
        ### END SOLUTION


def normalize_patches(patches, epsilon=1e-6):
    """Bring each patch to a mean of 0 and a variance of 1: the better target (MAE, section 3).

    Args:
        patches: `(batch, patches, values)`.
        epsilon: is added to the variance.

    Returns:
        The same shape: `(x - mean) / sqrt(variance + epsilon)`, both of the single patch. The
        variance is the unbiased one, as in the authors' code: the sum of squares divided by
        `values - 1`.
    """
    ### BEGIN SOLUTION
    centred = patches - ops.mean(patches, axis=-1, keepdims=True)  # (batch, patches, values)
    variance = ops.sum(ops.square(centred), axis=-1, keepdims=True) / (patches.shape[-1] - 1)
    return centred / ops.sqrt(variance + epsilon)
    ### END SOLUTION


def masked_mse(predictions, targets, mask):
    """How far the guesses are off, where there was something to guess (MAE, section 3).

    Args:
        predictions: `(batch, patches, values)`.
        targets: `(batch, patches, values)`.
        mask: boolean `(batch, patches)`; `True` = hidden.

    Returns:
        A scalar: the squared error, averaged over the values of a patch and over all hidden patches
        of the batch.
    """
    ### BEGIN SOLUTION
    errors = ops.mean(ops.square(ops.cast(predictions, "float32") - targets), axis=-1)  # (batch, patches)
    hidden = ops.cast(mask, "float32")
    return ops.sum(errors * hidden) / ops.sum(hidden)
    ### END SOLUTION


def block_mask(noise, grid, ratio=0.4, smallest=16):
    """Hide whole rectangles of patches until more than `ratio` is hidden (BEiT, algorithm 1).

    Args:
        noise: NumPy array `(tries, 4)`. Each row makes one block: its size, its aspect ratio, its
            top, its left side.
        grid: `(rows, columns)` of patches.
        ratio: blocks are added until more than this share of all patches is hidden, or no noise is
            left.
        smallest: how many patches a block has at least, as far as rounding and room allow.

    Returns:
        Boolean NumPy array `(rows, columns)`; `True` = hidden. A block of the row
        `size, aspect, top, left` has `s = smallest + size * (ratio * patches - hidden - smallest)`
        patches, where `hidden` are hidden already, and the aspect ratio
        `r = 0.3 + aspect * (1 / 0.3 - 0.3)`. Its height is `sqrt(s * r)`, its width `sqrt(s / r)`,
        both rounded, at least 1 and at most the grid's. It begins in row
        `int(top * (rows - height + 1))` and in column `int(left * (columns - width + 1))`.
    """
    ### BEGIN SOLUTION
    rows, columns = grid
    wanted = ratio * rows * columns
    mask = np.zeros(grid, bool)
    for size, aspect, top, left in noise:
        if mask.sum() > wanted:
            break
        area = smallest + size * (wanted - mask.sum() - smallest)
        shape = 0.3 + aspect * (1 / 0.3 - 0.3)
        height = min(max(round(math.sqrt(area * shape)), 1), rows)
        width = min(max(round(math.sqrt(area / shape)), 1), columns)
        first_row, first_column = int(top * (rows - height + 1)), int(left * (columns - width + 1))
        mask[first_row : first_row + height, first_column : first_column + width] = True
    return mask
    ### END SOLUTION


def block_mask_at_most(noise, grid, most=75, smallest=16):
    """Blockwise masking as in BEiT's released code: never more than `most` patches, sometimes fewer.

    It differs from `block_mask` in two ways. Aspect ratios are drawn evenly on a logarithmic scale,
    so that tall blocks are as likely as wide ones. And a block that would hide more than what is
    still allowed, or nothing new, is drawn again; after ten such tries in a row, no more blocks are
    added.

    Args:
        noise: NumPy array `(tries, 4)`, as for `block_mask`.
        grid: `(rows, columns)` of patches.
        most: how many patches may be hidden; 75 of 14 x 14 in BEiT.
        smallest: how many patches a block has at least.

    Returns:
        Boolean NumPy array `(rows, columns)`; `True` = hidden.
    """
    mask, in_vain = np.zeros(grid, bool), 0
    for size, aspect, top, left in noise:
        left_over = most - mask.sum()
        if left_over <= 0 or in_vain == 10:
            break
        area = smallest + size * (left_over - smallest)
        shape = 0.3 * (1 / 0.3 / 0.3) ** aspect
        height, width = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        in_vain += 1
        if height < grid[0] and width < grid[1]:
            row, column = int(top * (grid[0] - height + 1)), int(left * (grid[1] - width + 1))
            block = mask[row : row + height, column : column + width]
            if 0 < block.size - block.sum() <= left_over:
                block[:] = True
                in_vain = 0
    return mask


def visual_tokens(vectors, codebook):
    """Give each patch the number of the nearest vector of a codebook (BEiT, section 2.1).

    Args:
        vectors: `(batch, patches, code_dim)`.
        codebook: `(num_codes, code_dim)`.

    Returns:
        Integers (int32) `(batch, patches)`: the code with the smallest squared distance.
    """
    ### BEGIN SOLUTION
    # |v - c|^2 without a tensor of all differences; |v|^2 is the same for all codes, so it may stay away.
    codebook = ops.convert_to_tensor(codebook)
    products = ops.matmul(vectors, ops.transpose(codebook))  # (batch, patches, num_codes)
    distances = ops.sum(ops.square(codebook), axis=-1) - 2 * products
    return ops.cast(ops.argmin(distances, axis=-1), "int32")
    ### END SOLUTION


def visual_token_loss(codes, logits, mask):
    """How surprised a model is by the visual tokens of hidden patches (BEiT, section 2.3).

    Args:
        codes: integers `(batch, patches)`.
        logits: `(batch, patches, num_codes)`.
        mask: boolean `(batch, patches)`; `True` = hidden.

    Returns:
        A scalar in nats: the cross-entropy, averaged over all hidden patches of the batch.
    """
    ### BEGIN SOLUTION
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    own = ops.take_along_axis(log_probabilities, ops.cast(codes, "int32")[..., None], axis=-1)[..., 0]
    hidden = ops.cast(mask, "float32")  # (batch, patches)
    return -ops.sum(own * hidden) / ops.sum(hidden)
    ### END SOLUTION


class VisualTokenizer(Composite, keras.Model):
    """A small autoencoder whose patches pass through a codebook; it stands in for BEiT's dVAE.

    (BEiT takes the tokenizer of DALL-E, which was trained on 250 million images and has 8,192
    codes. This one learns
    by vector quantization: van den Oord et al. 2017, *Neural Discrete Representation Learning*.)

    Sub-layers: `hidden_dense`, `code_dense`, `back_dense`, `pixel_dense`. Weight: `codebook`,
    `(num_codes, code_dim)`.

    Args:
        patch_size: side of a patch in pixels.
        channels: of the images.
        num_codes: how many visual words there are.
        code_dim: width of a word's vector.
        hidden_dim: width of the layers before and behind.
    """

    def __init__(self, patch_size, channels, num_codes=64, code_dim=8, hidden_dim=64, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.hidden_dense = keras.layers.Dense(hidden_dim, activation="gelu", name="hidden_dense")
        self.code_dense = keras.layers.Dense(code_dim, name="code_dense")
        self.back_dense = keras.layers.Dense(hidden_dim, activation="gelu", name="back_dense")
        self.pixel_dense = keras.layers.Dense(patch_size**2 * channels, name="pixel_dense")
        self.codebook = self.add_weight(
            shape=(num_codes, code_dim), initializer=keras.initializers.RandomNormal(), name="codebook"
        )

    def vectors(self, images):
        """`(batch, height, width, channels)` to `(batch, patches, code_dim)`."""
        return self.code_dense(self.hidden_dense(patchify(images, self.patch_size)))

    def tokens(self, images):
        """Images to their visual tokens, integers `(batch, patches)`."""
        return visual_tokens(self.vectors(images), self.codebook)

    def pixels(self, vectors):
        """Vectors `(batch, patches, code_dim)` to patches,
        `(batch, patches, patch_size * patch_size * channels)`.
        """
        return self.pixel_dense(self.back_dense(vectors))

    def start(self, images):
        """Begin with the vectors of unlike patches as the codebook, so that no code lies where
        nobody comes by.
        """
        vectors = ops.convert_to_numpy(self.vectors(images)).reshape(
            -1, self.codebook.shape[1]
        )  # (patch, code_dim)
        _, unlike = np.unique(vectors.round(2), axis=0, return_index=True)  # many patches are just empty
        chosen = np.random.default_rng(0).permutation(unlike)[: self.codebook.shape[0]]
        self.codebook.assign(np.resize(vectors[chosen], self.codebook.shape))

    def call(self, images):
        """Images to `(patches, vectors, chosen)`: the guess, what was to be quantized, and the
        codes' vectors.
        """
        vectors = self.vectors(images)
        chosen = ops.take(self.codebook, visual_tokens(vectors, self.codebook), axis=0)
        # Straight through: forward the code's vector, backward as if nothing had been rounded.
        through = vectors + ops.stop_gradient(chosen - vectors)  # (batch, patches, code_dim)
        return self.pixels(through), vectors, chosen

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Squared error of the pixels; codes are drawn to the vectors, and vectors a little to the
        codes.
        """
        guess, vectors, chosen = y_pred
        pixels = ops.mean(ops.square(guess - patchify(x, self.patch_size)))
        codes = ops.mean(ops.square(chosen - ops.stop_gradient(vectors)))
        return pixels + codes + 0.25 * ops.mean(ops.square(vectors - ops.stop_gradient(chosen)))


class FullLengthEncoder(MAEEncoder):
    """The encoder that MAE does without: it sees all places, with a mask token wherever a patch is
    hidden.

    That is what BEiT does, and ViT's own guessing game. Weight, besides those of `MAEEncoder`:
    `mask_token`.
    """

    def __init__(self, image_size, patch_size, num_layers, num_heads, hidden_dim, *sizes, **options):
        super().__init__(image_size, patch_size, num_layers, num_heads, hidden_dim, *sizes, **options)
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.mask_token = self.add_weight(shape=(hidden_dim,), initializer=normal, name="mask_token")

    def call(self, images, noise=None):
        """As `MAEEncoder`, but all tokens come back, in reading order:
        `(batch, 1 + patches, hidden_dim)`.
        """
        positions = ops.convert_to_tensor(self.positions)
        patches = self.patch_embedding(images)  # (batch, patches, hidden_dim)
        mask = restore = None
        if noise is not None:
            _, mask, _ = random_masking(patches, noise, self.mask_ratio)
            patches = ops.where(mask[..., None], ops.cast(self.mask_token, patches.dtype), patches)
            # Every patch is where it was, so a decoder has nothing to move and nothing to fill in.
            places = ops.arange(patches.shape[1], dtype="int32")
            restore = ops.broadcast_to(places, (ops.shape(patches)[0], patches.shape[1]))
        patches = patches + positions[1:]  # a mask token, too, must know where it stands
        first = ops.zeros_like(patches[:, :1]) + self.class_token + positions[0]  # (batch, 1, hidden_dim)
        return self.encoder(ops.concatenate([first, patches], axis=1)), mask, restore


class LinearDecoder(Composite):
    """One dense layer on each patch's token: all the decoder that BEiT has. Needs a
    `FullLengthEncoder`.
    """

    def __init__(self, num_outputs, **kwargs):
        super().__init__(**kwargs)
        self.prediction_dense = keras.layers.Dense(num_outputs, name="prediction_dense")

    def call(self, tokens, restore):
        """`(batch, 1 + patches, hidden_dim)` to `(batch, patches, num_outputs)`."""
        return self.prediction_dense(tokens[:, 1:])


class MaskedAutoencoder(Composite, keras.Model):
    """An encoder, a decoder, and something to guess. `compile` it with an optimizer and `fit` it on
    `(images, noise)`.

    Args:
        encoder: a `MAEEncoder` or a `FullLengthEncoder`.
        decoder: a `MAEDecoder`, or a `LinearDecoder` for a full-length encoder.
        targets: a function of images: floats `(batch, patches, values)`, such as pixels, or
            integers `(batch, patches)` or `(batch, patches, guesses)`, such as visual tokens.
    """

    def __init__(self, encoder, decoder, targets, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder, self.targets = encoder, decoder, targets

    def call(self, inputs):
        """`(images, noise)` to `(predictions, mask)`: `(batch, patches, num_outputs)`, booleans
        `(batch, patches)`.
        """
        images, noise = inputs
        tokens, mask, restore = self.encoder(images, noise)
        return self.decoder(tokens, restore), mask

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """`masked_mse` for targets that are floats, `visual_token_loss` for integers."""
        predictions, mask = y_pred
        targets = self.targets(x[0])
        if "int" not in keras.backend.standardize_dtype(targets.dtype):
            return masked_mse(predictions, targets, mask)
        guesses = math.prod(targets.shape[2:])
        places = targets.shape[1] * guesses
        logits = ops.reshape(
            predictions, (-1, places, predictions.shape[-1] // guesses)
        )  # (batch, places, codes)
        targets = ops.reshape(targets, (-1, places))  # (batch, places)
        return visual_token_loss(targets, logits, ops.repeat(mask, guesses, axis=1))


class MAEClassifier(Composite, keras.Model):
    """What pre-training is for: the encoder without a mask, and a head on the mean of its patches
    (MAE, section 4).

    Args:
        encoder: a `MAEEncoder`, pre-trained or not, which is trained further.
        num_classes: number of classes.
    """

    def __init__(self, encoder, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.head = keras.layers.Dense(num_classes, kernel_initializer="zeros", name="head")

    def features(self, images):
        """`(batch, height, width, channels)` to `(batch, hidden_dim)`."""
        return ops.mean(self.encoder(images)[0][:, 1:], axis=1)

    def call(self, images):
        """`(batch, height, width, channels)` to logits `(batch, num_classes)`."""
        return self.head(self.features(images))


def layer_rates(paths, num_layers, decay=0.75):
    """How much of the learning rate each weight gets: the deeper, the more (MAE, appendix A.2;
    BEiT, appendix).

    Args:
        paths: names of weights, such as `"encoder.class_token"`,
            `"encoder.patch_embedding.projection_dense.kernel"`,
            `"encoder.encoder.blocks.3.output_dense.bias"` or `"head.kernel"`.
        num_layers: number of blocks.
        decay: each level has this share of the rate of the next, 0.75 for three quarters.

    Returns:
        A list of floats, one for each path: `decay ** (num_layers + 1 - level)`. What comes before
        the blocks has level 0, `blocks.3` has level 4, and what comes behind them, `head` and
        `final_normalization`, level `num_layers + 1`.
    """
    ### BEGIN SOLUTION
    rates = []
    for path in paths:
        parts = path.split(".")
        if "blocks" in parts:
            level = int(parts[parts.index("blocks") + 1]) + 1
        else:
            level = num_layers + 1 if {"head", "final_normalization"} & set(parts) else 0
        rates.append(decay ** (num_layers + 1 - level))
    return rates
    ### END SOLUTION


def build(name, image_size=224, channels=3, decoder=(), **options):
    """A masked autoencoder of a published size, on pixels that are normalized by patch.

    Args:
        name: `"B/16"`, `"L/16"` or `"H/14"`.
        image_size: side of the images in pixels.
        channels: of the images.
        decoder: what of `DECODER` is to be otherwise, such as `{"num_layers": 1}`.
        options: further arguments of `MAEEncoder`, such as `mask_ratio=0.5`.

    Raises:
        KeyError: if there is no such size.
    """
    size, patch_size = name.split("/")
    patch_size = int(patch_size)
    sizes = SIZES[size] | {"image_size": (image_size, image_size), "patch_size": patch_size} | options
    encoder = MAEEncoder(**sizes, name="encoder")
    light = MAEDecoder(encoder.grid, patch_size**2 * channels, **(DECODER | dict(decoder)), name="decoder")
    return MaskedAutoencoder(encoder, light, lambda images: normalize_patches(patchify(images, patch_size)))
