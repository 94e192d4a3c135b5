"""What a trained ViT makes of photographs, for the end of Lab 4: features patch by patch, and pictures of them."""

from typing import NamedTuple

import numpy as np
from keras import ops

from course import plots
from course.experiments import measuring
from course.experiments.photographs import photograph


class Seen(NamedTuple):
    """What a model made of one photograph."""

    image: np.ndarray  # (side, side, 3) from 0 to 1
    features: dict  # number of a layer -> (rows, columns, hidden_dim), each patch's state after it
    heads: np.ndarray  # (heads, rows, columns): where the class token looks in the last layer
    attentions: list  # of each layer, (1, heads, length, length); empty if they were not asked for


def look(model, image, layers=(6, 9, 12), keep_attention=False):
    """Run one photograph through a ViT, block by block.

    Args:
        model: a `VisionTransformer`.
        image: `(side, side, 3)` from 0 to 1, of the model's size.
        layers: after which layers, counted from 1, the patches' states are kept. The last is normalized, as the model
            does it.
        keep_attention: whether the weights of all layers are kept.

    Returns:
        `Seen`.
    """
    x, kept, count = model.embedding(image[None]), {}, len(model.encoder.blocks)
    with measuring.recorded([block.attention for block in model.encoder.blocks]) as weights:
        for number, block in enumerate(model.encoder.blocks, start=1):
            x = block(x)
            if number in layers:
                state = model.encoder.final_normalization(x) if number == count else x
                kept[number] = ops.convert_to_numpy(state)[0, model.num_tokens :].reshape(
                    *model.embedding.grid, -1
                )
    attentions = [each[0] for each in weights]
    heads = attentions[-1][0, :, 0, model.num_tokens :].reshape(-1, *model.embedding.grid)
    return Seen(image, kept, heads, attentions if keep_attention else [])


def look_at(model, names, **options):
    """`look` at photographs by name, one after the other, and say how far it is: name -> `Seen`."""
    side = model.embedding.grid[0] * model.embedding.patch_embedding.patch_size
    seen = {}
    for number, name in enumerate(names, start=1):
        seen[name] = look(model, photograph(name, side, top=0.1), **options)
        print(f"{name}, {number} of {len(names)} photographs", flush=True)
    return seen


def unit(features):
    """Features with a length of 1, so that a product of two is a cosine."""
    return features / np.linalg.norm(features, axis=-1, keepdims=True)


def _bare(axis):
    """Neither ticks nor a frame; a label stays."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


# --- pictures ---------------------------------------------------------------------------------------------


def principal_colours(features):
    """The three directions in which patches differ most, as red, green and blue.

    Args:
        features: list of `(rows, columns, hidden_dim)`, of photographs that share the colours.

    Returns:
        List of `(rows, columns, 3)` from 0 to 1.
    """
    rows = np.concatenate([each.reshape(-1, each.shape[-1]) for each in features])
    centre = rows.mean(axis=0)
    _, _, directions = np.linalg.svd(rows - centre, full_matrices=False)
    low, high = np.percentile((rows - centre) @ directions[:3].T, [2, 98], axis=0)
    return [np.clip(((each - centre) @ directions[:3].T - low) / (high - low), 0, 1) for each in features]


def colours_by_layer(seen):
    """Photographs, and below each its patches' features as colours, a row for each layer."""
    layers = list(next(iter(seen.values())).features)
    fig, axes = plots.figure(columns=len(seen), rows=1 + len(layers), width=9.6 / len(seen), height=9.4 / len(seen))  # fmt: skip
    axes = np.reshape(axes, (1 + len(layers), len(seen)))
    for row, layer in enumerate([None, *layers]):
        pictures = [each.image for each in seen.values()]
        if layer:
            pictures = principal_colours([each.features[layer] for each in seen.values()])
        for axis, picture in zip(axes[row], pictures, strict=True):
            axis.imshow(picture, interpolation="nearest")
            _bare(axis)
        axes[row, 0].set_ylabel(f"layer {layer}" if layer else "photograph")
    return fig


def heads_pictures(seen):
    """One row for each photograph: it, and where each head of the last layer looks from the class token."""
    count = len(next(iter(seen.values())).heads)
    fig, axes = plots.figure(columns=1 + count, rows=len(seen), width=9.6 / (1 + count), height=1.55)
    for row, each in zip(np.reshape(axes, (len(seen), -1)), seen.values(), strict=True):
        row[0].imshow(each.image)
        for number, (axis, head) in enumerate(zip(row[1:], each.heads, strict=True), start=1):
            axis.imshow(head, cmap="viridis", interpolation="nearest")
            axis.set_title(f"head {number}", fontsize=10)
        for axis in row:
            _bare(axis)
    return fig


def alike(seen, name, patch, layer=9):
    """How alike each patch of each photograph is to one patch: name -> cosines `(rows, columns)`."""
    asked = unit(seen[name].features[layer])[patch]
    return {other: unit(each.features[layer]) @ asked for other, each in seen.items()}


def alike_pictures(seen, name, patch, layer=9):
    """The photographs, the asked patch framed, and below each how alike its patches are."""
    from matplotlib.patches import Rectangle

    fig, axes = plots.figure(columns=len(seen), rows=2, width=9.6 / len(seen), height=9.4 / len(seen))
    found = alike(seen, name, patch, layer)
    for column, (other, each) in enumerate(seen.items()):
        axes[0, column].imshow(each.image)
        drawn = axes[1, column].imshow(found[other], cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
        size = len(each.image) / len(found[other])
        if other == name:
            corner = (patch[1] * size, patch[0] * size)
            axes[0, column].add_patch(Rectangle(corner, size, size, fill=False, edgecolor=plots.COLOURS[1], linewidth=2))  # fmt: skip
        for axis in axes[:, column]:
            _bare(axis)
    fig.colorbar(drawn, ax=axes[1, :], label="cosine", shrink=0.9)
    return fig


# --- paint by clicks --------------------------------------------------------------------------------------


class Click(NamedTuple):
    """A patch that was given a colour: photograph, `(row, column)`, number of the colour."""

    name: str
    patch: tuple
    colour: int


def paint(seen, clicks, layer=9, least=0.3):
    """Give each patch the colour of the click that it is most alike to.

    Args:
        seen: name -> `Seen`.
        clicks: list of `Click`.
        layer: whose features are compared.
        least: the cosine below which a patch stays without colour.

    Returns:
        Name -> integers `(rows, columns)`: numbers of colours, -1 for none.
    """
    if not clicks:
        return {name: np.full(each.features[layer].shape[:2], -1) for name, each in seen.items()}
    asked = np.stack([unit(seen[click.name].features[layer])[click.patch] for click in clicks])
    colours = np.array([click.colour for click in clicks])
    painted = {}
    for name, each in seen.items():
        cosines = unit(each.features[layer]) @ asked.T  # (rows, columns, clicks)
        painted[name] = np.where(cosines.max(axis=-1) >= least, colours[cosines.argmax(axis=-1)], -1)
    return painted


def painted_image(image, colours, strength=0.65):
    """A photograph with its patches tinted: `(side, side, 3)` from 0 to 1."""
    from matplotlib.colors import to_rgb

    table = np.array([to_rgb(colour) for colour in plots.COLOURS])
    size = len(image) // len(colours)
    large = np.kron(colours, np.ones((size, size), int))[..., None]
    return np.where(large >= 0, (1 - strength) * image + strength * table[large[..., 0]], image)


def painted_pictures(seen, clicks, **options):
    """The photographs above, with the clicks; below, painted."""
    fig, axes = plots.figure(columns=len(seen), rows=2, width=9.6 / len(seen), height=9.4 / len(seen))
    painted = paint(seen, clicks, **options)
    for column, (name, each) in enumerate(seen.items()):
        size = len(each.image) / len(painted[name])
        axes[0, column].imshow(each.image)
        axes[1, column].imshow(painted_image(each.image, painted[name]))
        for click in clicks:
            if click.name == name:
                place = ((click.patch[1] + 0.5) * size, (click.patch[0] + 0.5) * size)
                axes[0, column].plot(*place, "o", color=plots.COLOURS[click.colour], markeredgecolor="white", markersize=9)  # fmt: skip
        for axis in axes[:, column]:
            _bare(axis)
    return fig
