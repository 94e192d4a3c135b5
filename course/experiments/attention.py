"""Two drawings for Lab 1: attention worked by hand, and how far news has to travel."""

import numpy as np

from course import plots

BLUE, ORANGE, GREEN = plots.COLOURS[:3]


def draw_walk_through(query, keys, values, scores, weights, output, words):
    """Draw attention for one query, from left to right: keys, scores, weights, values, output.

    Nothing is computed here: the picture shows the numbers it is given.

    Args:
        query: `(key_dim,)`.
        keys: `(length, key_dim)`.
        values: `(length, value_dim)`.
        scores: `(length,)`, scaled.
        weights: `(length,)`.
        output: `(value_dim,)`.
        words: one label for each key.

    Returns:
        A matplotlib figure.
    """
    length, key_dim = np.shape(keys)
    fig, axis = plots.figure(width=9.6, height=3.4)
    axis.set_axis_off()
    scores_at = key_dim * 0.5 + 1.3
    weights_at = scores_at + 1.0
    values_at = weights_at + 2.6
    output_at = values_at + 0.5 * np.shape(values)[1] + 1.6

    axis.set(xlim=(-1.1, output_at + 0.5 * len(output) + 0.2), ylim=(-length - 0.1, 1.2), aspect="equal")
    axis.text(-0.15, 0.75, "query", ha="right", va="center", color=ORANGE)
    plots.vector(axis, query, 0, 0.5, ORANGE)
    axis.text(key_dim * 0.25, 0.0, "key", ha="center", va="center", color=BLUE)
    axis.text(scores_at, 0.0, f"score\nq·k / √{key_dim}", ha="center", va="center")
    axis.text(weights_at + 0.9, 0.0, "weight\nsoftmax", ha="center", va="center")
    axis.text(values_at + 0.25 * np.shape(values)[1], 0.0, "value", ha="center", va="center", color=GREEN)
    for row, word in enumerate(words):
        bottom = -row - 1.0
        middle = bottom + 0.25
        axis.text(-0.15, middle, word, ha="right", va="center", weight="bold")
        right = plots.vector(axis, keys[row], 0, bottom, BLUE)
        _arrow(axis, (right + 0.1, middle), (scores_at - 0.3, middle))
        axis.text(scores_at, middle, f"{scores[row]:g}", ha="center", va="center", fontsize=13)
        axis.barh(middle, 1.3 * weights[row], 0.4, left=weights_at, color=BLUE, alpha=0.75)
        axis.text(weights_at + 1.3 * weights[row] + 0.1, middle, f"{weights[row]:.2f}", va="center")
        right = plots.vector(axis, values[row], values_at, bottom, GREEN)
        width = 0.4 + 5 * weights[row]  # the thicker, the more of this value reaches the output
        _arrow(axis, (right + 0.1, middle), (output_at - 0.1, -length / 2 - 0.25), width)
    plots.vector(axis, output, output_at, -length / 2 - 0.5, GREEN)
    axis.text(
        output_at + 0.25 * np.shape(values)[1],
        -length / 2 + 0.25,
        "output",
        ha="center",
        va="center",
        color=GREEN,
    )
    return fig


def draw_paths(axis, length=8):
    """Draw the way from the first position to the last: through every state of an LSTM, or straight.

    Args:
        axis: where to draw.
        length: number of positions.
    """
    axis.set_axis_off()
    axis.set(xlim=(-0.6, length - 0.4), ylim=(-1, 4.6))
    for bottom, above, title in ((3.4, 0.8, f"LSTM: {length - 1} steps"), (0.0, 1.6, "attention: 1 step")):
        axis.text(-0.2, bottom + above, title, va="center", fontsize=12)
        for place in range(length):
            colour = ORANGE if place in (0, length - 1) else "#bbbbbb"
            axis.plot(place, bottom, "o", markersize=13, color=colour, zorder=3)
            axis.text(place, bottom - 0.65, str(place + 1), ha="center", va="center", fontsize=9)
    for place in range(length - 1):
        _arrow(axis, (place + 0.22, 3.4), (place + 0.78, 3.4), 1.6)
    _arrow(axis, (0.1, 0.25), (length - 1.1, 0.25), 1.6, curve=-0.22)


def _arrow(axis, start, end, width=1.0, curve=0.0):
    arrow = {
        "arrowstyle": "-|>,head_width=0.25,head_length=0.5",
        "linewidth": width,
        "color": "#666666",
        "connectionstyle": f"arc3,rad={curve}",
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axis.annotate("", end, start, arrowprops=arrow)


def words_as_vectors(sentence, strength=2.0):
    """The words of a sentence, and a vector for each that counts its letters and pairs of letters.

    Words that are spelled alike have vectors that point the same way. Nothing about it is learned.

    Args:
        sentence: any text with a word in it; of more than twelve words the first twelve are taken.
        strength: a word's scaled score with itself is the square of it.

    Returns:
        `(words, vectors)`: a list of texts, and float32 `(word, channel)`.

    Raises:
        ValueError: if there is no word.
    """
    words = sentence.split()[:12]
    if not words:
        raise ValueError("write a few words")
    pieces = [
        [word.lower()[at : at + size] for size in (1, 2) for at in range(len(word) - size + 1)]
        for word in words
    ]
    known = {
        piece: number for number, piece in enumerate(sorted({piece for each in pieces for piece in each}))
    }
    counts = np.zeros((len(words), len(known)), "float32")
    for row, each in zip(counts, pieces, strict=True):
        for piece in each:
            row[known[piece]] += 1
    length = np.linalg.norm(counts, axis=-1, keepdims=True)
    return words, strength * len(known) ** 0.25 * counts / length


def who_looks_where(words, weights):
    """Attention in words: which other word each one looks at most.

    Args:
        words: a list of texts.
        weights: `(word, word)`.
    """
    others = np.array(weights, dtype="float64")
    np.fill_diagonal(others, -1.0)
    told = [
        f"{word} at {words[row.argmax()]} ({row.max():.2f})"
        for word, row in zip(words, others, strict=True)
        if row.max() > 0.01
    ]
    return f"Attention of {len(words)} words. Besides itself, each word looks most: {', '.join(told) or 'at none'}."
