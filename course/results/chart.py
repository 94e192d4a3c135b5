"""Draws what a study found beside what a learner measured: one chart for a claim, the same in every lab."""

from course import plots, results


def claim(study, claims, yours=(), measure=results.MEASURE, ylabel="probe with 200 labels, %"):
    """Show one chart against steps and one against seconds, and print what follows for each claim.

    Args:
        study: as `results.read` gives it.
        claims: one `results.Claim` or several; their settings are drawn.
        yours: `(setting, steps, seconds, value)` of what the learner trained, the value from 0 to 1; several, or none.
        measure: what is drawn, as for `results.curve`.
        ylabel: what that is.
    """
    claims = [claims] if isinstance(claims, results.Claim) else list(claims)
    claims = [one for one in claims if results.has(study, one)]
    names = list(dict.fromkeys(name for one in claims for name in (one.better, one.worse)))
    fig, axes = plots.figure(columns=2, height=3.4)
    for axis, unit in zip(axes, ("steps", "seconds"), strict=True):
        for number, name in enumerate(names):
            found, colour = results.curve(study, name, measure), plots.COLOURS[number % len(plots.COLOURS)]
            x, values = getattr(found, unit), 100 * found.values
            marker = plots.MARKERS[number % len(plots.MARKERS)]
            axis.plot(x, values.mean(axis=0), marker=marker, markersize=4, color=colour, label=name)
            if len(values) > 1:
                axis.fill_between(
                    x, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0
                )
            for setting, steps, seconds, value in yours:
                if setting == name:
                    place = {"steps": steps, "seconds": seconds}[unit]
                    axis.plot(place, 100 * value, "*", markersize=16, color=colour, markeredgecolor="black")
        axis.set(xlabel={"steps": "steps", "seconds": "seconds of one core"}[unit])
    axes[0].set(title="at equal steps", ylabel=ylabel)
    axes[1].set(title="at equal time")
    axes[0].legend(frameon=False)
    figures = [f"{one.better} {one.paper[0]}, {one.worse} {one.paper[1]} %" for one in claims]
    fig.suptitle(f"in the paper: {'; '.join(figures)}", fontsize=10, color="#555555")
    said = [results.verdict(study, one, measure) for one in claims]
    star = " A star is what you trained." if yours else ""
    plots.show(
        fig, alt=f"Curves against steps and against seconds, for {', '.join(names)}.{star} {' '.join(said)}"
    )
    for one, line in zip(claims, said, strict=True):
        print(line)
        print(f"  The paper's figures: {one.source}.")
