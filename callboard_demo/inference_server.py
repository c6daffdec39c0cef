"""`python -m callboard_demo.inference_server`: a model server of the demo's team, which is not Callboard's.

It speaks the Open Inference Protocol as MLServer 1.7 does: `versions` is empty, and a version is at
`/v2/models/NAME/versions/VERSION` or in the repository index.  It serves MODEL_NAME and MODEL_VERSION, whose MLmodel it
reads in the registry at MLFLOW_TRACKING_URI: it takes what scikit-learn made.  Not here: predictions, so that a pod
needs 15 MB instead of 200.
https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlsplit
from urllib.request import urlopen

from typing_extensions import override

PATIENCE = 10
"""Seconds that the registry may take to respond."""


class Server(ThreadingHTTPServer):
    """The server of one version of one model."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], *, name: str, version: str) -> None:
        super().__init__(address, Handler)
        model, metadata = f"/v2/models/{name}", {"name": name, "versions": [], "platform": "", "inputs": []}
        ready = {"name": name, "ready": True}
        self.pages: dict[tuple[str, str], Any] = {
            ("GET", "/v2"): {"name": "inference-server", "version": "1.0", "extensions": ["model_repository"]},
            ("GET", "/v2/health/live"): {"live": True},
            ("GET", "/v2/health/ready"): {"ready": True},
            ("GET", model): metadata,
            ("GET", f"{model}/ready"): ready,
            ("GET", f"{model}/versions/{version}"): metadata,
            ("GET", f"{model}/versions/{version}/ready"): ready,
            ("POST", "/v2/repository/index"): [{"name": name, "version": version, "state": "READY", "reason": ""}],
        }


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with a page; 404 for anything else."""
        self._answer()

    def do_POST(self) -> None:
        """Answer with a page; the body, which only filters, is read and ignored."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        page = self.server.pages.get((self.command, path))
        body = json.dumps({"error": f"{path} not found"} if page is None else page).encode()
        self.send_response(404 if page is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the kubelet's probes come every second."""


def unloadable(registry: str, name: str, version: str) -> str | None:
    """Return why a version cannot be served; None if it can."""
    asked = f"name={quote(name, safe='')}&version={quote(version, safe='')}&path=MLmodel"
    try:
        with urlopen(f"{registry}/model-versions/get-artifact?{asked}", timeout=PATIENCE) as answer:  # noqa: S310 - http
            text = answer.read().decode()
    except (URLError, TimeoutError) as error:
        return f"the registry has no files of {name} v{version}: {error}"
    if "\n  sklearn:" not in text:
        return f"{name} v{version} is not a scikit-learn model, and this server runs no other code"
    return None


def main() -> int:
    """Serve until SIGTERM; return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    env = os.environ
    name, version = env["MODEL_NAME"], env["MODEL_VERSION"]
    if (why := unloadable(env["MLFLOW_TRACKING_URI"], name, version)) is not None:
        sys.stderr.write(f"cannot load: {why}\n")
        return 1
    address = env.get("MODEL_HOST", "0.0.0.0"), int(env.get("PORT", "8080"))  # noqa: S104 - as a pod's process does
    with Server(address, name=name, version=version) as server:
        sys.stderr.write(f"serving {name} v{version}\n")
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
