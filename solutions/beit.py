"""BEiT as its authors released it: relative positions, LayerScale, no bias on keys (Bao et al.
2021, and their code).

Lab 6 builds what is new in BEiT, its masks, visual tokens and loss, in `solutions/mae.py`. These
are the layers that its published models differ in from ViT's.
"""

import math

import keras
import numpy as np
from keras import ops

from course.models.composite import Composite
from solutions.vit import SIZES, PatchEmbedding

# LayerScale begins here (released code): small, and smaller still for deep models.
LAYER_SCALE = {"B": 0.1, "L": 1e-5}
NUM_CODES = 8192  # of the tokenizer


def relative_index(grid):
    """Which bias belongs to which pair of tokens, the class token first (released code).

    Args:
        grid: `(rows, columns)` of patches.

    Returns:
        Integers `(1 + patches, 1 + patches)`, entry `[query, key]`. For two patches it tells their
        offset, one of `(2 rows - 1) * (2 columns - 1)`; the last three numbers are for class to
        patch, patch to class, class to class.
    """
    rows, columns = grid
    row, column = np.divmod(np.arange(rows * columns), columns)
    down = row[:, None] - row + rows - 1  # (patches, patches), from 0
    across = column[:, None] - column + columns - 1
    offsets = (2 * rows - 1) * (2 * columns - 1)
    index = np.full((1 + rows * columns, 1 + rows * columns), offsets + 2)
    index[1:, 1:] = down * (2 * columns - 1) + across
    index[0, 1:], index[1:, 0] = offsets, offsets + 1
    return index


class RelativeBias(Composite):
    """One learned number for each offset and head, added to the scores. Weight: `table`,
    `(offsets + 3, num_heads)`.
    """

    def __init__(self, grid, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.index = relative_index(grid)
        offsets = int(self.index.max()) + 1
        self.table = self.add_weight(shape=(offsets, num_heads), initializer="zeros", name="table")

    def bias(self):
        """`(num_heads, length, length)`."""
        bias = ops.take(ops.convert_to_tensor(self.table), self.index, axis=0)  # (query, key, heads)
        return ops.transpose(bias, (2, 0, 1))  # (heads, query, key)


class BEiTAttention(Composite):
    """Multi-head self-attention with a bias on its scores.

    Sub-layers: `query_dense`, `key_dense`, `value_dense`, `output_dense`. The key has no bias: it
    would add the same to all scores of a query, which a softmax does not notice.
    """

    def __init__(self, num_heads, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        for name in ("query_dense", "key_dense", "value_dense", "output_dense"):
            dense = keras.layers.Dense(hidden_dim, use_bias=name != "key_dense", name=name)
            setattr(self, name, dense)

    def call(self, inputs, bias=None):
        """`(batch, length, hidden_dim)`, and optionally `(heads, length, length)`, to the shape of
        `inputs`.
        """
        _, length, width = inputs.shape
        query, key, value = (
            ops.transpose(
                ops.reshape(dense(inputs), (-1, length, self.num_heads, width // self.num_heads)),
                (0, 2, 1, 3),
            )  # (batch, heads, length, head_dim)
            for dense in (self.query_dense, self.key_dense, self.value_dense)
        )
        scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(width // self.num_heads)
        weights = ops.softmax(
            scores if bias is None else scores + bias, axis=-1
        )  # (batch, heads, query, key)
        mixed = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))  # (batch, length, heads, head_dim)
        return self.output_dense(ops.reshape(mixed, (-1, length, width)))  # (batch, length, hidden_dim)


class BEiTBlock(Composite):
    """ViT's block with two additions: a bias for the attention, and a learned factor on what each
    part adds.

    Args:
        num_heads, hidden_dim, intermediate_dim: as for `ViTBlock`.
        layer_scale: where the factors begin; `None` for none.
        grid: `(rows, columns)`, for a block with a relative bias of its own.
    """

    def __init__(self, num_heads, hidden_dim, intermediate_dim, layer_scale=None, grid=None, **kwargs):
        super().__init__(**kwargs)
        self.attention_normalization = keras.layers.LayerNormalization(
            epsilon=1e-6, name="attention_normalization"
        )
        self.attention = BEiTAttention(num_heads, hidden_dim, name="attention")
        self.relative_bias = None if grid is None else RelativeBias(grid, num_heads, name="relative_bias")
        self.mlp_normalization = keras.layers.LayerNormalization(epsilon=1e-6, name="mlp_normalization")
        self.intermediate_dense = keras.layers.Dense(
            intermediate_dim, activation="gelu", name="intermediate_dense"
        )
        self.output_dense = keras.layers.Dense(hidden_dim, name="output_dense")
        self.attention_scale = self.mlp_scale = 1.0
        if layer_scale is not None:
            begin = keras.initializers.Constant(layer_scale)
            self.attention_scale = self.add_weight(
                shape=(hidden_dim,), initializer=begin, name="attention_scale"
            )
            self.mlp_scale = self.add_weight(shape=(hidden_dim,), initializer=begin, name="mlp_scale")

    def call(self, inputs, bias=None):
        """Self-attention, then feed-forward.

        Args:
            inputs: `(batch, length, hidden_dim)`.
            bias: `(heads, length, length)`, what is added to the scores; a block's own, if it has
                one, comes first.

        Returns:
            `(batch, length, hidden_dim)`.
        """
        if self.relative_bias is not None:
            bias = self.relative_bias.bias()

        # Self-attention: each position asks all others, those at some offsets more than others.
        def attend(x):
            return self.attention(x, bias)

        # Feed-forward: each position for itself.
        def feed_forward(x):
            wide = self.intermediate_dense(x)
            return self.output_dense(wide)

        # Both halves are normalized on the way in, and added to what was there before the norm.
        x = inputs + self.attention_scale * attend(self.attention_normalization(inputs))
        return x + self.mlp_scale * feed_forward(self.mlp_normalization(x))


class BEiT(Composite, keras.Model):
    """Images, some patches of them hidden, to visual tokens; or, fine-tuned, to classes.

    Args:
        image_size: side of the images in pixels.
        patch_size: side of a patch in pixels.
        num_layers, num_heads, hidden_dim, intermediate_dim: as for ViT.
        positions: `"shared"`, one relative bias for all blocks, as in the released pre-training;
            `"own"`, one for each block, as in its fine-tuning; `"absolute"`, learned positions as
            in the paper's text.
        layer_scale: where LayerScale's factors begin; `None` for none, as in the paper's text.
        num_codes: codes to be guessed for each patch; `None` for a model that is fine-tuned.
        num_classes: classes, for a model that is fine-tuned; `None` for features.

    Raises:
        ValueError: for other positions.
    """

    def __init__(
        self,
        image_size,
        patch_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        positions="shared",
        layer_scale=0.1,
        num_codes=NUM_CODES,
        num_classes=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if positions not in ("shared", "own", "absolute"):
            raise ValueError(f'The positions are "shared", "own" or "absolute", not {positions!r}.')
        side = image_size // patch_size
        grid, normal = (side, side), keras.initializers.RandomNormal(stddev=0.02)
        self.patch_embedding = PatchEmbedding(patch_size, hidden_dim, name="patch_embedding")
        self.class_token = self.add_weight(shape=(hidden_dim,), initializer=normal, name="class_token")
        self.mask_token = self.positions = self.relative_bias = None
        if num_codes:
            self.mask_token = self.add_weight(shape=(hidden_dim,), initializer=normal, name="mask_token")
        if positions == "absolute":
            self.positions = self.add_weight(
                shape=(1 + side * side, hidden_dim), initializer=normal, name="positions"
            )
        if positions == "shared":
            self.relative_bias = RelativeBias(grid, num_heads, name="relative_bias")
        own = grid if positions == "own" else None
        self.blocks = [
            BEiTBlock(num_heads, hidden_dim, intermediate_dim, layer_scale, own, name=f"block_{number}")
            for number in range(num_layers)
        ]
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-6, name="normalization")
        outputs = num_codes or num_classes
        self.fine_tuned = not num_codes
        self.head = keras.layers.Dense(outputs, name="head") if outputs else None

    def call(self, inputs):
        """Images, or `(images, mask)`, to logits.

        Args:
            inputs: `(batch, height, width, channels)`; the mask is boolean, `(batch, patches)`,
                `True` = hidden.

        Returns:
            `(batch, patches, num_codes)`; fine-tuned, of the mean of the patches,
            `(batch, num_classes)`.
        """
        images, mask = inputs if isinstance(inputs, tuple | list) else (inputs, None)
        patches = self.patch_embedding(images)
        if mask is not None:
            patches = ops.where(mask[..., None], ops.cast(self.mask_token, patches.dtype), patches)
        first = ops.zeros_like(patches[:, :1]) + self.class_token
        x = ops.concatenate([first, patches], axis=1)  # (batch, 1 + patches, hidden_dim)
        if self.positions is not None:
            x = x + self.positions
        bias = None if self.relative_bias is None else self.relative_bias.bias()
        for block in self.blocks:
            x = block(x, bias)
        if self.fine_tuned:
            x = self.normalization(ops.mean(x[:, 1:], axis=1))  # (batch, hidden_dim)
        else:
            x = self.normalization(x)[:, 1:]  # (batch, patches, hidden_dim)
        return x if self.head is None else self.head(x)


def build(name, variant="released", image_size=224, **options):
    """A model of a published size.

    Args:
        name: `"B/16"` or `"L/16"`.
        variant: `"released"` and `"paper"` for pre-training, `"fine-tuned"` for 1,000 classes.
        image_size: side of the images in pixels.
        options: further arguments of `BEiT`.

    Raises:
        KeyError: if there is no such size or variant.
    """
    size, patch_size = name.split("/")
    scale = LAYER_SCALE[size]
    variants = {
        "released": {"positions": "shared", "layer_scale": scale},
        "paper": {"positions": "absolute", "layer_scale": None},
        "fine-tuned": {"positions": "own", "layer_scale": scale, "num_codes": None, "num_classes": 1000},
    }
    return BEiT(image_size, int(patch_size), **(SIZES[size] | variants[variant] | options))
