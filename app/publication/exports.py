"""What leaves as a file: the list 双公示 of penalties, for the platform and for anybody.

Amounts are 万元 with six decimals, exact from fen, as text; a cell is never a formula. Nobody's
identity paper is in it: a natural person is 王某某 without code. What no register here knows stays
empty: the old codes 2 to 6, which the unified one replaced.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from app import sheets
from app.cases.models import PenaltyCase
from app.cases.rules import PartyKind
from app.cases.sanctions import KIND_NAMES, SanctionKind, SanctionLine
from app.credit.terms import add_months
from app.db import db
from app.people import service as people
from app.publication import queries, rules
from app.publication.models import Publication
from app.publication.rules import PublicationState, SubjectType
from app.sheets import Cell
from app.units.models import Unit
from app.units.rules import LICENCE_KIND_NAMES, LicenceKind

_ON_PERMITS = frozenset({SanctionKind.PERMIT_SUSPENDED, SanctionKind.PERMIT_REVOKED})

HEADER = (
    "行政相对人名称",
    "行政相对人代码_1（统一社会信用代码）",
    "行政相对人代码_2（工商注册号）",
    "行政相对人代码_3（组织机构代码）",
    "行政相对人代码_4（税务登记号）",
    "行政相对人代码_5（事业单位证书号）",
    "行政相对人代码_6（社会组织登记证号）",
    "法定代表人",
    "法定代表人证件类型",
    "法定代表人证件号码",
    "行政处罚决定书文号",
    "违法行为类型",
    "违法事实",
    "处罚依据",
    "处罚类别",
    "处罚内容",
    "罚款金额（万元）",
    "没收违法所得、没收非法财物的金额（万元）",
    "暂扣或吊销证照名称及编号",
    "处罚决定日期",
    "处罚有效期",
    "公示截止期",
    "处罚机关",
    "处罚机关统一社会信用代码",
    "数据来源单位",
    "数据来源单位统一社会信用代码",
    "备注",
)


def decisions(
    agency_id: UUID | None, channel: str, from_on: date, until_on: date
) -> Sequence[Publication]:
    """Return the decisions of a period that a channel shows or is about to, in order of day."""
    query = queries.publications_in(
        agency_id,
        channel=channel,
        subject_type=SubjectType.DECISION,
        from_on=from_on,
        until_on=until_on,
    ).where(Publication.state.in_([PublicationState.DUE, PublicationState.PUBLIC]))
    return db.session.scalars(query.order_by(Publication.event_on, Publication.id)).all()


def table(found: Sequence[Publication], *, inside: bool) -> list[list[Cell]]:
    """Return the rows of the list under HEADER.

    Who acts for an organisation stands only in what the office itself hands over (`inside`).
    """
    cases = queries.cases_of([one.subject_id for one in found])
    units = queries.units_of([one.unit_id for one in cases.values() if one.unit_id is not None])
    return [
        _row(one, one.content, cases[one.subject_id], units, inside=inside)
        for one in found
        if one.content is not None
    ]


def _row(
    one: Publication,
    said: dict[str, Any],
    case: PenaltyCase,
    units: Mapping[UUID, Unit],
    *,
    inside: bool,
) -> list[Cell]:
    agency = people.get_agency(one.agency_id)
    unit = None if case.unit_id is None else units[case.unit_id]
    own = [line for line in case.lines if not line.on_staff]
    decided_on = date.fromisoformat(said["decided_on"])
    codes: list[Cell] = [None] * 5  # a unified code stands for all of them
    papers: list[Cell] = [None] * 2  # nobody's identity paper
    return [
        said["party"],
        said["uscc"],
        *codes,
        _representative(case, unit) if inside else None,
        *papers,
        said["number"],
        said["cause"],
        said["act"] or said["cause"],
        said["basis"],
        "；".join(said["kinds"]),
        "；".join(_content(line) for line in own),
        rules.wan(said["fine_fen"]),
        rules.wan(said["confiscated_fen"]),
        _permit(own, unit, decided_on),
        decided_on,
        _valid_until(own, decided_on),
        one.max_end,
        agency.name,
        agency.uscc,
        agency.name,
        agency.uscc,
        None,
    ]


def _representative(case: PenaltyCase, unit: Unit | None) -> str | None:
    if case.party_kind == PartyKind.CITIZEN:
        return None
    return case.party_representative or (None if unit is None else unit.legal_representative)


def _content(line: SanctionLine) -> str:
    """Return a line of a decision as 处罚内容 says it; remarks of a line may name people."""
    name = KIND_NAMES[line.kind]
    if line.amount_fen is not None:
        return f"{name} {rules.wan(line.amount_fen)} 万元"
    return f"{name} {line.months} 个月" if line.months is not None else name


def _permit(own: Sequence[SanctionLine], unit: Unit | None, on: date) -> str | None:
    """Return the permit that was suspended or revoked, where the unit had just one on that day."""
    if unit is None or not any(line.kind in _ON_PERMITS for line in own):
        return None
    held = [one for one in unit.licences if (one.valid_from or on) <= on <= (one.valid_until or on)]
    return (
        f"{LICENCE_KIND_NAMES[LicenceKind(held[0].kind)]} {held[0].number}"
        if len(held) == 1
        else None
    )


def _valid_until(own: Sequence[SanctionLine], decided_on: date) -> date | None:
    """Return until when a sanction for a time holds, at most; None of a decision without one."""
    months = max((line.months or 0 for line in own), default=0)
    return add_months(decided_on, months) if months else None


def as_xlsx(found: Sequence[Publication], *, inside: bool = False) -> bytes:
    """Return the list as a workbook; the same rows make the same bytes."""
    return sheets.write_xlsx(HEADER, table(found, inside=inside), name="行政处罚")


def as_csv(found: Sequence[Publication], *, inside: bool = False) -> bytes:
    """Return the list as CSV, in UTF-8 with BOM."""
    return b"".join(sheets.write_csv(HEADER, table(found, inside=inside)))
