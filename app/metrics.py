"""Counters for Prometheus at `/metrics`: requests by route and status, and how long they took."""

import os
from functools import lru_cache
from pathlib import Path

import flask
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
    values,
)

SHARED = "PROMETHEUS_MULTIPROC_DIR"  # the library's own name for it

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


def share(directory: Path) -> None:
    """Let this process and those it starts count together, in files of an empty directory.

    Before anything was counted.
    """
    os.environ[SHARED] = str(directory)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # untyped library


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    count, time = _children(method, route, status)
    count.inc()
    time.observe(seconds)


@lru_cache(maxsize=2000)
def _children(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return what counts a kind of answer, once found."""
    return requests.labels(method, route, str(status)), duration.labels(method, route)


def render() -> flask.Response:
    """Return the counters of this process, or of all that count together, as Prometheus reads."""
    found = registry
    if SHARED in os.environ:
        found = CollectorRegistry()
        multiprocess.MultiProcessCollector(found)  # type: ignore[no-untyped-call]  # the same
    return flask.Response(generate_latest(found), content_type=CONTENT_TYPE_LATEST)
