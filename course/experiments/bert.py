"""What the experiments of Lab 3 need besides the learner's own code: the corpus, rows to learn from, training."""

import keras
import numpy as np
from keras import ops

from course import data
from course.experiments import training
from course.experiments.measuring import in_parts
from course.models import checkpoints
from course.models.wordpiece import WordPiece

LENGTH = 48  # tokens of a row; two sentences have 40 on average


# --- the corpus -------------------------------------------------------------------------------------------


def read_corpus(split="train", name="docstrings"):
    """A text set as documents.

    Args:
        split: as for `course.data.load`.
        name: `"docstrings"`; or any set with texts and labels, whose texts are cut into sentences.

    Returns:
        `(documents, labels)`: for each document a list of sentences (`str`), and its label (int64 array).
    """
    batches = data.load(name, split, as_supervised=False).batch(4096).as_numpy_iterator()
    columns = [*zip(*(tuple(batch[key] for key in sorted(batch)) for batch in batches), strict=True)]
    if name != "docstrings":
        labels, texts = (np.concatenate(column) for column in columns)
        return [_sentences(text.decode()) for text in texts], labels.astype("int64")
    numbers, labels, places, texts = (np.concatenate(column) for column in columns)
    documents, kinds, latest = [], [], None
    for row in np.lexsort((places, numbers)):
        if numbers[row] != latest:
            documents.append([])
            kinds.append(labels[row])
            latest = numbers[row]
        documents[-1].append(texts[row].decode())
    return documents, np.array(kinds, "int64")


def _sentences(text):
    text = text.replace("<br />", " ").replace("! ", "!\n").replace("? ", "?\n").replace(". ", ".\n")
    return [sentence.strip() for sentence in text.split("\n") if sentence.strip()]


def vocabulary():
    """The `WordPiece` vocabulary that the course's trained weights know: 3,000 pieces of docstrings."""
    return WordPiece(checkpoints.read("bert_docstrings")[1]["vocabulary"].split("\n"))


def encoded(documents, pieces):
    """Documents of sentences as documents of lists of token numbers."""
    return [[pieces.encode(sentence) for sentence in document] for document in documents]


def single_rows(texts, pieces, pack, length=LENGTH):
    """Texts as rows of one segment: `(tokens, segments)`, both int32 `(texts, length)`."""
    rows = [pack(pieces.encode(text), max_length=length, cls=pieces.cls, sep=pieces.sep) for text in texts]
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


def pair_rows(documents, sentence_pair, pack, count, length=LENGTH, seed=0):
    """Rows of two segments for pre-training.

    Args:
        documents: as `encoded` gives them.
        sentence_pair: the learner's.
        pack: the learner's.
        count: how many rows; beginnings come again when all were used.
        length: tokens of a row.
        seed: for the order and for the noise.

    Returns:
        `(tokens, segments, is_next)`: int32 `(count, length)` twice, and `(count,)`.
    """
    rng = np.random.default_rng(seed)
    # Only beginnings after which something follows: so half of the pairs are true ones. What stands alone comes in
    # as the random second segment.
    beginnings = np.array([(d, p) for d, document in enumerate(documents) for p in range(len(document) - 1)])
    rounds = -(-count // len(beginnings))
    order = np.concatenate([rng.permutation(len(beginnings)) for _ in range(rounds)])[:count]
    noise = rng.random((count, 3))
    rows = []
    for (document, place), numbers in zip(beginnings[order].tolist(), noise.tolist(), strict=True):
        first, second, is_next = sentence_pair(documents, document, place, numbers)
        rows.append((*pack(first, second, length), is_next))
    tokens, segments, is_next = zip(*rows, strict=True)
    return np.stack(tokens), np.stack(segments), np.array(is_next, "int32")


def hidden_rows(tokens, mask_tokens, vocabulary_size, seed=0, share=0.15):
    """Rows with tokens to guess.

    Args:
        tokens: integers `(rows, length)`.
        mask_tokens: the learner's.
        vocabulary_size: random tokens are drawn from as many.
        seed: for the noise.
        share: which part is to be guessed.

    Returns:
        `(inputs, places, answers)`: what the model reads, `(rows, length)`; the places to guess, `(rows, number)`;
        and the tokens that stood there. Rows with fewer places are filled up with place 0 and answer -1.
    """
    rng = np.random.default_rng(seed)
    length = tokens.shape[1]
    number = max(1, round(share * length))
    found = []
    for start in range(0, len(tokens), 8192):
        part = tokens[start : start + 8192]
        noise = rng.random((2, *part.shape), dtype="float32")
        random_tokens = rng.integers(vocabulary_size, size=part.shape, dtype="int32")
        inputs, chosen = (
            ops.convert_to_numpy(each) for each in mask_tokens(part, *noise, random_tokens, share)
        )
        places = np.argsort(~chosen, axis=-1, kind="stable")[:, :number].astype("int32")
        real = np.take_along_axis(chosen, places, axis=-1)
        answers = np.where(real, np.take_along_axis(part, places, axis=-1), -1)
        found.append((inputs, np.where(real, places, 0), answers))
    return tuple(np.concatenate(column).astype("int32") for column in zip(*found, strict=True))


def unigram_nats(tokens, answers, vocabulary_size):
    """What a model without a network pays for the answers: one table of how frequent each token is.

    Returns:
        `(nats, accuracy)`; its best guess is always the same token.
    """
    counts = np.bincount(tokens[tokens > 3], minlength=vocabulary_size) + 0.1
    shares = counts / counts.sum()
    answers = answers[answers >= 0]
    return float(-np.log(shares[answers]).mean()), float(np.mean(answers == shares.argmax()))


# --- training ---------------------------------------------------------------------------------------------


def pretrain(
    model, optimizer, loss, rows, held_out, *, batch_size=32, pair_weight=0.1, name="BERT", lines=12
):
    """Train a `BertPretraining` on both tasks: guess the hidden tokens, and say whether the second segment follows.

    Args:
        model: called once.
        optimizer: a Keras optimizer.
        loss: the learner's `masked_language_loss`.
        rows: `(inputs, segments, places, answers, is_next)`, as made above; one step for each batch of them.
        held_out: the same, to measure on.
        batch_size: rows of a step.
        pair_weight: how much the second task counts beside the first.
        name, lines: as for `training.fit`.

    Returns:
        `training.Trained`, with losses in nats on the held-out rows.
    """
    wanted = training.where_asked(loss)

    def measure():
        logits, _ = in_parts(model, held_out[:3])
        return float(wanted(held_out[3], logits))

    # In the paper both losses count alike. With so few steps the easier task would lead the small model astray: it
    # stays on the plateau twice as long.
    return training.fit(
        model,
        optimizer,
        [wanted, training.CROSS_ENTROPY],
        training.in_order(tuple(rows[:3]), tuple(rows[3:]), batch_size),
        loss_weights=[1.0, pair_weight],
        measure=measure,
        name=name,
        lines=lines,
    )


def next_token_loss(loss, pad=0):
    """`loss(tokens, logits)` of a model that reads one way, or of one that gives the logits of both ways.

    Args:
        loss: the learner's `masked_language_loss`.
        pad: the token that is not to be guessed.
    """

    def forward(tokens, logits):
        return loss(tokens[:, 1:], logits[:, :-1], tokens[:, 1:] != pad)

    def backward(tokens, logits):
        return loss(tokens[:, :-1], logits[:, 1:], tokens[:, 1:] != pad)

    return forward, backward


def reader_nats(model, loss, tokens, size=64):
    """What a `GPT` or an `Elmo` pays for a token, the mean over parts of `size` rows; for an `Elmo` of both ways."""
    ways = next_token_loss(loss)

    def nats(rows):
        found = model(rows)
        each = zip(ways, found, strict=True) if isinstance(found, tuple | list) else [(ways[0], found)]
        return np.mean([float(way(rows, logits)) for way, logits in each])

    return float(np.mean([nats(tokens[at : at + size]) for at in range(0, len(tokens), size)]))


def train_reader(model, optimizer, loss, tokens, held_out, *, batch_size=32, name="reader", lines=12):
    """Train a `GPT` or an `Elmo` to guess what comes next (and what came before).

    Args:
        model: called once.
        optimizer: a Keras optimizer.
        loss: the learner's `masked_language_loss`.
        tokens: integers `(rows, length)`; one step for each batch of them.
        held_out: the same, to measure on.
        batch_size: rows of a step.
        name, lines: as for `training.fit`.

    Returns:
        `training.Trained`, with losses as `reader_nats` on the held-out rows.
    """
    ways = next_token_loss(loss)
    two = isinstance(model(tokens[:1]), tuple | list)
    losses, answers = (list(ways), (tokens, tokens)) if two else (ways[0], tokens)
    return training.fit(
        model,
        optimizer,
        losses,
        training.in_order(tokens, answers, batch_size),
        measure=lambda: reader_nats(model, loss, held_out),
        name=name,
        lines=lines,
    )


def fine_tune(classifier, optimizer, inputs, labels, steps, *, batch_size=32, seed=1, **options):
    """Train a classifier on batches drawn from a few labelled rows.

    Args:
        classifier: gives logits.
        optimizer: a Keras optimizer.
        inputs: an array `(rows, length)`, or a tuple of them.
        labels: integers `(rows,)`.
        steps: how many batches.
        batch_size: rows of a step.
        seed: of what is drawn.
        options: `name` and `lines`, as for `training.fit`.

    Returns:
        `training.Trained`.
    """
    rows = np.random.default_rng(seed).integers(len(labels), size=steps * batch_size)
    drawn = keras.tree.map_structure(lambda each: each[rows], (inputs, labels))
    return training.fit(
        classifier, optimizer, training.CROSS_ENTROPY, training.in_order(*drawn, batch_size), **options
    )
