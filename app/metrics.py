"""Counters for Prometheus at `/metrics`: requests by route and status, and how long they took."""

import flask
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)

registry = CollectorRegistry()
requests = Counter(
    "suicha_requests_total", "Requests answered", ["method", "route", "status"], registry=registry
)
duration = Histogram(
    "suicha_request_seconds",
    "Time to answer a request",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    requests.labels(method, route, str(status)).inc()
    duration.labels(method, route).observe(seconds)


def render() -> flask.Response:
    """Return the counters of this process in Prometheus' text format."""
    return flask.Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
