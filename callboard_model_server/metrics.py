"""Prometheus metrics of the server, for /metrics."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

KIND: Final = "text/plain; version=1.0.0; charset=utf-8"
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds."""


class Metrics:
    """The metrics of one server.  Names and units: https://prometheus.io/docs/practices/naming/."""

    def __init__(self, **model: str) -> None:
        self._registry = CollectorRegistry()
        Info("model", "The version that is served.", registry=self._registry).info(model)
        self.answers: Final = Counter(
            "model_requests", "Prediction requests, by response status.", ["code"], registry=self._registry
        )
        self.seconds: Final = Histogram(
            "model_request_duration_seconds",
            "Time from the last byte of a prediction request to its response.",
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.errors: Final = Counter(
            "model_errors", "Failed predictions, by exception.", ["exception"], registry=self._registry
        )
        self.waiting: Final = Gauge(
            "model_requests_in_progress",
            "Prediction requests that are waiting for a response.",
            registry=self._registry,
        )

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
