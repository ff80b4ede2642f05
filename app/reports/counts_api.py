"""The counts of a period over HTTP: numbers, the lists behind them, files of both."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import flask
from marshmallow import RAISE

from app import clock, sheets
from app.access import current_actor, requires
from app.days import local_date
from app.db import transaction
from app.problems import Blueprint, Page
from app.reports import counting, listing, words
from app.reports.annual_api import MIME, READERS, as_file, entries_page
from app.reports.annual_schemas import CountedEntrySchema
from app.reports.counters import COUNTERS
from app.reports.counting import Counts
from app.reports.counts_schemas import (
    CounterFileQuerySchema,
    CounterQuerySchema,
    CountsFileQuerySchema,
    CountsQuerySchema,
    CountsSchema,
)
from app.reports.listing import Entry
from app.reports.service import record_export
from app.sheets import Cell
from app.units.schemas import FileFormat

blp = Blueprint("counts", __name__, url_prefix="/reports", description="统计数")

_HEAD = ("栏目", "项目", "数量", "单位", "上年同期", "同比（%）", "分子", "分母")
_LINES = ("日期", "档案编号", "单位名称", "类型", "编号或内容", "金额（元）", "编码")


@blp.route("/counts")
@requires(*READERS)
@blp.refuses(404)
@blp.arguments(CountsQuerySchema, location="query", unknown=RAISE)
@blp.response(200, CountsSchema)
def show_counts(query: dict[str, Any]) -> Counts:
    """统计一段时间的检查、案件等数字，与上年同期比较

    截止日可以是任何一天：状态按截止日当时计。每个数字都有计量单位，不同单位不相加；零也列出。
    """
    return _counts(query)


@blp.route("/counts/entries")
@requires(*READERS)
@blp.refuses(404)
@blp.arguments(CounterQuerySchema, location="query", unknown=RAISE)
@blp.paged(CountedEntrySchema)
def list_entries(query: dict[str, Any]) -> Page[Entry]:
    """列出一个数字背后的明细"""
    return entries_page(_rows(query), limit=query["limit"], cursor=query["cursor"])


@blp.route("/counts/export")
@requires(*READERS)
@blp.refuses(404)
@blp.arguments(CountsFileQuerySchema, location="query", unknown=RAISE)
@blp.response(200, content_type=MIME[FileFormat.XLSX])
def export_counts(query: dict[str, Any]) -> flask.Response:
    """导出统计数"""
    file_format = query.pop("format")
    found = _counts(query)
    title = f"统计数{found.from_on}至{found.until_on}"
    return _file("counts", title, _HEAD, _table(found), file_format)


@blp.route("/counts/entries/export")
@requires(*READERS)
@blp.refuses(404)
@blp.arguments(CounterFileQuerySchema, location="query", unknown=RAISE)
@blp.response(200, content_type=MIME[FileFormat.XLSX])
def export_entries(query: dict[str, Any]) -> flask.Response:
    """导出一个数字背后的明细"""
    until_on = _period(query)[1]
    lines: list[Sequence[Cell]] = [
        (
            one.on,
            one.archive_no,
            one.unit_name,
            words.type_name(one),
            words.label_of(one, until_on),
            _yuan(one) if COUNTERS[query["counter"]].money else one.amount_fen,
            str(one.id),
        )
        for one in listing.every(_rows(query))
    ]
    name = COUNTERS[query["counter"]].name
    return _file("counts-entries", f"{name}明细", _LINES, lines, query["format"])


def _counts(query: dict[str, Any]) -> Counts:
    at = clock.now()
    from_on, until_on = _period(query)
    return counting.count_all(
        _agency_id(),
        from_on,
        until_on,
        at=at,
        counting=query["counting"],
        rounding=query["rounding"],
    )


def _rows(query: dict[str, Any]) -> Any:
    scope = counting.scope_of(_agency_id(), *_period(query), query["counting"])
    return counting.rows_behind(query["counter"], scope)


def _period(query: dict[str, Any]) -> tuple[date, date]:
    until_on = query["until_on"] or local_date(clock.now())
    return query["from_on"] or until_on.replace(month=1, day=1), until_on


def _table(found: Counts) -> list[Sequence[Cell]]:
    lines: list[Sequence[Cell]] = [
        (
            one.counter.block,
            one.counter.name,
            _number(one.quantity.text),
            str(one.counter.unit),
            _number(one.before.text),
            _number(one.change),
        )
        for one in found.counted
    ]
    lines += [
        (
            "比率",
            one.rate.name,
            _number(one.now.percent),
            "%",
            _number(one.before.percent),
            None,
            one.now.numerator,
            one.now.denominator,
        )
        for one in found.rates
    ]
    lines += [
        ("办案天数", f"{one.name}（{word}）", _number(value), "天", _number(before), None)
        for one in found.days
        for word, value, before in (
            ("平均", one.now.mean, one.before.mean),
            ("中位数", one.now.median, one.before.median),
        )
    ]
    lines += [
        (
            "填报",
            one.name + ("（余）" if one.at_least else ""),
            _number(one.quantity.text),
            str(one.quantity.unit),
        )
        for one in found.manual
    ]
    lines += [("未统计", text) for text in found.uncounted]
    return [(*line, *[None] * (len(_HEAD) - len(line))) for line in lines]


def _number(shown: object | None) -> Cell:
    """Return a number as a cell that can be added up: whole where it is."""
    if shown is None:
        return None
    number = Decimal(str(shown))
    return int(number) if number == number.to_integral_value() else float(number)


def _file(
    name: str, title: str, head: Sequence[str], lines: list[Sequence[Cell]], kind: FileFormat
) -> flask.Response:
    if kind is FileFormat.XLSX:
        data = sheets.write_xlsx(head, lines)
    else:
        data = b"".join(sheets.write_csv(head, lines))
    with transaction():
        record_export(name, kind, data, by=current_actor(), at=clock.now())
    return as_file(data, kind, name, title)


def _yuan(one: Entry) -> str:
    whole, rest = divmod(one.amount_fen or 0, 100)
    return f"{whole}.{rest:02d}"


def _agency_id() -> UUID:
    """Return the caller's agency: every account has one."""
    return cast(UUID, current_actor().agency_id)
