"""What the probes drew is told in words, argument by argument."""

import numpy as np
import pytest
from keras import ops

from autograder.authoring.corners import class_of, corners, in_words
from autograder.hidden.assignments import assignment_of
from autograder.judge import DEFAULT_SEED
from course.notebooks.lesson import lessons


@pytest.mark.parametrize(
    "value, words",
    [
        (None, "None"),
        (0, "int 0"),
        (17, "int"),
        (0.5, "0.5"),
        ([1, 2, 3], "list of many"),
        (ops.ones((2, 3)), "float32 of rank 2"),
        (ops.zeros((1, 3)), "float32 of rank 2, an axis of 1, tiny"),
        (np.full((2, 3), -900.0), "NumPy float64 of rank 2, large"),
        (ops.zeros((0, 3)), "float32 of rank 2, empty"),
        (np.array([[True, False], [False, False]]), "NumPy bool of rank 2, a row of False"),
    ],
)
def test_a_value_in_words(value, words):
    assert class_of(value) == words


def test_what_the_probes_of_a_function_and_of_a_layer_drew():
    assignment = assignment_of(lessons()["attention"])
    drawn = corners(assignment, "softmax", DEFAULT_SEED)
    assert {"absent", "int 0", "int 1", "int -2"} <= set(drawn["axis"])
    assert {"float32 of rank 1", "float32 of rank 4"} <= set(drawn["scores"])
    assert in_words({"axis": {"int 0": 2, "absent": 1}}) == "axis: absent (1), int 0 (2)"
    layer = corners(assignment, "SelfAttention", DEFAULT_SEED)
    assert "absent" in layer["attention_mask"]
    assert {"bool of rank 2", "bool of rank 4, an axis of 1"} <= set(layer["attention_mask"])
