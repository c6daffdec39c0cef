"""`callboard health`: judge Kubernetes objects from files."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from typing_extensions import override

from bot.domain.errors import UserError


class Moment(click.ParamType[datetime]):
    """An ISO time; one without a zone is in UTC."""

    name = "TIME"

    @override
    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time in UTC."""
        try:
            read = datetime.fromisoformat(value)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not an ISO time, such as 2026-05-04T12:00:00Z.", param, ctx)


@click.command(short_help="Judge Kubernetes objects from files, as in a release.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--now", type=Moment(), help="The moment at which to judge. By default, the present.")
def health(files: tuple[Path, ...], now: datetime | None) -> None:
    """Judge Kubernetes objects from FILES, as a release judges them.  Works offline.

    Each file holds YAML documents, or JSON: an object, a list of objects, or what `kubectl get -o json` prints.  The
    objects of one file are judged together.  Prints one JSON line for each: file, kind, name, health (progressing,
    healthy, degraded, suspended or unknown) and the cause.

    A ReplicaSet or a pod that belongs to another object of its file counts with that object and has no line of its
    own; neither has an event, nor a ConfigMap, of which only the version is read.  Exits 1 if anything is degraded.

    \b
    kubectl get deployments,replicasets,pods,events,configmaps -o json --show-managed-fields > state.json
    callboard health state.json
    """
    from bot import clock
    from bot.cli.cluster_files import objects, snapshots
    from bot.domain.cluster import HealthStatus
    from bot.rules.kubernetes.health import judge
    from bot.rules.wording.reasons import plain

    found = [(file, snapshot) for file in files for snapshot in snapshots(objects(file))]
    if not found:
        raise UserError("no objects to judge: the files hold none but events and ConfigMaps")
    at, degraded = now or clock.now(), False
    for file, snapshot in found:
        verdict = judge(snapshot, now=at, stage="")
        degraded |= verdict.status is HealthStatus.DEGRADED
        meta = snapshot.workload.get("metadata")
        line = {
            "file": str(file),
            "kind": snapshot.workload["kind"],
            "name": meta.get("name") if isinstance(meta, dict) else None,
            "health": verdict.status.value,
            "cause": plain(verdict.reason),
        }
        click.echo(json.dumps(line, ensure_ascii=False))
    sys.exit(1 if degraded else 0)
