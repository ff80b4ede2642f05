"""A seeded agency: everything in it, in the order in which one needs the other."""

from app.access import Role
from app.catalogue import service as catalogue
from app.days import local_date
from app.people.models import Agency
from tests.agendas.seeds import fill as fill_agendas
from tests.api.seeds import (
    complaints,
    draws,
    evidence,
    lists,
    measures,
    patrols,
    people,
    reports,
    tablets,
    tasks,
    units,
    visits,
)
from tests.api.seeds.builder import Builder, Side
from tests.credit.seeds import fill as fill_credit
from tests.factories import Make
from tests.jointvisits.seeds import fill as fill_joint_visits
from tests.publication.seeds import fill as fill_publication

# each needs what the ones before it left
SUBJECTS = (
    *(people, evidence, units, tasks, visits),
    *(tablets, lists, complaints, measures, patrols),
)


def fill(make: Make, agency: Agency) -> Side:
    """Fill an agency, and return what it has."""
    builder = Builder(make, agency)
    for subject in SUBJECTS:
        subject.fill(builder)
    ids = builder.side.ids
    fill_credit(make, agency, ids, builder.actor(Role.CLERK))
    fill_publication(make, agency, ids, builder.actor(Role.CLERK))
    fill_agendas(make, agency, ids, builder.actor(Role.OFFICER))
    fill_joint_visits(make, agency, ids, builder.actor(Role.SUPERVISOR))
    values = builder.side.values
    values["table:receipts"] = "决定书文号,上报日期,结果\n没有的文号,2026-11-02,入库\n"
    values["table:paper"] = "%PDF-1.7\n"
    with make.flask_app.app_context():
        row = catalogue.get_row("object_class", "lodging", local_date(make.at))
        values["lodging"] = row.body  # to supersede it by the same
    draws.fill(builder)
    reports.fill(builder)
    return builder.side
