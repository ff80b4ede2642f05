"""What the timetable does for publication: each item its own transaction, twice is harmless."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from app.access import TIMETABLE
from app.days import local_date
from app.db import transaction
from app.errors import DomainError
from app.publication import cards, queries, service, sources

log = structlog.get_logger()


def follow_publications(*, at: datetime) -> str:
    """Plan what became due to be public, publish it, end what is over, withdraw what is revoked."""
    on, done = local_date(at), Counter[str]()

    def planned(verb: Callable[..., list[Any]]) -> Callable[[UUID], str | None]:
        return lambda found: "planned" if verb(found, by=TIMETABLE, at=at) else None

    _each(sources.cases_to_follow(), planned(service.follow_decision), done)
    _each(sources.visits_to_publish(on), planned(service.plan_result), done)
    _each(
        queries.to_follow(on),
        lambda found: service.follow_publication(found, by=TIMETABLE, at=at),
        done,
    )
    return _line(done)


def open_report_cards(*, at: datetime) -> str:
    """Open the cards of what was licensed, changed, inspected, tested, decided; compute terms."""
    done = Counter[str]()

    def opened(cause: cards.Cause) -> str:
        return str(cards.open_card(cause, by=TIMETABLE, at=at).kind)

    _each(list(cards.causes(local_date(at))), opened, done)
    _each(
        cards.open_terms(),
        lambda found: "computed" if cards.compute_due(found, by=TIMETABLE, at=at) else None,
        done,
    )
    return _line(done)


def _each(found: Iterable[Any], verb: Callable[[Any], str | None], done: Counter[str]) -> None:
    for one in found:
        try:
            with transaction():
                step = verb(one)
        except DomainError as error:
            log.warning("publication not followed", item=str(one), problem=error.code)
            step = "refused"
        if step is not None:
            done[step] += 1


def _line(done: Counter[str]) -> str:
    return ", ".join(f"{count} {step}" for step, count in sorted(done.items())) or "nothing due"
