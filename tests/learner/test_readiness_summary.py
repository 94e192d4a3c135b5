"""The evening before: what `course doctor --summary` sends, and what an instructor reads from it."""

import getpass
import platform
from pathlib import Path

import pytest
from typer.testing import CliRunner

import course.doctor.doctor
from autograder import cli as grader
from autograder.teaching.handouts.readiness_report import read_answers
from course import cli
from course.doctor import readiness_summary
from course.doctor.doctor import Finding
from course.errors import CourseError

runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
SEEN = [
    ("Python", [Finding("good", f"3.12.1 in {Path.home()}/somewhere/env")]),
    ("Memory", [Finding("good", "16 GiB, 8.1 GiB of it free; 8 CPU cores")]),
    ("This folder", [Finding("note", r"C:\Users\Ada Lovelace\labs: 0.5 GiB free", "Free some disk space.")]),
    ("Packages", [Finding("problem", "keras is not installed", 'pip install "keras>=3.10"')]),
]


def said(result):
    return " ".join(result.output.split())


def test_a_summary_survives_mail_and_comes_back_whole(tmp_path):
    text = readiness_summary.block(SEEN, "  Ada   L. ")
    assert all(len(line) <= readiness_summary.WIDE for line in text.splitlines())
    mail = "Hello,\n\nhere it is:\n" + "".join(f"> {line}\r\n" for line in text.splitlines()) + "\nAda\n"
    (tmp_path / "mail.eml").write_text(mail)
    (answer,), without = read_answers([tmp_path])
    assert answer.who == "Ada L." and not answer.ready and not without
    assert answer.facts == readiness_summary.summary(SEEN) | {"name": "Ada L."}
    assert 'Packages: keras is not installed -> pip install "keras>=3.10"' in answer.problems
    assert answer.facts["facts"] == ["16 GiB, 8.1 GiB of it free; 8 CPU cores"]


def test_nothing_private_is_sent(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "lovelace")
    monkeypatch.setattr(platform, "node", lambda: "analytical-engine")
    seen = [
        *SEEN,
        (
            "Data",
            [Finding("problem", f"{Path.cwd()}/x cannot be written", "ask lovelace on analytical-engine")],
        ),
        ("Share", [Finding("problem", r"\\server\share\lovelace is full", "see ~/notes and /etc/fstab")]),
    ]
    text = " ".join(readiness_summary.block(seen).split())
    for word in ("lovelace", "Lovelace", "analytical", "server", "fstab", "notes", str(Path.home()) + "/"):
        assert word not in text, word
    assert readiness_summary.scrubbed("16 GiB and/or 3/4 of it; see https://keras.io") == (
        "16 GiB and/or 3/4 of it; see https://keras.io"
    )


def test_doctor_prints_it_after_its_findings(monkeypatch):
    monkeypatch.setattr(
        course.doctor.doctor, "examine", lambda: [(title, lambda f=found: f) for title, found in SEEN]
    )
    done = runner.invoke(cli.app, ["doctor", "--summary", "--name", "Ada"])
    assert done.exit_code == 1
    assert done.output.index("keras is not installed") < done.output.index(readiness_summary.BEGIN)
    assert '"name": "Ada"' in said(done) and readiness_summary.END in done.output
    assert readiness_summary.BEGIN not in runner.invoke(cli.app, ["doctor"]).output


def test_the_instructor_sees_who_is_ready_and_what_ails_the_others(tmp_path):
    fine = [("Python", [Finding("good", "3.12.1")])]
    (tmp_path / "a.txt").write_text(
        readiness_summary.block(SEEN, "Ada") + "\n" + readiness_summary.block(fine, "Bob")
    )
    (tmp_path / "cy.txt").write_text(readiness_summary.block(SEEN))
    (tmp_path / "dan.txt").write_text("works for me")
    done = runner.invoke(grader.app, ["readiness", str(tmp_path), "--expected", "6"])
    assert done.exit_code == 1
    assert "1 of 3 are ready. 3 of 6 have not answered." in said(done)
    assert "dan.txt holds no summary; ask for it again." in said(done)
    assert "2 × Packages: keras is not installed" in said(done)
    again = tmp_path / "b.txt"
    again.write_text(readiness_summary.block(fine, "Ada"))
    answers, _ = read_answers([tmp_path / "a.txt", again])
    assert {answer.who: answer.ready for answer in answers} == {"Ada": True, "Bob": True}, (
        "the later one counts"
    )
    assert runner.invoke(grader.app, ["readiness", str(again)]).exit_code == 0


@pytest.mark.parametrize("damage", ["{", "[]", "3", ""])
def test_a_damaged_summary_is_none(tmp_path, damage):
    path = tmp_path / "a.txt"
    path.write_text(f"{readiness_summary.BEGIN}\n{damage}\n{readiness_summary.END}\n")
    assert read_answers([path]) == ([], [path])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CourseError, match="There is no file or folder"):
        read_answers([tmp_path / "none"])
