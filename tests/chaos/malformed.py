"""Requests as nobody should send them, made of such as one would.  Not itself a test.

What is valid carries an id of its own, and leaves a fact.  What is malformed is made of requests whose ids were heard
of before, and no value that is put in place of another is a good id: so whatever of it is believed leaves nothing.
"""

import json
import random
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode

from bot.ingress.bodies import LARGEST
from bot.rules.parsing.slack_requests import FORM, JSON
from tests.fixtures.inbound_world import SIGNED, V1, press, reaction
from tests.fixtures.signing import mlflow as signed_by_mlflow

SLACK, MLFLOW, GITHUB = SIGNED
DEEP: Final = 20_000
"""Brackets: far beyond what any parser follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One request, signed or not, and what may be answered."""

    path: str
    kind: str
    """Content type."""
    body: bytes
    answers: frozenset[int]
    signed: bool = True
    delivery: str = "known"
    key: str | None = None
    """The key of the fact that it leaves; None: it leaves none."""
    spoilt: Mapping[str, str | None] | None = None
    """Headers in place of the right ones; None: it has none."""

    def headers(self) -> dict[str, str]:
        """Return its headers, signed at this moment."""
        sign, secret = SIGNED[self.path]
        more = {"delivery": self.delivery} if sign is signed_by_mlflow else {}
        right: dict[str, str | None] = {
            **sign(self.body, secret, str(int(time.time())), **more), "Content-Type": self.kind
        }  # fmt: skip
        return {name: value for name, value in (right | dict(self.spoilt or {})).items() if value is not None}


TAKEN: Final = frozenset({200})
READ: Final = frozenset({200, 400})


# ── as one would ────────────────────────────────────────────────────────────────────────────────────────


def valid(number: int) -> Said:
    """Return a request that is as it should be, and whose fact nobody has heard of."""
    return (_reaction, _press, _cancel, _version, _models, _pushed)[number % 6](str(number))


def known() -> list[Said]:
    """Return what the malformed ones are made of."""
    return [make("known") for make in (_reaction, _press, _cancel, _version, _models, _pushed)]


def _reaction(name: str) -> Said:
    body = json.dumps(reaction(f"Ev{name}")).encode()
    return Said(path=SLACK, kind=JSON, body=body, answers=TAKEN, key=f"event:T0ACME:Ev{name}")


def _press(name: str) -> Said:
    payload = press(by=f"U0{name.upper()}")
    key = "action:{channel_id}:{message_ts}".format(**payload["container"])
    key = f"{key}:{payload['actions'][0]['action_ts']}:U0{name.upper()}"
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return Said(path=SLACK, kind=FORM, body=body, answers=TAKEN, key=key)


def _cancel(name: str) -> Said:
    return replace(_command("/promotions", "cancel 1", name), key=f"command:t-{name}")


def _models(name: str) -> Said:
    return _command("/models", V1.model, name)


def _command(command: str, text: str, name: str) -> Said:
    told = {"command": command, "text": text, "trigger_id": f"t-{name}", "user_id": "U0ALICE", "channel_id": "C1"}
    return Said(path=SLACK, kind=FORM, body=urlencode(told | {"team_id": "T0ACME"}).encode(), answers=TAKEN)


def _version(name: str) -> Said:
    number = str(1_000 + int(name)) if name.isdigit() else "1"
    event = {"entity": "model_version", "action": "created", "data": {"name": V1.model, "version": number}}
    return Said(
        path=MLFLOW, kind=JSON, body=json.dumps(event).encode(), answers=TAKEN, delivery=name, key=f"mlflow:{name}"
    )


def _pushed(name: str) -> Said:
    return Said(path=GITHUB, kind=JSON, body=json.dumps({"action": "opened", "number": name}).encode(), answers=TAKEN)


# ── as nobody should ────────────────────────────────────────────────────────────────────────────────────

Spoil: TypeAlias = Callable[[Said, random.Random], Said]

ODD: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 7, 1.5, 1e308, 10**40, "", " ", "a b", "x" * 70, "naïve", "a\0b", "\n", "\u202e", "1.5\n", [],
    [[]], {}, {"id": []}, ["U0BOB"], "<!channel>", "../..", "'; DROP TABLE facts; --", "\ud83d", "\udfff\ud800",
)  # fmt: skip
"""None of them is an id or a name of anything."""


def malformed(dice: random.Random, made_of: list[Said]) -> Said:
    """Return a request that is not as it should be."""
    said = dice.choice(made_of)
    return dice.choices(list(SPOILS), weights=list(SPOILS.values()))[0](said, dice)


def _inside(said: Said, dice: random.Random) -> Said:
    """Put something else somewhere inside, or take it away, once or a few times."""
    body, wrap = _opened(said)
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        spots = _spots(body)
        if spots:
            holder, key = dice.choice(spots)
            if dice.random() < 0.2 and isinstance(holder, dict):
                del holder[key]
            else:
                holder[key] = deepcopy(dice.choice(ODD))
    return replace(said, body=wrap(json.dumps(body).encode()), answers=READ)


def _doubled(said: Said, dice: random.Random) -> Said:
    """Let a key stand twice: the later one counts, and is odd."""
    body, wrap = _opened(said)
    text = json.dumps(body)
    again = json.dumps({dice.choice(sorted(body)): dice.choice(ODD)})
    return replace(said, body=wrap(f"{text[:-1]}, {again[1:]}".encode()), answers=READ)


def _replaced(said: Said, dice: random.Random) -> Said:
    """Let the whole be something else."""
    _, wrap = _opened(said)
    text = json.dumps(dice.choice([*ODD, [{}, {}], {"type": "event_callback"}, {"command": "/promote"}]))
    return replace(said, body=wrap(text.encode()), answers=READ)


def _deep(said: Said, dice: random.Random) -> Said:
    """Nest it deeper than any parser follows, closed or not."""
    body, wrap = _opened(said)
    opening, closing = dice.choice(((b"[", b"]"), (b'{"a":', b"}")))
    nested = opening * DEEP + b"1" + closing * dice.choice((0, DEEP))
    name = json.dumps(dice.choice([*sorted(body), "x"])).encode()
    return replace(said, body=wrap(b"{" + name + b":" + nested + b"}"), answers=READ)


def _cut(said: Said, dice: random.Random) -> Said:
    """Cut it off somewhere, maybe inside a character or an escape."""
    other = _elsewhere(said)
    return replace(other, body=other.body[: dice.randrange(len(other.body))], answers=READ)


def _noise(said: Said, dice: random.Random) -> Said:
    """Change, insert and delete bytes."""
    other = _elsewhere(said)
    body = bytearray(other.body)
    for _ in range(dice.choice((1, 2, 3, 30))):
        place = dice.randrange(len(body))
        body[place : place + dice.randrange(2)] = dice.randbytes(dice.randrange(3))
    return replace(other, body=bytes(body), answers=READ)


def _garbage(said: Said, dice: random.Random) -> Said:
    return replace(said, body=dice.randbytes(dice.randrange(300)), answers=READ)


def _mistyped(said: Said, dice: random.Random) -> Said:
    """Say that it is what it is not; Slack and GitHub send both kinds, and then it cannot be read."""
    other = FORM if said.kind == JSON else JSON
    kind = dice.choice((other, "text/plain", "multipart/form-data", "application/xml; charset=ü", "", "a/b/c", ";"))
    fine = kind == other and said.path != MLFLOW
    return replace(said, kind=kind, answers=READ if fine else frozenset({415}))


def _charset(said: Said, dice: random.Random) -> Said:
    """Name another character set: it is read as UTF-8 all the same."""
    odd = ("utf-16", "nonsense", "utf-8; boundary=x", '"')
    return replace(said, kind=f"{said.kind}; charset={dice.choice(odd)}", answers=READ)


def _many(said: Said, dice: random.Random) -> Said:
    """Send more fields than anybody does."""
    fields = "&".join(f"{dice.randrange(9)}={quote(dice.randbytes(2))}" for _ in range(dice.choice((63, 64, 5_000))))
    return Said(path=SLACK, kind=FORM, body=fields.encode(), answers=READ)


def _delivery(said: Said, dice: random.Random) -> Said:
    """Send a version under a delivery id that is none."""
    names = ("", "x" * 65, "a b", "ä", "known")
    return replace(_version("known"), delivery=dice.choice(names), answers=TAKEN)


def _again(said: Said, dice: random.Random) -> Said:
    """Say it again as it was: it changes nothing."""
    return said


def large(said: Said) -> Said:
    """Return a request that is too large: sent apart, for a hundred of them are a hundred mebibytes."""
    return replace(said, body=said.body + b" " * LARGEST, answers=frozenset({413}))


def _forged(said: Said, dice: random.Random) -> Said:
    """Sign it with nothing, something, another's secret, or at another time."""
    odd = (None, "", "v0=", "v1,", "sha256=", "v0=" + "0" * 64, "sha256=" + "f" * 64, "v1,AAAA", "x" * 5000, "é")
    right, (sign, secret) = said.headers(), SIGNED[said.path]
    proof = next(name for name in right if "Signature" in name)
    spoilt: dict[str, str | None] = {proof: dice.choice(odd)}
    if dice.random() < 0.3:
        spoilt = {name: value for name, value in sign(said.body, secret + "x", str(int(time.time()))).items()}
    elif said.path != GITHUB and dice.random() < 0.5:
        stale = str(int(time.time()) + dice.choice((-86_400, -301, 400, 10**9)))
        spoilt = {**sign(said.body, secret, stale)}
    return replace(said, signed=False, spoilt=spoilt, answers=frozenset({401}))


def _opened(said: Said) -> tuple[dict[str, Any], Callable[[bytes], bytes]]:
    """Return what a body holds, and how to pack it again."""
    if said.kind == JSON:
        return json.loads(said.body), lambda text: text
    if said.body.startswith(b"payload="):
        return press(by="U0KNOWN"), lambda text: b"payload=" + quote(text).encode()
    return _fields(said.body), _form


def _fields(body: bytes) -> dict[str, Any]:
    return dict(parse_qsl(body.decode()))


def _form(text: bytes) -> bytes:
    """Pack JSON as a form, as well as can be: what is no text is written as JSON is."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(fields, dict):
        return quote(text).encode()
    return urlencode({name: _plain(value) for name, value in fields.items()}, errors="surrogatepass").encode()


def _plain(value: Any) -> str:
    """Return a field: behind a space what was no text, lest a number be a good id."""
    return value if isinstance(value, str) else f" {json.dumps(value)}"


def _spots(node: Any) -> list[tuple[Any, Any]]:
    """Return every place inside: who holds it, and under which key."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    return [spot for key in keys for spot in ((node, key), *_spots(node[key]))]


def _elsewhere(said: Said) -> Said:
    """Return the same about a message, a model and a promotion that are not ours, so that no byte can make it ours."""
    body = said.body.replace(b"1764064800.000100", b"1111111111.999999").replace(V1.model.encode(), b"nobodys")
    return replace(said, body=body.replace(b"cancel+1", b"cancel+777777777"))


SPOILS: Final[Mapping[Spoil, int]] = {
    _inside: 40, _doubled: 6, _replaced: 5, _deep: 1, _cut: 8, _noise: 8, _garbage: 3, _mistyped: 6, _charset: 2,
    _many: 1, _delivery: 2, _again: 3, _forged: 24,
}  # fmt: skip
"""How to make a request malformed, and how often."""
