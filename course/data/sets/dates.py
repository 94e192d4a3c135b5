"""Dates as people write them and as computers do: the smallest translation worth learning."""

from course.data.registry import DataSet
from course.data.sets.numbers import TRANSLATION, texts

FORMATS = (
    "d MMMM y",
    "MMMM d, y",
    "EEEE, d MMMM y",
    "EEE d MMM y",
    "d MMM yy",
    "MMM d, y",
    "dd/MM/y",
    "MMMM y, 'the' d",
)


def examples(count=12_000, test=1_000):
    """`(split, {"source", "target"})`: days from 1950 to 2049 in eight formats, and as year-month-day."""
    import datetime

    import numpy as np
    from babel.dates import format_date

    rng = np.random.default_rng(1582)
    first = datetime.date(1950, 1, 1)
    drawn = rng.choice(36_500 * len(FORMATS), size=count, replace=False)
    for place, number in enumerate(drawn.tolist()):
        day = first + datetime.timedelta(days=number // len(FORMATS))
        source = format_date(day, FORMATS[number % len(FORMATS)], locale="en")
        yield "test" if place < test else "train", {"source": source, "target": day.isoformat()}


DATA = DataSet(
    name="dates",
    about="12,000 dates in eight English formats, and as year-month-day",
    package="babel",
    licence="made by a program",
    examples=examples,
    features=texts,
    pair=("source", "target"),
    larger=TRANSLATION,
)
