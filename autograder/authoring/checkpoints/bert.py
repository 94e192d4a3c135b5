"""The checkpoints of Lab 3: BERT, GPT and ELMo, all of which have read the docstrings.

Each brings its vocabulary along, because the texts move with the versions of the packages they stand in. All three have
the vocabulary of `bert_docstrings`, once there is one: it is made anew only when that file is missing.
"""

import functools

import keras
import numpy as np

from autograder.authoring.checkpoints.make import maker
from course.experiments.bert import (
    LENGTH,
    encoded,
    hidden_rows,
    pair_rows,
    pretrain,
    read_corpus,
    reader_nats,
    train_reader,
    vocabulary,
)
from course.experiments.measuring import in_parts
from course.experiments.training import where_asked
from course.models import checkpoints
from course.models.wordpiece import WordPiece
from solutions.bert import (
    GPT,
    Bert,
    BertPretraining,
    Elmo,
    make_optimizer,
    mask_tokens,
    masked_language_loss,
    pack,
    sentence_pair,
    spread_weights,
)

# As in the lab.
SIZES = {"num_layers": 2, "num_heads": 4, "hidden_dim": 128, "intermediate_dim": 512, "max_length": LENGTH}
PIECES, BATCH, PEAK, SPREAD = 3_000, 32, 1.5e-3, 0.1
# GPT and ELMo learn from every token they read, BERT from one in seven: so they get by with fewer rows. An LSTM goes word
# by word, and its steps take longest.
STEPS = {"bert": 8_000, "gpt": 1_500, "elmo": 1_000}


@functools.cache
def corpus():
    """`(train, test, pieces)`: documents of lists of token numbers, and the vocabulary."""
    train, test = (read_corpus(split)[0] for split in ("train", "test"))
    if "bert_docstrings" in checkpoints.available():
        pieces = vocabulary()
    else:
        pieces = WordPiece.train([text for document in train for text in document], PIECES)
    return encoded(train, pieces), encoded(test, pieces), pieces


def learnt_rows(documents, count, seed, vocabulary_size):
    """`(inputs, segments, places, answers, is_next)` for pre-training."""
    tokens, segments, is_next = pair_rows(documents, sentence_pair, pack, count, seed=seed)
    inputs, places, answers = hidden_rows(tokens, mask_tokens, vocabulary_size, seed)
    return inputs, segments, places, answers, is_next


def held_out(count=384):
    """The rows that the lab measures on."""
    _, test, pieces = corpus()
    return learnt_rows(test, count, 2, len(pieces))


def new_model(kind, seed=1):
    """A `"bert"`, `"gpt"` or `"elmo"` that was called once."""
    keras.utils.set_random_seed(seed)
    number = len(corpus()[2])
    nothing = np.zeros((1, LENGTH), "int32")
    if kind == "bert":
        model = BertPretraining(Bert(number, **SIZES, dropout=0.0))
        model((nothing, nothing, nothing[:, :1]))
    else:
        model = GPT(number, **SIZES, dropout=0.0) if kind == "gpt" else Elmo(number, 2, 128, dropout=0.0)
        model(nothing)
    spread_weights(model, SPREAD, seed)
    return model


def trained(kind, steps=None, seed=1, lines=12):
    """A model after pre-training, and how its loss on held-out rows fell: `(model, training.Trained)`."""
    train, test, pieces = corpus()
    steps = steps or STEPS[kind]
    model, optimizer = new_model(kind, seed), make_optimizer(PEAK, steps)
    if kind == "bert":
        rows = learnt_rows(train, BATCH * steps, seed, len(pieces))
        run = pretrain(
            model, optimizer, masked_language_loss, rows, held_out(), batch_size=BATCH, lines=lines
        )
    else:
        rows = pair_rows(train, sentence_pair, pack, BATCH * steps, seed=seed)[0]
        held = pair_rows(test, sentence_pair, pack, 384, seed=2)[0]
        run = train_reader(
            model, optimizer, masked_language_loss, rows, held, batch_size=BATCH, name=kind, lines=lines
        )
    return model, run


def nats(model, kind):
    """The loss on held-out rows: of hidden tokens, of the next token, or of the next and the one before."""
    if kind == "bert":
        rows = held_out()
        logits, _ = in_parts(model, rows[:3])
        return float(where_asked(masked_language_loss)(rows[3], logits))
    tokens = pair_rows(corpus()[1], sentence_pair, pack, 384, seed=2)[0]
    return reader_nats(model, masked_language_loss, tokens, size=len(tokens))


def made(kind, says):
    model, _ = trained(kind)
    about = f"{says}: {STEPS[kind]:,} steps of {BATCH} rows of {LENGTH} tokens, docstrings of eight libraries"
    facts = {"about": about, "nats": round(nats(model, kind), 3)}
    return model, facts | {"vocabulary": "\n".join(corpus()[2].pieces)}


@maker("bert_docstrings")
def bert():
    return made("bert", "BERT, both tasks")


@maker("gpt_docstrings")
def gpt():
    return made("gpt", "GPT, the next token")


@maker("elmo_docstrings")
def elmo():
    return made("elmo", "ELMo-style, the next token and the one before")
