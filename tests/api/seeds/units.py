"""The units of a seeded agency, with their registers, caps and visit codes."""

from datetime import timedelta

from app.access import Role
from app.caps import service as caps
from app.caps.models import CapException
from app.codes import service as codes
from app.codes.models import VisitCode
from app.codes.service import NewCode
from app.days import local_date
from app.people import service as people
from app.units import imports
from app.units.rules import Register
from tests.api.seeds.builder import Builder


def fill(builder: Builder) -> None:
    """Units to inspect: one to change, one for each task."""
    builder.keep("unit", builder.unit())
    builder.keep("label", builder.make.label(builder.unit()))
    for name in ("cap-exception:approve", "cap-exception:refuse"):
        builder.keep(name, _cap_exception(builder))
    for name in ("visit-code", "visit-code:revoke"):
        builder.keep(name, _visit_code(builder))
    tables = {
        "units": "档案编号,单位名称,地址\nIMPORT-1,进门宾馆,长宁路8号\n",
        "officers": "执法证号,姓名,执法证有效期至\n沪IMPORT-1,进,2028-12-31\n",
    }
    for register, table in tables.items():
        table = table.replace("IMPORT", builder.agency.id.hex[-6:])
        builder.side.values[f"table:{register}"] = table
        _import(builder, Register(register), table.encode())
    builder.side.values["table:labels"] = "档案编号,名单,开始日期,依据\n"


def _import(builder: Builder, register: Register, table: bytes) -> None:
    with builder.make.flask_app.app_context():
        agency = people.get_agency(builder.agency.id)
        at, by = builder.make.at, builder.actor(Role.SUPERVISOR)
        preview = imports.read_preview(register, table, "名册.csv", agency=agency, at=at)
    with builder.make.writing():
        agency = people.get_agency(builder.agency.id)
        found = imports.record_preview(preview, agency=agency, by=by, at=at)
    builder.keep(f"import:{register}", found)
    builder.side.texts |= {planned.key for planned in preview.planned}


def _cap_exception(builder: Builder) -> CapException:
    """An exception that another supervisor asked for."""
    unit, day = builder.unit(), local_date(builder.make.at)
    by = builder.make.supervisor(builder.agency)
    with builder.make.writing():
        return caps.propose_exception(
            unit.id,
            "entries-per-year",
            from_on=day,
            until_on=day,
            reason="群众反映集中",
            agency_id=unit.agency_id,
            by=by,
            at=builder.make.at,
        )


def _visit_code(builder: Builder) -> VisitCode:
    """A code for a visit that nobody planned, with an objection; its text and short form.

    Somebody of a partner department comes along.
    """
    unit, at = builder.unit(), builder.make.at
    along = builder.make.partner(builder.agency)
    builder.keep("partner", along)
    team = [builder.make.officer(builder.agency).id for _ in range(2)]
    until = at + timedelta(days=1)
    new = NewCode(unit.id, team, at, until, partner_ids=[along.id], reason="现场发现线索")
    by = builder.make.supervisor(builder.agency)
    with builder.make.writing():
        code = codes.request_code(new, agency_id=unit.agency_id, by=by, at=at)
        builder.keep("objection", codes.object_to(code, "未出示执法证", None, at=at))
    key = builder.make.flask_app.extensions["suicha_keys"].receipt_key
    builder.side.ids["code-text"] = codes.text_of(code, key)
    return code
