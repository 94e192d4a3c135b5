"""What others are about to take away, our own code does not use: `filterwarnings` in pyproject.toml makes it an error."""

import warnings

import pytest

SOON_GONE = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


def warn_in(module, category):
    """As if a line of `module` called something deprecated."""
    exec("import warnings; warnings.warn('going away', category)", {"__name__": module, "category": category})


@pytest.mark.parametrize("category", SOON_GONE)
@pytest.mark.parametrize(
    "module", ["course", "course.data.made_up", "solutions.made_up", "autograder.made_up"]
)
def test_in_our_own_code_it_is_an_error(module, category):
    with pytest.raises(category, match="going away"):
        warn_in(module, category)


@pytest.mark.parametrize("category", SOON_GONE)
@pytest.mark.parametrize("module", ["coursework", "some_library.course", "solutions_manual.x"])
def test_in_other_peoples_code_it_is_none(module, category):
    with warnings.catch_warnings(record=True) as found:  # keeps pytest's filters
        warn_in(module, category)
    assert len(found) <= 1
