"""The tour's steps: what is done in each, what must be seen then, and how its world can be broken.

To add a step, write three things here: `run`, which raises Unseen, `sabotage`, which breaks what the step is about, and
a line in STEPS.
"""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TextIO, TypeAlias

from callboard_demo.tour.eyes import Eyes, Unseen, shown
from callboard_demo.world import World

MODEL: Final = "iris-classifier"
CHANNEL: Final = "#ml-releases"
TICK: Final = "white_check_mark"


@dataclass(slots=True)
class Story:
    """What the steps know of each other."""

    world: World
    eyes: Eyes
    short: bool = False
    patience: float = 120.0
    """Seconds that a step waits for what must be seen."""
    newest: int = 0
    """The version trained last."""
    pull: int | None = None
    """The pull request that the tour shows at its end."""
    before: Any = None
    """What production answered to the input example before the promotion."""
    word: str = ""
    out: TextIO = field(default=sys.stdout)

    async def see(self, what: str, look: Callable[[], Awaitable[Any]]) -> Any:
        """Wait until something is to be seen."""
        return await self.eyes.until(what, look, self.patience)

    async def say(self, who: str, text: str) -> None:
        """Type into the channel."""
        answer = await self.world.chat.say(user=who, channel=CHANNEL, text=text)
        if not answer.get("ok"):
            raise Unseen(f"{text} was not answered: {answer}")

    async def react(self, who: str, ts: str) -> None:
        """Put a ✅ on a message."""
        await self.world.chat.react(user=who, ts=ts, emoji=TICK)


# ── a new version is announced ──


async def announced(story: Story) -> None:
    """Train a version; its message stands in the channel and completes itself when the metrics arrive."""
    example = await story.world.registry.input_example(MODEL)
    story.before = await story.eyes.predict("production", example)
    story.newest = await story.world.registry.train(MODEL, "better")

    async def message() -> Any:
        found = story.eyes.messages("New version", f"v{story.newest}")
        return found[0] if found and "accuracy" in shown(found[0]) else None

    await story.see(f"a message that announces v{story.newest} with its accuracy", message)


async def no_registry(story: Story) -> None:
    """The bot cannot reach the registry."""
    story.world.faults.set("mlflow", "down", 600)


# ── it goes to staging by itself ──


async def staged(story: Story) -> None:
    """Git pins it on staging, the pods there say it, the registry's alias points at it."""
    await released(story, "staging", story.newest)


async def no_agent(story: Story) -> None:
    """Nothing applies what is merged."""
    await story.world.agent.close()


async def released(story: Story, stage: str, version: int) -> None:
    """Look at a stage everywhere: git, pods, alias, channel."""
    replicas = {"staging": 1, "production": 3}[stage]

    async def in_git() -> Any:
        return story.eyes.pinned(stage) == version or None

    async def in_pods() -> Any:
        served = await story.eyes.served(stage)
        return served == [version] * replicas or None

    async def in_registry() -> Any:
        return await story.eyes.alias(stage) == version or None

    async def in_channel() -> Any:
        return story.eyes.messages(f"Released v{version} to {stage}") or None

    await story.see(f"main pins v{version} on {stage}", in_git)
    await story.see(f"every pod on {stage} says v{version}", in_pods)
    await story.see(f"the alias {stage} points at v{version}", in_registry)
    await story.see(f"the channel says that v{version} is released to {stage}", in_channel)


# ── it is promoted to production ──


async def promoted(story: Story) -> None:
    """The requester's own ✅ and a stranger's do not count; the two captains' do."""
    await story.say("alice", f"/promote {MODEL} production")
    pull = await story.see("an open pull request for production", _open_pull(story))
    story.pull = pull["number"]
    ts = await story.see("the message that waits for approvals", _waiting(story, "production"))
    for who in ("alice", "mallory"):
        await story.react(who, ts)
        await story.see(f"{who} is told privately why that does not count", _told(story, who))
    if story.eyes.pulls(pull["head"])[0]["state"] != "open":
        raise Unseen("the pull request still open: it was merged without an approval that counts")
    await story.react("bob", ts)
    await story.react("carol", ts)
    await released(story, "production", story.newest)
    await _exactly_the_pin(story)
    tags = await story.eyes.tags(story.newest)
    if pull["url"] not in tags.values():
        raise Unseen(f"the pull request's address as a tag of v{story.newest}: it has {tags}")


async def no_captains(story: Story) -> None:
    """Bob and Carol are no release captains any more."""
    story.world.chat.set_group("ml-release-captains", [])


def _open_pull(story: Story, stage: str = "production") -> Callable[[], Awaitable[Any]]:
    async def look() -> Any:
        pulls = story.eyes.pulls(f"callboard/{MODEL}/{stage}")
        return pulls[0] if pulls and pulls[0]["state"] == "open" else None

    return look


def _waiting(story: Story, stage: str) -> Callable[[], Awaitable[Any]]:
    async def look() -> Any:
        found = story.eyes.messages(f"v{story.newest}", stage, "approval")
        return found[0]["ts"] if found else None

    return look


def _told(story: Story, who: str) -> Callable[[], Awaitable[Any]]:
    async def look() -> Any:
        return story.eyes.private(who, "does not count") or None

    return look


async def _exactly_the_pin(story: Story) -> None:
    """The diff of the pull request is one line out, one line in."""
    diff = story.world.forge.diff(story.pull or 0)
    changed = [x for x in diff.splitlines() if x[:1] in "+-" and not x.startswith(("+++", "---"))]
    if len(changed) != 2 or str(story.newest) not in changed[1]:  # noqa: PLR2004
        raise Unseen(f"a diff of exactly the pinned line, but it is: {changed}")


# ── the new version answers ──


async def answered(story: Story) -> None:
    """What production answers is not what it answered before, and is what staging answers."""
    example = await story.world.registry.input_example(MODEL)

    async def look() -> Any:
        now = await story.eyes.predict("production", example)
        return now if now != story.before and now == await story.eyes.predict("staging", example) else None

    await story.see("production gives the new version's answer", look)


async def old_pods(story: Story) -> None:
    """Somebody sets production back by hand, in the cluster."""
    await story.eyes.set_env(f"{MODEL}-production", "MODEL_VERSION", "1")

    async def old() -> Any:
        return await story.eyes.served("production") == [1, 1, 1] or None

    await story.eyes.until("production set back by hand", old, 120)


# ── the bot dies in the middle of a promotion ──


async def killed(story: Story) -> None:
    """Killed with `kill -9` while a promotion waits, the bot goes on where it was: nothing lost, nothing doubled."""
    story.newest = await story.world.registry.train(MODEL, "worse")
    await released(story, "staging", story.newest)
    await story.say("alice", f"/promote {MODEL} production v{story.newest}")
    await story.see("an open pull request for production", _open_pull(story))
    ts = await story.see("the message that waits for approvals", _waiting(story, "production"))
    await story.react("bob", ts)
    story.world.bot.kill()
    await story.react("carol", ts)  # nobody listens; the chat delivers it again
    await story.world.start_bot()
    await story.react("carol", await _again(story, ts))
    await released(story, "production", story.newest)
    branch = f"callboard/{MODEL}/production"
    merged = [p for p in story.eyes.pulls(branch) if p["state"] == "merged"]
    messages = story.eyes.messages(f"Released v{story.newest} to production")
    if (len(merged), len(messages)) != (2, 1):
        raise Unseen(f"one more merge and one message, but there are {len(merged)} and {len(messages)}")


async def _again(story: Story, ts: str) -> str:
    """Take Carol's ✅ away, so that she can give it once more."""
    await story.world.chat.react(user="carol", ts=ts, emoji=TICK, remove=True)
    return ts


async def no_restart(story: Story) -> None:
    """The bot cannot be started again."""
    story.world.forbid_bot()


# ── a broken version is taken back ──


async def broken(story: Story) -> None:
    """The random word of its exception stands in the message, and staging is back on what it ran."""
    good = story.newest
    bad = await story.world.registry.train(MODEL, "broken")
    story.word = await story.world.registry.word(MODEL, bad)

    async def message() -> Any:
        return story.eyes.messages(f"v{bad}", "staging", story.word) or None

    await story.see(f"a message about v{bad} that shows the word {story.word!r} of its exception", message)

    async def back() -> Any:
        pinned, served = story.eyes.pinned("staging"), await story.eyes.served("staging")
        return (pinned, served) == (good, [good]) or None

    await story.see(f"staging is back on v{good}, in git and in its pods", back)
    if await story.eyes.alias("staging") != good:
        raise Unseen(f"the alias staging still at v{good}")


async def nothing_broken(story: Story) -> None:
    """What is trained is not broken at all."""
    train = story.world.registry.train

    async def better(model: str, _quality: str) -> int:
        return await train(model, "better")

    story.world.registry.train = better  # type: ignore[method-assign, assignment]


# ── production goes back ──


async def rolled_back(story: Story) -> None:
    """One captain's word is enough to go back to the release before."""
    good = story.newest - 1
    await story.say("bob", f"/rollback {MODEL} production")

    async def back() -> Any:
        pinned, served = story.eyes.pinned("production"), await story.eyes.served("production")
        return (pinned, served, await story.eyes.alias("production")) == (good, [good] * 3, good) or None

    await story.see(f"production is back on v{good}: git, pods and alias", back)

    async def told() -> Any:
        return story.eyes.messages("rollback", f"Released v{good} to production") or None

    await story.see("the channel is told so", told)


Deed: TypeAlias = Callable[[Story], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the tour."""

    name: str
    title: str
    run: Deed
    sabotage: Deed


STEPS: Final = (
    Step(name="announced", title="a new version is registered and announced", run=announced, sabotage=no_registry),
    Step(name="staged", title="it goes to staging by itself", run=staged, sabotage=no_agent),
    Step(
        name="promoted",
        title="it is promoted to production, approved by two captains",
        run=promoted,
        sabotage=no_captains,
    ),
    Step(name="answered", title="production gives the new version's answers", run=answered, sabotage=old_pods),
    Step(name="killed", title="the bot is killed in mid-promotion and goes on", run=killed, sabotage=no_restart),
    Step(
        name="broken",
        title="a broken version is taken back, and the channel knows why",
        run=broken,
        sabotage=nothing_broken,
    ),
    Step(name="rolled-back", title="production goes back to the release before", run=rolled_back, sabotage=no_agent),
)
