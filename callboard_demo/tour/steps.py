"""The tour's steps: what each does, what must be observed afterwards, and how it can be sabotaged.

To add a step, write three things, here or beside it: `run`, which raises NotObserved, `sabotage`, which breaks what the
step tests, and a line in STEPS.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from callboard_demo.tour.observer import NotObserved, visible_text
from callboard_demo.tour.story import TICK, Story
from callboard_demo.tour.workloads import configured, no_hash, on_delete, stateful

MODEL: Final = "iris-classifier"


# ── a new version is announced ────────────────────────────────────────────────────────────────────────


async def announced(story: Story) -> None:
    """Train a version: the channel announces it, and the message is completed when the metrics arrive."""
    example = await story.world.registry.input_example(MODEL)
    story.before = await story.observer.predict("production", example)
    story.newest = await story.world.registry.train(MODEL, "better")

    async def message() -> Any:
        found = story.observer.messages("New version", f"v{story.newest}")
        return found[0] if found and "accuracy" in visible_text(found[0]) else None

    await story.wait_for(f"a message that announces v{story.newest} with its accuracy", message)


async def no_registry(story: Story) -> None:
    """The bot cannot reach the registry."""
    story.world.faults.set("mlflow", "down", 600)


# ── it is released to staging automatically ───────────────────────────────────────────────────────────


async def staged(story: Story) -> None:
    """Git pins it on staging, the pods there report it, and the registry's alias points to it."""
    await released(story, "staging", story.newest)


async def no_agent(story: Story) -> None:
    """The GitOps agent is stopped."""
    await story.world.agent.close()


async def released(story: Story, stage: str, version: int) -> None:
    """Check a release everywhere: git, pods, alias, channel."""
    replicas = {"staging": 1, "production": 3}[stage]

    async def in_git() -> Any:
        return story.observer.pinned(stage) == version or None

    async def in_pods() -> Any:
        served = await story.observer.served(stage)
        return served == [version] * replicas or None

    async def in_registry() -> Any:
        return await story.observer.alias(stage) == version or None

    async def in_channel() -> Any:
        return story.observer.messages(f"Released v{version} to {stage}") or None

    await story.wait_for(f"main pins v{version} on {stage}", in_git)
    await story.wait_for(f"every pod on {stage} reports v{version}", in_pods)
    await story.wait_for(f"the alias {stage} points to v{version}", in_registry)
    await story.wait_for(f"the channel reports the release of v{version} to {stage}", in_channel)


# ── it is promoted to production ──────────────────────────────────────────────────────────────────────


async def promoted(story: Story) -> None:
    """The ✅ of the requester and of a person without the role do not count; those of the two captains do."""
    await story.send("alice", f"/promote {MODEL} production")
    pull = await story.wait_for("an open pull request for production", _open_pull(story))
    story.pull = pull["number"]
    ts = await story.wait_for("the message that waits for approvals", _waiting(story, "production"))
    for who in ("alice", "mallory"):
        await story.react(who, ts)
        await story.wait_for(f"{who} gets a private message that this was not counted", _refused_privately(story, who))
    if story.observer.pulls(pull["head"])[0]["state"] != "open":
        raise NotObserved("expected an open pull request, but it was merged without a valid approval")
    await story.react("bob", ts)
    await story.react("carol", ts)
    await released(story, "production", story.newest)
    await _exactly_the_pin(story)
    tags = await story.observer.tags(story.newest)
    if pull["url"] not in tags.values():
        raise NotObserved(f"expected the pull request's URL as a tag of v{story.newest}, but its tags are {tags}")


async def no_captains(story: Story) -> None:
    """Bob and Carol are no longer release captains."""
    story.world.chat.set_group("ml-release-captains", [])


def _open_pull(story: Story, stage: str = "production") -> Callable[[], Awaitable[Any]]:
    async def check() -> Any:
        pulls = story.observer.pulls(f"callboard/{MODEL}/{stage}")
        return pulls[0] if pulls and pulls[0]["state"] == "open" else None

    return check


def _waiting(story: Story, stage: str) -> Callable[[], Awaitable[Any]]:
    async def check() -> Any:
        found = story.observer.messages(f"v{story.newest}", stage, "approval")
        return found[0]["ts"] if found else None

    return check


def _refused_privately(story: Story, who: str) -> Callable[[], Awaitable[Any]]:
    async def check() -> Any:
        return story.observer.private(who, "was not counted") or None

    return check


async def _exactly_the_pin(story: Story) -> None:
    """The diff of the pull request removes one line and adds one line."""
    diff = story.world.forge.diff(story.pull or 0)
    changed = [x for x in diff.splitlines() if x[:1] in "+-" and not x.startswith(("+++", "---"))]
    if len(changed) != 2 or str(story.newest) not in changed[1]:
        raise NotObserved(f"expected a diff of only the pinned line, but it is: {changed}")


# ── the new version serves predictions ────────────────────────────────────────────────────────────────


async def answered(story: Story) -> None:
    """Production's predictions differ from those before, and equal staging's."""
    example = await story.world.registry.input_example(MODEL)

    async def check() -> Any:
        now = await story.observer.predict("production", example)
        return now if now != story.before and now == await story.observer.predict("staging", example) else None

    await story.wait_for("production serves the new version's predictions", check)


async def old_pods(story: Story) -> None:
    """Somebody reverts production manually, in the cluster."""
    await story.observer.set_env(f"{MODEL}-production", "MODEL_VERSION", "1")

    async def old() -> Any:
        return await story.observer.served("production") == [1, 1, 1] or None

    await story.observer.until("production reverted manually", old, 120)


# ── the bot dies in the middle of a promotion ─────────────────────────────────────────────────────────


async def killed(story: Story) -> None:
    """After `kill -9` during a promotion, the bot resumes where it was: nothing is lost or duplicated."""
    story.newest = await story.world.registry.train(MODEL, "worse")
    await released(story, "staging", story.newest)
    await story.send("alice", f"/promote {MODEL} production v{story.newest}")
    await story.wait_for("an open pull request for production", _open_pull(story))
    ts = await story.wait_for("the message that waits for approvals", _waiting(story, "production"))
    await story.react("bob", ts)
    story.world.bot.kill()
    await story.react("carol", ts)  # the bot is down; the chat redelivers this event
    await story.world.start_bot()
    await story.react("carol", await _again(story, ts))
    await released(story, "production", story.newest)
    branch = f"callboard/{MODEL}/production"
    merged = [p for p in story.observer.pulls(branch) if p["state"] == "merged"]
    messages = story.observer.messages(f"Released v{story.newest} to production")
    if (len(merged), len(messages)) != (2, 1):
        raise NotObserved(f"expected 2 merges and 1 message, but there are {len(merged)} and {len(messages)}")


async def _again(story: Story, ts: str) -> str:
    """Remove Carol's ✅, so that she can add it again."""
    await story.world.chat.react(user="carol", ts=ts, emoji=TICK, remove=True)
    return ts


async def no_restart(story: Story) -> None:
    """The bot cannot be started again."""
    story.world.forbid_bot()


# ── a broken version is rolled back ───────────────────────────────────────────────────────────────────


async def broken(story: Story) -> None:
    """The message contains the random word of its exception, and staging is back on its previous version."""
    good = story.newest
    bad = await story.world.registry.train(MODEL, "broken")
    story.exception_word = await story.world.registry.word(MODEL, bad)

    async def message() -> Any:
        return story.observer.messages(f"v{bad}", "staging", story.exception_word) or None

    await story.wait_for(
        f"a message about v{bad} that shows the word {story.exception_word!r} of its exception", message
    )

    async def back() -> Any:
        pinned, served = story.observer.pinned("staging"), await story.observer.served("staging")
        return (pinned, served) == (good, [good]) or None

    await story.wait_for(f"staging is back on v{good}, in git and in its pods", back)
    if await story.observer.alias("staging") != good:
        raise NotObserved(f"expected the alias staging to point to v{good}")


async def nothing_broken(story: Story) -> None:
    """The trained version is not broken."""
    train = story.world.registry.train

    async def better(model: str, _quality: str) -> int:
        return await train(model, "better")

    story.world.registry.train = better  # type: ignore[method-assign, assignment]  # the sabotage is to train another model


# ── production is rolled back ─────────────────────────────────────────────────────────────────────────


async def rolled_back(story: Story) -> None:
    """One captain can roll back to the previous release without further approval."""
    good = story.newest - 1
    await story.send("bob", f"/rollback {MODEL} production")

    async def back() -> Any:
        pinned, served = story.observer.pinned("production"), await story.observer.served("production")
        return (pinned, served, await story.observer.alias("production")) == (good, [good] * 3, good) or None

    await story.wait_for(f"production is back on v{good}: git, pods and alias", back)

    async def announced_in_channel() -> Any:
        return story.observer.messages("rollback", f"Released v{good} to production") or None

    await story.wait_for("the channel reports the rollback", announced_in_channel)


Action: TypeAlias = Callable[[Story], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the tour."""

    name: str
    title: str
    run: Action
    sabotage: Action


STEPS: Final = (
    Step(name="announced", title="a new version is registered and announced", run=announced, sabotage=no_registry),
    Step(name="staged", title="it is released to staging automatically", run=staged, sabotage=no_agent),
    Step(
        name="promoted",
        title="it is promoted to production, approved by two captains",
        run=promoted,
        sabotage=no_captains,
    ),
    Step(name="answered", title="production serves the new version's predictions", run=answered, sabotage=old_pods),
    Step(name="killed", title="the bot is killed during a promotion and resumes", run=killed, sabotage=no_restart),
    Step(
        name="broken",
        title="a broken version is rolled back, and the channel explains why",
        run=broken,
        sabotage=nothing_broken,
    ),
    Step(
        name="rolled-back",
        title="production is rolled back to the previous release",
        run=rolled_back,
        sabotage=no_agent,
    ),
    Step(
        name="stateful",
        title="a StatefulSet is released pod by pod, verified by another server's protocol",
        run=stateful,
        sabotage=on_delete,
    ),
    Step(
        name="configured",
        title="a pin in a ConfigMap is released, and its new name restarts the pods",
        run=configured,
        sabotage=no_hash,
    ),
)
