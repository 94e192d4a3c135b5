"""What `autograder workshop` says: where to join, what was tried, how a running room is."""

from pathlib import Path

from rich.markup import escape

from autograder.console import console


def announce(settings, local, not_enclosed):
    """Where people join, and whether they are kept apart."""
    import segno

    address = settings["address"]
    if not local:
        console.print()
        segno.make(address).terminal(compact=True)
    console.print()
    say_where(settings)
    if not_enclosed and local:
        console.print(
            f"[yellow]A rehearsal only: learners are not kept apart here, and could read the answers "
            f"({escape(not_enclosed)}).[/]",
            highlight=False,
        )
    elif not settings["accounts"]:
        console.print(
            "A rehearsal: everybody works under your account, each in a closed room.", highlight=False
        )


def say_where(settings):
    """Address, code and the instructor's password."""
    address = settings["address"]
    console.print(f"Join        {address}\nJoin code   [bold]{settings['code']}[/]", highlight=False)
    console.print(
        f"Instructor  {settings['instructor']}, password {settings['instructor_password']}\n"
        f"Board       {address}/services/board/",
        highlight=False,
    )


def say_what_was_tried(settings, tried):
    """What a trial learner found, and what one learner may take."""
    if tried:
        served, checked, memory = tried
        console.print(
            f"Ready       a trial learner's server came up in {served:.0f} s and ran a check in {checked:.0f} s, "
            f"with {memory / 2**30:.1f} GiB of memory",
            highlight=False,
        )
    each = f"{settings['memory']:g} GiB of memory and an even share of the processor for each learner"
    if not settings["limits"]:
        each = "none can be set here, so somebody may slow the others down (as root, with systemd or cgroups, they can)"
    console.print(f"Limits      {each}", highlight=False)


def status(folder):
    """Say how the room in a folder is: its address, who is there, what memory they take."""
    from autograder.teaching.workshop import running_room
    from autograder.teaching.workshop.joining import People

    folder = Path(folder).resolve()
    found = running_room.state(folder)
    if found is None:
        left = running_room.parts(folder)
        console.print(f"No room runs in {folder}.", highlight=False)
        if left:
            console.print(f"{len(left)} processes are left of one: --stop ends them.", highlight=False)
        return
    say_where(found["settings"])
    learners = [one for one in found["servers"] if one[0] != found["settings"]["instructor"]]
    console.print(
        f"Running for {found['minutes']:.0f} minutes; {len(learners)} learner{'' if len(learners) == 1 else 's'} in it.",
        highlight=False,
    )
    people = People(folder / "people.json")
    for name, memory, ready in sorted(learners):
        console.print(
            f"  {people.alias(name)}  {memory / 2**20:.0f} MiB{'' if ready else ', starting'}",
            highlight=False,
            markup=False,
        )


def say_it_runs(folder):
    """For whoever types the command again."""
    status(folder)
    console.print("It runs already. To stop it: the same command with  --stop", highlight=False)


def stop(folder):
    """Stop the room that runs in a folder, as Ctrl-C does; also what is left of one whose command was killed."""
    from autograder.teaching.workshop import limits, running_room

    folder = Path(folder).resolve()
    with console.status("stopping"):
        ended = running_room.stop(folder)
        limits.clear()
    console.print(
        f"Stopped. Everybody's work is in {folder}." if ended else f"No room runs in {folder}.",
        highlight=False,
    )
