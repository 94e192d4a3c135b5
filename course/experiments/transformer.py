"""What the experiments of Lab 2 need besides the learner's own layers: tokens, batches, recorded attention."""

import contextlib
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


@contextlib.contextmanager
def recorded(layers):
    """Record the weights of attention layers while the block runs.

    Args:
        layers: `MultiHeadAttention` layers.

    Yields:
        A list with one list for each layer, to which each call adds its weights as an array.
    """
    from keras import ops

    seen, originals = [[] for _ in layers], [layer.call for layer in layers]

    def spy(original, into):
        def call(*args, **kwargs):
            output, weights = original(*args, **kwargs)
            into.append(ops.convert_to_numpy(weights))
            return output, weights

        return call

    try:
        for layer, original, into in zip(layers, originals, seen, strict=True):
            layer.call = spy(original, into)
        yield seen
    finally:
        for layer, original in zip(layers, originals, strict=True):
            layer.call = original


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
