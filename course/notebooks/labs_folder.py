"""Finds the labs folder and a lab's notebook in it, by folder names alone."""

import difflib
import re
from pathlib import Path

from course.errors import CourseError

CHECKOUT = Path(__file__).resolve().parents[2]  # the folder this package lies in, installed or cloned
JUPYTER = Path(__file__).parents[1] / "jupyter"  # what JupyterLab begins with: long lines of code are wrapped
LAB = re.compile(r"lab(\d+)_(\w+)")


def find_labs(here):
    """The folder that holds the labs.

    Looks at `here` and the folders above it, in each also at a folder `labs`, then beside this package.

    Raises:
        CourseError: if there is none; the text says what to do.
    """
    here = Path(here)
    for folder in (here, *here.parents, CHECKOUT):
        for place in (folder, folder / "labs"):
            if _labs_in(place):
                return place
    raise CourseError(
        f"There is no labs folder in {here} or above it. Clone the course's repository, change into its folder "
        "and run  course lab  again."
    )


def lies_here(labs, here):
    """Whether a labs folder is where one is or above, not the one beside this package."""
    return any(labs in (folder, folder / "labs") for folder in (Path(here), *Path(here).parents))


def notebook_of(labs, name):
    """The notebook of the lab called `attention`, `lab1_attention` or `1`.

    Raises:
        CourseError: if there is none, with the names there are.
    """
    known = {}
    for folder in _labs_in(labs):
        number, word = LAB.fullmatch(folder.name).groups()
        known |= dict.fromkeys((folder.name, word, number), folder)
    if name not in known:
        near = difflib.get_close_matches(name, [each for each in known if not each.isdigit()], n=1)
        there = ", ".join(folder.name for folder in dict.fromkeys(known.values()))
        raise CourseError(
            f"There is no lab {name!r}.{f' Did you mean {near[0]}?' if near else ''} There are: {there}."
        )
    return next(iter(sorted(known[name].glob("*.ipynb"))))


def _labs_in(folder):
    try:
        inside = [
            entry for entry in folder.iterdir() if LAB.fullmatch(entry.name) and any(entry.glob("*.ipynb"))
        ]
    except OSError:
        return []
    return sorted(inside, key=lambda entry: int(LAB.fullmatch(entry.name).group(1)))
