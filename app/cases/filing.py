"""The document file 案卷 of a case: what was written in it and at its visit, with the evidence."""

from uuid import UUID

import sqlalchemy as sa

from app.cases.models import CaseStep, PenaltyCase
from app.cases.rules import yuan
from app.cases.sanctions import KIND_NAMES, SanctionLine
from app.db import db
from app.documents import binding
from app.documents import queries as documents
from app.documents.binding import Cover
from app.documents.desk import Party
from app.documents.wording import day_text
from app.people import service as people
from app.storage import Storage
from app.units.models import Unit
from app.visits import filing as visits


def print_file(case: PenaltyCase, storage: Storage) -> bytes:
    """Return the file of a case as one PDF. Raises what `binding.bind` raises."""
    written = documents.documents_in(case.id, case.visit_id, _papers_of(case))
    cover = Cover(
        title="行政处罚案卷",
        organ=people.get_agency(case.agency_id).name,
        number=case.number,
        facts=[
            ("案号", case.number),
            ("案由", case.cause_name),
            ("当事人", _party_name(case)),
            ("决定书文号", case.decision_number),
            ("处罚", "、".join(_words(one) for one in case.lines) or None),
            ("立案日期", None if case.filed_on is None else day_text(case.filed_on)),
            ("决定日期", None if case.decided_on is None else day_text(case.decided_on)),
            ("结案日期", None if case.closed_on is None else day_text(case.closed_on)),
            ("文书份数", str(len(written))),
        ],
        opened_on=case.opened_on or case.decided_on or case.acted_on,
    )
    seen = {} if case.visit_id is None else visits.subjects_of(case.visit_id)
    return binding.bind(cover, written, {**seen, case.id: "案件证据"}, storage)


def _words(line: SanctionLine) -> str:
    """Return what a line of a decision imposes, as the cover says it."""
    how_much = "" if line.amount_fen is None else f"{yuan(line.amount_fen)}元"
    months = "" if line.months is None else f"{line.months}个月"
    return f"{KIND_NAMES[line.kind]}{how_much}{months}"


def party_of(case: PenaltyCase) -> Party:
    """Return to whom the documents of a case are: the party as the case names it."""
    unit = None if case.unit_id is None else db.session.get_one(Unit, case.unit_id)
    return Party(
        name=_party_name(case) or (unit.name if unit else "身份不明当事人"),
        address=case.party_address or (unit.address if unit else None),
        uscc=unit.uscc if unit else case.party_id_number,
    )


def _party_name(case: PenaltyCase) -> str | None:
    return case.party_name or case.party_note


def _papers_of(case: PenaltyCase) -> set[UUID]:
    """Return the documents that the case or one of its steps names."""
    named = db.session.scalars(
        sa.select(CaseStep.document_id).where(CaseStep.case_id == case.id)
    ).all()
    return {one for one in (case.document_id, *named) if one is not None}
