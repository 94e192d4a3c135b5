"""Pictures for Lab 6: what is hidden, what an autoencoder paints, and the way from image to guess."""

import numpy as np

from course import plots

GREY = 0.72  # of a hidden patch


def to_show(images, like):
    """Standardized images as 0 to 1; `like` are images that hold the darkest and the brightest pixel."""
    low, high = float(np.min(like)), float(np.max(like))
    return np.clip((np.asarray(images) - low) / (high - low), 0, 1)


def by_pixel(mask, patch_size, grid):
    """A mask of patches, `(count, patches)`, as one of pixels, `(count, height, width, 1)`."""
    mask = np.reshape(mask, (len(mask), *grid))
    return np.kron(mask, np.ones((1, patch_size, patch_size)))[..., None] > 0.5


def position_maps(table, grid):
    """One small picture for each patch: the dot product of its position with all the others, brightest for itself."""
    table = np.asarray(table)
    alike = (table @ table.T).reshape(-1, *grid, 1)
    low = alike.min()
    fig, axis = plots.figure(width=5, height=5)
    plots.gallery(axis, (alike - low) / (alike.max() - low), "How alike the positions are", columns=grid[1])
    return fig


def hidden(images, mask, patch_size, grid):
    """Images from 0 to 1 with grey where a patch is hidden."""
    return np.where(by_pixel(mask, patch_size, grid), GREY, images)


def painted(images, guess, mask, patch_size, grid):
    """Images with the guess where a patch is hidden: what is shown of a masked autoencoder."""
    return np.where(by_pixel(mask, patch_size, grid), np.clip(guess, 0, 1), images)


def draw_idea(image, guess, mask, patch_size, grid, title="guessed"):
    """From left to right: what is left of the image, the encoder, tokens in order, the decoder, the guess."""
    from matplotlib.patches import FancyBboxPatch, Rectangle

    fig, axis = plots.figure(width=9.6, height=2.6)
    axis.set(xlim=(0, 32), ylim=(0, 8.6), aspect="equal")
    axis.set_axis_off()
    mask = np.asarray(mask).reshape(-1)

    def picture(pixels, left, title):
        axis.imshow(
            pixels.squeeze(),
            cmap="gray",
            vmin=0,
            vmax=1,
            extent=(left, left + 6, 1, 7),
            interpolation="nearest",
        )
        axis.text(left + 3, 7.5, title, ha="center", fontsize=10)

    def box(left, low, high, title, colour):
        axis.add_patch(
            FancyBboxPatch(
                (left, low),
                2.2,
                high - low,
                boxstyle="round,pad=0.1",
                facecolor=colour,
                alpha=0.35,
                edgecolor=colour,
            )
        )
        axis.text(left + 1.1, (low + high) / 2, title, ha="center", va="center", rotation=90, fontsize=10)

    def arrow(left, right):
        axis.annotate("", (right, 4), (left, 4), arrowprops={"arrowstyle": "->", "color": "#555555"})

    picture(hidden(image[None], mask[None], patch_size, grid)[0], 0.2, "a quarter is left")
    arrow(6.4, 7.6)
    box(8, 1, 7, "encoder: large,\nvisible patches only", plots.COLOURS[0])
    arrow(10.6, 11.8)
    side = 6 / grid[0]
    for place, is_hidden in enumerate(mask):
        row, column = divmod(place, grid[1])
        corner = (12.2 + column * side, 7 - (row + 1) * side)
        colour = "#dddddd" if is_hidden else plots.COLOURS[0]
        axis.add_patch(Rectangle(corner, 0.85 * side, 0.85 * side, facecolor=colour, alpha=0.8))
    axis.text(15.2, 7.5, "back in order, with mask tokens", ha="center", fontsize=10)
    arrow(18.6, 19.8)
    box(20.2, 2.4, 5.6, "decoder:\nlight", plots.COLOURS[1])
    arrow(22.8, 24)
    picture(guess, 24.4, title)
    axis.set(xlim=(0, 32), ylim=(0, 8.6))
    return fig
