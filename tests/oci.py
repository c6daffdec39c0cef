"""An image as a registry keeps it: made of a few bytes, and put together again after each change."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from bot.domain import Json
from bot.rules.images import INDEXES, MANIFESTS


def digest(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


def good() -> Json:
    """Return the configuration of an image that can run."""
    return {
        "os": "linux",
        "architecture": "amd64",
        "config": {
            "User": "10001:10001",
            "ExposedPorts": {"8080/tcp": {}},
            "Healthcheck": {"Test": ["CMD", "true"]},
            "Entrypoint": ["true"],
            "Labels": {"org.opencontainers.image.revision": "ab" * 20},
        },
        "rootfs": {"type": "layers", "diff_ids": []},
    }


@dataclass(slots=True, kw_only=True)
class Image:
    """One image for one platform."""

    config: Json = field(default_factory=good)
    layers: list[bytes] = field(default_factory=lambda: [b"one", b"two"])
    kind: str = MANIFESTS[1]

    @property
    def config_blob(self) -> bytes:
        return json.dumps(self.config).encode()

    @property
    def manifest(self) -> bytes:
        config, layers = self.config_blob, self.layers
        docker = "docker" in self.kind
        of_config = "docker.container.image.v1" if docker else "oci.image.config.v1"
        of_layer = "docker.image.rootfs.diff.tar.gzip" if docker else "oci.image.layer.v1.tar+gzip"
        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": self.kind,
                "config": _descriptor(config, f"application/vnd.{of_config}+json"),
                "layers": [_descriptor(each, f"application/vnd.{of_layer}") for each in layers],
            }
        ).encode()

    @property
    def blobs(self) -> list[bytes]:
        return [self.config_blob, *self.layers]


def index(images: dict[str, Image], kind: str = INDEXES[1]) -> bytes:
    """Return an index of images by platform."""
    entries = []
    for platform, image in images.items():
        system, _, architecture = platform.partition("/")
        entry = _descriptor(image.manifest, image.kind)
        entries.append(entry | {"platform": {"os": system, "architecture": architecture}})
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).encode()


def _descriptor(body: bytes, kind: str) -> dict[str, Any]:
    return {"mediaType": kind, "size": len(body), "digest": digest(body)}
