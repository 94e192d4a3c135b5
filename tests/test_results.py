"""What follows from the recorded runs of a study: verdicts are made from figures, and the labs train as the runs did."""

import ast
import json

import pytest

from course import results
from course.notebooks.lesson import lessons
from course.results import chart


def points(values, seconds_a_step, steps=(100, 200, 400)):
    return [
        {"step": step, "seconds": step * seconds_a_step, "probe_200": value}
        for step, value in zip(steps, values, strict=True)
    ]


def study(better, worse, slower=1.0):
    """A study of two settings; each list holds one list of values for each seed."""
    return {
        "runs": {
            "one": {str(seed): points(values, 0.1) for seed, values in enumerate(better)},
            "other": {str(seed): points(values, 0.1 * slower) for seed, values in enumerate(worse)},
        }
    }


CLAIM = results.Claim("one is better", "one", "other", (2.0, 1.0), "nowhere")


@pytest.mark.parametrize(
    ("better", "worse", "word"),
    [
        ([[0.1, 0.2, 0.8]], [[0.1, 0.2, 0.7]], "yes"),
        ([[0.1, 0.2, 0.7]], [[0.1, 0.2, 0.8]], "no"),
        ([[0.1, 0.2, 0.71]], [[0.1, 0.2, 0.70]], "a tie"),
        ([[0.1, 0.2, 0.9], [0.1, 0.2, 0.7]], [[0.1, 0.2, 0.72], [0.1, 0.2, 0.6]], "a tie"),  # seeds overlap
        ([[0.1, 0.2, 0.9], [0.1, 0.2, 0.8]], [[0.1, 0.2, 0.72], [0.1, 0.2, 0.6]], "yes"),
    ],
)
def test_a_lead_must_be_larger_than_chance_and_hold_for_any_two_seeds(better, worse, word):
    found = results.at_equal_steps(study(better, worse), CLAIM)
    assert found.at == 400 and found.word == word


def test_at_equal_time_the_slower_one_has_had_fewer_steps():
    both = study([[0.1, 0.4, 0.5]], [[0.2, 0.5, 0.6]], slower=4.0)
    assert results.at_equal_steps(both, CLAIM).word == "no"
    found = results.at_equal_seconds(both, CLAIM)
    assert found.at == 40.0 and found.worse == pytest.approx([0.2]) and found.word == "yes"
    both["pace_ms"] = {
        "one": 100.0,
        "other": 200.0,
    }  # what was measured in turns counts, not the runs' own clock
    assert results.at_equal_seconds(both, CLAIM).worse == pytest.approx([0.5])


def test_a_verdict_says_what_was_compared_and_over_how_many_seeds():
    said = results.verdict(study([[0.1, 0.2, 0.8]], [[0.1, 0.2, 0.7]]), CLAIM)
    assert "80.0% and 70.0% (+10.0 points)" in said and "2.0 and 1.0 %" in said and "one seed" in said
    said = results.verdict(study([[0.1, 0.2, 0.8]] * 3, [[0.1, 0.2, 0.7]] * 2), CLAIM)
    assert "(2 seeds)" in said
    assert "not measured" in results.verdict({"runs": {"one": {}}}, CLAIM)


def test_a_seed_that_is_far_behind_does_not_cut_off_the_others():
    both = study([[0.1, 0.2, 0.8]], [[0.1, 0.2, 0.7]])
    both["runs"]["one"]["1"] = points([0.1], 0.1, steps=(100,))
    assert results.curve(both, "one").steps.tolist() == [100, 200, 400]


def test_a_chart_draws_what_was_measured_and_says_it(capsys):
    chart.claim(study([[0.1, 0.2, 0.8]], [[0.1, 0.2, 0.7]]), CLAIM, [("one", 400, 9.0, 0.75)])
    said = capsys.readouterr().out
    assert "A star is what you trained." in said and "at equal steps (400) yes" in said


def test_the_shipped_results_say_how_they_were_made():
    found = results.read("mae")
    assert {"machine", "versions", "date", "recipe", "settings", "runs", "about"} <= set(found)
    for name, runs in found["runs"].items():
        assert name in found["settings"]
        for run in runs.values():
            steps = [point["step"] for point in run]
            assert steps == sorted(set(steps)) and all(0 <= point["probe_200"] <= 1 for point in run)
    assert any(results.has(found, claim) for claim in results.CLAIMS.values())
    assert len(results.table(found).splitlines()) == 1 + len(results.CLAIMS)
    assert "/" not in json.dumps(found["machine"])


def test_the_learner_trains_what_the_study_trained():
    """Sizes stand in the lab's cells, the recipe in the results: the star must lie on the curve."""
    source = "\n".join(cell.source for cell in lessons()["mae"].cells if cell.kind == "experiment")
    sizes = {
        target.id: ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("sizes", "light")
    }
    recipe = results.read("mae")["recipe"]
    encoder, decoder = recipe["encoder"], recipe["decoder"]
    heads = {"num_heads": encoder["heads"]}
    assert sizes["sizes"] == heads | {"hidden_dim": encoder["width"], "intermediate_dim": encoder["middle"]}
    assert sizes["light"] == heads | {"hidden_dim": decoder["width"], "intermediate_dim": decoder["middle"]}
    assert 'study["recipe"]' in source and f"num_layers={encoder['layers']}" in source


@pytest.mark.parametrize(
    ("mine", "tested", "word"),
    [
        ({"a": 0.9, "b": 0.8}, 1_000, "the paper's order"),
        ({"a": 0.8, "b": 0.9}, 1_000, "the reverse of the paper's order"),
        ({"a": 0.9, "b": 0.8}, 50, "a tie"),
        ({"a": 0.81, "b": 0.80}, 1_000, "a tie"),
    ],
)
def test_one_run_ranks_what_chance_cannot(mine, tested, word, capsys):
    said = results.lead(mine, ("a", "b"), tested, {"a": 2.0, "b": 1.0})
    assert f": {word}" in said and said.endswith("In the paper 2.0 and 1.0 %.")
    chart.compare(mine, ("a", "b"), tested, {"a": 2.0}, {"b": 0.5}, "a title")
    printed = capsys.readouterr().out
    assert "In the paper" not in printed and f": {word}" in printed and "[picture] a title." in printed
