"""What the experiments of Lab 2 need besides the learner's own layers: tokens, texts, a picture."""

import re

import numpy as np

from course.errors import CourseError

PAD, START, END, UNKNOWN = range(4)
# The pieces that German number words are made of. Longer ones first, so that "siebzehn" is sieb-zehn, not sieben-...
PIECES = [
    "million",
    "millionen",
    "tausend",
    "hundert",
    "und",
    "zwanzig",
    "dreißig",
    "vierzig",
    "fünfzig",
    "sechzig",
    "siebzig",
    "achtzig",
    "neunzig",
    "zehn",
    "null",
    "eins",
    "eine",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "elf",
    "zwölf",
    "sech",
    "sieb",
    "en",
]


def words(text):
    """English number words: words and signs; a sign sticks to the word before it."""
    return re.findall(r"\w+|[^\w\s]", text)


def pieces(text):
    """German number words, cut into their parts. A part that begins a word has a `_` in front."""
    known = re.compile("|".join(sorted(PIECES, key=len, reverse=True)) + "|.", re.IGNORECASE)
    parts = []
    for word in text.split():
        found = known.findall(word)
        parts += [f"_{found[0]}", *found[1:]]
    return parts


class Vocabulary:
    """Tokens and their numbers, source and target together. 0 to 3 are padding, start, end and unknown.

    Args:
        pairs: `(source, target)` texts to learn the tokens from.
        split_source: text -> list of tokens.
        split_target: the same for the target.
    """

    def __init__(self, pairs, split_source=list, split_target=list):
        self.split_source, self.split_target = split_source, split_target
        found = {
            token for source, target in pairs for token in (*split_source(source), *split_target(target))
        }
        self.tokens = ["<pad>", "<start>", "<end>", "<unknown>", *sorted(found)]
        self.numbers = {token: number for number, token in enumerate(self.tokens)}

    def __len__(self):
        return len(self.tokens)

    def encode(self, texts, split, start=False, length=None):
        """Texts to `(texts, length)` integers that end in `END` and padding; with `start`, they begin with `START`."""
        rows = [
            [START] * start + [self.numbers.get(token, UNKNOWN) for token in split(text)] + [END]
            for text in texts
        ]
        length = length or max(map(len, rows))
        return np.array([row[:length] + [PAD] * (length - len(row)) for row in rows], "int32")

    def sources(self, texts, length=None):
        return self.encode(texts, self.split_source, length=length)

    def targets(self, texts, length=None):
        return self.encode(texts, self.split_target, start=True, length=length)

    def tokens_of(self, row):
        """The tokens of one row, up to its end."""
        row = [int(number) for number in row]
        row = row[: row.index(END)] if END in row else row
        return [self.tokens[number] for number in row if number > UNKNOWN]

    def target_text(self, row):
        """One row of the target as text again."""
        joined = "".join(self.tokens_of(row))
        return joined if self.split_target is list else joined.replace("_", " ").strip()


def text_pairs(dataset):
    """A data set of `(source, target)` as a list of pairs of `str`."""
    return [(source.decode(), target.decode()) for source, target in dataset.as_numpy_iterator()]


def subwords(pairs, size=8_000):
    """A `Vocabulary`-like object of byte-pair pieces learned from `(source, target)` texts, for real sentences.

    Raises:
        CourseError: if the package `tokenizers` is not installed.
    """
    try:
        import tokenizers
    except ModuleNotFoundError:
        raise CourseError("Sub-word tokens need one more package: run  pip install tokenizers") from None
    specials = ["<pad>", "<start>", "<end>", "<unknown>"]
    tool = tokenizers.ByteLevelBPETokenizer(lowercase=False)
    tool.train_from_iterator(
        (text for pair in pairs for text in pair), size, special_tokens=specials, show_progress=False
    )
    return Subwords(tool)


class Subwords:
    """The interface of `Vocabulary` over a trained byte-pair tokenizer."""

    def __init__(self, tool):
        self.tool = tool

    def __len__(self):
        return self.tool.get_vocab_size()

    def sources(self, texts, length=None):
        return self._encode(texts, [], length)

    def targets(self, texts, length=None):
        return self._encode(texts, [START], length)

    def _encode(self, texts, before, length):
        rows = [[*before, *encoding.ids, END] for encoding in self.tool.encode_batch(list(texts))]
        length = length or max(map(len, rows))
        return np.array([row[:length] + [PAD] * (length - len(row)) for row in rows], "int32")

    def target_text(self, row):
        row = [int(number) for number in row]
        row = row[: row.index(END)] if END in row else row
        return self.tool.decode([number for number in row if number > UNKNOWN])


def bleu(found, wanted):
    """Corpus BLEU of sacreBLEU, from 0 to 100.

    Raises:
        CourseError: if the package `sacrebleu` is not installed.
    """
    try:
        import sacrebleu
    except ModuleNotFoundError:
        raise CourseError("BLEU needs one more package: run  pip install sacrebleu") from None
    return sacrebleu.corpus_bleu(list(found), [list(wanted)]).score


def draw_transformer(source, written, following):
    """Draw the whole model, from the bottom up: the encoder on the left, the decoder on the right.

    Args:
        source: what the encoder reads, as text.
        written: what the decoder has written so far.
        following: what it should write next.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.patches import Rectangle

    from course import plots

    blue, orange, green = plots.COLOURS[:3]
    fig, axis = plots.figure(width=8.4, height=5.2)
    axis.set_axis_off()
    axis.set(xlim=(-0.6, 10.6), ylim=(-0.5, 7.3))

    def box(left, bottom, text, colour):
        axis.add_patch(Rectangle((left, bottom), 3.6, 0.7, facecolor=colour, alpha=0.2))
        axis.text(left + 1.8, bottom + 0.35, text, ha="center", va="center")

    def arrow(start, end):
        axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "#555555", "linewidth": 1.4})

    def stack(left, title, text, parts, top):
        """One of the two columns: text in, embedding, the layers in their frame, and what comes out."""
        axis.text(left + 1.8, 0.0, text, ha="center", va="center", style="italic")
        box(left, 0.8, "embedding + positions", "#555555")
        for place, (part, colour) in enumerate(parts):
            box(left, 2.3 + 1.1 * place, part, colour)
        end = 2.3 + 1.1 * len(parts) - 0.4
        frame = Rectangle((left - 0.3, 2.0), 4.2, end - 1.7, fill=False, edgecolor="#999999", linestyle="--")
        axis.add_patch(frame)
        axis.text(left - 0.2, end + 0.45, title, va="bottom", fontsize=10)
        places = [0.25, 1.5, *(3.0 + 1.1 * place for place in range(len(parts)))]
        ends = [0.8, *(2.3 + 1.1 * place for place in range(len(parts))), top]
        for bottom, above in zip(places, ends, strict=True):
            arrow((left + 1.8, bottom), (left + 1.8, above))

    looks, thinks = ("self-attention", blue), ("feed-forward", green)
    stack(0, "encoder, $N$ layers", source, [looks, thinks], 5.4)
    parts = [("self-attention, causal", blue), ("cross-attention", orange), thinks]
    stack(6, "decoder, $N$ layers", written, parts, 6.6)
    axis.text(1.8, 5.6, "memory", ha="center", va="center", weight="bold")
    arrow((2.6, 5.6), (5.9, 3.9))
    axis.text(7.8, 6.9, f"next token: {following}", ha="center", va="center", weight="bold")
    return fig
