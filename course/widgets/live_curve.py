"""The loss of a training while it runs, as a curve that grows; when the training is over, the picture stays.

    curve = LiveCurve("digits", steps=500)
    curve.add(25, 2.1)

Drawn as SVG in the colours of the page, which takes a thousandth of a second and reads well in a dark theme.
"""

import html
import math
import time

from course.notebooks.shell import notebook_shell

LONG = 10  # seconds from which on a training has a curve
PAUSE = 1  # seconds between two drawings
WIDTH, HEIGHT, LEFT, BOTTOM = 460, 120, 46, 18


class LiveCurve:
    """A curve in the cell that trains. Outside of a notebook, and for short trainings, nothing is shown.

    Args:
        name: of the training; without one nothing is shown.
        steps: of the whole training.
    """

    def __init__(self, name, steps):
        self.name, self.steps, self.points = name, steps, []
        self.started, self.drawn, self.handle = time.monotonic(), 0.0, None
        self.shows = bool(name) and notebook_shell() is not None

    def add(self, step, loss):
        """Tell the loss after so many steps. Draws, if it is time to."""
        if not self.shows or not math.isfinite(loss):
            return
        self.points.append((step, float(loss)))
        now = time.monotonic()
        whole = (now - self.started) * self.steps / step
        last = step >= self.steps
        if len(self.points) < 2 or whole < LONG or (now - self.drawn < PAUSE and not last):
            return
        self.drawn = now
        if self.handle is None:
            from IPython.display import display

            self.handle = display(self, display_id=True)
        else:
            self.handle.update(self)

    def summary(self):
        """What the curve shows, in a sentence."""
        (_, first), (step, now) = self.points[0], self.points[-1]
        return f"{self.name}: loss {first:.3g} at the start, {now:.3g} after {step:,} of {self.steps:,} steps"

    def __repr__(self):
        return f"[curve] {self.summary()}"

    def _repr_html_(self):
        said = html.escape(self.summary())
        losses = [loss for _, loss in self.points]
        low, high = min(losses), max(losses)
        span = (high - low) or 1.0
        line = " ".join(
            f"{LEFT + (WIDTH - LEFT - 6) * step / self.steps:.1f},{6 + (HEIGHT - BOTTOM - 12) * (high - loss) / span:.1f}"
            for step, loss in self.points
        )
        ink = 'fill="currentColor" font-size="11"'
        base = HEIGHT - BOTTOM
        return (
            f'<figure style="margin:4px 0"><svg role="img" aria-label="{said}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'style="max-width:100%;height:auto"><path d="M{LEFT} 4V{base}H{WIDTH - 4}" fill="none" stroke="currentColor" '
            f'stroke-opacity="0.4"/><text x="{LEFT - 4}" y="14" text-anchor="end" {ink}>{high:.3g}</text>'
            f'<text x="{LEFT - 4}" y="{base - 2}" text-anchor="end" {ink}>{low:.3g}</text>'
            f'<text x="{WIDTH - 4}" y="{HEIGHT - 4}" text-anchor="end" {ink}>{self.steps:,} steps</text>'
            f'<polyline points="{line}" fill="none" stroke="#0072B2" stroke-width="2"/></svg>'
            f'<figcaption style="font-size:0.85em">{said}</figcaption></figure>'
        )
