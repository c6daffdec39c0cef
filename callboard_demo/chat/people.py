"""The Web API's methods about people: `auth.*`, `users.*`, `usergroups.*`, `team.*`, `bots.*`.

Sources: https://docs.slack.dev/reference/methods/users.info and its neighbours.
"""

from typing import Final

from bot.domain.json import Json
from callboard_demo.chat.arguments import Arguments, Refusal
from callboard_demo.chat.calls import BOT_PROFILE, Method, page
from callboard_demo.chat.limits import Tier
from callboard_demo.chat.world import APP, BOT, BOT_NAME, BOT_USER, DOMAIN, TEAM, ChatUser, Group, World


def _user(person: ChatUser) -> Json:
    """Return a person.  https://docs.slack.dev/reference/objects/user-object ."""
    profile: Json = {"real_name": person.real_name, "display_name": person.name, "email": _email(person)}
    profile |= {"bot_id": BOT, "api_app_id": APP} if person.id == BOT_USER else {}
    flags = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
    body: Json = {"id": person.id, "team_id": person.team_id, "name": person.name, "real_name": person.real_name}
    body |= {flag: getattr(person, flag) for flag in flags}
    return body | {"is_admin": False, "is_owner": False, "is_app_user": False, "tz": "Etc/UTC", "profile": profile}


def _email(person: ChatUser) -> str:
    return f"{person.name}@{DOMAIN}.example"


def _group(group: Group, *, users: bool) -> Json:
    """Return a group.  https://docs.slack.dev/reference/objects/usergroup-object ."""
    body: Json = {"id": group.id, "team_id": TEAM, "is_usergroup": True, "is_subteam": True, "handle": group.handle}
    body |= {"name": group.handle.replace("-", " ").title(), "date_delete": 0, "user_count": len(group.users)}
    return body | ({"users": list(group.users)} if users else {})


def _auth(world: World, given: Arguments) -> Json:
    who = {"user": BOT_NAME, "user_id": BOT_USER, "bot_id": BOT, "team": DOMAIN.capitalize(), "team_id": TEAM}
    return {"url": f"https://{DOMAIN}.slack.com/", "is_enterprise_install": False, **who}


def _info(world: World, given: Arguments) -> Json:
    person = world.people.get(given.text("user"))
    if person is None:
        raise Refusal("user_not_found")
    return {"user": _user(person)}


def _list(world: World, given: Arguments) -> Json:
    entries, more = page(list(world.people.values()), given)
    return {"members": [_user(p) for p in entries], "cache_ts": int(world.clock()), "response_metadata": more}


def _by_email(world: World, given: Arguments) -> Json:
    found = [p for p in world.people.values() if _email(p) == given.text("email")]
    if not found:
        raise Refusal("users_not_found")
    return {"user": _user(found[0])}


def _groups(world: World, given: Arguments) -> Json:
    users = given.flag("include_users")
    return {"usergroups": [_group(g, users=users) for g in world.groups.values()]}


def _group_users(world: World, given: Arguments) -> Json:
    group = world.groups.get(given.text("usergroup"))
    if group is None:
        raise Refusal("no_such_subteam")
    return {"users": list(group.users)}


def _team(world: World, given: Arguments) -> Json:
    return {"team": {"id": TEAM, "name": DOMAIN.capitalize(), "domain": DOMAIN, "email_domain": f"{DOMAIN}.example"}}


def _bot(world: World, given: Arguments) -> Json:
    if given.text("bot") != BOT:
        raise Refusal("bot_not_found")
    return {"bot": BOT_PROFILE}


METHODS: Final = (
    Method(name="auth.test", tier=Tier.SPECIAL, scope=None, run=_auth),
    Method(name="users.info", tier=Tier.FOUR, scope="users:read", run=_info),
    Method(name="users.list", tier=Tier.TWO, scope="users:read", run=_list),
    Method(name="users.lookupByEmail", tier=Tier.THREE, scope="users:read.email", run=_by_email),
    Method(name="usergroups.list", tier=Tier.TWO, scope="usergroups:read", run=_groups),
    Method(name="usergroups.users.list", tier=Tier.TWO, scope="usergroups:read", run=_group_users),
    Method(name="team.info", tier=Tier.THREE, scope="team:read", run=_team),
    Method(name="bots.info", tier=Tier.THREE, scope="users:read", run=_bot),
)
