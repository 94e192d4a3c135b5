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


def position_similarity(positions, grid, num_tokens=1):
    """The cosine between each patch's learned position and all the others: `(patch, patch)`."""
    positions = ops.convert_to_numpy(positions)[num_tokens : num_tokens + grid[0] * grid[1]]
    unit = positions / np.linalg.norm(positions, axis=-1, keepdims=True)
    return unit @ unit.T


def similarity_by_distance(alike, grid, longest=10):
    """The mean cosine of two positions that are 1, 2, 3 ... patches apart, in a straight line or not.

    Args:
        alike: as `position_similarity` gives it.
        grid: `(rows, columns)` of patches.
        longest: the largest distance.

    Returns:
        `(distances, means)`, distances rounded to whole patches.
    """
    rows, columns = np.mgrid[: grid[0], : grid[1]].reshape(2, -1)
    distance = np.rint(np.hypot(rows[:, None] - rows, columns[:, None] - columns)).astype(int)
    distances = np.arange(1, min(longest, distance.max()) + 1)
    return distances, np.array([alike[distance == each].mean() for each in distances])


def similarity_pictures(alike, grid, curves, shown=7):
    """Left: for some places a map of how alike their positions are to all others; right: the cosine by distance.

    Args:
        alike: as `position_similarity` gives it.
        grid: `(rows, columns)` of patches.
        curves: name -> `(distances, means)`, as `similarity_by_distance` gives them.
        shown: maps in a row and in a column.
    """
    rows = np.linspace(0, grid[0] - 1, min(shown, grid[0])).round().astype(int)
    columns = np.linspace(0, grid[1] - 1, min(shown, grid[1])).round().astype(int)
    maps = alike.reshape(*grid, *grid)[np.ix_(rows, columns)]  # (shown, shown, rows, columns)
    gap = np.full((*maps.shape[:2], grid[0] + 1, grid[1] + 1), np.nan)
    gap[:, :, :-1, :-1] = maps
    sheet = gap.transpose(0, 2, 1, 3).reshape(len(rows) * (grid[0] + 1), -1)[:-1, :-1]
    fig, (left, right) = plots.figure(columns=2, height=4.2)
    # A place is always exactly like itself; the scale is for the others.
    most = max(0.3, np.abs(maps[maps < 0.999]).max(initial=0.0))
    drawn = left.imshow(sheet, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    left.set(xticks=[], yticks=[], title="One map for each place")
    left.spines[:].set_visible(False)
    fig.colorbar(drawn, ax=left, label="cosine", shrink=0.8)
    for number, (name, (distances, means)) in enumerate(curves.items()):
        right.plot(distances, means, marker=plots.MARKERS[number], color=plots.COLOURS[number], label=name)
    right.set(
        title="The further, the less alike?", xlabel="patches apart", ylabel="mean cosine", ylim=(-0.3, 1)
    )
    right.set_xticks(range(1, 1 + max(distances[-1] for distances, _ in curves.values())))
    if len(curves) > 1:
        right.legend(frameon=False)
    return fig


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
