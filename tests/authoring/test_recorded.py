"""Lessons quote recorded runs: the settings are still those of their cells, and the figures are what was printed."""

import pytest

from autograder.authoring import recorded
from course.notebooks.lesson import lessons


def test_settings_are_what_a_learner_runs_and_not_what_is_drawn():
    code = 'steps = course.choose(laptop=300, gpu=2000, smoke=2)\nfit(model, steps, rate=2e-3)\nplots.show(fig, 7)\nprint(f"{x:.1%}", 5)'
    assert recorded.settings(code) == [300, 2e-3]
    assert recorded.settings(code.replace("300", "350")) != recorded.settings(code)


def test_a_figure_must_have_been_printed_up_to_rounding():
    said = "no teacher 82.04%\nloss 0.4571 after 1,200 steps"
    assert recorded.not_printed("In the recorded run it had 82.0 %, 45.7 % and 0.46.", said) == []
    assert recorded.not_printed("In the recorded run it had 82.1 % and 0.45.", said) == ["82.1", "0.45"]
    assert recorded.not_printed("The paper has 99.9 %. In the recorded run 82.0 %.", said) == []


@pytest.mark.parametrize("name", lessons())
def test_recorded_runs_are_those_of_the_cells_and_the_text_quotes_them(name):
    lesson = lessons()[name]
    run = recorded.read(lesson.lab)
    quotes = recorded.quoted(lesson)
    if run is None:
        assert not quotes, "the text speaks of a recorded run that is not there"
        return
    assert not recorded.stale(lesson, run), f"record them again: python benchmarks/lessons.py {name}"
    for experiment, paragraph in quotes:
        said = "\n".join(run["cells"][experiment]["said"])
        assert not recorded.not_printed(paragraph, said), (experiment, paragraph)
