"""Grades 等级: from score sheets (公共场所量化分级) or declared (职业健康), each with its reasons.

A grade names its scheme; letters of two schemes are never compared. Bands, rounding, licence and
the number of scorings for a first grade are members of the scheme's dated row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.catalogue.service import Kind
from app.credit import grading, queries
from app.credit.grading import Bands, FirstGrade, FirstTakes, Rounding, ScoringOutcome, SheetItem
from app.credit.models import CreditGrade, CreditScoring
from app.credit.terms import add_months
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.units import service as units
from app.units.models import Unit

SCORED = "scored"
UNGRADED = frozenset({ScoringOutcome.KEY_ITEM_FAILED, ScoringOutcome.BELOW_BANDS})


class ScoreSheetUnknown(Invalid):
    code, title = "score-sheet-unknown", "评分表不在当日有效的目录中"


class ScoresWrong(Invalid):
    """`errors`: pointer and detail of each item."""

    code, title = "scores-wrong", "评分有误"


class ScoringDiffers(Conflict):
    """The sheet came in before with another content; extras: `scoring_id`."""

    code, title = "scoring-differs", "与已上报的评分不一致"


class GradeUnknown(NotFound):
    code, title = "credit-grade-unknown", "未找到等级"


class GradeSchemeUnknown(Invalid):
    code, title = "grade-scheme-unknown", "分级方案不在当日有效的目录中"


class GradeNotInScheme(Invalid):
    """Extras: `grades`, those of the scheme."""

    code, title = "grade-not-in-scheme", "分级方案没有这个等级"


class GradeDiffers(Conflict):
    """The cause gave another grade already; extras: `grade_id`."""

    code, title = "credit-grade-differs", "与已有的等级不一致"


class GradeAlreadyVoid(Conflict):
    code, title = "credit-grade-already-void", "等级已经作废"


@dataclass(frozen=True)
class NewScoring:
    """A filled-in sheet: tenths of a point by item, None for what does not apply 合理缺项."""

    unit_id: UUID
    sheet: str
    reference: str
    scored_on: date
    scores: Mapping[str, int | None]
    object_class: str | None = None


@dataclass(frozen=True)
class NewGrade:
    """A grade that somebody else came to: a class of occupational health with its scheme."""

    unit_id: UUID
    scheme: str
    grade: str
    reference: str
    from_on: date
    reason: str
    until_on: date | None = None
    object_class: str | None = None


def record_scoring(new: NewScoring, *, agency: Agency, by: Actor, at: datetime) -> CreditScoring:
    """Take up a score sheet and grade the unit where the rules allow, once for each sheet.

    A failed key item or a score below the bands leaves the unit without grade, on record; a first
    grade needs several scorings apart. Raises UnitNotFound, ScoreSheetUnknown, ScoresWrong,
    ScoringDiffers.
    """
    unit = units.get_unit(new.unit_id, agency.id)
    sheet = _sheet(new.sheet, new.scored_on)
    scheme = _scheme(str(sheet.body["scheme"]), new.scored_on)
    if known := queries.find_scoring(agency.id, scheme.code, new.reference):
        _refuse_different(known, new)
        return known
    items = [SheetItem(one["code"], one["tenths"], one["key"]) for one in sheet.body["items"]]
    if faults := grading.score_faults(items, new.scores):
        raise ScoresWrong(
            "评分表没有填写完整或者有误，请逐项核对。",
            errors=[{"pointer": f"#/scores/{one.item}", "detail": one.detail} for one in faults],
        )
    scored = grading.score(items, new.scores)
    scoring = CreditScoring(
        agency_id=agency.id,
        district=agency.district,
        unit_id=unit.id,
        scheme=scheme.code,
        object_class=new.object_class,
        reference=new.reference,
        sheet=sheet.code,
        sheet_from=sheet.effective_from,
        scored_on=new.scored_on,
        scores=dict(new.scores),
        got_tenths=scored.got_tenths,
        due_tenths=scored.due_tenths,
        hundredths=scored.hundredths,
        key_failed=list(scored.key_failed),
        recorded_at=at,
        recorded_by_kind=str(by.kind),
        recorded_by_id=by.id,
    )
    outcome, counted = _judge(unit, scheme, scored, new)
    scoring.outcome = outcome
    if outcome is ScoringOutcome.GRADED or outcome in UNGRADED:
        names = {one["code"]: one["name"] for one in sheet.body["items"]}
        scoring.grade = _grade_of(scoring, scheme, counted, names, agency=agency, by=by, at=at)
    db.session.add(scoring)
    db.session.flush()  # the journal names the ids of both
    _journal_scoring(scoring, by=by, at=at)
    return scoring


def _sheet(code: str, on: date) -> CatalogueRow:
    try:
        return catalogue.get_row(Kind.SCORE_SHEET, code, on)
    except catalogue.CatalogueRowMissing as error:
        raise ScoreSheetUnknown("评分当日有效的目录中没有这张评分表。", sheet=code) from error


def _scheme(code: str, on: date) -> CatalogueRow:
    try:
        return catalogue.get_row(Kind.GRADE_SCHEME, code, on)
    except catalogue.CatalogueRowMissing as error:
        raise GradeSchemeUnknown("当日有效的目录中没有这个分级方案。", scheme=code) from error


def _refuse_different(known: CreditScoring, new: NewScoring) -> None:
    same = (known.unit_id, known.sheet, known.scored_on, known.scores, known.object_class)
    if same != (new.unit_id, new.sheet, new.scored_on, dict(new.scores), new.object_class):
        raise ScoringDiffers(
            "这张评分表已经上报，但内容不同，请核对评分表编号。", scoring_id=known.id
        )


def _judge(
    unit: Unit, scheme: CatalogueRow, scored: grading.Scored, new: NewScoring
) -> tuple[ScoringOutcome, int | None]:
    """Return what a scoring comes to, and the score that counts for the grade."""
    licensed = not scheme.body["needs_licence"] or is_licensed(unit, new.scored_on)
    bands = _bands(scheme.body)
    outcome = grading.outcome_of(scored, bands, licensed=licensed)
    first = scheme.body["first"]
    if outcome is not ScoringOutcome.GRADED or first is None or scored.hundredths is None:
        return outcome, scored.hundredths
    if _graded_before(unit, scheme.code, new):
        return outcome, scored.hundredths
    earlier = [
        (one.scored_on, one.hundredths)
        for one in queries.scorings_of(unit.id, scheme.code, new.object_class)
        if one.outcome in _COUNTED and one.hundredths is not None
    ]
    rule = FirstGrade(first["scorings"], first["gap_months"], FirstTakes(first["takes"]))
    outcome, counted = grading.first_grade(earlier, new.scored_on, scored.hundredths, rule)
    if outcome is ScoringOutcome.GRADED and grading.banded(counted, bands) is None:
        return ScoringOutcome.BELOW_BANDS, counted
    return outcome, counted


_COUNTED = frozenset({ScoringOutcome.FIRST_OF_SEVERAL, ScoringOutcome.TOO_SOON})


def _graded_before(unit: Unit, scheme: str, new: NewScoring) -> bool:
    """Tell whether a unit ever had a grade for this class that is not void."""
    return any(
        one.grade is not None and one.object_class == new.object_class and one.voided_at is None
        for one in db.session.scalars(
            queries.grades_in(unit.agency_id, unit_id=unit.id, scheme=scheme)
        )
    )


def is_licensed(unit: Unit, on: date) -> bool:
    """Tell whether a unit has a permit or a filing that is valid on a day."""
    return any(
        (one.valid_from is None or one.valid_from <= on)
        and (one.valid_until is None or on <= one.valid_until)
        for one in unit.licences
    )


def _bands(body: Mapping[str, Any]) -> Bands:
    floors = [(one["grade"], one["floor"]) for one in body["bands"]]
    return Bands(floors, Rounding(body["rounding"] or Rounding.HALF_UP))


def _grade_of(
    scoring: CreditScoring,
    scheme: CatalogueRow,
    counted: int | None,
    names: Mapping[str, str],
    *,
    agency: Agency,
    by: Actor,
    at: datetime,
) -> CreditGrade:
    grade = None
    if scoring.outcome == ScoringOutcome.GRADED and counted is not None:
        grade = grading.banded(counted, _bands(scheme.body))
    reasons = [f"标化分 {(counted or 0) / 100:.2f}"]
    if counted != scoring.hundredths and scoring.hundredths is not None:
        reasons.append(f"首次评级取各次评分的结果，本次 {scoring.hundredths / 100:.2f}")
    if scoring.key_failed:
        failed = "、".join(names.get(one, one) for one in scoring.key_failed)
        reasons = [f"关键项不合格：{failed}", "标化分按 0 分计，责令限期整改，不予评级"]
    elif grade is None:
        reasons.append("低于最低等级，责令限期整改，不予评级")
    return _add(
        CreditGrade(
            unit_id=scoring.unit_id,
            scheme=scheme.code,
            object_class=scoring.object_class,
            reference=scoring.reference,
            grade=grade,
            draw_class=_draw_class(scheme.body, grade),
            reasons=reasons,
            rule_from=scheme.effective_from,
            from_on=scoring.scored_on,
            until_on=_until(scheme.body, scoring.scored_on),
        ),
        agency=agency,
        by=by,
        at=at,
    )


def _draw_class(body: Mapping[str, Any], grade: str | None) -> str | None:
    if grade is None:
        return str(body["ungraded_class"]) if body["ungraded_class"] else None
    classes = {one["grade"]: one["draw_class"] for one in body["grades"]}
    return classes.get(grade)


def _until(body: Mapping[str, Any], from_on: date) -> date | None:
    months = body["valid_months"]
    return None if months is None else add_months(from_on, months)


def declare_grade(new: NewGrade, *, agency: Agency, by: Actor, at: datetime) -> CreditGrade:
    """Take up a grade that an assessment came to, once for each cause.

    Raises UnitNotFound, GradeSchemeUnknown, GradeNotInScheme, GradeDiffers.
    """
    unit = units.get_unit(new.unit_id, agency.id)
    scheme = _scheme(new.scheme, new.from_on)
    known = [one["grade"] for one in scheme.body["grades"]]
    if scheme.body["way"] == SCORED or new.grade not in known:
        raise GradeNotInScheme(
            "该方案没有这个等级，或者应由评分表评定；不同方案的甲、乙、丙不得混用。",
            scheme=new.scheme,
            grades=known,
        )
    if earlier := queries.find_grade(agency.id, new.scheme, new.reference):
        if (earlier.unit_id, earlier.grade) != (unit.id, new.grade):
            raise GradeDiffers("同一事由已经评定了另一个等级，请核对文号。", grade_id=earlier.id)
        return earlier
    return _add(
        CreditGrade(
            unit_id=unit.id,
            scheme=scheme.code,
            object_class=new.object_class,
            reference=new.reference,
            grade=new.grade,
            draw_class=_draw_class(scheme.body, new.grade),
            reasons=[new.reason],
            rule_from=scheme.effective_from,
            from_on=new.from_on,
            until_on=new.until_on or _until(scheme.body, new.from_on),
        ),
        agency=agency,
        by=by,
        at=at,
    )


def _add(grade: CreditGrade, *, agency: Agency, by: Actor, at: datetime) -> CreditGrade:
    grade.agency_id, grade.district = agency.id, agency.district
    grade.graded_at, grade.graded_by_kind, grade.graded_by_id = at, str(by.kind), by.id
    db.session.add(grade)
    db.session.flush()  # the journal names its id
    data = {
        "unit_id": str(grade.unit_id),
        "scheme": grade.scheme,
        "grade": grade.grade,
        "draw_class": grade.draw_class,
        "from_on": grade.from_on.isoformat(),
    }
    journal.record(Event.CREDIT_GRADE_GIVEN, grade, by=by, at=at, data=data)
    return grade


def _journal_scoring(scoring: CreditScoring, *, by: Actor, at: datetime) -> None:
    data = {
        "unit_id": str(scoring.unit_id),
        "scheme": scoring.scheme,
        "sheet": scoring.sheet,
        "hundredths": scoring.hundredths,
        "outcome": str(scoring.outcome),
        "grade_id": None if scoring.grade is None else str(scoring.grade.id),
    }
    journal.record(Event.CREDIT_SCORING_RECORDED, scoring, by=by, at=at, data=data)


def get_grade(grade_id: UUID, agency_id: UUID | None) -> CreditGrade:
    """Return a grade of the agency. Raises GradeUnknown, also for another agency's."""
    grade = db.session.get(CreditGrade, grade_id)
    if grade is None or grade.agency_id != agency_id:
        raise GradeUnknown("没有这个等级，或它不属于本机构。")
    return grade


def void_grade(grade: CreditGrade, reason: str, *, by: Actor, at: datetime) -> CreditGrade:
    """Say that a grade never held, with the reason. Raises GradeAlreadyVoid."""
    if grade.voided_at is not None:
        raise GradeAlreadyVoid("这个等级已经作废，不能再次作废。")
    grade.void_reason = reason
    grade.voided_at, grade.voided_by_kind, grade.voided_by_id = at, str(by.kind), by.id
    journal.record(
        Event.CREDIT_GRADE_VOIDED, grade, by=by, at=at, data={"unit_id": str(grade.unit_id)}
    )
    return grade


def grades_of(unit: Unit, on: date) -> Sequence[CreditGrade]:
    """Return the newest grade in force of each scheme and class of a unit."""
    newest: dict[tuple[str, str | None], CreditGrade] = {}
    query = queries.grades_in(unit.agency_id, unit_id=unit.id, on=on)
    for grade in db.session.scalars(query.order_by(CreditGrade.from_on, CreditGrade.id)):
        newest[grade.scheme, grade.object_class] = grade
    return list(newest.values())
