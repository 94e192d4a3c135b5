"""Unix accounts of a room's learners: one each, made when they join, so that nobody reads another's work.

Only on a machine where the command runs as root. No name of the machine's own accounts is ever taken for a learner:
an account counts as a learner's only if it carries our comment and its home lies in the workshop's folder.
"""

import os
import pwd
import re
import subprocess
import unicodedata
import zlib
from pathlib import Path

COMMENT = "learner of a transformer-labs workshop"
LONGEST = 28


def slug(name):
    """The account of somebody who calls themselves `name`: lower-case letters, digits and hyphens.

    Returns:
        The same for the same name, in any spelling of its accents and capitals; empty for an empty name.
    """
    name = " ".join(unicodedata.normalize("NFKC", name).split()).casefold()
    if not name:
        return ""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not re.match("[a-z]", plain) or len(plain) > LONGEST or (not name.isascii() and len(plain) < 2):
        # Written in other letters, or too long: readable enough, and nobody else's.
        plain = f"learner-{plain[:10]}-{zlib.crc32(name.encode()):08x}".replace("--", "-")
    return plain


def taken(user, homes):
    """Why nobody may join under this name on this machine; empty if they may."""
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        return ""
    if found.pw_gecos.split(",")[0] == COMMENT and Path(found.pw_dir) == Path(homes) / user:
        return ""
    return "This name cannot be used on this machine: add a letter or your last name."


def ensure(user, homes):
    """The `pwd` entry of a learner's account, made if need be, with a home nobody else can look into.

    Raises:
        ValueError: if the name is one of the machine's own.
        OSError: if the account cannot be made.
    """
    reason = taken(user, homes)
    if reason:
        raise ValueError(reason)
    home = Path(homes) / user
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        command = ["useradd", "--no-create-home", "--home-dir", str(home), "--shell", "/bin/bash"]
        command += ["--comment", COMMENT, "--user-group"]
        if (
            home.is_dir() and home.stat().st_uid
        ):  # from an earlier life of this machine, such as a container's
            command += ["--uid", str(home.stat().st_uid)]
        done = subprocess.run([*command, user], capture_output=True, text=True)
        if done.returncode:
            raise OSError(f"no account could be made for {user}: {done.stderr.strip()}") from None
        found = pwd.getpwnam(user)
    if not home.is_dir():
        home.mkdir(mode=0o700)
        os.chown(home, found.pw_uid, found.pw_gid)
    return found


def ours(homes):
    """The names of all accounts that a workshop in this folder made."""
    mine = [entry for entry in pwd.getpwall() if entry.pw_gecos.split(",")[0] == COMMENT]
    return sorted(entry.pw_name for entry in mine if Path(entry.pw_dir).parent == Path(homes))


def remove(homes):
    """Remove the accounts, and leave their homes where they are; returns the names."""
    names = ours(homes)
    for name in names:
        subprocess.run(["userdel", name], capture_output=True)
    return names


def everybody():
    """The names of the accounts that any workshop on this machine made."""
    return sorted(entry.pw_name for entry in pwd.getpwall() if entry.pw_gecos.split(",")[0] == COMMENT)
