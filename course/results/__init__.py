"""What long studies found, as small data files, and what follows from it. Nothing here trains anything.

    study = results.read("mae")
    print(results.verdict(study, results.CLAIMS["grid"]))

A file is written by the script of its name in `benchmarks/`, which says what was measured and how. A change in a file
changes what the labs say, since their verdicts are made from it.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

FOLDER = Path(__file__).parent
MEASURE = "probe_200"  # what is compared: a linear probe with 200 labels
TIE = 0.015  # of a share of 1,000 test images: less than this may be chance, whatever the seeds say


class Claim(NamedTuple):
    """A claim of a paper: one setting is better than another.

    Attributes:
        says: the claim, as a short sentence.
        better, worse: names of settings in the study.
        paper: what the paper measured for them, in percent.
        source: where in the paper, and what was measured.
    """

    says: str
    better: str
    worse: str
    paper: tuple[float, float]
    source: str


CLAIMS = {
    "half": Claim("75 % hidden is better than 50 %", "75 %", "50 %", (73.5, 69.9), "MAE, figure 5, probe"),
    "quarter": Claim(
        "75 % is better than 25 %", "75 %", "25 %", (73.5, 61.7), "MAE, figure 5, probe; 30 % hidden"
    ),
    "mask tokens": Claim(
        "no mask tokens in the encoder is better", "75 %", "mask tokens", (73.5, 59.6), "MAE, table 1c, probe"
    ),
    "grid": Claim("random is better than a grid", "75 %", "grid", (73.5, 66.0), "MAE, table 1f, probe"),
    "blocks": Claim("random is better than blocks", "75 %", "blocks", (73.5, 63.9), "MAE, table 1f, probe"),
    "BEiT": Claim("MAE is better than BEiT", "75 %", "BEiT", (75.8, 52.1), "MAE, probe, ViT-L"),
    "decoder": Claim(
        "a deeper decoder helps the probe",
        "decoder of 4",
        "75 %",
        (71.9, 65.5),
        "MAE, table 1a, depth 4 and 1",
    ),
}


class Curve(NamedTuple):
    """One setting over its seeds.

    Attributes:
        steps: `(points,)` of training, of the points that every seed has.
        seconds: `(points,)` of one thread of the study's computer.
        values: `(seeds, points)`, from 0 to 1.
    """

    steps: np.ndarray
    seconds: np.ndarray
    values: np.ndarray


class Comparison(NamedTuple):
    """Two settings at the same steps, or after the same seconds.

    Attributes:
        at: how many steps, or seconds.
        better, worse: `(seeds,)` of the two settings, from 0 to 1.
    """

    at: float
    better: np.ndarray
    worse: np.ndarray

    @property
    def gap(self):
        """By how much the one that the paper calls better is ahead, from -1 to 1."""
        return float(self.better.mean() - self.worse.mean())

    @property
    def word(self):
        """`"yes"`, `"no"` or `"a tie"`: a lead must be larger than chance, and hold for any two seeds."""
        ahead, behind = (self.better, self.worse) if self.gap > 0 else (self.worse, self.better)
        if abs(self.gap) < TIE or ahead.min() <= behind.max():
            return "a tie"
        return "yes" if self.gap > 0 else "no"


def read(name):
    """A study's results as a dict, as its script wrote them."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def has(study, claim):
    """Whether both settings of a claim were measured."""
    return all(any(study["runs"].get(name, {}).values()) for name in (claim.better, claim.worse))


def curve(study, setting, measure=MEASURE):
    """The `Curve` of a setting.

    Args:
        study: as `read` gives it.
        setting: a name in `study["runs"]`.
        measure: `"probe_200"`, `"probe_1000"` or `"neighbours_200"`.
    """
    runs = [points for points in study["runs"][setting].values() if points]
    # A seed that is not yet far along does not cut off those that are: it is left out beyond half of their steps.
    far = max(points[-1]["step"] for points in runs)
    runs = [points for points in runs if points[-1]["step"] >= far / 2]
    steps = sorted(set.intersection(*({point["step"] for point in points} for points in runs)))
    chosen = [[point for point in points if point["step"] in steps] for points in runs]
    if setting in study.get(
        "pace_ms", {}
    ):  # all settings measured in turns: fairer than the clock of each run
        seconds = np.array(steps) * study["pace_ms"][setting] / 1000
    else:
        seconds = np.mean([[point["seconds"] for point in points] for points in chosen], axis=0)
    values = np.array([[point[measure] for point in points] for points in chosen])
    return Curve(np.array(steps), seconds, values)


def at_equal_steps(study, claim, measure=MEASURE):
    """The `Comparison` after as many steps as both settings have."""
    better, worse = (curve(study, name, measure) for name in (claim.better, claim.worse))
    at = max(set(better.steps) & set(worse.steps))
    found = (one.values[:, list(one.steps).index(at)] for one in (better, worse))
    return Comparison(int(at), *found)


def at_equal_seconds(study, claim, measure=MEASURE):
    """The `Comparison` when the faster of both settings ends; between two points a value lies on their line."""
    better, worse = (curve(study, name, measure) for name in (claim.better, claim.worse))
    at = min(better.seconds[-1], worse.seconds[-1])
    found = (np.array([np.interp(at, one.seconds, seed) for seed in one.values]) for one in (better, worse))
    return Comparison(float(at), *found)


def seeds(study, claim):
    """How many seeds stand behind a claim: the smaller number of its two settings."""
    return min(len(curve(study, name).values) for name in (claim.better, claim.worse))


def verdict(study, claim, measure=MEASURE):
    """What the course's study says about a claim, in a sentence or two that its figures make."""
    if not has(study, claim):
        return f"{claim.says}: not measured yet."
    steps, seconds = at_equal_steps(study, claim, measure), at_equal_seconds(study, claim, measure)
    count = seeds(study, claim)

    def said(one):
        return f"{one.better.mean():.1%} and {one.worse.mean():.1%} ({100 * one.gap:+.1f} points)"

    over = "one seed, so a lead and not a result" if count == 1 else f"{count} seeds"
    return (
        f"{claim.says[0].upper()}{claim.says[1:]}? In the paper {claim.paper[0]} and {claim.paper[1]} %. Here, {claim.better} and {claim.worse}: "
        f"at equal steps ({steps.at:,}) {steps.word}, {said(steps)}; "
        f"at equal time ({seconds.at:.0f} s) {seconds.word}, {said(seconds)}. ({over})"
    )


def table(study, claims=CLAIMS, measure=MEASURE):
    """All claims as a table in plain text, one line for each: the paper, equal steps, equal seconds, seeds."""
    lines = [f"{'claim':42} {'paper':>11}   {'equal steps':>20}   {'equal seconds':>20}   seeds"]
    for claim in claims.values():
        paper = f"{claim.paper[0]} / {claim.paper[1]}"
        if not has(study, claim):
            lines.append(f"{claim.says:42} {paper:>11}   {'not measured yet':>20}")
            continue
        both = at_equal_steps(study, claim, measure), at_equal_seconds(study, claim, measure)
        found = [
            f"{100 * one.better.mean():.1f} / {100 * one.worse.mean():.1f}  {one.word:>5}" for one in both
        ]
        lines.append(
            f"{claim.says:42} {paper:>11}   {found[0]:>20}   {found[1]:>20}   {seeds(study, claim):5}"
        )
    return "\n".join(lines)


def lead(mine, pair, tested, paper=None):
    """What one run says about two settings that a paper ranks, in a sentence that the figures make.

    Args:
        mine: setting -> share of right answers, from 0 to 1.
        pair: `(better, worse)`, in the paper's order.
        tested: how many examples both were judged by.
        paper: setting -> the paper's figure in percent, where it has them.

    Returns:
        The sentence. A lead must be larger than two standard errors of a difference, for that is what other test examples
        of the same kind could turn round; how much another seed does, one run cannot say.
    """
    better, worse = pair
    gap = mine[better] - mine[worse]
    middle = (mine[better] + mine[worse]) / 2
    chance = 2 * np.sqrt(2 * middle * (1 - middle) / tested)
    if abs(gap) <= chance:
        word = "a tie: so small a lead may be chance"
    else:
        word = "the paper's order" if gap > 0 else "the reverse of the paper's order"
    theirs = ""
    if paper and better in paper and worse in paper:
        theirs = f" In the paper {paper[better]} and {paper[worse]} %."
    return (
        f"{better} against {worse}: {100 * gap:+.1f} points, and {tested:,} test examples are good for "
        f"{100 * chance:.1f}: {word}. One run.{theirs}"
    )
