"""The running image's tag or digest, for teams that build an image for each version.

Pods may run an image by its tag while their status has the digest of one platform's manifest, and the registry's of an
index.  So only a digest that the pod itself asks for can differ.  Some runtimes report the digest of the image's
configuration, which compares with nothing (kubernetes/kubernetes#95968).
"""

from typing import Final

from bot.domain.cluster import Image
from bot.domain.reason import Reason
from bot.domain.reasons.verification import ImageUnknown, VerifiedByImage
from bot.domain.verification import Answer, Confirms, Differs, Method, Verify
from bot.rules.kubernetes.quoting import quote_name
from bot.rules.release.templates import fill
from bot.rules.release.verification.check import Check, Replies, Subject

DIGEST: Final = "sha256:"


def _read(subject: Subject, _replies: Replies) -> Answer:
    wanted, image = fill(subject.verify.equals, subject.values), subject.pod.image
    if image is None:
        return ImageUnknown(image=quote_name(""))
    return _by_digest(wanted, image) if wanted.startswith(DIGEST) else _by_tag(wanted, image)


def _by_tag(wanted: str, image: Image) -> Answer:
    tag = image.name.partition("@")[0].rpartition("/")[2].partition(":")[2]
    if not tag:
        return ImageUnknown(image=quote_name(image.name))
    return Confirms() if tag == wanted else Differs(found=quote_name(tag))


def _by_digest(wanted: str, image: Image) -> Answer:
    named = image.name.partition("@")[2]
    if wanted in {named, image.id.partition("@")[2]}:
        return Confirms()
    return Differs(found=quote_name(named)) if named else ImageUnknown(image=quote_name(image.name))


def _verified(_verify: Verify, version: int) -> Reason:
    return VerifiedByImage(version=version)


CHECK: Final = Check(method=Method.IMAGE, read=_read, verified=_verified)
