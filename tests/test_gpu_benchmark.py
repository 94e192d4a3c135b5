"""`benchmarks/gpu.py`: nobody runs it on a GPU here, so that it runs at all, and measures what the labs do, is tested."""

import re
import subprocess
import sys

import pytest

from course.notebooks.lesson import find_lesson

# What the lessons' GPU cells make, and how `gpu_cases.labs` says it.
SAME = [
    ("transformer", "num_layers=4, hidden_dim=256, intermediate_dim=1024", "4, 8, 256, 1024"),
    ("transformer", "batch_size=128, epochs=15", "51_785 * 15 // 128"),
    ("bert", "Bert(8_000, 4, 4, 256, 1024, max_length=128)", "Bert(8_000, 4, 4, 256, 1024, max_length=128)"),
    ("bert", "make_optimizer(5e-4, 10_000)", "10_000"),
    (
        "vit",
        "VisionTransformer((32, 32), 4, 7, 4, 256, 512, 10,",
        "VisionTransformer((32, 32), 4, 7, 4, 256, 512, 10,",
    ),
    ("vit", "epochs=100", "50_000 // 256 * 100"),
    ("igpt", "num_layers=8, num_heads=8, hidden_dim=256", "num_layers=8, num_heads=8, hidden_dim=256"),
    ("igpt", "pretrain(photographer, tokens, 50_000,", "50_000,"),
    ("mae", "40_000, batch_size=512", "40_000"),
]


@pytest.mark.parametrize("lab, in_lesson, in_benchmark", SAME)
def test_the_benchmark_measures_what_the_labs_do(root, lab, in_lesson, in_benchmark):
    lesson = find_lesson(lab).path.read_text()
    cells = [cell for cell in lesson.split("# %%") if 'if course.preset() == "gpu":' in cell]
    assert any(in_lesson in cell for cell in cells), (
        f"{lab} has other sizes now: mend benchmarks/gpu_cases.py, too"
    )
    assert in_benchmark in (root / "benchmarks/gpu_cases.py").read_text()


def run(root, *arguments):
    command = [sys.executable, "benchmarks/gpu.py", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)


def lines(printed):
    return [
        [part.strip() for part in line.strip("| ").split("|")]
        for line in printed.splitlines()
        if line.startswith("| ")
    ]


@pytest.mark.parametrize(
    "name", ["bert", *(pytest.param(name, marks=pytest.mark.slow) for name in ("vit", "mae", "labs"))]
)
def test_it_runs_at_toy_sizes(root, name):
    """Published sizes with and without XLA, the course's model as large as KerasHub's; every figure a number."""
    ran = run(root, "--toy", "--only", name)
    assert not ran.returncode, ran.stderr[-2000:]
    head, *rows = lines(ran.stdout)
    assert head[0] == "what" and len(rows) == {"bert": 4, "vit": 4, "mae": 4, "labs": 5}[name]
    assert all(re.fullmatch(r"[\d.]+", row[4]) and float(row[4]) > 0 for row in rows)
    if name in ("bert", "vit"):
        assert len({row[1] for row in rows}) == 1, (
            "the course's model and KerasHub's have different numbers of weights"
        )


def test_without_a_gpu_it_says_so_in_a_sentence(root):
    ran = run(root)
    if "TFLOP/s" in ran.stdout:
        pytest.skip("there is a GPU here")
    assert ran.returncode == 1 and "--toy" in ran.stderr and "Traceback" not in ran.stderr
