"""Lab 3: what a model that reads has understood. Blanks, pairs of words, a baseline without a network, a picture."""

import numpy as np
from keras import ops

from course import plots
from course.experiments.bert import LENGTH
from course.experiments.measuring import in_parts


def blanks(model, texts, pieces, pack, length=LENGTH):
    """The logits of a `BertPretraining` at the first `[MASK]` of each text.

    Args:
        model: a `BertPretraining`.
        texts: `str`s with a `[MASK]` in each.
        pieces: the model's `WordPiece`.
        pack: the learner's.
        length: tokens of a row; the `[MASK]` must stand among them.

    Returns:
        NumPy array `(texts, vocabulary_size)`.
    """
    return _at_the_mask(model, map(pieces.encode, texts), pieces, pack, length)


def _at_the_mask(model, cuts, pieces, pack, length=LENGTH):
    """As `blanks`, of texts that are cut into tokens already."""
    rows = [pack(cut, None, length, pieces.cls, pieces.sep) for cut in cuts]
    tokens, segments = (np.stack(column).astype("int32") for column in zip(*rows, strict=True))
    places = np.argmax(tokens == pieces.mask, axis=-1)[:, None].astype("int32")
    return in_parts(model, (tokens, segments, places))[0][:, 0]


def fill_in(model, text, pieces, pack, most=4):
    """The likeliest pieces for the `[MASK]` in a text: a list of `(piece, probability)`."""
    (logits,) = blanks(model, [text], pieces, pack)
    shares = ops.convert_to_numpy(ops.softmax(logits))
    return [(pieces.pieces[number], float(shares[number])) for number in np.argsort(-shares)[:most]]


def cloze(model, texts, pair, pieces, pack, most=200):
    """How often the model prefers the word that stood there to another that often stands in such places.

    Args:
        model: a `BertPretraining`.
        texts: sentences it has not seen.
        pair: two words, each one piece.
        pieces: the model's `WordPiece`.
        pack: the learner's.
        most: sentences of either word.

    Returns:
        `(accuracy, number of sentences)`; both words count equally, so always the same answer makes 0.5. NaN if one of
        the words is not found.
    """
    numbers = [pieces.numbers.get(word) for word in pair]
    asked = ([], [])
    for text in texts:
        cut = pieces.encode(text)
        found = [place for place, number in enumerate(cut[: LENGTH - 2]) if number in numbers]
        if len(found) == 1:  # with both of them in it, a sentence would give the answer away
            kind = numbers.index(cut[found[0]])
            cut[found[0]] = pieces.mask
            if len(asked[kind]) < most:
                asked[kind].append(cut)
    if not all(asked):
        return float("nan"), 0
    right = []
    for kind, rows in enumerate(asked):
        logits = _at_the_mask(model, rows, pieces, pack)[:, numbers]
        right.append(np.mean(logits[:, kind] > logits[:, 1 - kind]))
    return float(np.mean(right)), sum(map(len, asked))


def tf_idf(train, test):
    """Accuracy of logistic regression on weighed word counts; both arguments are `(texts, rows, labels)`."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    line = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10.0, max_iter=1000))
    return float(line.fit(train[0], train[2]).score(test[0], test[2]))


def draw_readers(words):
    """Which words the state of each place may know, for ELMo, GPT and BERT.

    Args:
        words: a short sentence, as a list of `str`.
    """
    from matplotlib.patches import Patch

    length = len(words)
    before = np.tri(length, dtype=bool)
    hidden = length // 2
    grids = {
        "ELMo: two readers": np.where(before, 1.0, 0.0) + np.where(before.T, 2.0, 0.0),
        "GPT: what came before": np.where(before, 1.0, 0.0),
        f"BERT: all, and “{words[hidden]}” is hidden": np.full((length, length), 4.0),
    }
    grids[[*grids][-1]][:, hidden] = 0.0
    colours = {
        0.0: "white",
        1.0: plots.COLOURS[0],
        2.0: plots.COLOURS[1],
        3.0: "#8a6d8f",
        4.0: plots.COLOURS[2],
    }
    fig, axes = plots.figure(columns=3, height=3.4)
    for axis, (title, grid) in zip(axes, grids.items(), strict=True):
        axis.imshow(np.array([[_rgb(colours[value]) for value in row] for row in grid]), aspect="equal")
        axis.set(title=title, xticks=range(length), yticks=range(length), xlabel="knows")
        axis.set_xticklabels(words, rotation=60, ha="right")
        axis.set_yticklabels(words)
        axis.set_xticks(np.arange(length + 1) - 0.5, minor=True)
        axis.set_yticks(np.arange(length + 1) - 0.5, minor=True)
        axis.grid(False)
        axis.grid(True, which="minor", color="#cccccc", linewidth=0.8)
        axis.tick_params(which="both", length=0)
    axes[0].set_ylabel("the state at")
    for row in range(length):
        axes[2].text(hidden, row, "?", ha="center", va="center", color="#555555")
    entries = [
        Patch(color=colours[1.0], label="forwards"),
        Patch(color=colours[2.0], label="backwards"),
        Patch(color=colours[3.0], label="each of them"),
        Patch(color=colours[4.0], label="all at once"),
    ]
    fig.legend(handles=entries, loc="outside lower center", ncols=4, frameon=False)
    return fig


def _rgb(colour):
    from matplotlib.colors import to_rgb

    return np.array(to_rgb(colour)) * 0.75 + 0.25 if colour != "white" else np.ones(3)
