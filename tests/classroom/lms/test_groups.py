"""A group's mark reaches each member wherever marks are shown, and no group is reported for handing in the same."""

from autograder.classroom.lateness import Lateness
from autograder.classroom.lms.groups import spread, together
from autograder.judge.verdict import Mark, Verdict


def test_each_member_has_the_groups_verdict_and_lateness(tmp_path, lesson):
    verdict = Verdict(lesson.lab, 1, [Mark("softmax", 2, 2)])
    graded, late = [("ada", verdict), ("dan", verdict)], {"ada": Lateness(penalty=1.0)}
    assert spread(tmp_path, lesson, graded, late) == (graded, late)  # without groups.csv nothing happens
    (tmp_path / "groups.csv").write_text("group,learner\nG1,ada\nG1,fay\nG2,dan\nG2,eve\nG3,nobody\n")
    found, lateness = spread(tmp_path, lesson, graded, late)
    assert {name for name, _ in found} == {"ada", "dan", "eve", "fay"}
    fay = dict(found)["fay"]
    assert fay.marks == verdict.marks and "handed in together with ada" in fay.notes[0].text
    assert lateness["fay"] == late["ada"] and "eve" not in lateness


def test_who_handed_in_alone_keeps_their_own(tmp_path, lesson):
    (tmp_path / "groups.csv").write_text("group,learner\nG1,ada\nG1,fay\n")
    one, two = (
        Verdict(lesson.lab, 1, [Mark("softmax", 2, 2)]),
        Verdict(lesson.lab, 1, [Mark("softmax", 0, 2)]),
    )
    found, _ = spread(tmp_path, lesson, [("ada", one), ("fay", two)], {})
    assert dict(found) == {"ada": one, "fay": two}
    assert together(tmp_path, lesson, ["ada", "fay", "dan"]) == [{"ada", "fay"}]
