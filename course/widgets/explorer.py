"""A picture with controls: move one, and the picture is drawn anew.

    widgets.explore(look, hidden=(0.1, 0.9, 0.05, 0.75), kind=["random", "blocks"])

calls `look(hidden=0.75, kind="random")` at once and shows what it gives: an ordinary picture, which is also what a page or
a saved notebook keeps. Where a kernel runs, controls stand below it. All of them work from the keyboard: Tab goes from one
to the next, arrows move it, Enter ends a text.
"""

import html

from course.notebooks.shell import notebook_shell
from course.plots import Picture

FALLBACK = "Run this notebook to move: "


def explore(draw, **controls):
    """Show a picture, and controls that draw it anew.

    Args:
        draw: takes a value for each control by name and gives `(figure, alt)`: a matplotlib figure and its text.
        controls: what can be moved. `(low, high, step, start)` is a slider, of whole numbers if all four are; a list is a
            choice, the first of which is taken; a text is a line to write in.

    Raises:
        ValueError: for a control of another kind.
    """
    from IPython.display import display

    start = {name: _start(name, kind) for name, kind in controls.items()}
    shell = notebook_shell()
    shown = display(Picture(*draw(**start)), display_id=True)
    if shell is None or shown is None:
        return
    try:
        import ipywidgets
    except ImportError:
        return
    boxes = {name: _control(ipywidgets, name, kind) for name, kind in controls.items()}
    said = ipywidgets.HTML()

    def again(change):
        try:
            shown.update(Picture(*draw(**{name: box.value for name, box in boxes.items()})))
            said.value = ""
        except Exception as error:  # a text that the model cannot read, for example
            said.value = html.escape(
                f"That did not work: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            )

    for box in boxes.values():
        box.observe(again, "value")
    display(_with_words(ipywidgets.VBox([*boxes.values(), said]), controls))


def _start(name, kind):
    if isinstance(kind, str):
        return kind
    if isinstance(kind, tuple) and len(kind) == 4:
        return kind[3]
    if isinstance(kind, list) and kind:
        return kind[0]
    raise ValueError(
        f"{name}: a control is (low, high, step, start), a list of choices, or a text, not {kind!r}"
    )


def _control(ipywidgets, name, kind):
    """One control, described by its name; long names keep their room."""
    label = {"description": name.replace("_", " "), "style": {"description_width": "initial"}}
    if isinstance(kind, str):
        return ipywidgets.Text(kind, continuous_update=False, layout={"width": "min(40em, 95%)"}, **label)
    if isinstance(kind, list):
        return ipywidgets.Dropdown(options=kind, value=kind[0], **label)
    low, high, step, start = kind
    whole = all(isinstance(each, int) for each in kind)
    slider = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return slider(start, min=low, max=high, step=step, continuous_update=False, **label)


def _with_words(box, controls):
    """The controls, with a sentence in their place where they cannot be shown, such as on a page."""
    words = FALLBACK + ", ".join(name.replace("_", " ") for name in controls) + "."
    original = box._repr_mimebundle_

    def bundle(**options):
        data = original(**options)
        return data | {"text/plain": words} if isinstance(data, dict) else data

    box._repr_mimebundle_ = bundle
    return box
