"""What tests ask of the manifests beside a pin."""

from collections.abc import Mapping

from bot.rules.pins import find
from bot.rules.pins.roots import roots
from bot.rules.pins.seen import see


def seen(files: Mapping[str, str], model: str | None = None) -> tuple[str | None, str | None]:
    """Return the namespace and the workload that the manifests name for a pin."""
    found = find(files, model)
    there = see(files, found.path, found.carrier, roots(files))
    namespace = there.namespace.written.value if there.namespace else None
    return namespace, there.workload.value if there.workload else None
