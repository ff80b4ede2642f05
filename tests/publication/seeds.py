"""The publications of a seeded agency, for the tests that ask every route."""

from uuid import UUID

from app.access import Actor
from app.cases.models import PenaltyCase
from app.db import db
from app.people.models import Agency
from app.publication import cards, credit_reports, queries, service
from app.publication.rules import CardKind
from tests.factories import Make


def fill(make: Make, agency: Agency, ids: dict[str, str], by: Actor) -> None:
    """Leave a filed decision on the portal, one to withdraw, a card and a credit report."""
    case_id = UUID(ids["case:filed"])
    with make.writing():
        service.follow_decision(case_id, by=by, at=make.at)
    with make.writing():
        (row,) = queries.of_subject(case_id)
        service.follow_publication(row.id, by=by, at=make.at)
        ids["publication"] = str(row.id)
    with make.writing():
        case = db.session.get_one(PenaltyCase, case_id)
        cause = cards.Cause(CardKind.CASE_CLOSED, case.id, case.acted_on, agency.id, case.district)
        ids["card"] = str(cards.open_card(cause, by=by, at=make.at).id)
    with make.writing():
        report = credit_reports.issue_report(
            UUID(ids["unit"]), "上市合规", agency=agency, by=by, at=make.at
        )
        ids["credit-report"] = str(report.id)
        ids["credit-report:code"] = report.code
