"""One question's answers over the whole class: those that say the same as one, with what each learner has."""

from collections import Counter

from autograder.classroom.learner_markdown import in_html, plain
from autograder.classroom.marking.gradebook import answered, digest


def groups(name, texts, given, events, names, objections, identify) -> list[dict]:
    """The answers to a question, empty ones first, then by name.

    Args:
        name: the question.
        texts, given: see `ClassAnswers`.
        events: the lab's history.
        names: student -> the name to show.
        objections: student -> an open `Request`.
        identify: student -> what the page knows a learner by.
    """
    marks, found = latest(events, name), {}
    for student, answers in texts.items():
        if name in answers and (student, name) in given:
            source, _ = answers[name]
            found.setdefault(digest(source) if answered(source) else "empty", []).append(student)
    made = []
    for key, students in found.items():
        source, pictures = texts[students[0]][name]
        members = [
            {
                "id": identify(student),
                "name": names[student],
                **_given(given[student, name], marks.get(student), source),
                "request": _objection(objections.get(student)),
            }
            for student in students
        ]
        empty = key == "empty"
        made.append(
            {
                "key": key,
                "empty": empty,
                "html": "" if empty else in_html(source, pictures),
                "words": 0 if empty else len(plain(source).split()),
                "members": sorted(members, key=lambda one: one["name"].casefold()),
            }
        )
    return sorted(made, key=lambda one: (not one["empty"], one["members"][0]["name"].casefold()))


def _given(given, event, source):
    """What a learner has, and who gave it: ours only where the gradebook still says what we wrote."""
    ours = event is not None and event.get("score") == given.score and given.manual
    again = given.waits and given.manual
    by = "nbgrader" if given.score is not None and not given.manual else "formgrader"
    return {
        "score": given.shown[0],
        "waits": given.waits,
        "manual": given.manual,
        "comment": given.comment,
        "lines": event.get("lines", []) if ours else [],
        "by": event["marker"] if ours else by,
        "at": event["at"] if ours else "",
        "again": again,
        "same": again and ours and event.get("digest") == digest(source),
    }


def _objection(request):
    return {"key": request.key, "words": request.words} if request else None


def comments(name, given, events) -> list[str]:
    """Comments used on this question, the most frequent first: to be used again."""
    used = Counter(one.comment for (_, question), one in given.items() if question == name and one.comment)
    for event in events:
        if event["what"] == "mark" and event.get("question") == name and event.get("comment"):
            used[event["comment"]] += 0
    return [text for text, _ in used.most_common(20)]


def latest(events, name) -> dict[str, dict]:
    """Student -> the last time somebody marked them here."""
    return {
        event["student"]: event
        for event in events
        if event["what"] == "mark" and event.get("question") == name
    }
