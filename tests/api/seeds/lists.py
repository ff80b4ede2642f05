"""The lists that others gave to a seeded agency."""

from datetime import date
from uuid import UUID

from app.access import Role
from app.lists import imports as list_imports
from app.lists import queries as list_queries
from app.lists import service as lists
from app.lists.models import GivenList
from app.lists.rules import NewList
from app.people import service as people
from app.tasks.rules import DrawKind
from tests.api.seeds.builder import Builder


def fill(builder: Builder) -> None:
    """A cross-department list with a task, an unknown row, and a correction to confirm."""
    own = builder.unit().archive_no
    head = "任务编号,档案编号,单位名称,专业"
    first = f"{head}\nN1,{own},,公共场所\nN2,,没有登记的单位,公共场所\n"
    found = _list(builder, "list", first)
    with builder.make.writing():
        agency = people.get_agency(builder.agency.id)
        by, at = builder.actor(Role.SUPERVISOR), builder.make.at
        lists.apply_list(lists.get_list(found.id, agency.id), agency=agency, by=by, at=at)
    corrected = f"{first}N3,,也没有登记的单位,公共场所\n"
    _list_file(builder, found, "list-file:previewed", corrected)
    with builder.make.flask_app.app_context():
        rows = list_queries.all_rows(found.id)
        builder.keep("list-row", rows[-1])
    _list(builder, "list:withdraw", first)
    builder.side.values["table:list"] = f"{corrected}N4,,还没有登记的单位,公共场所\n"
    results = "任务编号,部门,检查结果\nN1,区教育局,未发现问题\n"
    builder.side.values["table:partner-results"] = results


def _list(builder: Builder, name: str, table: str) -> GivenList:
    data = NewList(
        name="跨部门联合抽查",
        level=DrawKind.CROSS_DEPARTMENT,
        issued_by="区市场监督管理局",
        reference=f"{builder.agency.id.hex[-6:]} {name}",
        year=2026,
        period="2026",
        received_on=date(2026, 11, 2),
        lead_department="区卫生健康委员会",
        partner_departments=("区市场监督管理局",),
        field="医疗美容",
    )
    with builder.make.writing():
        agency = people.get_agency(builder.agency.id)
        by = builder.actor(Role.SUPERVISOR)
        found = lists.save_list(data, agency=agency, by=by, at=builder.make.at)
    builder.keep(name, found)
    builder.side.texts.add(found.reference)
    _list_file(builder, found, "list-file:current", table)
    return found


def _list_file(builder: Builder, found: GivenList, name: str, table: str) -> None:
    by, at = builder.actor(Role.SUPERVISOR), builder.make.at
    with builder.make.flask_app.app_context():
        upload = list_imports.read_upload(
            table.encode(), "名单.csv", agency_id=builder.agency.id, at=at
        )
    with builder.make.writing():
        own = lists.get_list(found.id, builder.agency.id)
        received = list_imports.receive_file(own, upload, by=by, at=at)
    if found.id == UUID(builder.side["list"]):
        builder.keep(name, received.file)
