"""English text that every learner has on disk: sentences of the docstrings of the packages the course installs.

They move with the versions of those packages, so figures measured on them move, too.
"""

from course.data.registry import DataSet, Larger

REVIEWS = Larger(
    "tfds:imdb_reviews", "50,000 film reviews, good and bad", download="80 MB", licence="none stated"
)
# Name of each library -> its package; the standard library is no package. The first reader takes the larger half.
LIBRARIES = {
    "keras": "keras",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "pandas": "pandas",
    "python": None,
    "scikit-learn": "sklearn",
    "scipy": "scipy",
    "tensorflow": "tensorflow",
}
SLOWEST_FIRST = (
    "tensorflow",
    "python",
    "scipy",
    "keras",
    "pandas",
    "scikit-learn",
    "numpy",
    "matplotlib",
)


def examples():
    """`(split, {"text", "library", "document", "place"})`: one sentence each, and where it stands in its docstring.

    One docstring in ten is for testing. No sentence comes twice.
    """
    import zlib
    from concurrent.futures import ThreadPoolExecutor

    seen, number = set(), 0
    with ThreadPoolExecutor(2) as readers:  # each waits for a process of its own
        found = dict(zip(SLOWEST_FIRST, readers.map(read, SLOWEST_FIRST), strict=True))
    for label, library in enumerate(LIBRARIES):
        for document in found[library]:
            fresh = [text for text in dict.fromkeys(document) if text.lower() not in seen]
            if not fresh:
                continue
            seen.update(text.lower() for text in fresh)
            split = "train" if zlib.crc32(fresh[0].encode()) % 10 else "test"
            for place, text in enumerate(fresh):
                yield split, {"text": text, "library": label, "document": number, "place": place}
            number += 1


def read(library):
    """The docstrings of a library as lists of sentences; none if it is not installed. A process reads them."""
    import json
    import subprocess
    import sys

    from course.data import prose

    folder = folder_of(library)
    if folder is None:
        return []
    command = [sys.executable, "-P", prose.__file__, str(folder)]
    lines = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True).stdout
    return [json.loads(line) for line in lines.splitlines()]


def folder_of(library):
    """Where a library's files lie, found without importing it; `None` if it is not installed."""
    import importlib.util
    import sysconfig
    from pathlib import Path

    if LIBRARIES[library] is None:
        return Path(sysconfig.get_paths()["stdlib"])
    spec = importlib.util.find_spec(LIBRARIES[library])
    return Path(next(iter(spec.submodule_search_locations))) if spec else None


def features(tfds):
    """A sentence, its library, the number of the docstring it stands in, and which sentence it is there."""
    import numpy as np

    return {
        "text": tfds.features.Text(),
        "library": tfds.features.ClassLabel(names=list(LIBRARIES)),
        "document": tfds.features.Scalar(np.int64),
        "place": tfds.features.Scalar(np.int64),
    }


DATA = DataSet(
    name="docstrings",
    about="about 60,000 sentences of docstrings of eight libraries",
    package="tensorflow",
    licence="those of the libraries (Apache-2.0, BSD, PSF)",
    examples=examples,
    features=features,
    pair=("text", "library"),
    larger=REVIEWS,
)
