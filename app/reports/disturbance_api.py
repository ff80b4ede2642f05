"""Entries into units 入企扰企 over HTTP: what was saved, how often, and the lists behind it."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, cast
from uuid import UUID

import flask
from marshmallow import RAISE

from app import clock, sheets
from app.access import current_actor, requires
from app.days import local_date
from app.db import transaction
from app.problems import Blueprint, CursorUnknown, Page, read_cursor, sign_cursor
from app.reports import disturbance
from app.reports import disturbance_rules as rules
from app.reports.annual_api import MIME, READERS, as_file
from app.reports.disturbance import Chosen, Disturbance, Excess
from app.reports.disturbance_rules import By, Entry
from app.reports.disturbance_schemas import (
    ChosenFileQuerySchema,
    ChosenPageQuerySchema,
    DisturbanceSchema,
    EntryMadeSchema,
    ExcessFileQuerySchema,
    ExcessPageQuerySchema,
    ExcessSchema,
    PeriodFileQuerySchema,
    PeriodQuerySchema,
    UnitEnteredSchema,
)
from app.reports.service import record_export
from app.sheets import Cell
from app.units.schemas import FileFormat

blp = Blueprint("disturbance", __name__, url_prefix="/reports/disturbance", description="入企频次")
BY_NAMES = {By.QUARTER: "季度", By.DEPARTMENT: "科室", By.LEVEL: "任务级别", By.ORIGIN: "任务来源"}
_HEAD = ("栏目", "项目", "数量", "单位", "上年同期", "同比（%）")
_ENTRIES = (
    *("日期", "档案编号", "单位名称", "事项数", "减少入企"),
    *("任务来源", "科室", "不计入频次", "未发现问题", "编码"),
)
_EXCESSES = ("日期", "档案编号", "单位名称", "此前已计入", "上限", "结论", "批准理由", "编码")
_UNITS = ("archive_no", "unit_name", "separate", "entries", "saved", "exempt", "clean", "last_on")
_UNIT_HEAD = (
    *("档案编号", "单位名称", "按任务分别入企", "实际入企"),
    *("减少入企", "不计入频次", "未发现问题", "最近入企"),
)
VERDICT_NAMES = {
    "flag": "提示",
    "reason": "须说明理由",
    "exception": "须经批准",
    "excepted": "已批准",
}
Row = dict[str, Any]


@blp.route("")
@requires(*READERS)
@blp.arguments(PeriodQuerySchema, location="query", unknown=RAISE)
@blp.response(200, DisturbanceSchema)
def show_disturbance(query: Row) -> Row:
    """统计入企次数：合并减少的入企、单位被入企的分布、超过频次上限的情况

    同一日有同一监督员在场的检查算一次入企。不计入频次的（投诉举报等）照样列出并注明。
    """
    found = disturbance.report(_agency_id(), *_period(query))
    return {
        **{name: getattr(found, name) for name in Disturbance.__slots__},
        "distribution": [
            {"times": times, "units": units} for times, units in found.distribution.items()
        ],
        "lines": {str(by): lines for by, lines in found.lines.items()},
    }


@blp.route("/entries")
@requires(*READERS)
@blp.arguments(ChosenPageQuerySchema, location="query", unknown=RAISE)
@blp.paged(EntryMadeSchema)
def list_entries_made(query: Row) -> Page[Row]:
    """列出一个数字背后的各次入企"""
    found = disturbance.chosen_entries(_agency_id(), *_period(query), _chosen(query))
    return _page(_entry_rows(found), query, lambda row: f"{row['on']}/{row['id']}")


@blp.route("/entries/export")
@requires(*READERS)
@blp.arguments(ChosenFileQuerySchema, location="query", unknown=RAISE)
@blp.response(200, content_type=MIME[FileFormat.XLSX])
def export_entries_made(query: Row) -> flask.Response:
    """导出一个数字背后的各次入企"""
    period = _period(query)
    found = disturbance.chosen_entries(_agency_id(), *period, _chosen(query))
    names = disturbance.names_of(By.ORIGIN, period[1])
    lines: list[Sequence[Cell]] = [
        (
            *_named(row),
            len(row["visits"]),
            row["saved"],
            _words(names[one["origin"] or "triggered"] for one in row["visits"]),
            _words(one["department"] for one in row["visits"]),
            _yes(row["exempt"]),
            _yes(row["clean"]),
            str(row["id"]),
        )
        for row in _entry_rows(found)
    ]
    return _file("disturbance-entries", period, "入企明细", _ENTRIES, lines, query["format"])


@blp.route("/excesses")
@requires(*READERS)
@blp.arguments(ExcessPageQuerySchema, location="query", unknown=RAISE)
@blp.paged(ExcessSchema)
def list_excesses(query: Row) -> Page[Row]:
    """列出超过一项频次上限的各次入企，附批准的理由"""
    found = disturbance.excesses(_agency_id(), *_period(query), query["cap"])
    return _page(_excess_rows(found), query, lambda row: f"{row['on']}/{row['id']}")


@blp.route("/excesses/export")
@requires(*READERS)
@blp.arguments(ExcessFileQuerySchema, location="query", unknown=RAISE)
@blp.response(200, content_type=MIME[FileFormat.XLSX])
def export_excesses(query: Row) -> flask.Response:
    """导出超过一项频次上限的各次入企"""
    period = _period(query)
    found = disturbance.excesses(_agency_id(), *period, query["cap"])
    lines: list[Sequence[Cell]] = [
        (
            *_named(row),
            row["used"],
            row["most"],
            VERDICT_NAMES[row["verdict"]],
            row["reason"] or "",
            str(row["id"]),
        )
        for row in _excess_rows(found)
    ]
    return _file("disturbance-excesses", period, "超频次入企", _EXCESSES, lines, query["format"])


@blp.route("/units")
@requires(*READERS)
@blp.arguments(ChosenPageQuerySchema, location="query", unknown=RAISE)
@blp.paged(UnitEnteredSchema)
def list_units_entered(query: Row) -> Page[Row]:
    """列出被入企的单位，入企最多的在前"""
    found = disturbance.chosen_entries(_agency_id(), *_period(query), _chosen(query))
    return _page(_unit_rows(found), query, _unit_place)


@blp.route("/units/export")
@requires(*READERS)
@blp.arguments(ChosenFileQuerySchema, location="query", unknown=RAISE)
@blp.response(200, content_type=MIME[FileFormat.XLSX])
def export_units_entered(query: Row) -> flask.Response:
    """导出被入企的单位"""
    period = _period(query)
    found = disturbance.chosen_entries(_agency_id(), *period, _chosen(query))
    lines: list[Sequence[Cell]] = [[row[name] for name in _UNITS] for row in _unit_rows(found)]
    return _file("disturbance-units", period, "被入企单位", _UNIT_HEAD, lines, query["format"])


@blp.route("/export")
@requires(*READERS)
@blp.arguments(PeriodFileQuerySchema, location="query", unknown=RAISE)
@blp.response(200, content_type=MIME[FileFormat.XLSX])
def export_disturbance(query: Row) -> flask.Response:
    """导出入企频次报表"""
    period = _period(query)
    found = disturbance.report(_agency_id(), *period)
    return _file(
        "disturbance", period, "入企频次", _HEAD, _table(found, period[1]), query["format"]
    )


# --- rows --------------------------------------------------------------------------------------


def _entry_rows(found: Sequence[Entry]) -> list[Row]:
    names = disturbance.units_named(found)
    return [_entry_row(one, *names[one.unit_id]) for one in found]


def _entry_row(one: Entry, archive_no: str, unit_name: str) -> Row:
    return {
        "id": one.id,
        "on": one.on,
        "unit_id": one.unit_id,
        "archive_no": archive_no,
        "unit_name": unit_name,
        "exempt": one.exempt,
        "clean": one.clean,
        "saved": len(one.visits) - 1,
        "visits": [
            {
                name: getattr(visit, name)
                for name in ("id", "task_id", "origin", "specialty", "department")
            }
            for visit in one.visits
        ],
    }


def _excess_rows(found: Sequence[Excess]) -> list[Row]:
    names = disturbance.units_named([one.beyond.entry for one in found])
    rows = [
        {
            **_entry_row(one.beyond.entry, *names[one.beyond.entry.unit_id]),
            "used": one.beyond.used,
            "most": one.beyond.cap.most,
            "verdict": one.beyond.verdict,
            "exception_id": one.exception_id,
            "reason": one.reason,
        }
        for one in found
    ]
    return sorted(rows, key=lambda row: (row["on"], row["id"]))


def _unit_rows(found: Sequence[Entry]) -> list[Row]:
    units: dict[UUID, list[Entry]] = {}
    for one in found:
        units.setdefault(one.unit_id, []).append(one)
    names = disturbance.units_named(found)
    rows = [
        {
            "unit_id": unit_id,
            "archive_no": names[unit_id][0],
            "unit_name": names[unit_id][1],
            **{
                name: rules.count(rules.Code(name), some)
                for name in ("separate", "entries", "saved", "exempt", "clean")
            },
            "last_on": max(one.on for one in some),
        }
        for unit_id, some in units.items()
    ]
    return sorted(rows, key=_unit_place)


def _unit_place(row: Row) -> str:
    return f"{10**9 - row['entries']:09}/{row['unit_id']}"


def _named(row: Row) -> tuple[Cell, Cell, Cell]:
    return row["on"], row["archive_no"], row["unit_name"]


def _words(values: Any) -> str:
    return "、".join(sorted(set(values)))


def _yes(value: bool) -> str:
    return "是" if value else ""


def _page(rows: Sequence[Row], query: Row, place: Callable[[Row], str]) -> Page[Row]:
    """Return a page of rows that stand in the order of their places. Raises CursorUnknown."""
    after = ""
    if query["cursor"]:
        given = read_cursor(query["cursor"])
        if not isinstance(given.get("after"), str):
            raise CursorUnknown("分页游标无效，请从第一页重新读取。")
        after = given["after"]
    found = [row for row in rows if place(row) > after]
    if len(found) <= query["limit"]:
        return Page(found, None)
    some = found[: query["limit"]]
    return Page(some, sign_cursor({"after": place(some[-1])}))


# --- files -------------------------------------------------------------------------------------


def _table(found: Disturbance, on: date) -> list[Sequence[Cell]]:
    lines: list[Sequence[Cell]] = [
        (
            "合计",
            one.name,
            one.quantity.text,
            str(one.quantity.unit),
            one.before.text,
            "" if one.change is None else str(one.change),
        )
        for one in found.counted
    ]
    shares = (
        ("平均每次入企的事项数", found.tasks_per_entry, "件"),
        ("减少入企占比", found.saved_percent, "%"),
        ("未发现问题占比", found.clean_percent, "%"),
        ("入企两次及以上单位占比", found.again_percent, "%"),
    )
    lines += [("比率", name, value or "", unit, "", "") for name, value, unit in shares]
    lines += [
        ("入企次数分布", f"入企{times}次的单位", str(units), "户", "", "")
        for times, units in found.distribution.items()
    ]
    for by, some in found.lines.items():
        words = {"": "未填", **disturbance.names_of(by, on)}
        lines += [
            (f"按{BY_NAMES[by]}", f"{code}：{name}", str(value), "次", "", "")
            for line in some
            for code in [words.get(line.code, line.code)]
            for name, value in (
                ("按任务分别入企", line.separate),
                ("实际入企", line.entries),
                ("减少入企", line.saved),
            )
        ]
    for one in found.caps:
        name = f"{one.cap.name}（{one.cap.most}）"
        lines.append(("超过频次上限", f"{name}：单位", str(one.units), "户", "", ""))
        lines += [
            ("超过频次上限", f"{name}：{VERDICT_NAMES[verdict]}", str(number), "次", "", "")
            for verdict, number in one.verdicts.items()
        ]
    planned = found.planned
    return [
        *lines,
        ("联合检查计划", "计划减少入企", str(planned.saved), "次", "", ""),
        ("联合检查计划", "实际减少入企", str(planned.really_saved), "次", "", ""),
    ]


def _file(
    name: str,
    period: tuple[date, date],
    title: str,
    head: Sequence[str],
    lines: list[Sequence[Cell]],
    kind: FileFormat,
) -> flask.Response:
    if kind is FileFormat.XLSX:
        data = sheets.write_xlsx(head, lines)
    else:
        data = b"".join(sheets.write_csv(head, lines))
    with transaction():
        record_export(name, kind, data, by=current_actor(), at=clock.now())
    return as_file(data, kind, name, f"{title}{period[0]}至{period[1]}")


def _chosen(query: Row) -> Chosen:
    return Chosen(query["number"], query["by"], query["code"], query["unit_id"], query["times"])


def _period(query: Row) -> tuple[date, date]:
    until_on = query["until_on"] or local_date(clock.now())
    return query["from_on"] or until_on.replace(month=1, day=1), until_on


def _agency_id() -> UUID:
    """Return the caller's agency: every account has one."""
    return cast(UUID, current_actor().agency_id)
