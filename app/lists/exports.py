"""A given list with its results, as a table to be sent back."""

from datetime import date, datetime

from app import sheets
from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.journal import service as journal
from app.journal.rules import Event
from app.lists import queries, register, service
from app.lists.models import GivenList, GivenListRow
from app.lists.rules import OUTCOME_NAMES
from app.tasks.models import Task

_OWN = (
    register.SUPERIOR_NO,
    register.ARCHIVE_NO,
    register.USCC,
    register.NAME,
    register.ADDRESS,
    register.SPECIALTY,
    register.OBJECT_CLASS,
    register.DUE_ON,
    register.MATTERS,
    register.NOTE,
    register.LEAD_DEPARTMENT,
    register.PARTNER_DEPARTMENTS,
)


EXPORT_COLUMNS = (
    *_OWN,
    "匹配情况",
    "本机构档案编号",
    "本机构单位名称",
    "任务",
    "任务状态",
    "检查人员",
    "检查日期",
    "检查结果",
    "关闭原因",
    "部门检查结果",
)


def export_list(found: GivenList, file_format: str, *, at: datetime) -> bytes:
    """Return a list with its results as a table, to be sent back; `file_format` is xlsx or csv.

    Outside any transaction. It holds names of officers.
    """
    names = _Names(local_date(at))
    rows = (
        [*_own_cells(row, names), *_found_cells(row, names)] for row in queries.told_rows(found.id)
    )
    if file_format == "csv":
        return b"".join(sheets.write_csv(EXPORT_COLUMNS, rows))
    return sheets.write_xlsx(EXPORT_COLUMNS, rows, name="下达名单")


def record_export(found: GivenList, file_format: str, *, by: Actor, at: datetime) -> None:
    """Write down that somebody took a list out."""
    journal.record(Event.GIVEN_LIST_EXPORTED, found, by=by, at=at, data={"format": file_format})


class _Names:
    """The catalogue's names by code."""

    def __init__(self, on: date) -> None:
        self.of = {
            kind: {row.code: str(row.body["name"]) for row in catalogue.in_force(kind, on)}
            for kind in ("specialty", "object_class", "outcome_code", "closing_reason")
        }

    def __call__(self, kind: str, code: str | None) -> str:
        return self.of[kind].get(code or "", code or "")


def _own_cells(row: GivenListRow, names: _Names) -> list[sheets.Cell]:
    both = {**names.of["specialty"], **names.of["object_class"]}
    said = register.in_words(service.line_of(row), both)
    return [said[column] for column in _OWN]


def _found_cells(row: GivenListRow, names: _Names) -> list[sheets.Cell]:
    unit, task = row.unit, row.task
    outcome = OUTCOME_NAMES[row.outcome]
    results = "；".join(f"{one.department}：{one.result}" for one in row.partner_results)
    return [
        outcome if row.gone_at is None else f"{outcome}（已不在名单）",
        None if unit is None else unit.archive_no,
        None if unit is None else unit.name,
        *([None] * 6 if task is None else _task_cells(task, names)),
        results,
    ]


def _task_cells(task: Task, names: _Names) -> list[sheets.Cell]:
    submitted = None if task.submitted_at is None else local_date(task.submitted_at)
    return [
        task.task_no,
        task.state_name,
        "、".join(member.name for member in task.team),
        submitted,
        names("outcome_code", task.outcome),
        names("closing_reason", task.closing_reason) if task.state == "closed" else None,
    ]
