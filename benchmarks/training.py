"""How fast the labs train: milliseconds a step, with Keras' own `fit` and with the course's loop, in turns.

    python benchmarks/training.py                 all labs: some minutes
    python benchmarks/training.py --only mae      one of them
    python benchmarks/training.py --steps 100     more steps a turn (default: 50)

Sizes and batches are those of the labs' longest trainings. Of three turns the fastest counts, in seconds of the clock
and of the processor: the first are what a learner waits for, the second hardly mind what else a computer does.
"""

import argparse
import time

import keras
import numpy as np

from course.experiments import igpt, mae, training
from course.machine.presets import jit_compile
from solutions import bert as bert_reference
from solutions import igpt as igpt_reference
from solutions import mae as mae_reference
from solutions import transformer as transformer_reference
from solutions import vit as vit_reference

RNG = np.random.default_rng(1)


def transformer(steps):
    model = transformer_reference.Transformer(
        80, max_length=64, num_layers=2, num_heads=4, hidden_dim=64, intermediate_dim=256, dropout=0.0
    )
    sources, targets = RNG.integers(4, 80, (64 * steps, 18)), RNG.integers(4, 80, (64 * steps, 22))
    data = training.in_order((sources, targets), targets, 64)
    return model, transformer_reference.smoothed_cross_entropy, data


def bert_pretraining(steps):
    sizes = {"num_layers": 2, "num_heads": 4, "hidden_dim": 128, "intermediate_dim": 512}
    inner = bert_reference.Bert(3_000, max_length=64, dropout=0.0, **sizes)
    model = bert_reference.BertPretraining(inner)
    rows = 32 * steps
    inputs, segments = RNG.integers(4, 3_000, (rows, 40)), np.zeros((rows, 40), "int32")
    places = np.sort(RNG.permuted(np.tile(np.arange(40), (rows, 1)), axis=1)[:, :6], axis=1)
    answers, follows = RNG.integers(4, 3_000, (rows, 6)), RNG.integers(0, 2, rows)
    loss = [training.where_asked(bert_reference.masked_language_loss), training.CROSS_ENTROPY]
    return model, loss, training.in_order((inputs, segments, places), (answers, follows), 32)


def vision_transformer(steps):
    model = vit_reference.VisionTransformer((28, 28), 4, 4, 4, 64, 128, 10)
    images, labels = RNG.random((4_000, 28, 28, 1), dtype="float32"), RNG.integers(0, 10, 4_000)
    return model, training.CROSS_ENTROPY, training.batches(images, labels, steps)


def image_gpt(steps):
    model = igpt_reference.ImageGPT(6, 8, 8, num_layers=4, num_heads=4, hidden_dim=48)
    pictures = RNG.integers(0, 6, (4_000, 8, 8))
    return model, igpt_reference.autoregressive_loss, igpt.batches(pictures, steps)


def masked_autoencoder(steps):
    encoder = mae_reference.MAEEncoder((24, 24), 4, 3, 4, 64, 128)
    decoder = mae_reference.MAEDecoder(encoder.grid, 16, 1, 4, 32, 64)
    model = mae_reference.MaskedAutoencoder(
        encoder, decoder, lambda images: mae_reference.patchify(images, 4)
    )
    images = RNG.random((4_000, 24, 24, 1), dtype="float32")
    return model, None, mae.hidden_batches(images, steps, 64, encoder.grid)


LABS = {
    "transformer": transformer,
    "bert": bert_pretraining,
    "vit": vision_transformer,
    "igpt": image_gpt,
    "mae": masked_autoencoder,
}


def measured(make, steps):
    """`{way: (ms of the clock, ms of the processor)}` a step; graphs are made before."""
    keras.utils.set_random_seed(1)
    model, loss, data = make(steps)
    model(data[0][0])
    model.compile(keras.optimizers.Adam(1e-4), loss, jit_compile=jit_compile())
    ways = {
        "Keras' fit": lambda: model.fit(data, shuffle=False, verbose=0),
        "the course's loop": lambda: training.further(model, data),
    }
    found = {name: [] for name in ways}
    for turn in range(4):
        for name, train in ways.items():
            clock, processor = time.perf_counter(), time.process_time()
            train()
            took = time.perf_counter() - clock, time.process_time() - processor
            if turn:
                found[name].append(took)
    return {name: 1000 * np.min(took, axis=0) / steps for name, took in found.items()}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", choices=LABS, action="append", help="one lab (default: all); may be repeated"
    )
    parser.add_argument("--steps", type=int, default=50, help="steps a turn (default: 50)")
    arguments = parser.parse_args()
    for name in arguments.only or LABS:
        for way, (clock, processor) in measured(LABS[name], arguments.steps).items():
            print(f"{name:12} {way:18} {clock:6.1f} ms a step, {processor:6.1f} of the processor", flush=True)


if __name__ == "__main__":
    main()
