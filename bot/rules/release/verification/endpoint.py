"""Where a pod is asked: at the port that app.yaml names, else at the usual one of its container."""

from bot.domain.cluster import PodSeen
from bot.domain.reason import Name, Reason
from bot.domain.reasons.rollout import NoAddress
from bot.domain.reasons.verification import NoSuchPort
from bot.domain.verification import Verify
from bot.rules.kubernetes.raw import whole


def endpoint(verify: Verify, pod: PodSeen) -> str | Reason:
    """Return `ip:port`, or why there is none."""
    if pod.address is None:
        return NoAddress()
    if not verify.port:
        return pod.address
    named = (number for name, number in pod.ports if name == verify.port)
    port = whole(verify.port) or next(named, None)
    if port is None:
        return NoSuchPort(port=Name(verify.port))
    return f"{pod.address.rpartition(':')[0]}:{port}"
