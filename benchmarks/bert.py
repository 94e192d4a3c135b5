"""Lab 3: few labels, three ways to read, cloze, published weights; fine-tuning over three seeds and draws of labels.

python benchmarks/bert.py                   with the weights that come with the course; about 15 minutes on two quiet cores
python benchmarks/bert.py --train           pre-trains all three anew first, which takes as long again
python benchmarks/bert.py --labels 500      one row of the table only: 100, 500 or 2000 labels; may be repeated
python benchmarks/bert.py --quick           one seed, few steps: shows that it runs
"""

import argparse

import keras
import numpy as np

from autograder.authoring.checkpoints.bert import corpus, held_out, nats, new_model, trained
from course.errors import CourseError
from course.experiments.bert import fine_tune, read_corpus, single_rows, unigram_nats
from course.experiments.measuring import accuracy, in_parts
from course.experiments.reading import cloze, tf_idf
from course.experiments.training import copy_weights
from course.models.checkpoints import checkpoint
from course.models.pretrained import minilm as published
from course.models.wordpiece import WordPiece
from solutions.bert import (
    Bert,
    BertClassifier,
    Reader,
    StatesClassifier,
    make_optimizer,
    pack,
    sentence_vectors,
)

PAIRS = (("is", "are"), ("has", "have"), ("to", "of"), ("a", "an"), ("if", "when"), ("before", "after"))
CLASSES = 8


def labelled(documents, labels, count, seed):
    """The first sentence of some documents: `(texts, rows, labels)`."""
    drawn = np.random.default_rng(seed).permutation(len(documents))[:count]
    texts = [documents[number][0] for number in drawn]
    return texts, single_rows(texts, corpus()[2], pack), labels[drawn]


def copy_of(model, kind):
    twin = new_model(kind)
    copy_weights(model, twin)
    return twin


def tuned(classifier, train, test, steps, peak, seed):
    keras.utils.set_random_seed(seed)
    fine_tune(classifier, make_optimizer(peak, steps), train[1], train[2], steps, seed=seed)
    return accuracy(classifier, test[1], test[2])


def spread(values):
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def few_labels(models, documents, test_documents, options):
    """One line for each number of labels and each contestant."""
    test = labelled(*test_documents, 100 if options.quick else 3_000, 1)
    print(f"always the most frequent library: {np.bincount(test[2]).max() / len(test[2]):.3f}")
    for count in (32,) if options.quick else options.labels or (100, 500, 2_000):
        found = {}
        for seed in range(1, options.seeds + 1):
            train = labelled(*documents, count, seed)

            def run(name, classifier, train=train, seed=seed, found=found):
                result = tuned(classifier, train, test, options.tune_steps, options.tune_peak, seed)
                found.setdefault(name, []).append(result)

            run("BERT, pooled, from scratch", BertClassifier(new_model("bert", 10 + seed).bert, CLASSES))
            run("BERT, pooled, pre-trained", BertClassifier(copy_of(models["bert"], "bert").bert, CLASSES))
            for kind, model in models.items():
                for fresh in (True, False):
                    made = new_model(kind, 10 + seed) if fresh else copy_of(model, kind)
                    reader = Reader(made.bert) if kind == "bert" else made
                    how = "from scratch" if fresh else "pre-trained"
                    run(f"{kind}, mean, {how}", StatesClassifier(reader, CLASSES))
            found.setdefault("TF-IDF", []).append(tf_idf(train, test))
            frozen(train, test, found)
        for name, values in found.items():
            print(f"{count:5} labels  {name:28} {spread(values)}", flush=True)


def frozen(train, test, found):
    """Logistic regression on the vectors of MiniLM, if it is installed."""
    from sklearn.linear_model import LogisticRegression

    try:
        model, pieces = minilm()
    except CourseError:
        return
    sets = []
    for texts, _, labels in (train, (test[0][:1_000], None, test[2][:1_000])):
        rows = single_rows(texts, pieces, pack, 32)
        vectors = in_parts(lambda part: sentence_vectors(model(part)[0], part[0]), rows, size=64)
        sets.append((vectors, labels))
    line = LogisticRegression(C=10, max_iter=1000).fit(*sets[0])
    found.setdefault("MiniLM, frozen", []).append(line.score(*sets[1]))


def minilm(kept=[]):  # noqa: B006
    """The published model and its pieces, loaded once."""
    if not kept:
        file = published.read()
        model = Bert(**file.sizes, dropout=0.0)
        model((np.zeros((1, 8), "int32"), np.zeros((1, 8), "int32")))
        file.load(model)
        kept += [model, WordPiece.read(file.folder / "vocab.txt")]
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--train", action="store_true")
    parser.add_argument(
        "--labels", type=int, action="append", help="labels to learn from (default: 100, 500, 2000)"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tune-steps", type=int, default=200)
    parser.add_argument("--tune-peak", type=float, default=5e-4)
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.tune_steps = 1, 5
    documents, test_documents = (read_corpus(split) for split in ("train", "test"))
    train, _, pieces = corpus()
    rows = held_out()
    everything = np.concatenate([sentence for document in train for sentence in document])
    print("one table: {:.2f} nats, right in {:.3f}".format(*unigram_nats(everything, rows[3], len(pieces))))
    models = {}
    for kind in ("bert", "gpt", "elmo"):
        if options.train:
            models[kind], _ = trained(kind, 5 if options.quick else None)
        else:
            models[kind] = new_model(kind)
            checkpoint(models[kind], f"{kind}_docstrings")
        print(f"{kind:5} {nats(models[kind], kind):.3f} nats on held-out rows", flush=True)
    logits, follows = in_parts(models["bert"], rows[:3])
    asked = rows[3] >= 0
    print(f"hidden tokens right: {np.mean((logits.argmax(axis=-1) == rows[3])[asked]):.3f}")
    print(f"pairs right: {np.mean(follows.argmax(axis=-1) == rows[4]):.3f}")
    texts = [sentence for document in test_documents[0] for sentence in document]
    for pair in PAIRS:
        right, count = cloze(models["bert"], texts, pair, pieces, pack, most=20 if options.quick else 200)
        print(f"{'/'.join(pair):14} {right:.3f}   ({count} sentences)", flush=True)
    few_labels(models, documents, test_documents, options)


if __name__ == "__main__":
    main()
