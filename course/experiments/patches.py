"""Pictures of images, patches and what a ViT makes of them, for Lab 4."""

import numpy as np
from keras import ops

from course import plots


def cut_apart(image, patch_size):
    """The idea of the lab: an image, its patches in reading order, and the tokens they become."""
    from matplotlib.patches import Rectangle

    fig, (left, right) = plots.figure(columns=2, height=3)
    plots.gallery(left, image[None], "An image ...")
    height, width, channels = image.shape
    rows, columns = height // patch_size, width // patch_size
    for row in range(rows):
        for column in range(columns):
            corner = (column * patch_size - 0.5, row * patch_size - 0.5)
            left.add_patch(Rectangle(corner, patch_size, patch_size, fill=False, edgecolor=plots.COLOURS[1]))
            left.text(
                *(each + 0.6 for each in corner),
                row * columns + column + 1,
                color=plots.COLOURS[4],
                va="top",
                fontsize=8,
            )
    cut = image.reshape(rows, patch_size, columns, patch_size, channels).transpose(0, 2, 1, 3, 4)
    cut = cut.reshape(-1, patch_size, patch_size, channels)
    plots.gallery(right, cut, "... is a sentence of patches", columns=8, gap=2)
    return fig


def similarity_map(positions, grid, num_tokens=1):
    """One small picture for each patch: the cosine between its learned position and all the others."""
    positions = ops.convert_to_numpy(positions)[num_tokens:]
    unit = positions / np.linalg.norm(positions, axis=-1, keepdims=True)
    alike = (unit @ unit.T).reshape(-1, *grid, 1)  # (patch, rows, columns, 1)
    fig, axis = plots.figure(width=5.5, height=5)
    plots.gallery(axis, (alike + 1) / 2, "How alike learned positions are", columns=grid[1])
    return fig, alike[..., 0]


def rollout_pictures(images, shares, grid, titles):
    """Images, and below each how much of each patch arrived in the class token.

    Args:
        images: `(count, height, width, channels)`.
        shares: `(count, patches)`.
        grid: `(rows, columns)` of patches.
        titles: one for each image.
    """
    fig, axes = plots.figure(columns=len(images), rows=2, width=1.6, height=1.7)
    for number, image in enumerate(images):
        plots.gallery(axes[0, number], image[None], titles[number])
        axes[1, number].imshow(shares[number].reshape(grid), cmap="viridis", interpolation="nearest")
        axes[1, number].set_axis_off()
    return fig
