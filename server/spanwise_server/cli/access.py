"""``spanwise keys`` and ``spanwise users``: who may come in."""

# ruff: noqa: PLC0415 - the help of a command is to come at once, and without the server's libraries

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING, Final

from ..errors import ConfigError, NotFound
from .command import add_settings, command, day, open_store, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .command import Commands

RIGHTS: Final = ("write", "read")
#: As in the store, which the help of a command does not wait for; a test holds them together.
ROLES: Final = ("viewer", "labeller", "editor", "admin")
EVERYWHERE: Final = ""


def add(commands: Commands) -> None:
    """Add the commands."""
    _add_keys(commands)
    _add_users(commands)


def _add_keys(commands: Commands) -> None:
    keys = commands.add_parser("keys", help="make, list and revoke the API keys of programs", allow_abbrev=False)
    verbs = keys.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = command(verbs, "create", _create_key, "make a key and show it, this once")
    create.add_argument("--project", default="default", help="The only project it may touch (default: default).")
    create.add_argument("--name", default="", help="What to call it in lists.")
    create.add_argument("--rights", default=",".join(RIGHTS), help="write, read, or both with a comma (default: both).")
    listed = command(verbs, "list", _list_keys, "list the keys, never their secrets")
    listed.add_argument("--project", help="Only those of this project.")
    revoke = command(verbs, "revoke", _revoke_key, "make a key useless, within five seconds")
    revoke.add_argument("id", type=int, help="Its number in `spanwise keys list`.")
    for each in (create, listed, revoke):
        add_settings(each, "data", "store")


def _add_users(commands: Commands) -> None:
    users = commands.add_parser(
        "users", help="who may log in: accounts with roles, or one password", allow_abbrev=False
    )
    verbs = users.add_subparsers(title="commands", metavar="COMMAND", required=True)
    asks = "Asks for the password twice; without a terminal it is the first line of the standard input."
    add_ = command(verbs, "add", _add_user, "make an account", asks)
    role = command(verbs, "role", _give_role, "let somebody be more, or less, in a project or in all")
    password = command(verbs, "password", _set_password, "set the password of a person, or of all who share one", asks)
    listed = command(verbs, "list", _list_users, "list the accounts and what they are")
    remove = command(verbs, "remove", _remove_user, "take an account away; its labels stay")
    add_.add_argument("name", help="What labels are signed with.")
    add_.add_argument("--role", default=ROLES[1], help=f"{', '.join(ROLES)} (default: {ROLES[1]}).")
    role.add_argument("name")
    role.add_argument("role", help=f"{', '.join(ROLES)}, or none.")
    password.add_argument("name", nargs="?", help="Whose; without a name, the one that all share.")
    remove.add_argument("name")
    for each in (add_, role):
        each.add_argument("--project", default=EVERYWHERE, help="The only project it is for (default: all).")
    for each in (add_, role, password, listed, remove):
        add_settings(each, "data", "store")


def _create_key(asked: argparse.Namespace) -> int:
    rights = frozenset(filter(None, (right.strip() for right in asked.rights.split(","))))
    if not rights or not rights <= set(RIGHTS):
        raise ConfigError(f"--rights is {asked.rights!r}.", "Give write, read, or both as write,read.")
    with open_store(asked) as store:
        key, secret = store.create_key(asked.project, asked.name, rights)
    say(secret)
    # The secret alone goes to standard output, so that a script can keep it.
    print(
        f"Key {key.id} of project {key.project} may {' and '.join(sorted(key.rights))}. It is not shown again: "
        "keep it in SPANWISE_API_KEY where your app runs.",
        file=sys.stderr,
    )
    return 0


def _list_keys(asked: argparse.Namespace) -> int:
    with open_store(asked) as store:
        keys = store.keys(asked.project)
    if not keys:
        say("There are no keys. Make one with: spanwise keys create --project NAME")
        return 0
    heads = ("ID", "KEY", "PROJECT", "NAME", "RIGHTS", "MADE", "LAST USED")
    rows = [
        (
            str(key.id),
            f"{key.prefix}...",
            key.project,
            key.name or "-",
            ",".join(sorted(key.rights)),
            day(key.created_ns),
            "revoked" if key.revoked_ns is not None else day(key.last_used_ns),
        )
        for key in keys
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _revoke_key(asked: argparse.Namespace) -> int:
    with open_store(asked) as store:
        revoked = store.revoke_key(asked.id)
    if not revoked:
        raise NotFound(f"There is no key {asked.id} in use.", "See `spanwise keys list`.")
    say(f"Key {asked.id} is revoked.")
    return 0


def _add_user(asked: argparse.Namespace) -> int:
    from ..auth.passwords import hashed
    from ..store.users import Users, checked_name

    name = checked_name(asked.name)
    kept = hashed(_ask_password())
    with open_store(asked) as store:
        first = not Users(store).any()
        user = Users(store).add(name, kept, asked.role, asked.project)
    say(f"{user.name} can log in: {_said(user.roles)}.")
    if first:
        say("The viewer asks everybody for a login now, and programs need a key from `spanwise keys create`.")
    return 0


def _give_role(asked: argparse.Namespace) -> int:
    from ..store.users import Users

    with open_store(asked) as store:
        user = Users(store).give(asked.name, None if asked.role == "none" else asked.role, asked.project)
    say(f"{user.name}: {_said(user.roles)}.")
    return 0


def _list_users(asked: argparse.Namespace) -> int:
    from ..store.users import Users

    with open_store(asked) as store:
        users = Users(store).all()
    if not users:
        say("There are no accounts. Make one with: spanwise users add NAME --role labeller")
        return 0
    width = max(len(user.name) for user in users)
    for user in users:
        say(f"{user.name.ljust(width)}  {_said(user.roles)}")
    return 0


def _remove_user(asked: argparse.Namespace) -> int:
    from ..store.users import Users

    with open_store(asked) as store:
        Users(store).remove(asked.name)
    say(f"{asked.name} can log in no more; the labels stay.")
    return 0


def _said(roles: Mapping[str, str]) -> str:
    """Return what somebody is, in words."""
    return ", ".join(f"{role} in {project or 'every project'}" for project, role in roles.items()) or "in no project"


def _set_password(asked: argparse.Namespace) -> int:
    from ..auth.guard import PASSWORD_SETTING
    from ..auth.passwords import hashed
    from ..store.users import Users

    password = _ask_password()
    if asked.name is not None:
        with open_store(asked) as store:
            Users(store).set_password(asked.name, hashed(password))
        say(f"The password of {asked.name} is set; whoever was logged in under that name is logged out.")
        return 0
    with open_store(asked) as store:
        store.keep_setting(PASSWORD_SETTING, hashed(password))
    say("The password is set: the viewer asks for it now, and programs need a key from `spanwise keys create`.")
    return 0


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("New password: ")
    if getpass.getpass("Again: ") != password:
        raise ConfigError("The two are not the same.", "Try again.")
    return password
