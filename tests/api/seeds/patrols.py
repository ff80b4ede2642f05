"""The patrols of a seeded agency."""

from app.access import Role
from app.patrols import service as patrols
from app.visits import contacts
from app.visits.terms import ContactKind
from tests.api.seeds.builder import Builder


def fill(builder: Builder) -> None:
    """An assistant, a patrol of a cell with one unit, two hints; a talk that is no visit."""
    by, at = builder.actor(Role.SUPERVISOR), builder.make.at
    unit = builder.make.unit(builder.agency, grid_cell="G-01", archive_no="XG-1")
    builder.keep("unit:seen", unit)
    new = patrols.NewAssistant("协管员甲", "某街道社区卫生服务中心", ("G-01",))
    with builder.make.writing():
        assistant = patrols.register_assistant(new, agency=builder.agency, by=by, at=at)
    builder.keep("assistant", assistant)
    with builder.make.writing():
        patrol = patrols.record_patrol(
            patrols.NewPatrol(
                "G-01",
                builder.officers[0].id,
                (assistant.id,),
                (patrols.SeenUnit(unit.id, problem=True, remark="未公示"),),
            ),
            agency=builder.agency,
            by=by,
            at=at,
        )
    builder.keep("patrol", patrol)
    for name in ("take", "decline"):
        with builder.make.writing():
            hint = patrols.hand_hint(patrol.id, unit.id, "疑似无证", by=by, at=at)
        builder.keep(f"hint:{name}", hint)
    with builder.make.writing():
        talk = contacts.record_contact(
            contacts.NewContact(
                unit.id, ContactKind.COMPLIANCE_TALK, (builder.officers[0].id,), "合规告知"
            ),
            agency=builder.agency,
            by=by,
            at=at,
        )
    builder.keep("contact", talk)
