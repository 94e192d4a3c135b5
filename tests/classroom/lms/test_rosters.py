"""Rosters of every language and as spreadsheets save them: told by shape, filled in, otherwise left as they were."""

import csv
import io

import pytest

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms.export import ExportRow
from autograder.classroom.lms.roster import fill_in, read_roster
from course.notebooks.lesson import find_lesson


def mark(student, score=17.5, **more):
    return ExportRow(student, raw=score, score=score, why="", comment=more.pop("comment", ""), **more)


@pytest.fixture
def fill(tmp_path):
    """Fill a roster in; `(rows, sentences)`."""

    def filled(text, system, marks, encoding="utf-8", highest=20.0, column=None):
        path = tmp_path / "roster.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        table = read_roster(path, system)
        says = fill_in(
            table, system, find_lesson("1"), marks, {m.student: m.score for m in marks}, highest, column
        )
        table.write(tmp_path / "out.csv")
        text = (tmp_path / "out.csv").read_text(encoding="utf-8-sig")
        return list(csv.reader(io.StringIO(text), delimiter=table.delimiter)), " ".join(says)

    return filled


LEARNERS = [("Lovelace", "Ada", 501, "al501"), ("Hopper", "Grace", 502, "gh502")]


def canvas(split=False, possible="100.00", marks=("", ""), note="    Points Possible", login=True):
    names = ["LastName", "FirstName"] if split else ["Student"]
    heads = [*names, "ID", *(["SIS Login ID"] if login else []), "Section", "Lab 1 Attention (4711)"]
    lines = [heads, [note] + [""] * (len(heads) - 2) + [possible]]
    for (last, first, number, user), given in zip(LEARNERS, marks, strict=True):
        shown = [last, first] if split else [f"{last}, {first}"]
        lines.append([*shown, number, *([user] if login else []), "A", given])
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


@pytest.mark.parametrize("split", [False, True])
def test_canvas_with_names_in_one_column_or_two(fill, split):
    rows, said = fill(canvas(split), "canvas", [mark("Ada_Lovelace", 19), mark("Grace_Hopper", 18)])
    assert [row[-1] for row in rows] == ["Lab 1 Attention (4711)", "100.00", "19", "18"]
    assert "Canvas counts up to 100 there and these marks up to 20" in said and "Points Possible" not in said


def test_canvas_points_possible_in_another_language_or_another_row(fill):
    text = canvas(note="    Mögliche Punkte", possible="20,00")
    rows, said = fill(text, "canvas", [mark("al501"), mark("gh502")])
    assert rows[1][0].strip() == "Mögliche Punkte" and rows[1][-1] == "20,00" and said == ""
    lines = text.splitlines(True)
    muted = "".join([lines[0], ",,,,Manual Posting\r\n", *lines[1:]])
    rows, said = fill(muted, "canvas", [mark("al501", 19), mark("gh502", 18)])
    assert [row[-1] for row in rows[1:]] == ["Manual Posting", "20,00", "19", "18"] and said == ""


def test_excused_and_unassigned_stay_and_are_named(fill):
    rows, said = fill(
        canvas(possible="20", marks=("EX", "n/a")), "canvas", [mark("al501", 20), mark("gh502", 20)]
    )
    assert [row[-1] for row in rows[2:]] == ["EX", "n/a"]
    assert (
        "excused (EX), and left so: Lovelace, Ada." in said
        and "not assigned (N/A), and left so: Hopper, Grace." in said
    )


HEADS = {
    "de": "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,Bewertung kann geändert werden,"
    "Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),Feedback als Kommentar",
    "fr": "Identifiant,Nom complet,Adresse de courriel,Statut,Note,Note maximale,La note peut être modifiée,"
    "Dernière modification (travail remis),Dernière modification (note),Feedback par commentaires",
    "ja": "ID番号,フルネーム,メールアドレス,ステータス,評点,最大評点,変更可,最終更新日時 (提出),最終更新日時 (評点),コメント",
}
WORDS = {"de": "Teilnehmer/in", "fr": "Participant ", "ja": "参加者"}
CHANGED = '"Montag, 23. November 2026, 10:15"'


def worksheet(language, names=("Ada Learner", "Barbara Learner"), comment="", number="20,00"):
    rows = [
        f'{WORDS[language]}{1000 + k},{name},{name.split()[0].lower()}@example.org,Abgegeben,,"{number}",Ja,{CHANGED},-,{comment}'
        for k, name in enumerate(names)
    ]
    return "\r\n".join([HEADS[language], *rows]) + "\r\n"


@pytest.mark.parametrize("language", HEADS)
def test_moodles_worksheet_in_the_language_of_the_institution(fill, language):
    marks = [mark("ada", 17.5, comment="softmax: 1 of 2. Why."), mark("Barbara_Learner_1001", 20)]
    rows, said = fill("\ufeff" + worksheet(language), "moodle", marks)
    assert [row[4] for row in rows[1:]] == ["17,5", "20"] and rows[0] == HEADS[language].split(",")
    assert rows[1][9] == "softmax: 1 of 2. Why." and said == ""


def test_a_comment_that_somebody_wrote_is_left(fill):
    rows, said = fill(worksheet("de", comment="Schön!"), "moodle", [mark("ada", comment="softmax: 0 of 2.")])
    assert rows[1][9] == "Schön!" and "Somebody has commented already, and that is left: Ada Learner." in said


def test_a_worksheet_of_another_scale_is_told(fill):
    _, said = fill(worksheet("de", number="100,00"), "moodle", [mark("ada"), mark("barbara")])
    assert "Moodle counts up to 100 there and these marks up to 20" in said


def test_moodles_gradebook_export_in_german(fill):
    text = (
        "Vorname;Nachname;ID-Nummer;Institution;E-Mail-Adresse;Aufgabe: Lab 1 Attention (Punkte);Kurs gesamt (Punkte)\n"
        "Ada;Learner;77;Uni;ada@example.org;-;5,00\nGrace;Hopper;78;Uni;gh@example.org;-;6,00\n"
    )
    rows, said = fill(text, "moodle", [mark("77"), mark("Grace_Hopper", 12.25)])
    assert [row[5] for row in rows[1:]] == ["17,5", "12,25"] and said == ""


def test_blind_worksheets_are_matched_by_participant(fill):
    names = ("Teilnehmer/in 1000", "Teilnehmer/in 1001")
    rows, _ = fill(
        worksheet("de", names), "moodle", [mark("Teilnehmer_in_1000"), mark("Teilnehmer_in_1001", 3)]
    )
    assert [row[4] for row in rows[1:]] == ["17,5", "3"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_as_spreadsheets_save_it(fill, encoding):
    mark_of_order = "" if encoding == "utf-16" else "\ufeff"
    rows, said = fill(
        (mark_of_order + canvas(possible="20")).encode(encoding), "canvas", [mark("al501"), mark("gh502")]
    )
    assert [row[-1] for row in rows[2:]] == ["17.5", "17.5"] and "UTF-16" in said


def test_utf_16_without_a_mark(fill):
    rows, said = fill(canvas(possible="20").encode("utf-16-le"), "canvas", [mark("al501"), mark("gh502")])
    assert [row[-1] for row in rows[2:]] == ["17.5", "17.5"] and "UTF-16" in said


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_line_that_names_the_delimiter(fill, delimiter):
    rows = [delimiter.join(row) for row in csv.reader(io.StringIO(canvas(split=True, possible="20")))]
    text = f"sep={delimiter}\r\n" + "\r\n".join(rows) + "\r\n"
    rows, said = fill(text, "canvas", [mark("al501"), mark("gh502")])
    assert rows[0][0] == "LastName" and [row[-1] for row in rows[2:]] == ["17.5", "17.5"] and "sep=" in said


def test_names_match_whatever_their_form(fill):
    text = "Vorname,Nachname,E-Mail-Adresse,Lab 1\nJose\u0301,Pérez,x1@a.example,\nप्रिया,शर्मा,x2@a.example,\nSean,O'Neil,x3@a.example,\n"
    marks = [mark("José_Pérez_7", 1), mark("प्रिया_शर्मा_8", 2), mark("Sean_O_Neil_9", 3)]
    rows, said = fill(text, "moodle", marks)
    assert [row[-1] for row in rows[1:]] == ["1", "2", "3"] and said == ""


def test_two_namesakes_are_nobody_by_name(fill):
    text = "Vorname,Nachname,E-Mail-Adresse,Lab 1\nLi,Wei,x1@a.example,\nLi,Wei,x2@a.example,\n"
    rows, said = fill(text, "moodle", [mark("Li_Wei_7", 1)])
    assert [row[-1] for row in rows[1:]] == ["", ""] and "Li_Wei_7" in said


def test_what_is_no_roster_and_what_is_not_there(fill, tmp_path):
    with pytest.raises(GradeError, match="nope.csv is not there"):
        read_roster(tmp_path / "nope.csv", "canvas")
    with pytest.raises(GradeError, match="no export of Canvas"):
        fill("a,b\n1,2\n", "canvas", [])
    with pytest.raises(GradeError, match="no export of Moodle"):
        fill("1,2\n3,4\n", "moodle", [])
