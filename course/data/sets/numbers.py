"""Numbers in English and German words: a translation where order matters, since German says units before tens."""

from course.data.registry import DataSet, Larger

TRANSLATION = Larger(
    "tfds:ted_hrlr_translate/pt_to_en",
    "sentences of TED talks, Portuguese and English",
    download="131 MB",
    licence="the talks' own terms",
)


def texts(tfds):
    """Features of a pair of sentences."""
    return {"source": tfds.features.Text(), "target": tfds.features.Text()}


def examples(count=22_000, test=2_000, digits=9):
    """`(split, {"source", "target"})`: different numbers of up to nine digits, short ones as likely as long ones."""
    import numpy as np
    from num2words import num2words

    rng = np.random.default_rng(2017)
    drawn = []
    while len(drawn) < count:
        drawn += (rng.random(count) * 10.0 ** rng.integers(3, digits + 1, size=count)).astype(int).tolist()
        drawn = list(dict.fromkeys(drawn))
    for place, number in enumerate(drawn[:count]):
        pair = {"source": num2words(number, lang="en"), "target": num2words(number, lang="de")}
        yield "test" if place < test else "train", pair


DATA = DataSet(
    name="numbers",
    about="22,000 numbers in words, English and German",
    package="num2words",
    licence="made by a program",
    examples=examples,
    features=texts,
    pair=("source", "target"),
    larger=TRANSLATION,
)
