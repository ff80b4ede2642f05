"""Special credit reports 专用信用报告: what stands against a unit, with a code to check it by.

A report says what stood on its day. Whoever checks the code learns besides whether an entry was
reversed or repaired since, and never what such an entry said.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import canonical
from app.access import Actor
from app.credit import queries as credit_queries
from app.credit import rules as credit_rules
from app.credit import service as credit
from app.credit.models import CreditEntry
from app.credit.rules import EntryKind
from app.credit.terms import add_months
from app.days import local_date
from app.db import db
from app.documents import typeset
from app.documents.layout import Statement, sheet_of_statement
from app.documents.wording import NOTHING, day_text, instant_text
from app.errors import Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.publication import queries, sources
from app.publication.models import CreditReport
from app.units import service as units
from app.units.models import Unit


class CreditReportUnknown(NotFound):
    code, title = "credit-report-unknown", "未找到信用报告"


class CreditReportPeriodWrong(Invalid):
    """Extras: `earliest_on`, before which nothing is shown any more, and `article`."""

    code, title = "credit-report-period-wrong", "信用报告的期间不对"


@dataclass(frozen=True)
class Period:
    """Of which days decisions are told, both included; open where it is None."""

    from_on: date | None = None
    until_on: date | None = None

    def holds(self, on: date) -> bool:
        """Tell whether a decision of this day is told."""
        return (self.from_on or on) <= on <= (self.until_on or on)

    def text(self) -> str:
        """Return the period as it is read, empty where it is open on both sides."""
        begins = "" if self.from_on is None else f"{day_text(self.from_on)}起"
        ends = "" if self.until_on is None else f"至{day_text(self.until_on)}止"
        return f"{begins}{ends}"


@dataclass(frozen=True)
class Checked:
    """What anybody learns by a code: the report, what of it still stands, what changed since."""

    report: CreditReport
    body: dict[str, Any]
    standing: list[dict[str, Any]]
    gone: int
    added: int


def issue_report(
    unit_id: UUID,
    purpose: str,
    *,
    period: Period = Period(),
    agency: Agency,
    by: Actor,
    at: datetime,
) -> CreditReport:
    """Issue a report on what stands against a unit today, of the decisions of a period.

    What is no longer shown is told of no period: one that begins before the longest term of
    publicity would testify to what nobody may see. Raises UnitNotFound, CreditReportPeriodWrong.
    """
    unit = units.get_unit(unit_id, agency.id)
    as_of = local_date(at)
    _refuse_period(period, as_of)
    standing = standing_of(unit, as_of, period)
    numbers = queries.decision_numbers([one.reference for one in standing])
    entries = [_told(one, as_of, numbers.get(one.reference)) for one in standing]
    body: dict[str, Any] = {
        "unit": unit.name,
        "uscc": unit.uscc,
        "archive_no": unit.archive_no,
        "agency": agency.name,
        "as_of": as_of.isoformat(),
        "purpose": purpose,
        "from_on": None if period.from_on is None else period.from_on.isoformat(),
        "until_on": None if period.until_on is None else period.until_on.isoformat(),
        "entries": entries,
    }
    text = canonical.dumps(body)
    report = CreditReport(
        agency_id=agency.id,
        district=agency.district,
        unit_id=unit.id,
        code=base64.b32encode(secrets.token_bytes(10)).decode(),
        as_of=as_of,
        purpose=purpose,
        body=text,
        sha256=canonical.digest(text),
        issued_at=at,
        issued_by_kind=str(by.kind),
        issued_by_id=by.id,
    )
    db.session.add(report)
    db.session.flush()  # the journal names its id
    data = {"unit_id": str(unit.id), "sha256": report.sha256, "entries": len(entries)}
    journal.record(Event.CREDIT_REPORT_ISSUED, report, by=by, at=at, data=data)
    return report


def _refuse_period(period: Period, as_of: date) -> None:
    ends = period.until_on or as_of
    begins = period.from_on or ends
    if not begins <= ends <= as_of:
        raise CreditReportPeriodWrong("报告期间的起止日期颠倒，或者晚于今天。")
    longest = credit.longest_term(as_of)
    if longest is None or longest.max_months is None:
        return
    earliest = add_months(as_of, -longest.max_months)
    if begins < earliest:
        raise CreditReportPeriodWrong(
            f"信用网站最长公示 {longest.max_months} 个月，{earliest} 以前的记录不再公示，"
            "报告期间不能更早。",
            earliest_on=earliest,
            article=longest.rule_set,
        )


def period_of(report: CreditReport) -> Period:
    """Return of which period a report tells; reports of old tell of every day."""
    body = canonical.loads(report.body)
    days = (body.get(name) for name in ("from_on", "until_on"))
    return Period(*(None if one is None else date.fromisoformat(one) for one in days))


def standing_of(unit: Unit, on: date, period: Period) -> list[CreditEntry]:
    """Return the decisions of a period that the credit site shows of a unit on a day: neither
    reversed nor repaired, their term not over."""
    entries = credit_queries.entries_of_unit(unit.id)
    kept = {one.id for one in credit_rules.standing(entries)}
    kept -= credit_rules.repaired_ids(entries, on)
    found = [
        one
        for one in entries
        if one.kind == EntryKind.PENALTY and one.id in kept and one.decided_on <= on
    ]
    return [one for one in found if period.holds(one.decided_on) and _is_shown(one, on)]


def _is_shown(entry: CreditEntry, on: date) -> bool:
    shown = credit.publicity_of_entry(entry, on)
    return shown is not None and on <= shown.max_end


def _told(entry: CreditEntry, on: date, number: str | None) -> dict[str, Any]:
    shown = credit.publicity_of_entry(entry, on)
    return {
        "id": str(entry.id),
        "number": number,
        "decided_on": entry.decided_on.isoformat(),
        "tier": None if entry.tier is None else credit.tier_name(entry.tier, entry.decided_on),
        "sanctions": [str(one) for one in entry.data.get("sanctions", [])],
        "max_end": None if shown is None else shown.max_end.isoformat(),
    }


def get_report(report_id: UUID, agency_id: UUID | None) -> CreditReport:
    """Return a report of the agency. Raises CreditReportUnknown, also for another agency's."""
    report = db.session.get(CreditReport, report_id)
    if report is None or report.agency_id != agency_id:
        raise CreditReportUnknown("没有这份信用报告，或它不属于本机构。")
    return report


def check_report(code: str, *, at: datetime) -> Checked:
    """Return what a code proves. Raises CreditReportUnknown."""
    report = queries.find_report(code.strip().upper())
    if report is None:
        raise CreditReportUnknown("没有这个核验码对应的信用报告，请核对报告上的核验码。")
    return _checked(report, at)


def _checked(report: CreditReport, at: datetime) -> Checked:
    body = canonical.loads(report.body)
    unit = db.session.get_one(Unit, report.unit_id)
    now = {str(one.id) for one in standing_of(unit, local_date(at), period_of(report))}
    told = {one["id"] for one in body["entries"]}
    standing = [one for one in body["entries"] if one["id"] in now]
    return Checked(report, body, standing, len(told - now), len(now - told))


# --- on paper ----------------------------------------------------------------------------------


def print_report(report: CreditReport, page_address: str, *, at: datetime) -> bytes:
    """Return a report as PDF: the same bytes as long as nothing of it is withdrawn.

    What ceased to stand since the issue is counted and not printed; nothing is kept, so no page
    with it stays behind. `page_address` is where anybody checks the code.
    Raises PrintBusy and PrintFailed.
    """
    return typeset.set_pages("document", sheet_of_statement(statement_of(report, page_address, at)))


def statement_of(report: CreditReport, page_address: str, at: datetime) -> Statement:
    """Return what the paper says of a report at an instant."""
    checked = _checked(report, at)
    body, as_of = checked.body, day_text(report.as_of)
    rows = [
        (
            one.get("number") or NOTHING,  # a report of before has none
            sanctions_text(one) or NOTHING,
            one["tier"] or NOTHING,
            day_text(date.fromisoformat(one["decided_on"])),
            NOTHING if one["max_end"] is None else day_text(date.fromisoformat(one["max_end"])),
        )
        for one in checked.standing
    ]
    return Statement(
        organ=body["agency"],
        title="专用信用报告",
        number=f"核验码：{report.code}",
        issued_on=local_date(report.issued_at),
        content_hash=report.sha256,
        facts=[
            ("单位名称", body["unit"]),
            ("统一社会信用代码", body["uscc"] or NOTHING),
            ("档案编号", body["archive_no"] or NOTHING),
            ("用途", body["purpose"]),
            ("决定日期", period_of(report).text() or "不限"),
            ("记录范围", f"截至{as_of}，仍在公示期内、未被撤销且未修复的行政处罚"),
            ("出具时间", instant_text(report.issued_at)),
        ],
        words=_words(checked, as_of),
        head=("决定书文号", "处罚种类", "公示等级", "决定日期", "公示至"),
        rows=rows,
        remarks=[
            f"核验地址：{page_address}",
            "任何人可以在核验地址输入核验码，核对本报告是否属实、出具以后记录有无变化。",
        ],
    )


def _words(checked: Checked, as_of: str) -> str:
    count = len(checked.standing)
    found = f"有下列公示期内的行政处罚 {count} 条" if count else "没有公示期内的行政处罚"
    changed = [f"{checked.gone} 条已经撤销、修复或者期满，不再列出"] if checked.gone else []
    changed += [f"新增 {checked.added} 条"] if checked.added else []
    if not changed:
        return f"截至{as_of}，信用记录中{found}。"
    still = f"报告所载的记录中仍{found}。" if count else ""
    return f"出具以后记录有变化：{'，'.join(changed)}；请要求重新出具。{still}"


def sanctions_text(entry: Mapping[str, Any]) -> str:
    """Return the kinds of sanction of a told entry, as they are called."""
    return "、".join(sources.SANCTION_NAMES.get(one, one) for one in entry["sanctions"])


def reports_in(agency_id: UUID | None, unit_id: UUID | None) -> sa.Select[CreditReport]:
    """Return the query for the reports of an agency, or of one unit."""
    query = sa.select(CreditReport).where(CreditReport.agency_id == agency_id)
    return query if unit_id is None else query.where(CreditReport.unit_id == unit_id)
