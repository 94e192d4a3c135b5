"""Visible checks of Lab 3, BERT: worked examples, properties, agreement with Keras and `course.blocks`."""

import keras
import numpy as np
from keras import ops

from course import blocks
from course.checking import (
    CheckFailed,
    NamedMistake,
    check,
    expect,
    expect_boolean,
    expect_close,
    expect_pair,
    expect_shape,
    fixed_normal,
    to_numpy,
)
from course.checking.gradients import expect_gradients
from course.checking.learning import (
    dropped,
    expect_made_once,
    expect_no_dropout,
    expect_parts,
    expect_rate,
    expect_untouched,
    kept,
    predictable_dropout,
)
from course.checking.mistakes import (
    alike,
    attempt,
    expect_any_batch,
    expect_or_name_mistake,
    run_block,
    set_all,
)

# Two rows of a made-up vocabulary of 50; PAD is 0, CLS 2, SEP 3, MASK 4.
TOKENS = np.array(
    [
        [2, 11, 12, 13, 14, 15, 16, 3, 21, 22, 23, 24, 3],
        [2, 31, 32, 33, 3, 41, 42, 3, 0, 0, 0, 0, 0],
    ],
    "int32",
)
SEGMENTS = np.array([[0] * 8 + [1] * 5, [0] * 5 + [1] * 3 + [0] * 5], "int32")


def integers(values):
    return ops.convert_to_tensor(np.asarray(values, dtype="int32"))


# --- pack -------------------------------------------------------------------------------------------------


def as_rows(found, length):
    """`(tokens, segments)` as arrays, if that is what they are."""
    tokens, segments = expect_pair(found, "(tokens, segments)")
    for name, row in (("tokens", tokens), ("segments", segments)):
        if np.shape(row) != (length,):
            raise CheckFailed(f"{name} should have max_length = {length} entries, not {np.size(row)}")
    return np.asarray(to_numpy(tokens), "int64"), np.asarray(to_numpy(segments), "int64")


def expect_row(found, wanted, sentence, mistakes):
    """Like `expect_or_name_mistake`, and a failure shows both rows."""
    for mistake, wrong in mistakes.items():
        expect(found.tolist() != wrong or found.tolist() == wanted, mistake)
    expect(found.tolist() == wanted, f"{sentence} (found {found.tolist()}, expected {wanted})")


@check("pack")
def packs_one_segment(pack):
    tokens, segments = as_rows(pack([7, 8, 9], max_length=8), 8)
    mistakes = {
        "the padding belongs at the end": [0, 0, 0, 2, 7, 8, 9, 3],
        "a segment ends in `sep`, also when it is the only one": [2, 7, 8, 9, 0, 0, 0, 0],
        "in front stands `cls`": [7, 8, 9, 3, 0, 0, 0, 0],
    }
    expect_row(tokens, [2, 7, 8, 9, 3, 0, 0, 0], "one segment: cls, its tokens, sep, padding", mistakes)
    expect_row(segments, [0] * 8, "with one segment, all segments are 0", {})


@check("pack")
def packs_two_segments(pack):
    tokens, segments = as_rows(pack([7, 8, 9], [5, 6], max_length=10), 10)
    mistakes = {
        "the second segment has no `cls` of its own: there is one, in front": [2, 7, 8, 9, 3, 2, 5, 6, 3, 0],
        "each of the two segments ends in `sep`, the second, too": [2, 7, 8, 9, 3, 5, 6, 0, 0, 0],
        "between the segments stands one `sep`": [2, 7, 8, 9, 5, 6, 3, 0, 0, 0],
        "the padding belongs at the end": [0, 0, 2, 7, 8, 9, 3, 5, 6, 3],
    }
    expect_row(tokens, [2, 7, 8, 9, 3, 5, 6, 3, 0, 0], "cls, first, sep, second, sep, padding", mistakes)
    mistakes = {
        "the `sep` after the first segment still belongs to it: segment 0": [0, 0, 0, 0, 1, 1, 1, 1, 0, 0],
        "padding is in segment 0": [0, 0, 0, 0, 0, 1, 1, 1, 1, 1],
        "the last `sep` belongs to the second segment: 1": [0, 0, 0, 0, 0, 1, 1, 0, 0, 0],
        "segments count from 0: the second is 1": [1, 1, 1, 1, 1, 2, 2, 2, 0, 0],
    }
    expect_row(segments, [0, 0, 0, 0, 0, 1, 1, 1, 0, 0], "1 for the second segment and its sep", mistakes)


@check("pack")
def cuts_the_longer_segment(pack):
    tokens, _ = as_rows(pack(list(range(11, 20)), [5, 6], max_length=9), 9)
    mistakes = {
        "the row was cut at its end, and the last `sep` with it: cut the segments before": [
            2,
            *range(11, 19),
        ],
        "the longer segment loses its *last* tokens": [2, 16, 17, 18, 19, 3, 5, 6, 3],
        "both got half of the room, though the second needs less": [2, 11, 12, 13, 3, 5, 6, 3, 0],
    }
    expect_row(tokens, [2, 11, 12, 13, 14, 3, 5, 6, 3], "only the longer segment is cut", mistakes)
    tokens, _ = as_rows(pack([11, 12, 13], [14, 15, 16], max_length=8), 8)
    mistakes = {"when both are equally long, the second loses a token": [2, 11, 12, 3, 14, 15, 16, 3]}
    expect_row(
        tokens, [2, 11, 12, 13, 3, 14, 15, 3], "when both are equally long, the second is cut", mistakes
    )
    tokens, _ = as_rows(pack([11, 12, 13, 14], max_length=5), 5)
    expect_row(tokens, [2, 11, 12, 13, 3], "a single segment is cut as well, and keeps its `sep`", {})


@check("pack")
def takes_other_special_tokens(pack):
    tokens, _ = as_rows(pack([7], [8], max_length=6, cls=101, sep=102), 6)
    mistakes = {"`cls` and `sep` are arguments: use them, not the constants": [2, 7, 3, 8, 3, 0]}
    expect_row(tokens, [101, 7, 102, 8, 102, 0], "with cls=101 and sep=102", mistakes)
    first, second = [1, 2, 3, 4], [5, 6, 7]
    pack(first, second, max_length=6)
    expect(first == [1, 2, 3, 4] and second == [5, 6, 7], "the lists that came in were changed: cut copies")


# --- mask_tokens ------------------------------------------------------------------------------------------


def noises(shape, seed=0, vocabulary=50):
    rng = np.random.default_rng(seed)
    noise = rng.random((2, *shape)).astype("float32")
    return *noise, rng.integers(5, vocabulary, size=shape).astype("int32")


def chosen_places(found, shape):
    inputs, chosen = expect_pair(found, "(inputs, chosen)")
    swapped = to_numpy(inputs).dtype == bool and to_numpy(chosen).dtype != bool
    expect(not swapped, "the tokens come first, `chosen` second: return `(inputs, chosen)`")
    expect_shape(chosen, shape, "`chosen` says for each token whether it is to be guessed")
    expect_boolean(chosen, "`chosen` holds True and False, not numbers")
    expect_shape(inputs, shape, "`inputs` has the shape of the tokens")
    return to_numpy(inputs), to_numpy(chosen)


@check("mask_tokens")
def chooses_fifteen_percent(mask_tokens):
    choice, kind, others = noises(TOKENS.shape)
    # The special tokens draw the smallest noise.
    choice = np.where(np.isin(TOKENS, (0, 2, 3)), choice / 10, 0.1 + 0.9 * choice).astype("float32")
    _, chosen = chosen_places(mask_tokens(TOKENS, choice, kind, others), TOKENS.shape)
    ordinary = ~np.isin(TOKENS, (0, 2, 3))

    def by_rank(allowed, counts, noise=choice):
        rank = np.where(allowed, noise, 2.0).argsort(axis=-1).argsort(axis=-1)
        return allowed & (rank < np.reshape(counts, (-1, 1)))

    wanted = by_rank(ordinary, (2, 1))  # 0.15 * 13 = 1.95 and 0.15 * 8 = 1.2
    mistakes = {
        "a special token was chosen: `PAD`, `CLS` and `SEP` are no riddle": by_rank(TOKENS != 0, (2, 1)),
        "a token of the padding was chosen": by_rank(TOKENS >= 0, (2, 1)),
        "the second row has 8 tokens that are not `PAD`, and 0.15 * 8 = 1.2 makes 1: do not count the padding, and do "
        "not round up": by_rank(ordinary, (2, 2)),
        "`chosen` is inverted: `True` means to be guessed": ~wanted,
        "those with the largest noise were chosen: take the smallest": by_rank(ordinary, (2, 1), -choice + 1),
        "each token was chosen for itself: here the *number* is fixed, 15 % of each row": ordinary
        & (choice < 0.15),
        "`chosen` leaves out what was not hidden: random and kept tokens are to be guessed, too": wanted
        & (kind < 0.8),
        "0.15 * 13 = 1.95 is rounded to 2, not cut to 1": by_rank(ordinary, (1, 1)),
        "`argsort` says who stands first, second and so on; its `argsort` says which rank each has": ordinary
        & (np.where(ordinary, choice, 2.0).argsort(axis=-1) < np.array([[2], [1]])),
        "one token too many is chosen: ranks count from 0": by_rank(ordinary, (3, 2)),
    }
    expect_or_name_mistake(chosen, wanted, "2 of the first row and 1 of the second are due", mistakes)


@check("mask_tokens")
def counts_and_shares(mask_tokens):
    rows = np.arange(5, 45).reshape(1, 40).astype("int32")
    rows[0, 0], rows[0, -1] = 2, 3
    choice, kind, others = noises(rows.shape, 1)
    for share, number in ((0.15, 6), (0.3, 12)):
        _, chosen = chosen_places(mask_tokens(rows, choice, kind, others, share), rows.shape)
        expect(share == 0.15 or chosen.sum() != 6, "`share` is not used: 0.15 is only what it is if left out")
        expect(
            chosen.sum() != round(share * 38) or chosen.sum() == number,
            f"{share} * 40 = {number} tokens are due, and you chose {chosen.sum()}: `CLS` and `SEP` count in the length",
        )
        expect(chosen.sum() == number, f"{share} * 40 is {number} tokens, and you chose {chosen.sum()}")
    short = np.array([[2, 17, 3, 0, 0]], "int32")  # 0.15 * 3 = 0.45
    _, chosen = chosen_places(mask_tokens(short, *noises(short.shape, 2)), short.shape)
    expect(chosen.sum() == 1, "at least one token of each row is chosen, in short ones, too")


@check("mask_tokens")
def eighty_ten_ten(mask_tokens):
    rows = np.arange(5, 45).reshape(1, 40).astype("int32")
    choice, _, others = noises(rows.shape, 3, vocabulary=900)
    others = others + 100  # never what stood there
    kind = np.linspace(0, 1, 40, endpoint=False, dtype="float32")[None]
    inputs, chosen = chosen_places(mask_tokens(rows, choice, kind, others, 0.95), rows.shape)
    wanted = np.where(kind < 0.8, 4, np.where(kind < 0.9, others, rows))
    expected = np.where(chosen, wanted, rows)
    mistakes = {
        "every chosen token is hidden: 80 % become `MASK`, 10 % random, 10 % stay": np.where(chosen, 4, rows),
        "tokens that were not chosen are changed: they stay as they are": np.where(
            kind < 0.8, 4, np.where(kind < 0.9, others, rows)
        ),
        "from 0.8 to 0.9 the token becomes a random one, from 0.9 it stays": np.where(
            chosen, np.where(kind < 0.8, 4, np.where(kind < 0.9, rows, others)), rows
        ),
        "nothing is hidden: most chosen tokens become `MASK`": rows,
        "the ranges stand in another order: below 0.8 is `MASK`, then random, from 0.9 kept": np.where(
            chosen, np.where(kind < 0.1, others, np.where(kind < 0.2, rows, 4)), rows
        ),
        "the ranges stand in another order: below 0.8 is `MASK`, then random, and from 0.9 kept": np.where(
            chosen, np.where(kind < 0.1, rows, np.where(kind < 0.2, others, 4)), rows
        ),
    }
    expect_or_name_mistake(
        inputs, expected, "the chosen tokens are not 80 % MASK, 10 % random, 10 % kept", mistakes
    )


# --- sentence_pair ----------------------------------------------------------------------------------------

DOCUMENTS = [[[11], [12, 12], [13]], [[21, 21], [22]], [[31], [32], [33], [34]]]


def expect_three(found, wanted, sentence, mistakes=()):
    expect(isinstance(found, tuple | list) and len(found) == 3, "three things: (first, second, is_next)")
    found = (list(found[0]), list(found[1]), int(found[2]))
    for mistake, wrong in dict(mistakes).items():
        expect(found != wrong, mistake)
    expect(found == wanted, f"{sentence} (found {found}, expected {wanted})")


@check("sentence_pair")
def the_next_one_half_of_the_time(sentence_pair):
    mistakes = {
        "the label is inverted: 1 stands for a segment that really follows": ([12, 12], [13], 0),
        "the second segment is the first again: take the one at `place + 1`": ([12, 12], [12, 12], 1),
        "with a first noise below 0.5 the next segment is due": ([12, 12], [34], 0),
        "the segment before is not the next one": ([12, 12], [11], 1),
    }
    found = sentence_pair(DOCUMENTS, 0, 1, (0.2, 0.9, 0.9))
    expect_three(found, ([12, 12], [13], 1), "below 0.5, the next segment", mistakes)


@check("sentence_pair")
def else_one_of_another_document(sentence_pair):
    mistakes = {
        "with a first noise of 0.5 or more a random segment is due, not the next": ([21, 21], [22], 1),
        "the second segment comes from the same document: the others are 0 and 2, in this order": (
            [21, 21],
            [22],
            0,
        ),
        "a random segment does not follow: its label is 0": ([21, 21], [33], 1),
        "the second noise picks the document, the third the segment": ([21, 21], [32], 0),
        "it is always the first segment: the third noise picks one": ([21, 21], [31], 0),
    }
    found = sentence_pair(DOCUMENTS, 1, 0, (0.6, 0.6, 0.55))
    expect_three(found, ([21, 21], [33], 0), "of documents 0 and 2, number int(0.6 * 2) = 1", mistakes)
    found = sentence_pair(DOCUMENTS, 1, 0, (0.6, 0.4, 0.99))
    expect_three(found, ([21, 21], [13], 0), "of documents 0 and 2, number int(0.4 * 2) = 0")
    found = sentence_pair(DOCUMENTS, 2, 0, (0.5, 0.8, 0.1))
    mistakes = {"a first noise of 0.5 is not *below* 0.5: a random segment is due": ([31], [32], 1)}
    expect_three(found, ([31], [21, 21], 0), "of documents 0 and 1, number int(0.8 * 2) = 1", mistakes)


@check("sentence_pair")
def what_ends_has_no_next(sentence_pair):
    mistakes = {
        "a random segment is labelled as following": ([22], [12, 12], 1),
        "the next document is not the next segment": ([22], [31], 1),
    }
    found = attempt(
        "the last segment of a document has none after it: take a random one",
        sentence_pair,
        DOCUMENTS,
        1,
        1,
        (0.1, 0.2, 0.5),
    )
    expect_three(found, ([22], [12, 12], 0), "after the last segment comes a random one", mistakes)


# --- BertEmbedding ----------------------------------------------------------------------------------------

TABLES = ("token_embedding", "position_embedding", "segment_embedding")


def small_embedding(BertEmbedding, scale=1.0, **options):
    layer = BertEmbedding(50, 15, 6, **options)
    sentence = "it stops: positions are 0, 1, 2 and so on, as many as the row has tokens; tokens and segments come as they are"
    attempt(sentence, layer, integers(TOKENS), integers(SEGMENTS))
    for seed, name in enumerate(TABLES):
        table = getattr(layer, name, None)
        expect(table is not None, f"the layer needs `self.{name}`, see its docstring")
        expect(table.built, f"`self.{name}` is made but not used")
        table.embeddings.assign(scale * fixed_normal(*table.embeddings.shape, seed=seed))
    norm = getattr(layer, "normalization", None)
    expect(norm is not None and norm.built, "the sum is to be normalized: `self.normalization`")
    expect_shape(norm.gamma, (6,), "the three vectors are added up, not put side by side")
    norm.gamma.assign(1 + fixed_normal(6, seed=5))
    norm.beta.assign(fixed_normal(6, seed=6))
    return layer


def normalized(norm, x, epsilon=1e-12):
    mean = ops.mean(x, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(x - mean), axis=-1, keepdims=True)
    return (x - mean) * ops.rsqrt(variance + epsilon) * norm.gamma + norm.beta


@check("BertEmbedding")
def adds_three_vectors(BertEmbedding):
    layer = small_embedding(BertEmbedding)
    for name, size in zip(TABLES, (50, 15, 2), strict=True):
        table = getattr(layer, name).embeddings
        expect_shape(table, (size, 6), f"`{name}` has one row for each of its {size} numbers")
    token, segment = layer.token_embedding(integers(TOKENS)), layer.segment_embedding(integers(SEGMENTS))
    place = layer.position_embedding.embeddings[:13]
    later = layer.position_embedding.embeddings[1:14]
    norm = layer.normalization
    mistakes = {
        "the positions are missing": normalized(norm, token + segment),
        "the segments are missing": normalized(norm, token + place),
        "positions count from 0": normalized(norm, token + segment + later),
        "all tokens get one position: they are 0, 1, 2 and so on": normalized(
            norm, token + segment + place[:1]
        ),
        "the sum is not normalized": token + segment + place,
        "BERT does not stretch its embeddings: no factor of sqrt(hidden_dim)": normalized(
            norm, token * 6**0.5 + segment + place
        ),
        "normalize the sum, after positions and segments are added": normalized(norm, token)
        + segment
        + place,
        "the segments have a table of their own: use `segment_embedding`": normalized(
            norm, token + place + layer.token_embedding(integers(SEGMENTS))
        ),
    }
    wanted = normalized(norm, token + segment + place)
    found = layer(integers(TOKENS), integers(SEGMENTS))
    expect_shape(found, (2, 13, 6), "(batch, length, hidden_dim)")
    if not alike(found, layer(integers(TOKENS), integers(SEGMENTS))):
        raise NamedMistake(
            "two calls differ outside training: Keras switches dropout on and off, so leave `training` to it"
        )
    expect_or_name_mistake(found, wanted, "token, position and segment, added up and normalized", mistakes)


@check("BertEmbedding")
def has_a_tiny_epsilon(BertEmbedding):
    layer = small_embedding(BertEmbedding, scale=1e-3)
    x = sum(
        (
            layer.token_embedding(integers(TOKENS)),
            layer.segment_embedding(integers(SEGMENTS)),
            layer.position_embedding.embeddings[:13],
        )
    )
    norm = layer.normalization
    mistakes = {
        "the epsilon is Keras' default of 0.001: give it epsilon=1e-12": normalized(norm, x, 1e-3),
        "the epsilon is that of Lab 2, 1e-6: BERT's is 1e-12": normalized(norm, x, 1e-6),
        "the epsilon is 1e-5: BERT's is 1e-12": normalized(norm, x, 1e-5),
    }
    message = "small embeddings come out wrong: which epsilon has the normalization?"
    expect_or_name_mistake(
        layer(integers(TOKENS), integers(SEGMENTS)), normalized(norm, x), message, mistakes
    )


@check("BertEmbedding")
def drops_in_training(BertEmbedding):
    layer = small_embedding(BertEmbedding, dropout=0.5)
    plain = to_numpy(layer(integers(TOKENS), integers(SEGMENTS), training=False))
    trained = to_numpy(layer(integers(TOKENS), integers(SEGMENTS), training=True))
    expect(not alike(plain, trained), "nothing is dropped in training: `self.dropout` comes last")
    kept = trained != 0
    expect(
        0.2 < kept.mean() < 0.8 and alike(trained[kept], 2 * plain[kept]),
        "the dropout comes last, after the normalization, with the rate that was given",
    )


# --- BertLayer --------------------------------------------------------------------------------------------

PARTS = ("attention", "attention_residual", "intermediate_dense", "output_dense", "feed_forward_residual")


@kept
def filled_layer(BertLayer, approximate=True):
    """A layer of width 6 with fixed weights."""
    layer = BertLayer(2, 6, 10, dropout=0.3, approximate=approximate)
    expect_shape(run_block(layer, fixed_normal(2, 4, 6)), (2, 4, 6), "the width stays")
    set_all(layer, *PARTS)
    return layer


@check("BertLayer")
def looks_then_thinks_post_norm(BertLayer):
    for approximate in (True, False):
        layer, x = filled_layer(BertLayer, approximate), fixed_normal(2, 4, 6)
        for name, mask in (("no mask", None), ("a causal mask", blocks.causal_mask(4))):
            mistakes = layer_mistakes(layer, x, mask, approximate)
            found = attempt(f"{name} does not work", layer, x, attention_mask=mask)
            message = f"with {name} and approximate={approximate} the result is not attention, then dense"
            expect_or_name_mistake(found, layer_result(layer, x, mask, approximate), message, mistakes)


def layer_result(layer, x, mask, approximate, **mistake):
    """What the layer's parts give when put together rightly, or with one mistake."""

    def act(x):
        return keras.activations.gelu(x, approximate=approximate)

    def dense(x):
        wide = ops.matmul(x, layer.intermediate_dense.kernel) + layer.intermediate_dense.bias
        narrow = layer.output_dense(mistake.get("activation", act)(wide))
        return act(narrow) if mistake.get("acts_again") else narrow

    first, second = layer.attention_residual.normalization, layer.feed_forward_residual.normalization
    epsilon = mistake.get("epsilon", 1e-12)
    if mistake.get("pre_norm"):
        y = x + layer.attention(normalized(first, x), attention_mask=mask)[0]
        return y + dense(normalized(second, y))
    y = normalized(first, x + layer.attention(x, attention_mask=mask)[0], epsilon)
    if mistake.get("reads_inputs"):
        return normalized(second, y + dense(x))
    if mistake.get("forgets"):
        return normalized(second, x + dense(x))
    if mistake.get("no_second_sum"):
        return normalized(second, dense(y))
    return normalized(first if mistake.get("one_norm") else second, y + dense(y), epsilon)


def layer_mistakes(layer, x, mask, approximate):
    def other(**mistake):
        return lambda: layer_result(layer, x, mask, approximate, **mistake)

    return {
        "the mask does not reach the attention": lambda: layer_result(layer, x, None, approximate),
        "where is the activation? A GELU stands between the dense layers": other(activation=lambda x: x),
        "the activation is a ReLU: BERT's is a GELU": other(activation=ops.relu),
        "the GELU has the wrong form: hand `self.approximate` on to it": lambda: layer_result(
            layer, x, mask, not approximate
        ),
        "the GELU acts twice: once, in `intermediate_dense` or after it, is enough": other(
            activation=lambda x: keras.activations.gelu(
                keras.activations.gelu(x, approximate=approximate), approximate=approximate
            )
        ),
        "`output_dense` has an activation, too: only the middle has one": other(acts_again=True),
        "BERT is post-LN: normalize after the sum, not before": other(pre_norm=True),
        "the dense layers read the layer's input: they read what the attention gave": other(
            reads_inputs=True
        ),
        "the second half starts from the layer's input: it starts from what the attention gave": other(
            forgets=True
        ),
        "the dense layers' result is not added to what went in": other(no_second_sum=True),
        "one norm serves for both parts: use `feed_forward_residual` for the second": other(one_norm=True),
    }


@check("BertLayer")
def sets_the_epsilon(BertLayer):
    for epsilon in (1e-12, 0.01):
        layer, x = BertLayer(2, 6, 10, dropout=0.0, epsilon=epsilon), fixed_normal(2, 4, 6, scale=1e-4)
        run_block(layer, x)
        for name in PARTS:
            expect(
                getattr(layer, name, None) is not None, f"the layer needs `self.{name}`, see its docstring"
            )
        for name in ("attention_residual", "feed_forward_residual"):
            found = getattr(layer, name).normalization.epsilon
            expect(
                found != 1e-6,
                f"`self.{name}.normalization.epsilon` is still that of Lab 2: set it to `epsilon`",
            )
            message = f"`self.{name}.normalization.epsilon` is {found:g}, and epsilon={epsilon:g} was given"
            expect(abs(found - epsilon) < 1e-3 * epsilon, message)


@check("BertLayer")
def hands_the_dropout_on(BertLayer):
    expect_rate(filled_layer(BertLayer, True), 0.3, "attention_residual", "feed_forward_residual")


# --- Bert -------------------------------------------------------------------------------------------------


@kept
def small_bert(Bert):
    """A model with uneven weights, called once."""
    model = Bert(50, 2, 3, 6, 10, max_length=15, dropout=0.3)
    run_block(model, (integers(TOKENS), integers(SEGMENTS)))
    expect(model.pooler_dense.built, "`self.pooler_dense` is not used: the second result passes through it")
    set_all(model, "embedding", "pooler_dense")
    for block in model.blocks:
        expect(block.built, "not all of `self.blocks` are used: go through them one after the other")
        set_all(block, *PARTS)
    return model


def bert_results(model, mask, tokens=TOKENS, segments=SEGMENTS):
    x = states = model.embedding(integers(tokens), integers(segments))
    for block in model.blocks:
        states = block(states, attention_mask=mask)
    return x, states


@check("Bert")
def runs_through_all_layers(Bert):
    model = small_bert(Bert)
    real = ops.convert_to_tensor((TOKENS != 0)[:, None, None, :])
    embedded, states = bert_results(model, real)
    found = model((integers(TOKENS), integers(SEGMENTS)))
    expect_pair(found, "(states, pooled)")
    expect(len(np.shape(found[0])) != 2, "the states come first, what the pooler gives second")
    expect_shape(found[0], (2, 13, 6), "(batch, length, hidden_dim)")
    everywhere = ops.ones_like(real)
    queries = ops.swapaxes(real, 2, 3)
    last = embedded
    for block in model.blocks:
        last = block(embedded, attention_mask=real)
    mistakes = {
        "the padding is not hidden: give the blocks a mask": bert_results(model, everywhere)[1],
        "the mask is inverted: `True` = may attend": bert_results(model, ops.logical_not(real))[1],
        "the mask hides queries: the padded *keys* are to be hidden, the last axis": bert_results(
            model, queries
        )[1],
        "the segments are not used": bert_results(model, real, segments=0 * SEGMENTS)[1],
        "every block reads the embeddings: each reads what the one before gave": last,
        "`CLS` and `SEP` are hidden, too: only `PAD` is": bert_results(
            model, ops.convert_to_tensor((TOKENS > 4)[:, None, None, :])
        )[1],
    }
    # What stands at padding is nobody's business.
    kept = ops.convert_to_tensor((TOKENS != 0)[..., None])
    mistakes = {sentence: ops.where(kept, wrong, 0.0) for sentence, wrong in mistakes.items()}
    message = "the states are not embedding, then all blocks"
    expect_or_name_mistake(ops.where(kept, found[0], 0.0), ops.where(kept, states, 0.0), message, mistakes)


@check("Bert")
def pools_the_first_place(Bert):
    model = small_bert(Bert)
    real = ops.convert_to_tensor((TOKENS != 0)[:, None, None, :])
    embedded, states = bert_results(model, real)
    _, pooled = expect_pair(model((integers(TOKENS), integers(SEGMENTS))), "(states, pooled)")
    expect_shape(pooled, (2, 6), "one vector for each row: (batch, hidden_dim)")
    pool = model.pooler_dense
    mistakes = {
        "`pooler_dense` is not used": states[:, 0],
        "the pooler reads the last place: it reads the first, `CLS`": pool(states[:, -1]),
        "the pooler reads the mean: it reads the first place, `CLS`": pool(ops.mean(states, axis=1)),
        "the pooler reads the embeddings: it reads what the last block gave": pool(embedded[:, 0]),
        "the pooler has its tanh already": ops.tanh(pool(states[:, 0])),
    }
    expect_or_name_mistake(
        pooled, pool(states[:, 0]), "the pooler is not applied to the first place", mistakes
    )


@check("Bert")
def padding_changes_nothing(Bert):
    model = small_bert(Bert)
    short = (integers(TOKENS[1:, :8]), integers(SEGMENTS[1:, :8]))
    padded = (integers(TOKENS[1:]), integers(SEGMENTS[1:]))
    states, more = model(short)[0], model(padded)[0]
    expect_close(
        more[:, :8], states, "with padding behind it, a text gives other states: hide `PAD`", atol=1e-3
    )


# --- MaskedLanguageHead -----------------------------------------------------------------------------------


@check("MaskedLanguageHead")
def scores_by_the_embeddings(MaskedLanguageHead):
    states, embeddings = fixed_normal(2, 3, 6), fixed_normal(11, 6, seed=1)
    for approximate in (True, False):
        layer = MaskedLanguageHead(11, 6, approximate=approximate)
        found = layer(states, embeddings)
        expect_shape(found, (2, 3, 11), "a score for each of the 11 tokens of the vocabulary")
        for weight in layer.weights:
            expect(
                11 not in tuple(weight.shape)[:-1] and tuple(weight.shape) != (6, 11),
                "the head has a large matrix of its own: take the scores with `embeddings`",
            )
        set_all(layer, "transform_dense", "normalization")
        layer.bias.assign(fixed_normal(11, seed=3))
        mistakes = head_mistakes(layer, states, embeddings, approximate)
        message = (
            f"with approximate={approximate}: transform, GELU, normalize, times the embeddings, plus bias"
        )
        expect_or_name_mistake(
            layer(states, embeddings), head_result(layer, states, embeddings, approximate), message, mistakes
        )


def head_result(layer, states, embeddings, approximate, **mistake):
    def act(x):
        return keras.activations.gelu(x, approximate=approximate)

    x = normalized(layer.normalization, states) if mistake.get("norm_first") else states
    if not mistake.get("no_dense"):
        x = ops.matmul(x, layer.transform_dense.kernel) + layer.transform_dense.bias
        x = normalized(layer.normalization, x) if mistake.get("norm_inside") else x
        x = mistake.get("activation", act)(x)
    if not mistake.get("no_norm"):
        x = normalized(layer.normalization, x, mistake.get("epsilon", 1e-12))
    logits = ops.matmul(x, ops.transpose(embeddings))
    return logits if mistake.get("no_bias") else logits + layer.bias


def head_mistakes(layer, states, embeddings, approximate):
    def other(**mistake):
        return lambda: head_result(layer, states, embeddings, approximate, **mistake)

    return {
        "the bias is missing": other(no_bias=True),
        "the normalization is missing": other(no_norm=True),
        "the normalization comes last: first the dense layer, then the GELU": other(
            norm_inside=True, no_norm=True
        ),
        "the normalization comes after the dense layer, not before": other(norm_first=True, no_norm=True),
        "`transform_dense` is not used": other(no_dense=True),
        "where is the activation? A GELU follows `transform_dense`": other(activation=lambda x: x),
        "the activation is a ReLU: it is a GELU": other(activation=ops.relu),
        "the activation is a tanh: that is the pooler's; here it is a GELU": other(activation=ops.tanh),
        "the GELU has the wrong form: hand `self.approximate` on to it": lambda: head_result(
            layer, states, embeddings, not approximate
        ),
        "these are probabilities: return the scores, without a softmax": lambda: ops.softmax(
            head_result(layer, states, embeddings, approximate)
        ),
    }


@check("MaskedLanguageHead")
def has_the_epsilon_of_bert(MaskedLanguageHead):
    layer = MaskedLanguageHead(11, 6)
    layer(fixed_normal(2, 3, 6), fixed_normal(11, 6, seed=1))
    for name in ("transform_dense", "normalization"):
        expect(getattr(layer, name, None) is not None, f"the layer needs `self.{name}`, see its docstring")
    found = layer.normalization.epsilon
    expect(found < 1e-10, f"the normalization's epsilon is {found:g}: give it epsilon=1e-12")


# --- masked_language_loss ---------------------------------------------------------------------------------


def losses_of(labels, logits):
    return to_numpy(keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True))


@check("masked_language_loss")
def counts_chosen_places_only(masked_language_loss):
    labels, logits = integers(np.arange(8).reshape(2, 4) % 7), 2 * fixed_normal(2, 4, 7)
    chosen = np.array([[True, False, False, False], [True, True, False, True]])
    losses = losses_of(labels, logits)
    found = masked_language_loss(labels, logits, ops.convert_to_tensor(chosen))
    expect_shape(found, (), "one number for the whole batch")
    mistakes = {
        "all places count: only the chosen ones are to": losses.mean(),
        "the places that were not chosen count": losses[~chosen].mean(),
        "the sum is divided by all places: divide by the number of chosen ones": losses[chosen].sum() / 8,
        "the losses are added up: divide by the number of chosen places": losses[chosen].sum(),
        "each row has a mean of its own: take one mean over all chosen places": np.mean(
            [losses[row][chosen[row]].mean() for row in (0, 1)]
        ),
        "the sign is wrong: a loss is minus the log-probability": -losses[chosen].mean(),
        "the loss is in bits: in nats, the logarithm is the natural one": losses[chosen].mean() / np.log(2),
        "the number of chosen places is one too large": losses[chosen].sum() / 5,
        "the logits are taken for probabilities: `log_softmax` comes first (or `from_logits=True`)": lambda: (
            to_numpy(keras.losses.sparse_categorical_crossentropy(labels, logits))[chosen].mean()
        ),
    }
    message = "the loss is not the mean over the chosen places"
    expect_or_name_mistake(found, losses[chosen].mean(), message, mistakes)


@check("masked_language_loss")
def nothing_chosen_costs_nothing(masked_language_loss):
    nothing = ops.zeros((1, 3), "bool")
    found = masked_language_loss(integers([[1, 2, 3]]), fixed_normal(1, 3, 7), nothing)
    expect(not np.isnan(to_numpy(found)).any(), "without a chosen place 0 is divided by 0: guard against it")
    expect_close(found, 0.0, "without a chosen place the loss is 0")


@check("masked_language_loss")
def guessing_costs_the_log_of_the_vocabulary(masked_language_loss):
    found = masked_language_loss(integers([[1, 2, 3]]), ops.zeros((1, 3, 9)), ops.ones((1, 3), "bool"))
    expect_close(found, np.log(9), "if all 9 tokens are equally likely, each costs log(9) nats")
    large = ops.convert_to_tensor(np.array([[[300.0, 0.0, -300.0]]], "float32"))
    found = masked_language_loss(integers([[1]]), large, ops.ones((1, 1), "bool"))
    expect_close(found, 300.0, "large logits come out wrong: use `log_softmax`", atol=0.1)


# --- linear_warmup_decay ----------------------------------------------------------------------------------


@check("linear_warmup_decay")
def rises_then_falls_to_zero(linear_warmup_decay):
    steps = np.arange(0, 131, 5).astype("float32")
    up, down = steps / 20, (100 - steps) / 80
    wanted = 0.3 * np.maximum(np.minimum(up, down), 0)
    after = steps >= 20
    mistakes = {
        "there is no warm-up: at step 0 the rate is 0": 0.3 * np.clip(down, 0, None),
        "without a warm-up, and it falls from step 0": 0.3 * np.clip(1 - steps / 100, 0, None),
        "after the warm-up the rate is to fall to 0": 0.3 * np.minimum(up, 1),
        "after the last step the rate is 0, not negative": 0.3 * np.minimum(up, down),
        "the fall starts at `peak`, when the warm-up ends: divide by total_steps - warmup_steps": 0.3
        * np.maximum(np.where(after, (100 - steps) / 100, up), 0),
        "the fall starts where both lines cross: divide by total_steps - warmup_steps": 0.3
        * np.maximum(np.minimum(up, (100 - steps) / 100), 0),
        "the fall is a straight line here, not a root": 0.3
        * np.minimum(up, (20 / np.maximum(steps, 1)) ** 0.5),
        "the fall is a straight line here, not a cosine": 0.3
        * np.where(after, 0.5 + 0.5 * np.cos(np.pi * np.clip((steps - 20) / 80, 0, 1)), up),
        "`peak` is not used": wanted / 0.3,
    }
    sentence = "several steps at once do not work: `ops.minimum` and `ops.maximum` choose entry by entry, `if` does not"
    found = attempt(sentence, linear_warmup_decay, ops.convert_to_tensor(steps), 0.3, 20, 100)
    expect_shape(found, steps.shape, "one rate for each step")
    expect_or_name_mistake(found, wanted, "the rate is not a line up and a line down to 0", mistakes)


@check("linear_warmup_decay")
def takes_a_plain_number(linear_warmup_decay):
    found = attempt("a plain number is a step, too", linear_warmup_decay, 5, 1.0, 10, 30)
    expect_close(found, 0.5, "half of the warm-up, half of the peak")
    found = linear_warmup_decay(ops.convert_to_tensor(20, "int32"), 1.0, 10, 30)
    expect_close(found, 0.5, "half of the way down, half of the peak")


# --- BertClassifier ---------------------------------------------------------------------------------------


class Stand(keras.layers.Layer):
    """Stands in for a `Bert`: gives fixed states and another fixed vector as `pooled`."""

    def call(self, inputs):
        tokens, segments = inputs
        x = ops.cast(ops.stack([tokens, segments, tokens * segments, tokens - segments], axis=-1), "float32")
        states = ops.sin(0.3 * x)  # (batch, length, 4)
        return states, ops.cos(states[:, 0] + states[:, 5])


@check("BertClassifier")
def sorts_by_the_pooled_vector(BertClassifier):
    model = BertClassifier(Stand(), 3)
    inputs = (integers(TOKENS), integers(SEGMENTS))
    expect_shape(run_block(model, inputs), (2, 3), "one score for each of the 3 classes")
    set_all(model, "class_dense")
    dense = model.class_dense
    states, pooled = Stand()(inputs)
    plain = ops.matmul(pooled, dense.kernel) + dense.bias
    mistakes = {
        "the states' first place is read: read what the pooler gives": lambda: (
            ops.matmul(states[:, 0], dense.kernel) + dense.bias
        ),
        "the mean of the states is read: read what the pooler gives": lambda: (
            ops.matmul(ops.mean(states, axis=1), dense.kernel) + dense.bias
        ),
        "these are probabilities: return the scores, without a softmax": ops.softmax(plain),
        "the scores have an activation, a tanh: they need none": ops.tanh(plain),
        "the scores have an activation, a ReLU: they need none": ops.relu(plain),
    }
    expect_or_name_mistake(
        model(inputs), plain, "the scores are not `class_dense` of the pooled vector", mistakes
    )


@check("BertClassifier")
def drops_before_the_dense_layer(BertClassifier):
    inputs = (integers(TOKENS), integers(SEGMENTS))
    model = BertClassifier(Stand(), 4, dropout=0.5)
    run_block(model, inputs)
    expect_shape(model.class_dense.kernel, (4, 4), "`class_dense` reads the pooled vector itself")
    expect(getattr(model, "dropout", None) is not None, "the model needs `self.dropout`, see its docstring")
    model.class_dense.kernel.assign(np.eye(4, dtype="float32"))
    model.class_dense.bias.assign(np.full(4, 10.0, "float32"))
    pooled = to_numpy(Stand()(inputs)[1])
    found = np.concatenate([to_numpy(model(inputs, training=True)) - 10.0 for _ in range(8)])
    expect(
        np.abs(found + 10.0).min() > 1e-3,
        "the dropout comes after the dense layer: drop what it reads, not the scores",
    )
    dropped = np.abs(found) < 1e-4
    expect(dropped.any(), "nothing is dropped in training: `self.dropout` comes before `class_dense`")
    wanted = np.where(dropped, 0.0, np.tile(2 * pooled, (8, 1)))
    expect(
        0.15 < dropped.mean() < 0.85 and alike(found, wanted),
        "the pooled vector is to be dropped, with the rate that was given",
    )


# --- sentence_vectors -------------------------------------------------------------------------------------


@check("sentence_vectors")
def means_of_real_states(sentence_vectors):
    states, tokens = fixed_normal(2, 13, 5) + 0.4, integers(TOKENS)
    real = (TOKENS != 0)[..., None]
    values = to_numpy(states)

    def scaled(x):
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    mean = (values * real).sum(axis=1) / real.sum(axis=1)
    mistakes = {
        "the padding counts: leave out the states at `PAD`": scaled(values.mean(axis=1)),
        "the padding counts, and nothing is scaled": values.mean(axis=1),
        "the mean is not scaled: divide it by its length": mean,
        "all rows are scaled together: each by its own length": mean / np.linalg.norm(mean),
        "`CLS` and `SEP` are left out, too: only `PAD` is": scaled(
            (values * (TOKENS > 4)[..., None]).sum(axis=1)
        ),
        "the mean divides by the length of the row: divide by the number of real tokens, then scale": (
            (values * real).mean(axis=1)
        ),
        "the first place is read: take the mean over all real ones": scaled(values[:, 0]),
        "each row is scaled by its own length, not by that of a column": mean
        / np.linalg.norm(mean, axis=0, keepdims=True),
        "the length is the *root* of the sum of squares": mean / (mean**2).sum(axis=-1, keepdims=True),
        "the length is the root of the sum of squares, not the sum of absolute values": mean
        / np.abs(mean).sum(axis=-1, keepdims=True),
        "the largest values are taken: take the mean": scaled(np.where(real, values, -1e9).max(axis=1)),
        "each state was scaled before the mean, and the mean was not": (scaled(values) * real).sum(axis=1)
        / real.sum(axis=1),
    }
    found = sentence_vectors(states, tokens)
    expect_shape(found, (2, 5), "(batch, hidden_dim)")
    expect_or_name_mistake(
        found, scaled(mean), "the vector is not the mean of the real states, scaled", mistakes
    )


@check("sentence_vectors")
def have_length_one(sentence_vectors):
    found = to_numpy(sentence_vectors(fixed_normal(2, 13, 5) * 7.0, integers(TOKENS)))
    expect_close((found**2).sum(axis=-1), np.ones(2), "the squares of each vector are to sum to 1")


# --- what learning needs ----------------------------------------------------------------------------------


@check("mask_tokens")
def only_pad_cls_and_sep_are_spared(mask_tokens):
    # 1 is `UNKNOWN` and 4 is `MASK`: tokens like others, that may be chosen.
    rows = np.array([[2, 1, 4, 17, 18, 1, 3, 0, 0, 0]], "int32")
    choice = np.array([[0.0, 0.1, 0.2, 0.9, 0.8, 0.3, 0.0, 0.0, 0.0, 0.0]], "float32")
    _, kind, others = noises(rows.shape)
    _, chosen = chosen_places(
        mask_tokens(rows, choice, kind, others, 0.45), rows.shape
    )  # round(0.45 * 7) = 3
    spared = chosen.astype(int)[0, [1, 2, 5]].tolist()
    expect(
        chosen.sum() == 3 and spared == [1, 1, 1],
        "only `PAD`, `CLS` and `SEP` are spared: any other token can be chosen, `UNKNOWN` (1) and `MASK` (4), too",
    )
    choice = np.linspace(0.9, 0.1, 10, dtype="float32")[None]
    _, chosen = chosen_places(mask_tokens(rows, choice, kind, others, 1.0), rows.shape)
    sentence = "with `share=1.0` all tokens that may be chosen are, and `PAD`, `CLS` and `SEP` are not"
    expect_close(chosen, np.array([[0, 1, 1, 1, 1, 1, 0, 0, 0, 0]]), sentence)


@check("mask_tokens")
def leaves_its_arguments_alone(mask_tokens):
    choice, kind, others = noises(TOKENS.shape)
    expect_untouched(
        mask_tokens, tokens=TOKENS.copy(), choice_noise=choice, kind_noise=kind, random_tokens=others
    )


@check("sentence_pair")
def leaves_the_documents_alone(sentence_pair):
    documents = [[[11], [12, 12]], [[21, 21], [22]], [[11], [12, 12]]]
    for noise in ((0.2, 0.9, 0.9), (0.7, 0.9, 0.9)):
        expect_untouched(sentence_pair, documents=documents, document=0, place=0, noise=noise)
    found = attempt(
        "two documents with the same words are two documents: go by their number",
        sentence_pair,
        documents,
        0,
        0,
        (0.7, 0.6, 0.9),
    )
    message = "a document with the same words as the first one's is another document: go by its number"
    expect_three(found, ([11], [12, 12], 0), message)


@check("BertEmbedding")
def bert_embedding_can_be_trained(BertEmbedding):
    layer, inputs = small_embedding(BertEmbedding, dropout=0.3), (integers(TOKENS), integers(SEGMENTS))
    expect_parts(layer, *TABLES, "normalization", weights=(50 + 15 + 2 + 2) * 6)
    expect_gradients(lambda: layer(*inputs), layer)
    norm = layer.normalization
    x = layer.token_embedding(inputs[0]) + layer.segment_embedding(inputs[1])
    x = x + layer.position_embedding.embeddings[:13]
    with predictable_dropout():
        found = layer(*inputs, training=True)
    plain = normalized(norm, x)
    mistakes = {
        "`dropout` is the share that goes, and Keras' `Dropout` takes that: not 1 - dropout": dropped(
            plain, 0.7
        ),
        "the dropout comes last, after the normalization": normalized(norm, dropped(x, 0.3)),
        "nothing is dropped in training: `self.dropout` comes last": plain,
        "`dropout` is not used: 0.1 is only what it is if left out": dropped(plain, 0.1),
    }
    message = "in training the dropout comes last, once, at the rate that was given"
    expect_or_name_mistake(found, dropped(plain, 0.3), message, mistakes)


@check("BertLayer")
def bert_layer_can_be_trained(BertLayer):
    layer, x = filled_layer(BertLayer, True), fixed_normal(2, 4, 6)
    # Attention 4 x (6 x 6 + 6), dense layers 6 x 10 + 10 + 10 x 6 + 6, two norms of 12.
    expect_parts(layer, *PARTS, weights=168 + 136 + 24)
    expect_gradients(layer, layer, inputs=x)
    first, second = layer.attention_residual.normalization, layer.feed_forward_residual.normalization

    def think(y):
        wide = ops.matmul(y, layer.intermediate_dense.kernel) + layer.intermediate_dense.bias
        return layer.output_dense(keras.activations.gelu(wide, approximate=True))

    y = normalized(first, x + dropped(layer.attention(x)[0], 0.3))
    right = normalized(second, y + dropped(think(y), 0.3))
    with predictable_dropout():
        found = layer(x, training=True)
    message = (
        "in training the result is another than what its parts give: dropout belongs into the two residual "
        "connections alone, at the rate that is given"
    )
    expect_close(found, right, message)


@check("Bert")
def bert_can_be_trained(Bert):
    drops, inputs = small_bert(Bert), (integers(TOKENS), integers(SEGMENTS))
    expect_made_once(drops, inputs)
    expect_gradients(lambda: drops(inputs), drops)
    real = ops.convert_to_tensor((TOKENS != 0)[:, None, None, :])
    with predictable_dropout():
        states, pooled = drops(inputs, training=True)
        right = drops.embedding(*inputs, training=True)
        for block in drops.blocks:
            right = block(right, attention_mask=real, training=True)
    kept = ops.convert_to_tensor((TOKENS != 0)[..., None])
    message = "in training the states are not those of the parts: the parts bring all dropout with them"
    expect_close(ops.where(kept, states, 0.0), ops.where(kept, right, 0.0), message)
    expect_close(pooled, drops.pooler_dense(right[:, 0]), "in training the pooler's result is another")


@check("MaskedLanguageHead")
def masked_language_head_can_be_trained(MaskedLanguageHead):
    layer, states, embeddings = MaskedLanguageHead(11, 6), fixed_normal(2, 3, 6), fixed_normal(11, 6, seed=1)
    layer(states, embeddings)
    set_all(layer, "transform_dense", "normalization")
    expect_parts(layer, "transform_dense", "normalization", weights=6 * 6 + 6 + 12 + 11)
    expect_gradients(layer, layer, states=states, embeddings=embeddings)
    expect_no_dropout(layer, states, embeddings)


@check("masked_language_loss")
def masked_language_loss_can_be_trained(masked_language_loss):
    labels, chosen = integers(np.arange(8).reshape(2, 4) % 7), fixed_normal(2, 4) > 0
    expect_gradients(
        lambda logits: masked_language_loss(labels, logits, chosen), logits=fixed_normal(2, 4, 7)
    )
    expect_any_batch(masked_language_loss, labels, fixed_normal(2, 4, 7), chosen)


class Reading(keras.layers.Layer):
    """Stands in for a `Bert` that can be trained."""

    def __init__(self):
        super().__init__(name="bert")
        self.table = keras.layers.Embedding(50, 4, name="table")

    def build(self, input_shape):
        self.table.build()

    def call(self, inputs):
        x = self.table(inputs[0])
        return x, ops.tanh(ops.mean(x, axis=1))


@check("BertClassifier")
def bert_classifier_can_be_trained_with_its_bert(BertClassifier):
    inputs = (integers(TOKENS), integers(SEGMENTS))
    model = BertClassifier(Reading(), 3, dropout=0.3)
    run_block(model, inputs)
    set_all(model, "bert", "class_dense")
    expect_parts(model, "bert", "class_dense", weights=50 * 4 + 4 * 3 + 3)
    expect_gradients(lambda: model(inputs), model)
    with predictable_dropout():
        found = model(inputs, training=True)
    pooled, dense = model.bert(inputs)[1], model.class_dense
    mistakes = {
        "`dropout` is the share that goes, and Keras' `Dropout` takes that: not 1 - dropout": dense(
            dropped(pooled, 0.7)
        ),
        "nothing is dropped in training: `self.dropout` comes before `class_dense`": dense(pooled),
        "`dropout` is not used: 0.1 is only what it is if left out": dense(dropped(pooled, 0.1)),
        "the dropout comes after the dense layer: drop what it reads, not the scores": dropped(
            dense(pooled), 0.3
        ),
    }
    message = "in training the pooled vector is to be dropped once, with the rate that was given"
    expect_or_name_mistake(found, dense(dropped(pooled, 0.3)), message, mistakes)
