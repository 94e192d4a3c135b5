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


def compare(mine, pair, tested, paper=None, recorded=None, title="", measured="right on new examples, %"):
    """Show what was measured beside a recorded run and the paper's figures, and print what follows for two settings.

    Args:
        mine: setting -> what the learner measured, from 0 to 1; drawn from top to bottom.
        pair: `(better, worse)`: the two settings that the paper ranks.
        tested: how many examples were judged: what chance alone can do, the bars, follows from it.
        paper: setting -> the paper's figure in percent, for those that it has.
        recorded: setting -> what the course's recorded run has, from 0 to 1.
        title: of the chart.
        measured: what is measured, with its unit.
    """
    paper, recorded = paper or {}, recorded or {}
    fig, axis = plots.figure(height=0.9 + 0.42 * len(mine))
    rows = range(len(mine))
    drawn = [
        ("you", mine, 100, {"marker": "*", "markersize": 14, "color": plots.COLOURS[0]}),
        ("the course", recorded, 100, {"marker": "o", "markersize": 7, "color": plots.COLOURS[1]}),
        ("the paper", paper, 1, {"marker": "s", "markersize": 8, "color": plots.COLOURS[6], "fillstyle": "none"}),
    ]  # fmt: skip
    for label, values, scale, style in drawn:
        places = [row for row, name in zip(rows, mine, strict=True) if name in values]
        if places:
            shown = [scale * values[name] for name in mine if name in values]
            axis.plot(shown, places, linestyle="none", label=label, **style)
    for row, share in zip(rows, mine.values(), strict=True):  # what other test examples could have given
        chance = 200 * (share * (1 - share) / tested) ** 0.5
        axis.errorbar(100 * share, row, xerr=chance, color=plots.COLOURS[0], alpha=0.5, capsize=3, zorder=0)
    axis.set_yticks(list(rows), list(mine))
    axis.set_ylim(len(mine) - 0.5, -0.5)
    axis.set(title=title, xlabel=measured)
    if paper or recorded:
        axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    for name, value in mine.items():
        print(f"{name:30} {value:.1%}")
    said = results.lead(mine, pair, tested, paper)
    plots.show(
        fig, alt=f"{title}. {', '.join(f'{name} {value:.1%}' for name, value in mine.items())}. {said}"
    )
    print(said)
