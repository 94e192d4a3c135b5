"""ViT: an image read as a sentence of patches (Dosovitskiy et al. 2020, *An Image is Worth 16x16
Words*), and DeiT, which trains it on less data with the help of a teacher (Touvron et al. 2020,
*Training data-efficient image transformers & distillation through attention*).

Images are floats `(batch, height, width, channels)`. Patches stand in reading order: row by row,
left to right.
"""

import keras
from keras import ops

from course.models.composite import Composite
from solutions.attention import MultiHeadAttention

# ViT, table 1; Ti and S are DeiT's (its table 1). `build("B/16")` makes a model; the number is the side of a patch.
SIZES = {
    "Ti": {"num_layers": 12, "num_heads": 3, "hidden_dim": 192, "intermediate_dim": 768},
    "S": {"num_layers": 12, "num_heads": 6, "hidden_dim": 384, "intermediate_dim": 1536},
    "B": {"num_layers": 12, "num_heads": 12, "hidden_dim": 768, "intermediate_dim": 3072},
    "L": {"num_layers": 24, "num_heads": 16, "hidden_dim": 1024, "intermediate_dim": 4096},
    "H": {"num_layers": 32, "num_heads": 16, "hidden_dim": 1280, "intermediate_dim": 5120},
}


def patchify(images, patch_size):
    """Cut images into square patches and lay out each as one vector (ViT, section 3.1).

    Args:
        images: `(batch, height, width, channels)`; `patch_size` divides height and width.
        patch_size: side of a patch in pixels, an int.

    Returns:
        `(batch, patches, patch_size * patch_size * channels)`. Patches come in reading order, row
        by row; within a patch, its pixels do too, each with all its channels.
    """
    ### BEGIN SOLUTION
    _, height, width, channels = images.shape
    rows, columns = height // patch_size, width // patch_size
    cut = ops.reshape(
        images, (-1, rows, patch_size, columns, patch_size, channels)
    )  # (batch, row, y, column, x, c)
    cut = ops.transpose(cut, (0, 1, 3, 2, 4, 5))  # (batch, row, column, y, x, channel)
    return ops.reshape(
        cut, (-1, rows * columns, patch_size * patch_size * channels)
    )  # (batch, patches, values)
    ### END SOLUTION


def unpatchify(patches, patch_size, grid):
    """Put patches together again: the inverse of `patchify`.

    Args:
        patches: `(batch, rows * columns, patch_size * patch_size * channels)`.
        patch_size: side of a patch in pixels, an int.
        grid: `(rows, columns)` of patches.

    Returns:
        `(batch, rows * patch_size, columns * patch_size, channels)`.
    """
    ### BEGIN SOLUTION
    rows, columns = grid
    channels = patches.shape[-1] // patch_size**2
    cut = ops.reshape(
        patches, (-1, rows, columns, patch_size, patch_size, channels)
    )  # (batch, row, column, y, x, c)
    cut = ops.transpose(cut, (0, 1, 3, 2, 4, 5))  # (batch, row, y, column, x, channel)
    return ops.reshape(
        cut, (-1, rows * patch_size, columns * patch_size, channels)
    )  # (batch, height, width, c)
    ### END SOLUTION


class PatchEmbedding(Composite):
    """Patches become tokens, all by the same linear map (ViT, equation 1).

    Sub-layer: `projection_dense`, a `Dense(hidden_dim)`.

    Args:
        patch_size: side of a patch in pixels.
        hidden_dim: width of the tokens.
    """

    def __init__(self, patch_size, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        ### BEGIN SOLUTION
        self.projection_dense = keras.layers.Dense(hidden_dim, name="projection_dense")
        ### END SOLUTION

    def call(self, images):
        """`(batch, height, width, channels)` to `(batch, patches, hidden_dim)`."""
        ### BEGIN SOLUTION
        return self.projection_dense(patchify(images, self.patch_size))
        ### END SOLUTION


class ViTEmbedding(Composite):
    """Patch tokens, the class token in front of them, and positions on all (ViT, section 3.1 and
    equation 1).

    Sub-layer: `patch_embedding`, a `PatchEmbedding`. Weights: `tokens`, `(num_tokens, hidden_dim)`,
    and `positions`, `(num_tokens + patches, hidden_dim)`, whose first rows belong to `tokens`.

    Args:
        image_size: `(height, width)` in pixels.
        patch_size: side of a patch in pixels.
        hidden_dim: width of the tokens.
        num_tokens: learned tokens before the patches: 1, the class token; 2 in DeiT.

    Raises:
        ValueError: if `patch_size` does not divide both sides of the image.
    """

    def __init__(self, image_size, patch_size, hidden_dim, num_tokens=1, **kwargs):
        super().__init__(**kwargs)
        height, width = image_size
        if height % patch_size or width % patch_size:
            raise ValueError(f"Patches of {patch_size} pixels do not cut {height} x {width} pixels evenly.")
        self.grid = (height // patch_size, width // patch_size)
        self.num_tokens = num_tokens
        self.patch_embedding = PatchEmbedding(patch_size, hidden_dim, name="patch_embedding")
        ### BEGIN SOLUTION
        self.tokens = self.add_weight(shape=(num_tokens, hidden_dim), initializer="zeros", name="tokens")
        length = num_tokens + self.grid[0] * self.grid[1]
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.positions = self.add_weight(shape=(length, hidden_dim), initializer=normal, name="positions")
        ### END SOLUTION

    def place(self, patches):
        """Put `tokens` before the patches of every image, and add `positions` to all.

        Args:
            patches: `(batch, patches, hidden_dim)`.

        Returns:
            `(batch, num_tokens + patches, hidden_dim)`.
        """
        ### BEGIN SOLUTION
        tokens = ops.convert_to_tensor(self.tokens)
        first = ops.broadcast_to(
            tokens, (ops.shape(patches)[0], *tokens.shape)
        )  # (batch, num_tokens, hidden_dim)
        first = ops.cast(first, patches.dtype)
        return ops.concatenate([first, patches], axis=1) + ops.cast(self.positions, patches.dtype)
        ### END SOLUTION

    def call(self, images):
        """`(batch, height, width, channels)` to `(batch, num_tokens + patches, hidden_dim)`."""
        return self.place(self.patch_embedding(images))


class ViTBlock(Composite):
    """Self-attention, then two dense layers (the MLP), pre-LN: BERT's layer with the norm moved
    (ViT, equations 2 and 3).

    Sub-layers: `attention_normalization` and `mlp_normalization`, each a `LayerNormalization` with
    an epsilon of 1e-6; `attention`, a `MultiHeadAttention`; `intermediate_dense`, a `Dense` with an
    exact GELU; `output_dense`, a `Dense`; `dropout`, a `Dropout` on what the attention gives and on
    what the MLP gives, just before the sums.

    Args:
        num_heads: heads of the attention; must divide `hidden_dim`.
        hidden_dim: width of the block.
        intermediate_dim: width in the middle of the MLP.
        dropout: rate of the dropout on what both halves give.
    """

    def __init__(self, num_heads, hidden_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        ### BEGIN SOLUTION
        self.attention_normalization = keras.layers.LayerNormalization(
            epsilon=1e-6, name="attention_normalization"
        )
        self.attention = MultiHeadAttention(num_heads, hidden_dim, name="attention")
        self.mlp_normalization = keras.layers.LayerNormalization(epsilon=1e-6, name="mlp_normalization")
        self.intermediate_dense = keras.layers.Dense(
            intermediate_dim, activation="gelu", name="intermediate_dense"
        )
        self.output_dense = keras.layers.Dense(hidden_dim, name="output_dense")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        ### END SOLUTION

    def call(self, inputs):
        """Self-attention, then feed-forward.

        Args:
            inputs: `(batch, length, hidden_dim)`; the tokens may be any patches, in any number.

        Returns:
            `(batch, length, hidden_dim)`.
        """

        ### BEGIN SOLUTION
        # Self-attention: each position asks all others.
        def attend(x):
            return self.attention(x)[0]

        # Feed-forward: each position for itself.
        def feed_forward(x):
            wide = self.intermediate_dense(x)
            return self.output_dense(wide)

        # Both halves are normalized on the way in, and added to what was there before the norm.
        x = inputs + self.dropout(attend(self.attention_normalization(inputs)))
        return x + self.dropout(feed_forward(self.mlp_normalization(x)))
        ### END SOLUTION


class ViTEncoder(Composite):
    """A stack of blocks, in `blocks`, and `final_normalization` after the last (ViT, equation 4).

    It asks nothing of its tokens: MAE, in Lab 6, feeds it a quarter of the patches.
    """

    def __init__(self, num_layers, num_heads, hidden_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [
            ViTBlock(num_heads, hidden_dim, intermediate_dim, dropout, name=f"block_{number}")
            for number in range(num_layers)
        ]
        # With pre-LN nothing has normalized the sum when it leaves the stack.
        self.final_normalization = keras.layers.LayerNormalization(epsilon=1e-6, name="final_normalization")

    def call(self, inputs):
        """`(batch, length, hidden_dim)` to the same shape."""
        x = inputs
        for block in self.blocks:
            x = block(x)
        return self.final_normalization(x)


class VisionTransformer(Composite, keras.Model):
    """Patches in, classes out (ViT, section 3.1).

    Sub-layers: `embedding`, a `ViTEmbedding`; `dropout`, a `Dropout`; `encoder`, a `ViTEncoder`;
    `head`, a `Dense(num_classes)` whose kernel begins as zeros, or `None` without `num_classes`.

    Args:
        image_size: `(height, width)` in pixels.
        patch_size: side of a patch in pixels; divides both.
        num_layers: number of blocks.
        num_heads: heads of each attention; must divide `hidden_dim`.
        hidden_dim: width of the model.
        intermediate_dim: width in the middle of the MLPs.
        num_classes: number of classes; `None` for a model without a head, which gives features.
        dropout: rate of all dropout.
        pooling: what the head reads: `"token"`, the first token, or `"mean"`, the mean of all patch
            tokens.
        num_tokens: learned tokens before the patches.
    """

    def __init__(
        self,
        image_size,
        patch_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        num_classes=None,
        dropout=0.0,
        pooling="token",
        num_tokens=1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_tokens = num_tokens
        self.pooling = pooling
        self.head = None
        ### BEGIN SOLUTION
        self.embedding = ViTEmbedding(image_size, patch_size, hidden_dim, num_tokens, name="embedding")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.encoder = ViTEncoder(
            num_layers, num_heads, hidden_dim, intermediate_dim, dropout, name="encoder"
        )
        if num_classes is not None:
            self.head = keras.layers.Dense(num_classes, kernel_initializer="zeros", name="head")
        ### END SOLUTION

    def encode(self, images):
        """`(batch, height, width, channels)` to all tokens,
        `(batch, num_tokens + patches, hidden_dim)`.
        """
        ### BEGIN SOLUTION
        return self.encoder(self.dropout(self.embedding(images)))
        ### END SOLUTION

    def call(self, images):
        """`(batch, height, width, channels)` to logits `(batch, num_classes)`; without a head, to
        what it would read.
        """
        ### BEGIN SOLUTION
        tokens = self.encode(images)
        mean = ops.mean(tokens[:, self.num_tokens :], axis=1)  # (batch, hidden_dim), of the patches only
        features = mean if self.pooling == "mean" else tokens[:, 0]
        return features if self.head is None else self.head(features)
        ### END SOLUTION


def interpolate_positions(positions, old_grid, new_grid, num_tokens=1):
    """Stretch learned positions over another grid of patches, for images of another size (ViT,
    section 3.2).

    Args:
        positions: `(num_tokens + old_rows * old_columns, hidden_dim)`.
        old_grid: `(old_rows, old_columns)`.
        new_grid: `(new_rows, new_columns)`.
        num_tokens: how many rows at the front belong to no patch. They stay as they are.

    Returns:
        `(num_tokens + new_rows * new_columns, hidden_dim)`: the positions of the patches taken as
        an image with `hidden_dim` channels and resized by bilinear interpolation, as
        `keras.ops.image.resize` does it.
    """
    ### BEGIN SOLUTION
    tokens, patches = positions[:num_tokens], positions[num_tokens:]
    width = positions.shape[-1]
    image = ops.reshape(patches, (1, *old_grid, width))  # (1, old_rows, old_columns, hidden_dim)
    image = ops.image.resize(image, new_grid, interpolation="bilinear", data_format="channels_last")
    patches = ops.reshape(image, (-1, width))  # (new_rows * new_columns, hidden_dim)
    return ops.concatenate([tokens, patches], axis=0)
    ### END SOLUTION


def attention_rollout(attentions):
    """Follow attention through all layers (Abnar and Zuidema 2020, *Quantifying Attention Flow*;
    used in ViT).

    In each layer a token is half what it was, by the residual connection, and half what it attended
    to, by the mean of the heads.

    Args:
        attentions: list of the layers' weights from the first layer to the last, each
            `(batch, heads, length, length)`, entry `[..., query, key]`.

    Returns:
        `(batch, length, length)`: entry `[b, i, j]` is how much of input token `j` is in output
        token `i`; each row sums to 1.
    """
    ### BEGIN SOLUTION
    length = attentions[0].shape[-1]
    rollout = ops.eye(length)  # before the first layer every token is itself
    for weights in attentions:
        mixed = 0.5 * ops.mean(weights, axis=1) + 0.5 * ops.eye(length)  # (batch, query, key)
        rollout = ops.matmul(mixed, rollout)  # (batch, query, input)
    return rollout
    ### END SOLUTION


def cross_entropy(labels, logits):
    """Mean cross-entropy in nats of integer labels `(batch,)` under logits `(batch, num_classes)`."""
    logits = ops.cast(logits, "float32")
    return ops.mean(keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True))


def hard_distillation_loss(labels, class_logits, distillation_logits, teacher_logits):
    """One head learns the labels, the other what the teacher decides (DeiT, section 4, hard-label
    distillation).

    Args:
        labels: integers `(batch,)`.
        class_logits: `(batch, num_classes)`, of the head on the class token.
        distillation_logits: `(batch, num_classes)`, of the head on the distillation token.
        teacher_logits: `(batch, num_classes)`.

    Returns:
        A scalar in nats: half the cross-entropy of the class head against the labels, plus half
        that of the distillation head against the teacher's likeliest class; both means over the
        batch.
    """
    ### BEGIN SOLUTION
    decided = ops.argmax(teacher_logits, axis=-1)  # (batch,)
    return 0.5 * cross_entropy(labels, class_logits) + 0.5 * cross_entropy(decided, distillation_logits)
    ### END SOLUTION


def soft_distillation_loss(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    """One head learns the labels, the other all that the teacher thinks (DeiT, section 4, soft
    distillation).

    Args:
        labels: integers `(batch,)`.
        class_logits: `(batch, num_classes)`, of the head on the class token.
        distillation_logits: `(batch, num_classes)`, of the head on the distillation token.
        teacher_logits: `(batch, num_classes)`.
        temperature: both sides' logits are divided by it before the softmax.
        teacher_share: weight of the teacher's part, from 0 to 1; the labels' part gets the rest.

    Returns:
        A scalar in nats, a mean over the batch: `(1 - teacher_share)` times the cross-entropy of
        the class head against the labels, plus `teacher_share * temperature ** 2` times the
        Kullback-Leibler divergence `sum(p * (log p - log q))` of the distillation head's
        distribution `q` from the teacher's, `p`.
    """
    ### BEGIN SOLUTION
    teacher = ops.log_softmax(
        ops.cast(teacher_logits, "float32") / temperature, axis=-1
    )  # (batch, num_classes)
    student = ops.log_softmax(ops.cast(distillation_logits, "float32") / temperature, axis=-1)
    divergence = ops.mean(ops.sum(ops.exp(teacher) * (teacher - student), axis=-1))
    # Gradients of softened logits shrink with the square of the temperature; the factor makes up for it.
    own, taught = cross_entropy(labels, class_logits), temperature**2 * divergence
    return (1 - teacher_share) * own + teacher_share * taught
    ### END SOLUTION


class DistilledVisionTransformer(VisionTransformer):
    """A `VisionTransformer` with a second token and a second head, which listen to a teacher (DeiT,
    section 4).

    Sub-layers: those of `VisionTransformer`, and `distillation_head`, a `Dense(num_classes)`.
    """

    def __init__(self, *sizes, num_classes, **options):
        super().__init__(*sizes, num_classes=num_classes, num_tokens=2, **options)
        self.distillation_head = keras.layers.Dense(
            num_classes, kernel_initializer="zeros", name="distillation_head"
        )

    def class_and_distillation_logits(self, images):
        """`(class_logits, distillation_logits)`, each `(batch, num_classes)`: what the losses want."""
        tokens = self.encode(images)
        return self.head(tokens[:, 0]), self.distillation_head(tokens[:, 1])

    def call(self, images):
        """`(batch, height, width, channels)` to the mean of both heads' logits,
        `(batch, num_classes)`.
        """
        class_logits, distillation_logits = self.class_and_distillation_logits(images)
        return (class_logits + distillation_logits) / 2


def build(name, image_size=224, num_classes=1000, distilled=False, **options):
    """A model of a published size.

    Args:
        name: size and side of a patch, such as `"B/16"`, `"L/32"` or `"H/14"`; sizes are those of
            `SIZES`.
        image_size: side of the images in pixels.
        num_classes: number of classes; `None` for no head.
        distilled: whether it is DeiT's model with two tokens and two heads.
        options: further arguments of `VisionTransformer`, such as `num_layers=2` for a shallow one.

    Raises:
        KeyError: if there is no such size.
    """
    size, patch_size = name.split("/")
    kind = DistilledVisionTransformer if distilled else VisionTransformer
    sizes = {"image_size": (image_size, image_size), "patch_size": int(patch_size), **SIZES[size]}
    return kind(**(sizes | {"num_classes": num_classes} | options))


# --- ViT's own self-supervised task: guess what the hidden patches show (ViT, section 4.6 and appendix B.1.2) ---

# What is to be guessed of a hidden patch: its mean colour, its 4 x 4 thumbnail's colours, or all its pixels.
TARGETS = ("mean colour", "small colours", "pixels")
SMALL = 4  # side of the thumbnail
LEVELS = 8  # 3 bits a channel


def corrupt_patches(patches, mask_vector, noise, ratio=0.5):
    """Hide patches: exactly `ratio` of each image, of these about 80 % behind `mask_vector`, 10 %
    behind another patch.

    Args:
        patches: embedded patches `(batch, patches, hidden_dim)`, before positions.
        mask_vector: `(hidden_dim,)`.
        noise: uniform from 0 to 1, `(3, batch, patches)`: it decides which, how, and behind what
            other patch.
        ratio: share of the patches to choose.

    Returns:
        `(corrupted, chosen)`: `(batch, patches, hidden_dim)`, and booleans `(batch, patches)`. A
        tenth of the chosen patches stays as it is, and has to be guessed all the same.
    """
    which, how, other = noise[0], noise[1], noise[2]
    count = patches.shape[1]
    rank = ops.argsort(ops.argsort(which, axis=-1), axis=-1)  # (batch, patches): 0 is the smallest noise
    chosen = rank < int(ratio * count)
    distance = 1 + ops.cast(other * (count - 1), "int32")  # 1 to count - 1, so never the patch itself
    donor = (ops.arange(count, dtype="int32") + distance) % count  # (batch, patches)
    swapped = ops.take_along_axis(patches, donor[..., None], axis=1)  # (batch, patches, hidden_dim)
    replaced = ops.where((how < 0.8)[..., None], ops.cast(mask_vector, patches.dtype), swapped)
    corrupt = ops.logical_and(chosen, how < 0.9)
    return ops.where(corrupt[..., None], replaced, patches), chosen


def colour_numbers(pixels):
    """Colours of 3 bits a channel as one number: `(..., channels)` from 0 to 1 to integers below
    `8 ** channels`.
    """
    levels = ops.clip(ops.cast(ops.floor(pixels * LEVELS), "int32"), 0, LEVELS - 1)
    channels = pixels.shape[-1]
    return sum(levels[..., channel] * LEVELS ** (channels - 1 - channel) for channel in range(channels))


def patch_targets(images, patch_size, target):
    """What is to be guessed.

    Args:
        images: `(batch, height, width, channels)` from 0 to 1.
        patch_size: side of a patch in pixels; for `"small colours"` a multiple of 4.
        target: one of `TARGETS`.

    Returns:
        `"mean colour"`: integers `(batch, patches)`. `"small colours"`: integers
        `(batch, patches, 16)`. `"pixels"`: floats
        `(batch, patches, patch_size * patch_size * channels)`.

    Raises:
        ValueError: for another target, or a patch that cannot be shrunk to 4 x 4 pixels.
    """
    patches, channels = patchify(images, patch_size), images.shape[-1]
    if target == "pixels":
        return patches
    if target == "mean colour":
        side = 1
    elif target == "small colours" and patch_size % SMALL == 0:
        side = SMALL
    else:
        raise ValueError(
            f"The target is one of {', '.join(TARGETS)}, small colours for patches of 4, 8, 12 ... pixels."
        )
    block, count = patch_size // side, patches.shape[1]
    blocks = ops.reshape(patches, (-1, count, side, block, side, block, channels))
    colours = colour_numbers(ops.mean(blocks, axis=(3, 5)))  # (batch, patches, side, side)
    return ops.reshape(colours, (-1, count) if side == 1 else (-1, count, side * side))


class MaskedPatchPrediction(Composite, keras.Model):
    """A trunk that guesses hidden patches. `compile` it with an optimizer and `fit` it on images alone.

    Args:
        trunk: a `VisionTransformer`.
        patch_size: its `patch_size`.
        channels: of the images.
        target: one of `TARGETS`.
        ratio: share of the patches that is hidden.
        seed: where the random choices start.
    """

    def __init__(self, trunk, patch_size, channels, target="mean colour", ratio=0.5, seed=0, **kwargs):
        super().__init__(**kwargs)
        # Not the trunk itself: its head, if it has one, takes no part.
        self.embedding, self.encoder = trunk.embedding, trunk.encoder
        self.patch_size, self.target, self.ratio = patch_size, target, ratio
        self.classes = LEVELS**channels
        widths = {
            "mean colour": self.classes,
            "small colours": SMALL**2 * self.classes,
            "pixels": patch_size**2 * channels,
        }
        self.prediction_head = keras.layers.Dense(widths[target], name="prediction_head")
        hidden_dim = trunk.embedding.tokens.shape[-1]
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.mask_vector = self.add_weight(shape=(hidden_dim,), initializer=normal, name="mask_vector")
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, images):
        """Images from 0 to 1 to `(predictions, chosen)`: `(batch, patches, width)` and booleans
        `(batch, patches)`.
        """
        patches = self.embedding.patch_embedding(images)
        noise = keras.random.uniform((3, ops.shape(patches)[0], patches.shape[1]), seed=self.seeds)
        corrupted, chosen = corrupt_patches(patches, self.mask_vector, noise, self.ratio)
        tokens = self.encoder(self.embedding.place(corrupted))
        return self.prediction_head(tokens[:, self.embedding.num_tokens :]), chosen

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Mean over the chosen patches: cross-entropy in nats for colours, squared error for pixels."""
        predictions, chosen = y_pred
        targets = patch_targets(x, self.patch_size, self.target)
        predictions = ops.cast(predictions, "float32")
        if self.target == "pixels":
            losses = ops.mean(ops.square(predictions - targets), axis=-1)  # (batch, patches)
        else:
            logits = ops.reshape(predictions, (-1, *targets.shape[1:], self.classes))  # (..., colours)
            losses = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
            losses = losses if self.target == "mean colour" else ops.mean(losses, axis=-1)  # (batch, patches)
        chosen = ops.cast(chosen, "float32")
        return ops.sum(losses * chosen) / ops.sum(chosen)
