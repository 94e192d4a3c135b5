"""What `gpu.py` measures: the models, their batches, and how much work a step of them is."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from course import data
from course.experiments import bert as bert_experiment
from course.experiments import mae as mae_experiment
from course.experiments import training
from course.experiments import transformer as transformer_experiment
from course.models.wordpiece import WordPiece
from solutions import bert, igpt, mae, transformer, vit

RNG = np.random.default_rng(1)
NAMES = ("bert", "vit", "mae", "labs")


@dataclass(frozen=True)
class Published:
    """A model of a published size. `batch()` is `(inputs, targets)`, `size` how many examples it holds."""

    name: str
    size: int
    make: Callable
    batch: Callable
    loss: object
    operations: Callable  # model -> operations of one step
    make_hub: Callable | None = None
    note: str = ""


@dataclass(frozen=True)
class Lab:
    """A lab's GPU path: as `Published`, with the steps of the whole path and of one turn of the measurement."""

    name: str
    size: int
    make: Callable
    batch: Callable
    loss: object
    operations: Callable
    steps: int
    turn: int

    def estimate(self, seconds):
        """The minutes that the whole path takes at this pace, its evaluations not counted."""
        minutes = self.steps * seconds / 60
        return (
            f"{self.steps:,} steps: {minutes:.0f} min"
            if minutes >= 1
            else f"{self.steps:,} steps: under 1 min"
        )


def work(tokens, length, width, layers):
    """`model -> operations` of a training step on `tokens` tokens in sequences of `length`.

    Embedding tables do no arithmetic and do not count; every other matrix meets every token.
    """

    def of(model):
        matrices = sum(
            math.prod(weight.shape)
            for weight in model.trainable_weights
            if len(weight.shape) >= 2 and weight.name in ("kernel",)
        )
        return 6 * matrices * tokens + 12 * layers * width * length * tokens

    return of


def cases(name, toy):
    """The cases behind one of `NAMES`, at published or at toy sizes."""
    return {"bert": bert_cases, "vit": vit_cases, "mae": mae_cases, "labs": labs}[name](toy)


# --- published sizes --------------------------------------------------------------------------------------


def bert_cases(toy):
    batch, length, vocabulary = (2, 16, 100) if toy else (64, 128, 30_522)
    sizes = bert.SIZES["tiny"] | {"num_layers": 1} if toy else bert.SIZES["base"]
    order = ("num_layers", "num_heads", "hidden_dim", "intermediate_dim")

    def hub():
        import keras_hub

        inner = keras_hub.models.BertBackbone(vocabulary, *(sizes[key] for key in order), dropout=0.1)
        tokens, segments = (keras.Input((length,), dtype="int32") for _ in range(2))
        states = inner({"token_ids": tokens, "segment_ids": segments, "padding_mask": ops.ones_like(tokens)})
        return keras.Model((tokens, segments), keras.layers.Dense(2)(states["pooled_output"]))

    def rows():
        tokens = RNG.integers(5, vocabulary, (batch, length)).astype("int32")
        return (tokens, np.zeros_like(tokens)), RNG.integers(0, 2, batch)

    yield Published(
        f"BERT-{'toy' if toy else 'base'}, {length} tokens",
        batch,
        lambda: bert.BertClassifier(bert.Bert(vocabulary, **sizes), 2),
        rows,
        training.CROSS_ENTROPY,
        work(batch * length, length, sizes["hidden_dim"], sizes["num_layers"]),
        hub,
    )


def vit_cases(toy):
    batch, side, patch = (2, 32, 16) if toy else (64, 224, 16)
    sizes = vit.SIZES["Ti"] | {"num_layers": 1} if toy else vit.SIZES["B"]
    layers, heads, width, inner = (
        sizes[key] for key in ("num_layers", "num_heads", "hidden_dim", "intermediate_dim")
    )

    def hub():
        import keras_hub

        body = keras_hub.models.ViTBackbone((side, side, 3), patch, layers, heads, width, inner)
        return keras.Sequential([body, keras.layers.Lambda(lambda x: x[:, 0]), keras.layers.Dense(1000)])

    length = (side // patch) ** 2 + 1
    yield Published(
        f"ViT-{'toy' if toy else 'B'}/{patch}, {side} pixels",
        batch,
        lambda: vit.VisionTransformer((side, side), patch, layers, heads, width, inner, 1000),
        lambda: (RNG.random((batch, side, side, 3), dtype="float32"), RNG.integers(0, 1000, batch)),
        training.CROSS_ENTROPY,
        work(batch * length, length, width, layers),
        hub,
    )


def mae_cases(toy):
    batch, side, patch = (2, 32, 8) if toy else (64, 224, 16)
    sizes = vit.SIZES["Ti"] | {"num_layers": 1} if toy else vit.SIZES["B"]
    patches = (side // patch) ** 2
    light = mae.DECODER | (
        {"num_layers": 1, "hidden_dim": 32, "num_heads": 4, "intermediate_dim": 64} if toy else {}
    )

    def pictures():
        images = RNG.random((batch, side, side, 3), dtype="float32")
        return ((images, RNG.random((batch, patches), dtype="float32")),)

    def make(kind):
        encoder = kind((side, side), patch, **sizes)
        decoder = mae.MAEDecoder(encoder.grid, patch**2 * 3, **light)
        return mae.MaskedAutoencoder(
            encoder, decoder, lambda images: mae.normalize_patches(mae.patchify(images, patch))
        )

    def operations(seen):
        def of(model):
            parts = ((model.encoder, seen + 1, sizes), (model.decoder, patches + 1, light))
            return sum(
                work(batch * length, length, each["hidden_dim"], each["num_layers"])(part)
                for part, length, each in parts
            )

        return of

    name = f"MAE, ViT-{'toy' if toy else 'B'}/{patch}, {side} pixels"
    quarter = patches // 4
    yield Published(
        name,
        batch,
        functools.partial(make, mae.MAEEncoder),
        pictures,
        None,
        operations(quarter),
        note="encoder: visible only",
    )
    yield Published(
        name,
        batch,
        functools.partial(make, mae.FullLengthEncoder),
        pictures,
        None,
        operations(patches),
        note="encoder: all, mask tokens",
    )


# --- the labs' GPU paths ----------------------------------------------------------------------------------
# Sizes, batches and steps are those of the cells that begin `if course.preset() == "gpu"`.


def labs(toy):
    """The GPU path of each lab; toy ones have a batch of four and the same models, but for Labs 5 and 6."""
    turn = 2 if toy else 25

    def batch(size):
        return 4 if toy else size

    size = batch(128)  # 51,785 pairs of sentences, 15 times
    yield Lab(
        "Lab 2, Transformer, 64 tokens",
        size,
        lambda: transformer.Transformer(8_000, 4, 8, 256, 1024, dropout=0.1, max_length=64),
        functools.partial(dates, size),
        transformer.smoothed_cross_entropy,
        # Half of the matrices meet source tokens, the other half target tokens.
        work(size * 64, 64, 256, 4 * 3 // 2),
        51_785 * 15 // 128,
        turn,
    )
    size = batch(64)
    yield Lab(
        "Lab 3, BERT, 128 tokens",
        size,
        lambda: bert.BertPretraining(bert.Bert(8_000, 4, 4, 256, 1024, max_length=128)),
        functools.partial(docstrings, size),
        [training.where_asked(bert.masked_language_loss), training.CROSS_ENTROPY],
        work(size * 128, 128, 256, 4),
        10_000,
        turn,
    )
    size = batch(256)
    yield Lab(
        "Lab 4, ViT, 32 pixels",
        size,
        lambda: vit.VisionTransformer((32, 32), 4, 7, 4, 256, 512, 10, dropout=0.1, pooling="mean"),
        functools.partial(digits, size),
        training.CROSS_ENTROPY,
        work(size * 65, 65, 256, 7),
        50_000 // 256 * 100,
        turn,
    )
    size, side = batch(64), 8 if toy else 32
    yield Lab(
        f"Lab 5, iGPT, {side * side} pixels",
        size,
        lambda: igpt.ImageGPT(512, side, side, num_layers=8, num_heads=8, hidden_dim=256),
        functools.partial(grey_levels, size, side),
        igpt.autoregressive_loss,
        work(size * side**2, side**2, 256, 8),
        50_000,
        turn,
    )
    size = batch(512)
    yield Lab(
        "Lab 6, MAE, 256 patches",
        size,
        lambda: mae_experiment.large_autoencoder(
            mae.MAEEncoder,
            mae.MAEDecoder,
            mae.MaskedAutoencoder,
            lambda images: mae.normalize_patches(mae.patchify(images, 2)),
        ),
        lambda: ((digits(size)[0], RNG.random((size, 256), dtype="float32")),),
        None,
        lambda model: (
            work(size * 65, 65, 192, 12)(model.encoder) + work(size * 257, 257, 192, 4)(model.decoder)
        ),
        40_000,
        turn,
    )


def dates(count):
    """Dates as people and as computers write them, letter by letter: `((source, target), next letters)`."""
    pairs = transformer_experiment.text_pairs(data.load("dates"))[:count]
    letters = {letter: 3 + number for number, letter in enumerate(sorted(set("".join(map("".join, pairs)))))}

    def rows(texts, length):
        found = np.zeros((count, length), "int32")  # 0 is padding, 1 the beginning, 2 the end
        for row, text in zip(found, texts, strict=True):
            numbers = [1, *(letters[letter] for letter in text), 2][:length]
            row[: len(numbers)] = numbers
        return found

    sources, targets = zip(*pairs, strict=True)
    target = rows(targets, 65)
    return (rows(sources, 64), target[:, :-1]), target[:, 1:]


def docstrings(count):
    """Pairs of sentences with hidden tokens, as Lab 3 reads them, in its small vocabulary."""
    documents, _ = bert_experiment.read_corpus("train[:5%]")
    pieces = WordPiece.train([sentence for document in documents for sentence in document], 1_000)
    encoded = bert_experiment.encoded(documents, pieces)
    tokens, segments, is_next = bert_experiment.pair_rows(
        encoded, bert.sentence_pair, bert.pack, count, length=128
    )
    inputs, places, answers = bert_experiment.hidden_rows(tokens, bert.mask_tokens, 1_000)
    return (inputs, segments, places), (answers, is_next)


def digits(count):
    """MNIST's digits in the shape of CIFAR-10: `(images, labels)`, floats `(count, 32, 32, 3)`."""
    examples = data.load("mnist5k", as_supervised=True).batch(count)
    images, labels = next(examples.as_numpy_iterator())
    images = ops.image.resize(ops.cast(images, "float32") / 255.0, (32, 32))
    return ops.convert_to_numpy(ops.tile(images, (1, 1, 1, 3))), labels


def grey_levels(count, side):
    """The same digits in 512 levels of grey: `(pixels, pixels)`, integers `(count, side, side)`."""
    images, _ = digits(count)
    step = images.shape[1] // side
    pixels = (images[:, ::step, ::step, 0] * 511).astype("int32")
    return pixels, pixels
