"""What is counted while the server runs, in Prometheus' words, for /metrics."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

KIND: Final = "text/plain; version=1.0.0; charset=utf-8"
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds."""


class Metrics:
    """Of one server.  Names and units: https://prometheus.io/docs/practices/naming/."""

    def __init__(self, **model: str) -> None:
        self._registry = CollectorRegistry()
        Info("model", "The version that is served.", registry=self._registry).info(model)
        self.answers: Final = Counter(
            "model_requests", "Prediction requests, by the status of their answer.", ["code"], registry=self._registry
        )
        self.seconds: Final = Histogram(
            "model_request_duration_seconds",
            "From the last byte of a prediction request to its answer.",
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.errors: Final = Counter(
            "model_errors", "Predictions that failed, by the exception.", ["exception"], registry=self._registry
        )
        self.waiting: Final = Gauge(
            "model_requests_in_progress", "Prediction requests that wait for an answer.", registry=self._registry
        )

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self._registry)
