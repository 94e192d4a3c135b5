"""Lab 5: nats against tables, probes, one mask against five, drawing with and without a cache, over three seeds.

python benchmarks/igpt.py                   three seeds, about fifteen minutes on two quiet cores
python benchmarks/igpt.py --quick           one seed, few steps: shows that it runs
python benchmarks/igpt.py --checkpoints     no training: the figures of the weights that come with the course
"""

import argparse
import time

import numpy as np
from keras import ops

from autograder.authoring.checkpoints.igpt import DIGITS, nats, quantized, trained
from course.experiments.igpt import baselines
from course.experiments.loading import arrays
from course.experiments.measuring import Probe, in_parts
from course.models.checkpoints import checkpoint
from solutions.igpt import ImageGPT, bert_mask, cached_step, complete, layer_features, recomputing_step, vote

LAYER = 2  # of four, for the vote


def probes(model, train, train_labels, test, test_labels):
    """Accuracy of a linear probe on every layer, the embedding first."""
    features = [in_parts(lambda part: layer_features(model, part), each) for each in (train, test)]
    return [
        Probe(mine, train_labels).accuracy(theirs, test_labels)
        for mine, theirs in zip(*features, strict=True)
    ]


def votes(model, train, train_labels, test, test_labels, seed):
    """Accuracies of one mask (mean of ten), of votes over five (mean of two), and of unmasked pictures."""

    def features(images, mask):
        return in_parts(lambda part: layer_features(model, *part)[LAYER], (images, mask))

    def hidden(images, number):
        return ops.convert_to_numpy(bert_mask(np.random.default_rng([seed, number]).random(images.shape)))

    probe = Probe(features(train, hidden(train, 99)), train_labels)
    found = np.stack([probe.predict(features(test, hidden(test, number))) for number in range(10)])
    luck = np.random.default_rng(seed).random((2, len(test), 10)).astype("float32")
    voted = [ops.convert_to_numpy(vote(found[5 * i : 5 * i + 5], luck[i])) for i in range(2)]
    unmasked = probe.accuracy(features(test, np.zeros(test.shape, bool)), test_labels)
    return (
        np.mean(found == test_labels),
        np.mean([each == test_labels for each in voted]),
        unmasked,
    )


def drawing(model, count):
    """Seconds to draw `count` pictures, recomputing and cached; and whether they are the same."""
    noise = np.random.default_rng(1).random((count, model.height * model.width)).astype("float32")
    took, pictures = [], []
    for make_step in (recomputing_step, cached_step):
        for _ in range(2):  # the first is to warm up
            start = time.perf_counter()
            drawn = complete(*make_step(model, count), np.zeros((count, 0), "int32"), noise)
            seconds = time.perf_counter() - start
        took.append(seconds)
        pictures.append(ops.convert_to_numpy(drawn))
    return *took, np.mean(pictures[0] == pictures[1])


def spread(values):
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--checkpoints", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=500)
    options = parser.parse_args()
    seeds, steps = (1, 5) if options.quick else (options.seeds, options.steps)
    train, test, palette = quantized("mnist5k", 8, 6, margin=2)
    labels, test_labels = arrays("mnist5k")[1], arrays("mnist5k", "test")[1]
    count = 400 if options.quick else 2_000
    given = train[:count], labels[:count], test, test_labels
    for name, value in baselines(train, test, 6).items():
        print(f"table {name:18} {value:.3f} nats")
    grey = palette[train[:count]].reshape(count, -1), palette[test].reshape(len(test), -1)
    print(f"probe on raw pixels       {Probe(grey[0], labels[:count]).accuracy(grey[1], test_labels):.3f}")

    losses, by_layer, masked = {}, {}, []
    for seed in range(1, (1 if options.checkpoints else seeds) + 1):
        for objective, name in (("autoregressive", "igpt_digits_ar"), ("bert", "igpt_digits_bert")):
            if options.checkpoints:
                model = ImageGPT(6, **DIGITS, objective=objective)
                model(test[:1])
                checkpoint(model, name)
            else:
                print(f"seed {seed}, {objective}")
                model = trained(objective, train, 6, DIGITS, steps, seed=seed)
            losses.setdefault(objective, []).append(nats(model, test))
            by_layer.setdefault(objective, []).append(probes(model, *given))
            if objective == "bert":
                masked.append(votes(model, *given, seed=seed))
            else:
                reader = model
    for objective, values in losses.items():
        print(f"{objective:18} {spread(values)} nats")
        for layer, accuracies in enumerate(zip(*by_layer[objective], strict=True)):
            print(f"    probe, layer {layer}     {spread(accuracies)}")
    for name, values in zip(("one mask", "vote of five", "no mask"), zip(*masked, strict=True), strict=True):
        print(f"{name:18} {spread(values)}")
    for number in (16, 64) if not options.quick else (4,):
        slow, fast, same = drawing(reader, number)
        print(
            f"{number} pictures: {slow:.2f} s recomputing, {fast:.2f} s cached, "
            f"{slow / fast:.1f} times faster, {same:.1%} of the pixels the same"
        )


if __name__ == "__main__":
    main()
