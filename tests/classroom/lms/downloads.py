"""Downloads as learning management systems make them, made here: names as theirs, notebooks of one line."""

import zipfile

import nbformat


def notebook(text="x = 1", lab="lab1_attention"):
    """A notebook of one cell, as JSON."""
    book = nbformat.v4.new_notebook(metadata={"course": {"lab": lab}})
    book.cells = [nbformat.v4.new_code_cell(text, id="one")]
    return nbformat.writes(book)


def zipped(path, entries):
    """A zip of `name -> content`; returns its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def zipped_raw(path, entries, extra=b""):
    """A zip whose names are bytes in any code page, without a word on which: `[(name, content)]`."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, (_, content) in enumerate(entries):
            info = zipfile.ZipInfo(f"{number:06}" + "x" * (len(entries[number][0]) - 6))
            info.extra = extra
            archive.writestr(info, content)
    data = path.read_bytes()
    for number, (name, _) in enumerate(entries):
        data = data.replace((f"{number:06}" + "x" * (len(name) - 6)).encode(), name)
    path.write_bytes(data)
    return path


def moodle(name, number, file="attention.ipynb", layout="since 4.1", group=""):
    """The path of one file; `layout` is `"since 4.1"`, `"before 4.1"` or `"flat"`."""
    joint = {"since 4.1": "/", "before 4.1": "_/", "flat": "_"}[layout]
    return f"{group}{name}_{number}_assignsubmission_file{joint}{file}"


def canvas(name, number, upload, file="attention.ipynb", late=False):
    """`number` is a learner's, or five letters where marking is anonymous."""
    return f"{name}_{'LATE_' if late else ''}{number}_{upload}_{file}"


def blackboard(assignment, user, time, file="attention.ipynb"):
    """One file; `blackboard_note` writes the text file beside it."""
    return f"{assignment}_{user}_attempt_{time}_{file}"


def blackboard_note(assignment, user, time, name):
    """`(path, content)`."""
    text = f"Name: {name} ({user})\nAssignment: {assignment}\nDate Submitted: Monday, 23 November 2026 15:04:05 o'clock GMT\n"
    return f"{assignment}_{user}_attempt_{time}.txt", text


def brightspace(number, name, time, file="attention.ipynb", folder=False):
    """One file, or a file in a folder, as newer versions write."""
    return f"{number}-678910 - {name} - {time}{'/' if folder else ' - '}{file}"


def gradescope(submissions):
    """`(entries of the zip)` of `number -> (people, time, notebook)`; people are `(name, sid, email)`."""
    lines, entries = ["---"], {}
    for number, (people, time, text) in submissions.items():
        lines += [f"submission_{number}:", "  :submitters:"]
        for name, sid, email in people:
            lines += [f"  - :name: {name}", f"    :sid: '{sid}'", f"    :email: {email}"]
        lines += [
            f"  :created_at: {time}",
            "  :score: 0.0",
            "  :results: !ruby/object:OpenStruct",
            "    tests: []",
        ]
        entries[f"assignment_77_export/submission_{number}/attention.ipynb"] = text
    return {"assignment_77_export/submission_metadata.yml": "\n".join(lines) + "\n", **entries}


def ilias(last, first, login, number, file="attention.ipynb", team=""):
    """One file, in a team's folder if there is one."""
    return f"Exercise/Lab_1_77/{team}{last}_{first}_{login}_{number}/{file}"
