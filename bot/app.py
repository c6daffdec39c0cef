"""The wiring, and nothing else: which part is handed which, and in what order they start and stop."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import TypeVar

from bot.clients.github.client import GitHub
from bot.clients.kubernetes.client import Kubernetes
from bot.clients.mlflow.client import MLflow
from bot.clients.pods import Pods
from bot.clients.slack.client import Slack
from bot.cluster.watch import Watch
from bot.config.app_yaml import App
from bot.config.environment import Environment, Secret
from bot.domain.errors import Permanent, Temporary
from bot.domain.registry import ModelVersion
from bot.engine import announcements, group_sync, reconcile, registry_sync, repository_sync
from bot.engine.evidence import Doors
from bot.engine.leadership import lead
from bot.engine.message_sync import Messages
from bot.engine.reaction_sync import Listening
from bot.engine.scheduler import Dispatch, Key
from bot.ingress import socket_mode
from bot.ingress.internal import RECORD, Readiness, internal
from bot.ingress.public import Inbound
from bot.ingress.serving import serve
from bot.store.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")
EAGER = timedelta(seconds=5)
"""How long a system that does not answer is left alone at most, where everything waits for it."""
PATIENCE = timedelta(seconds=8)
"""How long the turns in hand are waited for when the bot is asked to stop."""
SYNC_EVERY = timedelta(seconds=30)
"""How often each copy of an outside system is brought up to date, whatever webhooks said."""
SOCKET = "Slack's socket"


def run(app: App, environment: Environment) -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    asyncio.run(_until_stopped(app, environment))


async def _until_stopped(app: App, environment: Environment) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    working = asyncio.create_task(work(app, environment))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    working.cancel()
    stopping.cancel()
    await asyncio.wait({working}, timeout=PATIENCE.total_seconds())
    if not working.done():
        log.warning("what is in hand is left as it is: the next start goes on from there")
        logging.shutdown()
        os._exit(0)  # a thread may wait for an answer that never comes, and Python would wait for the thread
    for result in await asyncio.gather(working, stopping, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


async def work(app: App, environment: Environment) -> None:
    """Do the bot's work, for ever: lead, listen, look."""
    async with AsyncExitStack() as stack:
        ready = Readiness(waiting_for={RECORD, "Slack", "MLflow", "GitHub"})
        where, named = (environment.internal_host, environment.internal_port), "INTERNAL_HOST and INTERNAL_PORT"
        await stack.enter_async_context(serve(internal(ready), *where, named=named))
        password = environment.database_password.reveal() if environment.database_password else None
        await stack.enter_async_context(lead(environment.database_url, password, partial(ready.lacks, RECORD)))
        ready.has(RECORD)
        store = await Store.open(environment.database_url, password)
        stack.push_async_callback(store.close)
        ready.store = store
        doors = await _open_doors(app, environment, stack)
        try:
            await _run(app, environment, store, doors, ready, stack)
        except ExceptionGroup as several:
            away, mistakes = several.split(Temporary)
            if away is None or mistakes is not None:
                raise
            raise Temporary(str(away.exceptions[0])) from several  # the database is unreachable: restart


async def _open_doors(app: App, environment: Environment, stack: AsyncExitStack) -> Doors:
    """Make the clients.  None of them asks anything yet."""
    env = environment
    slack = Slack.connect(env.slack_bot_token.reveal(), env.slack_api_url)
    stack.push_async_callback(slack.close)
    github = GitHub.connect(app.repository, environment)
    stack.push_async_callback(github.close)
    mlflow = MLflow.connect(
        env.mlflow_tracking_uri,
        env.mlflow_tracking_username,
        env.mlflow_tracking_password.reveal() if env.mlflow_tracking_password else None,
        env.mlflow_tracking_token.reveal() if env.mlflow_tracking_token else None,
        trusted=env.mlflow_tracking_server_cert_path,
    )
    stack.push_async_callback(mlflow.close)
    kubernetes = await Kubernetes.connect(env.kubeconfig)
    stack.push_async_callback(kubernetes.close)
    pods = Pods()
    stack.push_async_callback(pods.close)
    return Doors(slack=slack, github=github, mlflow=mlflow, kubernetes=kubernetes, pods=pods)


async def _run(
    app: App, environment: Environment, store: Store, doors: Doors, ready: Readiness, stack: AsyncExitStack
) -> None:
    await _until_answered("Slack", doors.slack.whoami, ready)
    moved = asyncio.Event()
    watch = Watch(doors.kubernetes, lambda _: moved.set())
    stack.push_async_callback(watch.close)
    messages = Messages(app=app, store=store, slack=doors.slack, watch=watch)
    turn = partial(_look, app=app, store=store, doors=doors, watch=watch, messages=messages)
    dispatch = Dispatch(store, turn)
    inbound = Inbound(app=app, store=store, ring=dispatch.ring)
    public = inbound.application(
        slack_secret=environment.slack_signing_secret,
        mlflow_secret=environment.mlflow_webhook_secret,
        github_secret=environment.github_webhook_secret,
    )
    await stack.enter_async_context(serve(public, environment.host, environment.port))
    registry = partial(registry_sync.sync_registry, app=app, store=store, doors=doors)
    repository = repository_sync.Repository(app=app, store=store, doors=doors, watch=watch)
    listening = Listening(store, doors.slack)
    groups = partial(group_sync.sync_groups, app=app, store=store, doors=doors)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(dispatch.run())
        tasks.create_task(messages.run())
        tasks.create_task(_follow(moved, store, dispatch, messages))
        if environment.slack_app_token is not None:
            tasks.create_task(_hear(inbound, doors.slack, environment.slack_app_token, ready))
        await _until_answered("Slack", groups, ready)
        await _until_answered("MLflow", registry, ready)
        await _until_answered("GitHub", repository.look, ready)
        await _until_answered("Slack", listening.look, ready)
        tasks.create_task(_every(SYNC_EVERY, "MLflow", registry, ready, dispatch))
        tasks.create_task(_every(SYNC_EVERY, "GitHub", repository.look, ready, dispatch))
        tasks.create_task(_every(SYNC_EVERY, "Slack", listening.look, ready, dispatch))
        tasks.create_task(_every(SYNC_EVERY, "Slack", groups, ready, dispatch))
        log.info("ready")


async def _look(key: Key, *, app: App, store: Store, doors: Doors, watch: Watch, messages: Messages) -> None:
    """Take one look at a pair, or at a version."""
    if isinstance(key, ModelVersion):
        await announcements.look(key, app=app, store=store, doors=doors)
    else:
        await reconcile.run(key, app=app, store=store, doors=doors, watch=watch)
        messages.ring()


async def _hear(inbound: Inbound, slack: Slack, app_token: Secret, ready: Readiness) -> None:
    """Hear what people do over a socket, for ever, and say while there is none."""
    ready.waiting_for.add(SOCKET)
    await socket_mode.run(
        lambda: _until_answered(SOCKET, lambda: slack.socket(app_token.reveal()), ready),
        inbound.hear,
        lost=lambda: ready.lacks(SOCKET, socket_mode.LOST),
    )


async def _follow(moved: asyncio.Event, store: Store, dispatch: Dispatch, messages: Messages) -> None:
    """Look at every rollout when the cluster shows something new: rollouts are few, and a look is cheap."""
    while True:
        await moved.wait()
        moved.clear()
        dispatch.ring(*(it.pair for it in await store.under_way() if it.record.merge_commit is not None))
        messages.ring()
        await asyncio.sleep(0.2)


async def _until_answered(what: str, ask: Callable[[], Awaitable[T]], ready: Readiness) -> T:
    """Ask until there is an answer, saying meanwhile what is missing."""
    tries = 0
    while True:
        try:
            answer = await ask()
        except (Temporary, Permanent) as error:
            ready.lacks(what, str(error))
            wait = pause(error, tries)
            log.warning("%s: %s; again in %.0f s", what, error, wait.total_seconds())
            await asyncio.sleep(wait.total_seconds())
            tries += 1
        else:
            ready.has(what)
            return answer


def pause(error: Temporary | Permanent, tries: int) -> timedelta:
    """Return how long to wait before the next try after so many: as long as the other side asks for, if it does."""
    asked = error.after if isinstance(error, Temporary) else None
    return asked or min(reconcile.patience(tries), EAGER)


async def _every(
    pause: timedelta, what: str, look: Callable[[], Awaitable[object]], ready: Readiness, dispatch: Dispatch
) -> None:
    """Look again and again."""
    while True:
        await asyncio.sleep(pause.total_seconds())
        await _until_answered(what, look, ready)
        dispatch.ring()
