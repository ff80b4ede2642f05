"""Load the packaged rows, supersede one, and resolve which holds on a day."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from app.access import Actor
from app.catalogue import calendars, caps, causes, queries, rules, seeds
from app.catalogue.models import CatalogueRow
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event

FIRST_CALENDAR = 2024
_DAY = timedelta(days=1)
_COLUMNS = ("code", "effective_from", "effective_to", "source", "confirmed", "note")


class Kind(StrEnum):
    """The kinds of rows; a packaged table is named after its kind, in the plural."""

    SPECIALTY = "specialty"
    OBJECT_CLASS = "object_class"
    CHECK_ITEM = "check_item"
    CHECKLIST = "checklist"
    CHECKLIST_MIGRATION = "checklist_migration"
    LAW_TEXT = "law_text"
    CLOSING_REASON = "closing_reason"
    ORIGIN = "origin"
    OUTCOME_CODE = "outcome_code"
    RECUSAL_REASON = "recusal_reason"
    CHANGE_CAUSE = "change_cause"
    COMPLAINT_STEP = "complaint_step"
    REPLY_TEMPLATE = "reply_template"
    FINDING_HANDLING = "finding_handling"
    ILLEGAL_PRACTICE = "illegal_practice"
    RATE_ROUNDING = "rate_rounding"
    SETTING = "setting"
    WEIGHT = "weight"
    DRAW_EXCLUSION = "draw_exclusion"
    UNIT_LABEL = "unit_label"
    DOCUMENT_TEMPLATE = "document_template"
    SERVICE_MODE = "service_mode"
    CALENDAR = "calendar"
    CASE_CAUSE = "case_cause"
    SIMPLE_LIMIT = "simple_limit"
    PERMIT_ITEM = "permit_item"
    VERIFICATION_CYCLE = "verification_cycle"
    REVIEW_POINT = "review_point"
    MANUAL_COUNTER = "manual_counter"
    CASE_TERM = "case_term"
    CASE_CLOCK = "case_clock"
    HEARING_RIGHT = "hearing_right"
    REVIEW_TRIGGER = "review_trigger"
    DISCUSSION_TRIGGER = "discussion_trigger"
    MINOR_OFFENCE = "minor_offence"
    CASE_COUNTING = "case_counting"
    PUBLICITY_TERM = "publicity_term"
    SANCTION_TIER = "sanction_tier"
    POINTS_SCHEME = "points_scheme"
    POINTS_ITEM = "points_item"
    GRADE_SCHEME = "grade_scheme"
    SCORE_SHEET = "score_sheet"
    PUBLICATION_CHANNEL = "publication_channel"
    DISCRETION_BENCHMARK = "discretion_benchmark"
    DISCRETION_TIER = "discretion_tier"
    DISCRETION_FACTOR = "discretion_factor"
    VISIT_CAP = "visit_cap"


class CatalogueRowMissing(NotFound):
    code, title = "catalogue-row-missing", "目录中没有这一项"


class CatalogueOverlap(Conflict):
    code, title = "catalogue-overlap", "生效日期重叠"


class CatalogueGap(Conflict):
    code, title = "catalogue-gap", "生效日期之间有空档"


class CatalogueBodyWrong(Invalid):
    code, title = "catalogue-body-wrong", "内容与同类项目不一致"


def load_defaults(*, by: Actor, at: datetime) -> int:
    """Bring in the packaged rows and calendars that are missing; return how many rows changed.

    What an agency has superseded stays: a packaged row comes in only where it continues the rows
    that stand, closing an open one the day before, and a packaged end closes a row left open. A
    second run changes nothing. A load that changed something is one journal entry.
    """
    added: Counter[str] = Counter()
    closed = 0
    for kind, packaged in _packages(at):
        standing: dict[str, list[CatalogueRow]] = {}
        for row in queries.rows_of(kind):
            standing.setdefault(row.code, []).append(row)
        for row in sorted(packaged, key=lambda row: row.effective_from):
            others = standing.setdefault(row.code, [])
            closed += _close_for(row, others)
            if not rules.overlapping([*others, row]):
                others.append(row)
                db.session.add(row)
                added[kind] += 1
    if added or closed:
        data = {"added": {str(kind): count for kind, count in added.items()}, "closed": closed}
        journal.record(
            Event.CATALOGUE_LOADED, None, by=by, at=at, data=data, stream=journal.CATALOGUE
        )
    return added.total() + closed


def supersede(
    kind: str,
    code: str,
    body: Mapping[str, Any],
    *,
    effective_from: date,
    source: str,
    by: Actor,
    at: datetime,
    confirmed: bool = True,
    note: str | None = None,
) -> CatalogueRow:
    """Let a new row hold from a day on, closing the one before it; a new code begins with it.

    The body has the members of the kind's other rows; a checklist's next row has a higher form
    version and known items, a `checklist_migration` is whole. Raises CatalogueOverlap when a row
    begins on or after the day (`effective_from`: its own), CatalogueGap when no row holds on the
    day before (`effective_to`: the last day that is covered), CatalogueBodyWrong (`members`).
    """
    rows = queries.rows_of(kind, code)
    last = rows[-1] if rows else None
    wrong = _wrong_members(body, last or next(iter(queries.rows_of(kind)), None))
    if wrong := wrong or _wrong_form(kind, code, body, last):
        raise CatalogueBodyWrong(
            "内容应与同类项目有相同的成员和类型，请对照现行内容修改。", members=wrong
        )
    if last is not None:
        if effective_from <= last.effective_from:
            raise CatalogueOverlap(
                "已有一行在该日或之后生效，请选择更晚的生效日期。",
                effective_from=last.effective_from,
            )
        if last.effective_to is not None and last.effective_to + _DAY < effective_from:
            raise CatalogueGap(
                "生效日期应紧接上一行的终止日期，否则中间无规则可用。",
                effective_to=last.effective_to,
            )
        last.effective_to = effective_from - _DAY
    row = CatalogueRow(
        kind=kind,
        code=code,
        body=dict(body),
        effective_from=effective_from,
        effective_to=None,
        source=source,
        confirmed=confirmed,
        note=note,
    )
    db.session.add(row)
    db.session.flush()  # the journal names the new row's id
    journal.record(
        Event.CATALOGUE_SUPERSEDED,
        row,
        by=by,
        at=at,
        data={
            "kind": kind,
            "code": code,
            "effective_from": effective_from.isoformat(),
            "closed": None if last is None else str(last.id),
        },
    )
    return row


def in_force(kind: str, on: date) -> list[CatalogueRow]:
    """Return the rows of a kind that hold on a local day, in the order their authors gave."""
    rows = db.session.scalars(queries.holding(kind, on))
    return sorted(rows, key=lambda row: (row.body.get("order", 0), row.code))


def get_row(kind: str, code: str, on: date) -> CatalogueRow:
    """Return the row of a code that holds on a local day. Raises CatalogueRowMissing."""
    found = queries.find_row(kind, code, on)
    if found is None:
        raise CatalogueRowMissing(
            "目录中没有在该日有效的这一项，请核对代码和日期。", kind=kind, on=on.isoformat()
        )
    return found


def unconfirmed(rows: Iterable[CatalogueRow]) -> list[str]:
    """Say of each row that nobody compared with its official text that this is so, for a reader."""
    return [
        f"目录中的“{row.body.get('name', row.code)}”尚未与公布的原文核对，"
        "请以原文为准；本机关可以修改。"
        for row in rows
        if not row.confirmed
    ]


def setting(code: str, on: date) -> Any:
    """Return the value of a setting of the law on a local day. Raises CatalogueRowMissing."""
    return get_row(Kind.SETTING, code, on).body["value"]


def calendar() -> rules.Calendar:
    """Return the working-day calendar of every loaded year; a missing year is simply not in it."""
    newest = {row.code: row for row in queries.rows_of(Kind.CALENDAR)}
    return rules.make_calendar(
        (date.fromisoformat(day["day"]), day["worked"])
        for row in newest.values()
        for day in row.body["days"]
    )


def _packages(at: datetime) -> Iterator[tuple[Kind, list[CatalogueRow]]]:
    """Return the packaged rows by kind, none of them in the session.

    A year whose calendar is packaged is not computed as well.
    """
    years = range(FIRST_CALENDAR, at.year + 2)
    by_year = {str(year): row for year in years if (row := _calendar_row(year))}
    for name in seeds.names():
        kind = Kind(_singular(name))
        packaged = [_packaged(kind, row) for row in seeds.rows(name)]
        if kind is Kind.CALENDAR:
            by_year.update((row.code, row) for row in packaged)
        else:
            yield kind, packaged
    yield Kind.CALENDAR, list(by_year.values())


def _singular(name: str) -> str:
    for plural, singular in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if name.endswith(plural):
            return name.removesuffix(plural) + singular
    return name


def _packaged(kind: Kind, row: Mapping[str, Any]) -> CatalogueRow:
    ends = row["effective_to"]
    return CatalogueRow(
        kind=str(kind),
        code=row["code"],
        body={key: value for key, value in row.items() if key not in _COLUMNS},
        effective_from=date.fromisoformat(row["effective_from"]),
        effective_to=None if ends is None else date.fromisoformat(ends),
        source=row["source"],
        confirmed=row["confirmed"],
        note=row["note"],
    )


def _calendar_row(year: int) -> CatalogueRow | None:
    try:
        days = calendars.seed_year(year)
    except calendars.YearNotPublished:
        return None
    return CatalogueRow(
        kind=str(Kind.CALENDAR),
        code=str(year),
        body={
            "name": f"{year}年工作日历",
            "days": [
                {
                    "day": day.day.isoformat(),
                    "worked": day.is_working_day,
                    "name": day.name,
                    "kind": str(day.kind),
                    "note": day.note,
                }
                for day in days
            ],
        },
        effective_from=date(year, 1, 1),
        effective_to=None,
        source="国务院办公厅关于部分节假日安排的通知",
        confirmed=True,
        note=None,
    )


def _close_for(row: CatalogueRow, others: Sequence[CatalogueRow]) -> bool:
    """Close the open one of `others` that `row` continues or ends; tell whether there was one."""
    same_day = [other for other in others if other.effective_from == row.effective_from]
    for other in others:
        if other.effective_to is None and other in same_day and row.effective_to is not None:
            other.effective_to = row.effective_to
            return True
        if (
            other.effective_to is None
            and not same_day
            and other.effective_from < row.effective_from
        ):
            other.effective_to = row.effective_from - _DAY
            return True
    return False


_CODED: Mapping[str, Callable[[str, Mapping[str, Any]], list[str]]] = {
    Kind.COMPLAINT_STEP: rules.wrong_step,
    Kind.SETTING: rules.wrong_setting,
}
_SHAPES: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    Kind.CASE_CAUSE: causes.wrong_cause,
    Kind.DISCRETION_TIER: causes.wrong_tier,
    Kind.FINDING_HANDLING: rules.wrong_handling,
    Kind.ILLEGAL_PRACTICE: rules.wrong_practice,
}


def _wrong_form(
    kind: str, code: str, body: Mapping[str, Any], last: CatalogueRow | None
) -> list[str]:
    """Return what is wrong with a body whose kind has a form of its own.

    A visit names the version of a checklist that it was made with: a version is never given to
    other items. What a cause or a tier offers is of a known shape.
    """
    if kind in _CODED:
        return _CODED[kind](code, body)
    if kind == Kind.CASE_CAUSE:
        return causes.wrong_cause(body)
    if kind == Kind.DISCRETION_TIER:
        return causes.wrong_tier(body)
    if kind == Kind.VISIT_CAP:
        return caps.wrong_cap(body, {row.code for row in queries.rows_of(Kind.ORIGIN)})
    if kind in _SHAPES:
        return _SHAPES[kind](body)
    if kind not in {Kind.CHECKLIST, Kind.CHECKLIST_MIGRATION}:
        return []
    items = {row.code for row in queries.rows_of(Kind.CHECK_ITEM)}
    if kind == Kind.CHECKLIST:
        before = 0 if last is None else last.body["form_version"]
        return rules.wrong_checklist(body, items, before)
    return rules.wrong_migration(code, body, items)


def _wrong_members(body: Mapping[str, Any], model: CatalogueRow | None) -> list[str]:
    """Return the members that are missing, or of another type than in the row to go by."""
    if model is None:
        return []
    return sorted(
        key
        for key, value in model.body.items()
        if key not in body
        or (value is not None and body[key] is not None and type(body[key]) is not type(value))
    )
