"""How a party fights a decision, 行政复议 and 行政诉讼, and what its result does to it.

A decision that was revoked 撤销 falls with its money; one that was changed 变更 stands as it was
changed; one that was found illegal 确认违法 stands, and nobody is shown it any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.cases import enforcing, queries, sanctions
from app.cases.models import CaseRemedy, CaseSanction, PenaltyCase
from app.cases.refusals import StepItemUnknown
from app.cases.rules import CaseState, Procedure, RemedyKind, RemedyResult
from app.cases.sanctions import SanctionKind, SanctionLine, is_whole
from app.db import db, new_id
from app.errors import Invalid

_ON_SITE = frozenset({SanctionKind.WARNING, SanctionKind.FINE})


class RemedyLinesWrong(Invalid):
    """What a changed decision imposes is missing, or said of one that was not changed."""

    code, title = "remedy-lines-wrong", "变更后的处罚内容有误"


@dataclass(frozen=True)
class Ended:
    """How a review or suit ended; `lines` is what a changed decision imposes."""

    remedy_id: UUID
    result: RemedyResult
    head_attended: bool | None
    lines: Sequence[SanctionLine]


def begin_remedy(
    case: PenaltyCase, kind: RemedyKind, organ: str, number: str | None, on: date
) -> CaseRemedy:
    """Keep that a review or suit began; the surcharge stands still from its day (第七十三条)."""
    remedy = CaseRemedy(
        id=new_id(),
        case_id=case.id,
        agency_id=case.agency_id,
        kind=kind,
        organ=organ,
        number=number,
        begun_on=on,
    )
    db.session.add(remedy)
    return remedy


def end_remedy(case: PenaltyCase, ended: Ended, on: date, *, by: Actor, at: datetime) -> None:
    """Keep how it ended, and let decision and money follow.

    Raises StepItemUnknown, RemedyLinesWrong.
    """
    found = [one for one in queries.remedies_of(case.id) if one.id == ended.remedy_id]
    if not found or found[0].ended_on is not None:
        raise StepItemUnknown("案件没有这次复议或者诉讼，或者结果已经登记。")
    _refuse_lines(case, ended)
    (remedy,) = found
    remedy.ended_on, remedy.result = on, ended.result
    remedy.head_attended = ended.head_attended
    if ended.result == RemedyResult.REVOKED:
        case.revoked_on = case.revoked_on or on
        enforcing.cease_revoked(case, on, by=by, at=at)
    if ended.lines:
        _change(case, ended.lines, on, by=by, at=at)


def _refuse_lines(case: PenaltyCase, ended: Ended) -> None:
    punished = case.state != CaseState.NOT_PUNISHED
    changed = ended.result == RemedyResult.CHANGED and punished
    if changed != bool(ended.lines):
        raise RemedyLinesWrong("处罚决定被变更的，应写明变更后的处罚；其他结果不写。")
    keys = {(line.kind, line.on_staff) for line in ended.lines}
    if len(keys) != len(ended.lines) or not all(map(is_whole, ended.lines)):
        raise RemedyLinesWrong("每种处罚写一次，罚款和没收违法所得应写明金额，其他种类不写。")
    on_site = all(one.kind in _ON_SITE and not one.on_staff for one in ended.lines)
    if case.procedure == Procedure.SIMPLE and not on_site:
        raise RemedyLinesWrong("当场处罚只有警告和罚款。")


def _change(
    case: PenaltyCase, lines: Sequence[SanctionLine], on: date, *, by: Actor, at: datetime
) -> None:
    """Let a case impose what review or suit said; the step of the decision keeps what it was."""
    known = {(one.kind, one.on_staff): one for one in case.sanctions}
    wanted = []
    for line in lines:
        row = known.get((line.kind, line.on_staff)) or CaseSanction.of(line)
        row.amount_fen, row.months, row.note = line.amount_fen, line.months, line.note
        wanted.append(row)
    case.sanctions = wanted
    case.warning = any(line.kind == SanctionKind.WARNING for line in lines)
    case.fine_fen = sanctions.fine_of(lines)
    enforcing.follow_change(case, on, by=by, at=at)
