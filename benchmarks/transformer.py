"""Lab 2: step time of the reference against KerasHub's layers of equal size, and what the key/value cache saves.

    python benchmarks/transformer.py                     both
    python benchmarks/transformer.py --rounds 3          fewer rounds

Both models have the same shape and loss, are compiled alike and take turns, round by round, so that whatever else the
computer does hits both. KerasHub is needed for the first part only:  pip install keras-hub
"""

import argparse
import time

import keras
import numpy as np
from keras import ops

from solutions.transformer import (
    Transformer,
    cached_step,
    greedy_decode,
    positional_encoding,
    recomputing_step,
    smoothed_cross_entropy,
)

VOCABULARY, LAYERS, HEADS, HIDDEN, INTERMEDIATE = 1000, 2, 4, 128, 512
BATCH, SOURCE_LENGTH, LENGTH, STEPS = 64, 32, 32, 20


def hub_model():
    """The same model out of KerasHub's encoder and decoder layers."""
    import keras_hub

    source, target = keras.Input((SOURCE_LENGTH,), dtype="int32"), keras.Input((LENGTH,), dtype="int32")
    embedding = keras_hub.layers.ReversibleEmbedding(VOCABULARY, HIDDEN)
    table = positional_encoding(64, HIDDEN)
    x = embedding(source) * HIDDEN**0.5 + table[:SOURCE_LENGTH]
    y = embedding(target) * HIDDEN**0.5 + table[:LENGTH]
    real = ops.cast(source != 0, "int32")
    for _ in range(LAYERS):
        x = keras_hub.layers.TransformerEncoder(INTERMEDIATE, HEADS, layer_norm_epsilon=1e-6)(
            x, padding_mask=real
        )
    own = ops.cast(target != 0, "int32")
    for _ in range(LAYERS):
        layer = keras_hub.layers.TransformerDecoder(INTERMEDIATE, HEADS, layer_norm_epsilon=1e-6)
        y = layer(y, x, decoder_padding_mask=own, encoder_padding_mask=real)
    return keras.Model((source, target), embedding(y, reverse=True))


def step_time(rounds):
    rng = np.random.default_rng(1)
    source = rng.integers(1, VOCABULARY, (BATCH * STEPS, SOURCE_LENGTH)).astype("int32")
    target = rng.integers(1, VOCABULARY, (BATCH * STEPS, LENGTH + 1)).astype("int32")
    own = Transformer(VOCABULARY, LAYERS, HEADS, HIDDEN, INTERMEDIATE, dropout=0.0, max_length=64)
    models = {"ours": own, "KerasHub": hub_model()}
    data = (source, target[:, :-1]), target[:, 1:]
    best = dict.fromkeys(models, np.inf)
    for round_number in range(rounds + 1):
        for name, model in models.items():
            if not round_number:
                model.compile(keras.optimizers.Adam(1e-3), smoothed_cross_entropy, jit_compile=False)
            start = time.perf_counter()
            model.fit(*data, batch_size=BATCH, verbose=0)
            if round_number:  # the first round traces the graph
                best[name] = min(best[name], (time.perf_counter() - start) / STEPS)
    for name, model in models.items():
        print(
            f"{name:9} {model.count_params():,} weights   {1000 * best[name]:.1f} ms a step (best of {rounds})"
        )
    print(f"ours / KerasHub: {best['ours'] / best['KerasHub']:.2f}")


def cache_speed(lengths=(15, 30, 60)):
    model = Transformer(VOCABULARY, LAYERS, HEADS, HIDDEN, INTERMEDIATE, dropout=0.0, max_length=64)
    source = np.random.default_rng(1).integers(1, VOCABULARY, (BATCH, SOURCE_LENGTH)).astype("int32")
    first = ops.ones((BATCH,), dtype="int32")
    for length in lengths:
        seconds = {}
        for make in (recomputing_step, cached_step):
            greedy_decode(*make(model, source), first, -1, 2)
            start = time.perf_counter()
            greedy_decode(*make(model, source), first, -1, length)
            seconds[make] = time.perf_counter() - start
        slow, fast = seconds.values()
        print(
            f"{length} tokens, batch {BATCH}: {slow:.2f} s recomputing, {fast:.2f} s cached: {slow / fast:.1f} times faster"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of 20 steps (default: 5)")
    arguments = parser.parse_args()
    try:
        step_time(arguments.rounds)
    except ModuleNotFoundError:
        print(
            "KerasHub is not installed, so there is nothing to compare the step time with: pip install keras-hub"
        )
    cache_speed()


if __name__ == "__main__":
    main()
