"""The grader as a distribution of its own: it grades other people's courses and holds no answer to our labs."""

import subprocess
import sys
import zipfile

import pytest

from course.notebooks.lesson import lessons

pytest.importorskip("build")


def test_the_grader_alone_holds_no_answers_of_ours(root, tmp_path):
    command = [sys.executable, str(root / "packaging/build_grader.py"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("autograder/cli.py", "autograder/probes.py", "autograder/judge/marking.py",
                   "autograder/classroom/new_course/template/probes.py.txt",
                   "autograder/classroom/report/page.html.j2"):  # fmt: skip
        assert needed in names
    assert not [
        name for name in names if name.split("/")[0] not in ("autograder",) and ".dist-info" not in name
    ]
    for lab in lessons():
        assert not [
            name for name in names if name.startswith("autograder/hidden/") and name.endswith(f"/{lab}.py")
        ]
