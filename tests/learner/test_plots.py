"""Figures: each has a text for those who cannot see it, and says what is wrong when it cannot be drawn."""

import ast

import numpy as np
import pytest
from keras import ops

from course import plots
from course.experiments.attention import draw_paths, draw_walk_through
from course.notebooks import lesson


@pytest.fixture
def shown(monkeypatch):
    """What `plots.show` displays."""
    pictures = []
    monkeypatch.setattr("IPython.display.display", pictures.append)
    return pictures


def test_picture_is_an_image_with_escaped_alt_text(shown):
    fig, axis = plots.figure()
    plots.curves(axis, {"loss": [3, 2, 1]})
    plots.show(fig, alt='Loss "falls"\n  to <1>.')
    (picture,) = shown
    assert picture.png.startswith(b"\x89PNG")
    assert 'alt="Loss &quot;falls&quot; to &lt;1&gt;."' in picture._repr_html_()
    assert repr(picture) == '[picture] Loss "falls" to <1>.'


def test_picture_fits_a_notebook():
    fig, _ = plots.figure(columns=3)
    assert plots.Picture(fig, "three empty axes").width <= 1000


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_no_figure_without_alt_text(alt):
    fig, _ = plots.figure()
    with pytest.raises(ValueError, match="alt text"):
        plots.show(fig, alt=alt)


def test_pyplots_figures_are_shown_once(shown):
    from matplotlib import pyplot

    fig, _ = pyplot.subplots()
    plots.show(fig, alt="an empty figure")
    assert len(shown) == 1
    assert not pyplot.fignum_exists(fig.number)


def test_our_figures_stay_out_of_pyplot():
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    plots.figure(columns=2)
    assert pyplot.get_fignums() == before


def test_curves_draw_every_line_over_its_x():
    _, axis = plots.figure()
    lines = {"tensor": ops.convert_to_tensor([1.0, 2.0]), "list": [3, 4, 5]}
    plots.curves(axis, lines, x=[10, 20, 40], xlabel="steps", log="x")
    assert [list(line.get_xdata()) for line in axis.lines] == [[10, 20], [10, 20, 40]]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["tensor", "list"]
    assert axis.get_xscale() == "log"


def test_log_axes_have_readable_ticks():
    fig, axis = plots.figure()
    plots.curves(axis, {"time": [2, 7, 55]}, log="y")
    fig.canvas.draw()
    assert {"2", "5", "10", "20", "50"} <= {label.get_text() for label in axis.get_yticklabels()}


def test_heat_map_labels_numbers_and_frames_its_cells():
    _, axis = plots.figure()
    weights = ops.convert_to_tensor([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]])
    plots.heat_map(axis, weights, rows=["a?", "b?"], columns="xyz", marks=[(1, 2)])
    assert [label.get_text() for label in axis.get_xticklabels()] == ["x", "y", "z"]
    assert [text.get_text() for text in axis.texts] == ["0.90", "0.10", "0.00", "0.20", "0.30", "0.50"]
    framed = [patch.get_xy() for patch in axis.patches if patch.get_linewidth() == 2]
    assert framed == [(1.5, 0.5)]


def test_heat_map_of_a_mask_has_no_numbers():
    _, axis = plots.figure()
    plots.heat_map(axis, np.tri(4, dtype=bool))
    assert not axis.texts


def test_heat_map_takes_the_limits_of_its_matrix():
    _, axis = plots.figure()
    plots.heat_map(axis, [[-3.0, 5.0]], limits=None)
    assert axis.images[0].get_clim() == (-3, 5)


def test_heat_map_says_what_does_not_fit():
    _, axis = plots.figure()
    with pytest.raises(ValueError, match=r"a matrix.*\(2, 3, 4\)"):
        plots.heat_map(axis, np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match="2 labels do not fit 3 columns"):
        plots.heat_map(axis, np.zeros((2, 3)), columns="xy")


def test_vector_writes_its_numbers_and_says_where_it_ends():
    _, axis = plots.figure()
    assert plots.vector(axis, [0, -2.5, 0], left=1, bottom=0, cell=0.5) == 2.5
    assert [text.get_text() for text in axis.texts] == ["0", "-2.5", "0"]


def test_walk_through_shows_the_numbers_it_is_given():
    arrays = {"query": [2, 2], "keys": [[1, 1], [0, 1]], "values": [[10, 0, 3], [0, 10, 4]]}
    fig = draw_walk_through(
        **arrays, scores=[4, 2], weights=[0.88, 0.12], output=[8.8, 1.2, 3.1], words=["cat", "mat"]
    )
    texts = {text.get_text() for text in fig.axes[0].texts}
    assert {"cat", "mat", "4", "0.88", "0.12", "8.8", "1.2", "3.1", "score\nq·k / √2"} <= texts


def test_paths_count_their_steps():
    _, axis = plots.figure()
    draw_paths(axis, length=5)
    texts = [text.get_text() for text in axis.texts]
    assert "LSTM: 4 steps" in texts and "attention: 1 step" in texts


@pytest.mark.parametrize("name", sorted(lesson.lessons()))
def test_every_figure_of_a_lesson_has_alt_text(name):
    found = 0
    for cell in lesson.lessons()[name].cells:
        if cell.kind != "experiment":
            continue
        for node in ast.walk(ast.parse(cell.source)):
            function = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert not function.startswith("plt."), (
                f"{cell.name}: draw with course.plots, which asks for alt text"
            )
            if function == "plots.show":
                assert "alt" in {keyword.arg for keyword in node.keywords}, (
                    f"{cell.name}: plots.show without alt"
                )
                found += 1
    assert found
