"""Figures in one calm style, each with a text for those who cannot see it.

    fig, (left, right) = plots.figure(columns=2)
    plots.curves(left, {"attention": accuracy}, xlabel="training steps", ylabel="accuracy")
    plots.heat_map(right, weights, rows="ABC", columns=["A 3", "B 7"])
    plots.show(fig, alt="Left: accuracy rises to 1. Right: each question looks at its own pair.")

Figures live outside pyplot, so a notebook shows each of them once, and only when asked.
"""

import base64
import html
import io
import sys

import numpy as np

# Okabe and Ito's colours: people who see red and green alike can tell them apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
MARKERS = "osD^vP*"
STYLE = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "lines.linewidth": 2,
}
PIXELS_PER_INCH = 96  # what a browser takes an inch to be
SHARPNESS = 1.5  # rendered larger than shown, for screens with fine pixels


def figure(columns=1, rows=1, width=None, height=3.2):
    """Start a figure.

    Args:
        columns: how many axes side by side.
        rows: how many axes below each other.
        width: of one of the axes, in inches; as a rule what fits a notebook.
        height: of one of the axes, in inches.

    Returns:
        `(figure, axes)`: one `Axes`, or an array of them: flat for one row or one column.
    """
    import matplotlib
    from matplotlib.figure import Figure

    width = width or (6.4 if columns == 1 else 9.6 / columns)
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(width * columns, height * rows), layout="constrained", facecolor="white")
        return fig, fig.subplots(rows, columns)


class Picture:
    """A rendered figure and its text. Shows itself as an image in a notebook, as the text in a terminal.

    Args:
        fig: any matplotlib figure.
        alt: what it shows, in a sentence or two.

    Raises:
        ValueError: if `alt` is empty.
    """

    def __init__(self, fig, alt):
        if not isinstance(alt, str) or not alt.strip():
            raise ValueError("A figure needs alt text: say in a sentence or two what it shows.")
        self.alt = " ".join(alt.split())
        self.width = round(fig.get_size_inches()[0] * PIXELS_PER_INCH)
        buffer = io.BytesIO()
        fig.savefig(buffer, format="png", dpi=PIXELS_PER_INCH * SHARPNESS)
        self.png = buffer.getvalue()

    def __repr__(self):
        return f"[picture] {self.alt}"

    def _repr_html_(self):
        return (
            f'<img alt="{html.escape(self.alt)}" width="{self.width}" style="max-width:100%;height:auto;margin-top:6px" '
            f'src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'
        )


def show(fig, *, alt):
    """Show a figure as an image with `alt` text; in a plain script, print the text.

    Args:
        fig: any matplotlib figure, one of pyplot's too.
        alt: what a reader is meant to see in it, in a sentence or two; measured numbers are welcome.

    Raises:
        ValueError: if `alt` is empty.
    """
    from IPython.display import display

    display(Picture(fig, alt))
    if "matplotlib.pyplot" in sys.modules:  # or the notebook would show one of pyplot's a second time
        sys.modules["matplotlib.pyplot"].close(fig)


def curves(axis, lines, x=None, title="", xlabel="", ylabel="", log=""):
    """Draw named curves over a common x axis.

    Args:
        axis: where to draw.
        lines: name -> values.
        x: the values below them; 1, 2, 3 ... if left out.
        title: of the axes.
        xlabel: what x is, with its unit.
        ylabel: what the values are, with their unit.
        log: which axes are logarithmic: `"x"`, `"y"` or `"xy"`.
    """
    for number, (name, values) in enumerate(lines.items()):
        values = _array(values)
        places = np.arange(1, len(values) + 1) if x is None else _array(x)[: len(values)]
        marker = MARKERS[number % len(MARKERS)] if len(values) <= 30 else ""
        axis.plot(
            places, values, marker=marker, markersize=5, color=COLOURS[number % len(COLOURS)], label=name
        )
    if "x" in log:
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter("{x:g}")
        if x is not None and len(_array(x)) <= 8:  # few points: ticks where something was measured
            axis.set_xticks(_array(x))
            axis.minorticks_off()
    if "y" in log:
        _plain_log_axis(axis)
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel)
    if len(lines) > 1:
        axis.legend(frameon=False)


def _plain_log_axis(axis):
    """A logarithmic y axis with ticks to read: powers of ten, and 2 and 5 between them when there are few."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_yscale("log")
    low, high = axis.get_ylim()
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
    axis.yaxis.set_minor_formatter(NullFormatter())
    if low > 1e-3:
        axis.yaxis.set_major_formatter("{x:g}")


def heat_map(axis, values, rows=None, columns=None, title="", xlabel="", ylabel="", marks=(), limits=(0, 1)):
    """Draw a matrix, such as attention weights, as coloured cells.

    Small matrices show their numbers, larger ones a colour bar. Booleans become two colours: blue for `True`, white for `False`.

    Args:
        axis: where to draw.
        values: `(rows, columns)`.
        rows: one label for each row.
        columns: one label for each column.
        title: of the axes.
        xlabel: what the columns are.
        ylabel: what the rows are.
        marks: `(row, column)` of cells to frame.
        limits: the values that get the lightest and the darkest colour; `None` for the matrix's own.

    Raises:
        ValueError: if `values` is no matrix, or there are not as many labels as rows or columns.
    """
    from matplotlib.patches import Rectangle

    values = _array(values)
    if values.ndim != 2:
        raise ValueError(f"A heat map shows a matrix, and this has the shape {values.shape}.")
    low, high = limits or (values.min(), values.max())
    darkest = 1.4 if values.dtype == bool else high  # a mask need not be as dark as a weight of 1
    drawn = axis.imshow(
        values.astype(float), cmap="Blues", vmin=low, vmax=darkest, aspect="equal", interpolation="nearest"
    )
    if values.size > 100 and values.dtype != bool:  # too many cells for numbers in them
        axis.figure.colorbar(drawn, ax=axis, shrink=0.7)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    for name, labels, size in (("y", rows, values.shape[0]), ("x", columns, values.shape[1])):
        if labels is None:
            continue
        if len(labels) != size:
            raise ValueError(
                f"{len(labels)} labels do not fit {size} {'rows' if name == 'y' else 'columns'}."
            )
        axis.set(**{f"{name}ticks": range(size), f"{name}ticklabels": list(labels)})
    if values.size <= 100:
        for (row, column), value in np.ndenumerate(values):
            if values.dtype != bool:
                colour = "white" if value > low + 0.6 * (high - low) else "#333333"
                axis.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
            axis.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#dddddd", linewidth=0.8)
            )
    for row, column in marks:
        frame = Rectangle(
            (column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=2, zorder=3
        )
        axis.add_patch(frame)
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel)


def gallery(axis, images, title="", gap=1, columns=None):
    """Draw images side by side, light lines between them.

    Args:
        axis: where to draw.
        images: `(count, height, width, channels)` from 0 to 1.
        title: of the axes.
        gap: pixels of the images between two of them.
        columns: how many stand in a row; all if left out.
    """
    images = _array(images)
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    height, width, channels = images.shape[1:]
    sheet = np.ones((rows * (height + gap) - gap, columns * (width + gap) - gap, channels))
    for number, image in enumerate(images):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    axis.imshow(sheet.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axis.set_axis_off()
    axis.set_title(title)


def picture_rows(rows, titles=()):
    """Start a figure of rows of pictures below each other.

    Args:
        rows: for each row images `(count, height, width, channels)` from 0 to 1.
        titles: one for each row, at its left.

    Returns:
        The figure.
    """
    count = max(map(len, rows))
    margin = 0.09 * max(map(len, titles), default=0)  # inches for the titles
    width = min(9.6 - margin, 0.95 * count) + margin
    fig, axes = figure(rows=len(rows), width=width, height=0.85)
    fig.get_layout_engine().set(rect=(margin / width, 0, 1 - margin / width, 1))
    for number, (axis, images) in enumerate(zip(np.ravel(axes), rows, strict=True)):
        gallery(axis, images, columns=count, gap=max(1, np.shape(images)[2] // 12))
        if number < len(titles):
            axis.text(
                -0.01, 0.5, titles[number], ha="right", va="center", transform=axis.transAxes, fontsize=10
            )
    return fig


def vector(axis, numbers, left, bottom, colour=COLOURS[0], cell=0.5, labels=True):
    """Draw a vector as a row of small cells, darker for larger numbers, on axes used as a sheet of paper.

    Args:
        axis: where to draw.
        numbers: `(length,)`.
        left: x of its left edge.
        bottom: y of its lower edge.
        colour: of the largest number.
        cell: side of a cell, in the units of the axes.
        labels: whether the numbers are written into the cells.

    Returns:
        x of its right edge.
    """
    from matplotlib.patches import Rectangle

    numbers = _array(numbers)
    largest = max(float(np.abs(numbers).max()), 1e-9)
    for place, number in enumerate(numbers):
        x = left + place * cell
        shade = 0.75 * abs(float(number)) / largest
        axis.add_patch(Rectangle((x, bottom), cell, cell, facecolor=colour, alpha=shade, linewidth=0))
        axis.add_patch(Rectangle((x, bottom), cell, cell, fill=False, edgecolor="#777777", linewidth=0.8))
        if labels:
            axis.text(
                x + cell / 2, bottom + cell / 2, f"{float(number):.3g}", ha="center", va="center", fontsize=9
            )
    return left + len(numbers) * cell


def _array(values):
    """Any backend's tensor, or a list, as a NumPy array."""
    if hasattr(values, "shape") and not isinstance(values, np.ndarray):
        from keras import ops

        return ops.convert_to_numpy(values)
    return np.asarray(values)
