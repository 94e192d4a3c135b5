"""How each learning management system names the files of a download: who handed in what, and when.

A system is a function from all paths of a download to `path -> Named`. It sees all of them, because some names can only
be told from the others: where a Canvas group is called `team_1`, or an assignment of Blackboard `Lab_1`. Names are read
from the left: what stands further right is a learner's own, who might like to hand in as somebody else.
"""

import math
import re
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

NOTES = re.compile(
    r"(?:^|/)submission_metadata\.ya?ml$|_attempt_[\d-]+\.txt$"
)  # read whole: they say who is who


@dataclass(frozen=True)
class Named:
    """What a path says.

    Attributes:
        learner: who handed it in; a folder's name is made of it.
        time: when, as the system writes it; empty if it does not.
        order: later tries of one learner have larger ones.
        late: whether the system itself marks it late.
        reply: where a feedback page has to lie for the system to take it back, with `{}` for the page's name; empty if
            it takes none.
        members: other names of those who handed it in together, a tuple of texts for each.
        problem: why nothing can be told; all else is empty then.
    """

    learner: str = ""
    time: str = ""
    order: int = 0
    late: bool = False
    reply: str = ""
    members: tuple = field(default=())
    problem: str = ""


MOODLE = re.compile(
    r"(?:.*?/)??(?P<learner>[^/]+_\d+)(?P<plugin>_assignsubmission_file)(?P<joint>_/|/|_)(?P<file>.+)"
)


def moodle(paths: list[str], notes: Mapping[str, bytes]) -> dict[str, Named]:
    """`Ada Lovelace_1234_assignsubmission_file/lab.ipynb` since 4.1, `..._file_/lab.ipynb` before, `..._file_lab.ipynb`
    without folders. Blind marking and groups put their words into the name: `Participant_1234`, `Team 1-Ada_1234`."""
    found = {}
    for path in paths:
        if parts := MOODLE.fullmatch(path):
            reply = f"{parts['learner']}{parts['plugin']}{parts['joint']}" + "{}"
            found[path] = Named(parts["learner"], reply=reply)
    return found


ANONYMOUS = re.compile(r"(anon)_(?:(LATE)_)?([A-Za-z0-9]{5})_(\d+)_(.+)")
RUN = re.compile(r"_(\d+(?:_\d+)+)_(?=.)")


def canvas(paths: list[str], notes: Mapping[str, bytes]) -> dict[str, Named]:
    """`lovelaceada_LATE_1001_5001_lab.ipynb`: name, number of the learner, number of the upload. For a group the name is
    the group's, underscores included; where marking is anonymous it is `anon`, and five letters are the number."""
    found, unclear = {}, {}
    for path in paths:
        for name in path.split("/"):
            if parts := ANONYMOUS.fullmatch(name):
                reply = _page_for(name)
                found[path] = Named(f"anon_{parts[3]}", "", int(parts[4][:30]), bool(parts[2]), reply)
                break
            if choices := _choices(name):
                unclear[path] = name, choices
                break
    sure = [choices[0] for _, choices in unclear.values() if len(choices) == 1]
    for path, (name, choices) in unclear.items():
        learner, number, upload = _most_plausible(choices, sure)
        late = learner.endswith("_LATE")
        learner = learner.removesuffix("_LATE")
        problem = "" if re.search(r"[^\W_]", learner) else "the name before the numbers is empty"
        found[path] = Named(
            f"{learner}_{number}", "", int(upload[:30]), late, _page_for(name), problem=problem
        )
    return found


def _choices(name):
    """`(name, number, upload)`, in all ways in which a run of numbers can be cut."""
    run = RUN.search(name)
    if not run or not run.start():
        return []
    numbers, found = run[1].split("_"), []
    for place in range(len(numbers) - 1):
        before = "_".join([name[: run.start()], *numbers[:place]])
        found.append((before, numbers[place], numbers[place + 1]))
    return found


def _most_plausible(choices, sure):
    """The first with numbers of a size with everybody's; where nobody's are sure, the first with long ones."""
    usual = [statistics.median(_size(choice[n]) for choice in sure) for n in (1, 2)] if sure else None

    def plausible(choice):
        if usual:
            return all(abs(_size(choice[n]) - usual[n - 1]) < 1.5 for n in (1, 2))  # digits more or less
        return min(len(choice[1]), len(choice[2])) > 2

    return next(filter(plausible, choices), choices[0])


def _size(number):
    return math.log10(int(number[:30]) + 1)


ATTEMPT = re.compile(
    r"(?P<head>[^/]+?)_attempt_(?P<time>\d{4}-\d\d?-\d\d?-\d\d?-\d\d?-\d\d?)(?:_(?P<file>.+)|\.txt)"
)


def blackboard(paths: list[str], notes: Mapping[str, bytes]) -> dict[str, Named]:
    """`Lab 1_alovelace_attempt_2026-11-23-15-04-05_lab.ipynb`, and a text file beside it with the user name in brackets,
    by which names with underscores are told from an assignment with underscores."""
    attempts, users = {}, {}
    for path in [*paths, *notes]:
        attempt = next(filter(None, map(ATTEMPT.fullmatch, path.split("/"))), None)
        if attempt and path not in notes:
            attempts[path] = attempt
        elif attempt and not attempt["file"]:
            first = notes[path].decode("utf-8-sig", "replace").strip().split("\n")[0]
            if user := re.search(r"\(([^()]+)\)\s*$", first):
                users[attempt["head"]] = user[1].strip()
    assignments = {head.removesuffix(f"_{user}") for head, user in users.items() if head.endswith(f"_{user}")}
    heads = {attempt["head"] for attempt in attempts.values()} | users.keys()
    found = {}
    for path, attempt in attempts.items():
        head = attempt["head"]
        known = [one for one in assignments if head.startswith(f"{one}_")]
        if head in users:
            learner = users[head]
        elif known:
            learner = head.removeprefix(f"{max(known, key=len)}_")
        else:
            learner = _after_what_all_share(head, heads)
        problem = "" if learner else "the user name cannot be told from the assignment's"
        found[path] = Named(learner, attempt["time"], problem=problem)
    return found


def _after_what_all_share(head, heads):
    """Without the words that all names begin with: the assignment's. With one learner alone, the last word."""
    words = [one.split("_") for one in heads]
    shared = 0
    while all(len(one) > shared + 1 and one[shared] == words[0][shared] for one in words):
        shared += 1
    parts = head.split("_")
    return "_".join(parts[shared:]) if len(heads) > 1 else parts[-1] if len(parts) > 1 else ""


IDS = re.compile(r"(\d+)-\d+")
DATED = re.compile(r".*\b\d{4}\b.*\d(?:\s?[APap]\.?\s?[Mm]\.?)?")


def brightspace(paths: list[str], notes: Mapping[str, bytes]) -> dict[str, Named]:
    """`12345-678910 - Ada Lovelace - Nov 23, 2026 1105 PM - lab.ipynb`, or a folder of that name: the first number is
    the learner's. Two learners of one name stay two."""
    found = {}
    for path in paths:
        for part in path.split("/"):
            ids, *words = part.split(" - ")
            place = next((n for n, word in enumerate(words) if n and DATED.fullmatch(word)), None)
            if IDS.fullmatch(ids) and place is not None:
                learner = f"{' - '.join(words[:place])}_{IDS.fullmatch(ids)[1]}"
                found[path] = Named(learner, words[place])
                break
    return found


def gradescope(paths: list[str], notes: Mapping[str, bytes]) -> dict[str, Named]:
    """`submission_456/lab.ipynb`; `submission_metadata.yml` says whose, when, and who handed in together."""
    records = {}
    files = sorted(
        (path for path in notes if path.lower().endswith((".yml", ".yaml"))), key=lambda p: p.count("/")
    )
    for path in files[:1]:  # others are learners' own
        folder = path.rpartition("/")[0]
        records = {f"{folder}/{key}".strip("/"): record for key, record in _yaml(notes[path]).items()}
    found = {}
    for path in paths:
        key = next((key for key in records if path == key or path.startswith(f"{key}/")), None)
        if key is not None:
            found[path] = _of_record(records[key])
        elif re.search(r"(^|/)submission_\d+/", path):
            found[path] = Named(problem="submission_metadata.yml, which says whose it is, does not name it")
    return found


def _yaml(content):
    import yaml

    try:
        # Texts only: a download is not to make anything else of what it holds.
        records = yaml.load(content, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return (
        {key: one for key, one in records.items() if isinstance(one, dict)}
        if isinstance(records, dict)
        else {}
    )


def _of_record(record):
    people = [one for one in record.get(":submitters") or [] if isinstance(one, dict)]
    people = [tuple(str(one.get(key) or "") for key in (":email", ":sid", ":name")) for one in people]
    people = [one for one in people if any(one)]
    if not people:
        return Named(problem="submission_metadata.yml does not say whose it is")
    email, sid, name = people[0]
    learner = email or (f"{name}_{sid}" if name and sid else name or sid)
    return Named(
        learner, str(record.get(":created_at") or ""), members=tuple(people) if len(people) > 1 else ()
    )


MEMBER = re.compile(r"[^/_]+_.*_\d+")  # Lastname_Firstname_login_1234
TEAM = re.compile(r"team[ _-]?\d+", re.IGNORECASE)


def ilias(paths: list[str], notes: Mapping[str, bytes]) -> dict[str, Named]:
    """`Lovelace_Ada_alovelace_1234/lab.ipynb`, or `Team_7/lab.ipynb`; files may begin with the time of their upload.
    Folders around all of them, such as the exercise's, do not count."""
    folders = [path.split("/")[:-1] for path in paths]
    around = 0
    while len(folders) > 1 and all(
        len(one) > around + 1 and one[around] == folders[0][around] for one in folders
    ):
        around += 1
    found = {}
    for path, own in zip(paths, folders, strict=True):
        places = own[around:] if len(paths) > 1 else own[::-1]
        person = next((one for one in places if MEMBER.fullmatch(one) or TEAM.fullmatch(one)), None)
        if person:
            time = re.match(r"(\d{14})_", path.rpartition("/")[2])
            found[path] = Named(person, time[1] if time else "")
    return found


SYSTEMS: dict[str, Callable[[list[str], Mapping[str, bytes]], dict[str, Named]]] = {
    "moodle": moodle,
    "canvas": canvas,
    "blackboard": blackboard,
    "brightspace": brightspace,
    "gradescope": gradescope,
    "ilias": ilias,
}


def _page_for(name):
    """The name of a page that Canvas takes for an answer to the file of that name: it looks at the numbers in it."""
    return re.sub(r"\.ipynb$", "", name, flags=re.IGNORECASE).replace("{", "").replace("}", "") + ".html"
