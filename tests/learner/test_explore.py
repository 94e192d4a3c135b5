"""A picture with controls: drawn at once, drawn anew when a control moves, and a plain picture where nothing can move."""

import os

import pytest

from course import plots, widgets
from course.widgets import explorer as module

COUNTRY = {"ratio": (0.1, 0.9, 0.1, 0.5), "rows": (1, 8, 1, 4), "kind": ["random", "grid"], "text": "the cat"}


def look(**values):
    fig, axis = plots.figure()
    if values.get("text") == "nonsense":
        raise KeyError("nonsense")
    return fig, f"Drawn with {values}."


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would show."""
    found = []

    class Handle:
        def update(self, thing):
            found.append(thing)

    def display(thing, display_id=None):
        found.append(thing)
        return Handle() if display_id else None

    monkeypatch.setattr("IPython.display.display", display)
    return found


def test_outside_of_a_notebook_there_is_the_picture_alone(shown):
    widgets.explore(look, **COUNTRY)
    (picture,) = shown
    assert picture.alt == "Drawn with {'ratio': 0.5, 'rows': 4, 'kind': 'random', 'text': 'the cat'}."


def test_controls_are_described_and_draw_anew(shown, monkeypatch):
    monkeypatch.setattr(module, "notebook_shell", lambda: object())
    widgets.explore(look, **COUNTRY)
    picture, box = shown
    *controls, said = box.children
    assert [each.description for each in controls] == ["ratio", "rows", "kind", "text"]
    assert [type(each).__name__ for each in controls] == ["FloatSlider", "IntSlider", "Dropdown", "Text"]
    controls[0].value, controls[2].value = 0.8, "grid"
    assert "'ratio': 0.8, 'rows': 4, 'kind': 'grid'" in shown[-1].alt and len(shown) == 4
    controls[3].value = "nonsense"
    assert "That did not work: KeyError" in said.value and len(shown) == 4
    controls[3].value = "the mat"
    assert said.value == "" and "the mat" in shown[-1].alt


@pytest.mark.parametrize("kind", [(0, 1), [], 3, None])
def test_a_control_of_another_kind_is_refused(kind):
    with pytest.raises(ValueError, match="ratio: a control is"):
        widgets.explore(look, ratio=kind)


def test_a_page_keeps_the_picture_and_a_sentence(tmp_path):
    import nbclient
    import nbconvert
    import nbformat

    code = (
        "from course import plots, widgets\n"
        "def look(ratio):\n    return plots.figure()[0], f'Half of {ratio}.'\n"
        "widgets.explore(look, ratio=(1, 9, 1, 5))"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(book, timeout=120, store_widget_state=False).execute(env=os.environ)
    page = nbconvert.HTMLExporter().from_notebook_node(book)[0]
    assert 'alt="Half of 5."' in page
    words = [output["data"].get("text/plain", "") for output in book.cells[0].outputs]
    assert any("Run this notebook to move: ratio." in text for text in words)
