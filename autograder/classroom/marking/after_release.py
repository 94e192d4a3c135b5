"""What comes after marks were given out: learners who object, and what has changed since."""

from autograder.classroom.marking.answer_groups import latest


def open_requests(found, events) -> list:
    """The `Request`s that nobody has looked at."""
    closed = {event.get("request") for event in events if event["what"] == "answered"}
    return [one for one in found if one.key not in closed]


def request_rows(lesson, found, events, names, identify, anonymous) -> list[dict]:
    """All objections to a lab, with who has looked at them.

    Args:
        found: the `Request`s.
        names, identify: see `answer_groups.groups`.
        anonymous: whether learners that `names` does not know stay unnamed.
    """
    closed = {
        event["request"]: event for event in events if event["what"] == "answered" and "request" in event
    }
    return [
        {
            "key": one.key,
            "who": names.get(one.student, "" if anonymous else one.student),
            "known": one.student in names,
            "question": one.name if one.name in lesson.questions else "",
            "name": one.name,
            "words": one.words,
            "id": identify(one.student),
            "answered": {key: closed[one.key].get(key, "") for key in ("at", "marker", "words")}
            if one.key in closed
            else None,
        }
        for one in found
    ]


def changes(scores, events, names, anonymous) -> list[dict]:
    """What differs from what was given out last, whoever changed it and with what program.

    Args:
        scores: gives student -> cell -> points as they are now; asked only where something was given out.
    """
    released = next((event for event in reversed(events) if event["what"] == "released"), None)
    if released is None:
        return []
    before, now, found = released.get("scores", {}), scores(), []
    for student in sorted({*before, *now}):
        for name in sorted({*before.get(student, {}), *now.get(student, {})}):
            old, new = before.get(student, {}).get(name), now.get(student, {}).get(name)
            if old != new:
                event = latest(events, name).get(student) or {}
                by = event if event.get("score") == new and event.get("at", "") >= released["at"] else {}
                row = {
                    "who": names.get(student, "" if anonymous else student),
                    "name": name,
                    "before": old,
                    "now": new,
                }
                found.append(row | {"by": by.get("marker", ""), "at": by.get("at", "")})
    return found
