"""The wiring of the parts, and the order in which they start and stop."""

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
from bot.clients.mlflow.client import MLflow
from bot.clients.slack.client import Slack
from bot.cluster.clusters import Clusters
from bot.config.app_yaml import Config
from bot.config.environment import Environment, Secret
from bot.domain.errors import Permanent, Temporary
from bot.domain.registry import ModelVersion
from bot.engine import announcements, group_sync, reconcile, registry_sync, repository_sync
from bot.engine.evidence import Clients
from bot.engine.leadership import lead
from bot.engine.message_sync import Messages
from bot.engine.reaction_sync import ReactionSync
from bot.engine.scheduler import Dispatch, Key
from bot.ingress import socket_mode
from bot.ingress.internal import DATABASE, Readiness, internal
from bot.ingress.public import Inbound
from bot.ingress.serving import check, serve
from bot.rules.wording.reasons import plain
from bot.store.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")
EAGER = timedelta(seconds=5)
"""The longest wait for a system that everything else waits for."""
PATIENCE = timedelta(seconds=8)
"""How long running passes may take when the bot is asked to stop."""
SYNC_EVERY = timedelta(seconds=30)
"""How often each mirror of an outside system is updated, whatever webhooks reported."""
SOCKET = "Slack's socket"


def run(config: Config, environment: Environment) -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    asyncio.run(_until_stopped(config, environment))


async def _until_stopped(config: Config, environment: Environment) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    working = asyncio.create_task(work(config, environment))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    working.cancel()
    stopping.cancel()
    await asyncio.wait({working}, timeout=PATIENCE.total_seconds())
    if not working.done():
        log.warning("what is in hand is left as it is: the next start goes on from there")
        logging.shutdown()
        os._exit(0)  # a thread may wait for an answer that never comes, and Python would wait for that thread
    for result in await asyncio.gather(working, stopping, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


async def work(config: Config, environment: Environment) -> None:
    """Run the bot for ever: become the leader, then receive, mirror and reconcile."""
    async with AsyncExitStack() as stack:
        ready = Readiness(waiting_for={DATABASE, "Slack", "MLflow", "GitHub"})
        where, named = (environment.internal_host, environment.internal_port), "INTERNAL_HOST and INTERNAL_PORT"
        await stack.enter_async_context(serve(internal(ready), *where, named=named))
        await check(environment.host, environment.port)  # served only by the leader, but reported at once
        password = environment.database_password.reveal() if environment.database_password else None
        await stack.enter_async_context(lead(environment.database_url, password, partial(ready.lacks, DATABASE)))
        ready.has(DATABASE)
        store = await Store.open(environment.database_url, password)
        stack.push_async_callback(store.close)
        ready.store = store
        clients = await _open_clients(config, environment, stack)
        try:
            await _run(config, environment, store, clients, ready, stack)
        except ExceptionGroup as several:
            away, mistakes = several.split(Temporary)
            if away is None or mistakes is not None:
                raise
            raise _first(away) from several  # the database is unreachable: restart


def _first(group: ExceptionGroup[Temporary]) -> Temporary:
    """Return the first error in a group that may hold groups."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first


async def _open_clients(config: Config, environment: Environment, stack: AsyncExitStack) -> Clients:
    """Create the clients.  None of them sends a request yet; the bot's own kubeconfig is read, if it is needed."""
    env = environment
    slack = Slack.connect(env.slack_bot_token.reveal(), env.slack_api_url)
    stack.push_async_callback(slack.close)
    github = GitHub.connect(config.repository, environment)
    stack.push_async_callback(github.close)
    mlflow = MLflow.connect(
        env.mlflow_tracking_uri,
        env.mlflow_tracking_username,
        env.mlflow_tracking_password.reveal() if env.mlflow_tracking_password else None,
        env.mlflow_tracking_token.reveal() if env.mlflow_tracking_token else None,
        trusted=env.mlflow_tracking_server_cert_path,
    )
    stack.push_async_callback(mlflow.close)
    clusters = Clusters(env.kubeconfig)
    stack.push_async_callback(clusters.close)
    if config.needs_own_cluster:
        await clusters.of(None).kubernetes.open()
    return Clients(slack=slack, github=github, mlflow=mlflow, clusters=clusters)


async def _run(
    config: Config, environment: Environment, store: Store, clients: Clients, ready: Readiness, stack: AsyncExitStack
) -> None:
    await _until_answered("Slack", clients.slack.whoami, ready)
    messages = Messages(config=config, store=store, slack=clients.slack, clusters=clients.clusters)
    reconcile_one = partial(_run_pass, config=config, store=store, clients=clients, messages=messages)
    dispatch = Dispatch(store, reconcile_one)
    inbound = Inbound(config=config, store=store, wake=dispatch.wake)
    public = inbound.application(
        slack_secret=environment.slack_signing_secret,
        mlflow_secret=environment.mlflow_webhook_secret,
        github_secret=environment.github_webhook_secret,
    )
    await stack.enter_async_context(serve(public, environment.host, environment.port))
    registry = partial(registry_sync.sync_registry, config=config, store=store, clients=clients)
    repository = repository_sync.RepositorySync(config=config, store=store, clients=clients)
    reactions = ReactionSync(store, clients.slack)
    groups = partial(group_sync.sync_groups, config=config, store=store, clients=clients)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(dispatch.run())
        tasks.create_task(messages.run())
        tasks.create_task(_follow(clients.clusters, store, dispatch))
        if environment.slack_app_token is not None:
            tasks.create_task(_run_socket(inbound, clients.slack, environment.slack_app_token, ready))
        await _until_answered("Slack", groups, ready)
        await _until_answered("MLflow", registry, ready)
        await _until_answered("GitHub", repository.sync, ready)
        await _until_answered("Slack", reactions.sync, ready)
        tasks.create_task(_every(SYNC_EVERY, "MLflow", registry, ready, dispatch))
        tasks.create_task(_every(SYNC_EVERY, "GitHub", repository.sync, ready, dispatch))
        tasks.create_task(_every(SYNC_EVERY, "Slack", reactions.sync, ready, dispatch))
        tasks.create_task(_every(SYNC_EVERY, "Slack", groups, ready, dispatch))
        log.info("ready")


async def _run_pass(key: Key, *, config: Config, store: Store, clients: Clients, messages: Messages) -> None:
    """Run one pass over a target, or over a version."""
    if isinstance(key, ModelVersion):
        await announcements.run(key, config=config, store=store, clients=clients)
    else:
        await reconcile.run(key, config=config, store=store, clients=clients)
        messages.wake(key)


async def _run_socket(inbound: Inbound, slack: Slack, app_token: Secret, ready: Readiness) -> None:
    """Receive events over Socket Mode, for ever, and report while there is no connection."""
    ready.waiting_for.add(SOCKET)
    await socket_mode.run(
        lambda: _until_answered(SOCKET, lambda: slack.socket(app_token.reveal()), ready),
        inbound.receive,
        lost=lambda: ready.lacks(SOCKET, socket_mode.LOST),
    )


async def _follow(clusters: Clusters, store: Store, dispatch: Dispatch) -> None:
    """Wake the rollouts whose workloads have changed in their cluster."""
    while True:
        await clusters.moved.wait()
        clusters.moved.clear()
        touched = clusters.touched()
        for target, place in await store.rolling_out() if touched else ():
            namespace = (place.namespace if place is not None else None) or "default"
            change = touched.get((place.cluster if place is not None else None, namespace))
            if change is not None and change.concerns(target, place):
                dispatch.wake(target)
        await asyncio.sleep(0.2)


async def _until_answered(what: str, ask: Callable[[], Awaitable[T]], ready: Readiness) -> T:
    """Ask until there is an answer; meanwhile, report what is missing."""
    tries = 0
    while True:
        try:
            answer = await ask()
        except (Temporary, Permanent) as error:
            ready.lacks(what, plain(error.reason))
            wait = pause(error, tries)
            log.warning("%s: %s; again in %.0f s", what, plain(error.reason), wait.total_seconds())
            await asyncio.sleep(wait.total_seconds())
            tries += 1
        else:
            ready.has(what)
            return answer


def pause(error: Temporary | Permanent, tries: int) -> timedelta:
    """Return how long to wait after this many attempts: as long as the other system asks for, if it does."""
    asked = error.after if isinstance(error, Temporary) else None
    return asked or min(reconcile.patience(tries), EAGER)


async def _every(
    pause: timedelta, what: str, look: Callable[[], Awaitable[object]], ready: Readiness, dispatch: Dispatch
) -> None:
    """Call `look` every `pause`."""
    while True:
        await asyncio.sleep(pause.total_seconds())
        await _until_answered(what, look, ready)
        dispatch.wake()
