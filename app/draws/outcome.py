"""The result of a seeded draw: computed from the frozen bytes, stored with its tasks at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db
from app.draws import assignment, bundle, checks, eligibility, queries, register_queries
from app.draws.files import sha256_of
from app.draws.models import Draw, DrawSelection
from app.draws.seeding import unseal_chance
from app.draws.stages import DrawState, SelectionKind
from app.draws.steps import DrawStateWrong, by_timetable, follow, lock, release, stamp, store_file
from app.journal import service as journal
from app.journal.rules import Event
from app.lists import queries as lists
from app.people import service as people
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import NewTask, origin_of, suited_checklist, suited_class
from app.tasks.teams import TeamInvalid


class DrawnAlready(DrawStateWrong):
    code, title = "draw-drawn-already", "这个编号已经抽取过"


@dataclass(frozen=True)
class Computed:
    """A result, computed from the frozen bytes of one version of a draw; not stored yet."""

    draw_id: UUID
    version: int
    drawn: bundle.Drawn
    assigned: assignment.Assignment | None


def compute_result(draw: Draw) -> Computed:
    """Return the result of a seeded draw; outside any transaction, and only by the timetable.

    Opens the seal of secret and deposits. It goes by the frozen bytes: what the catalogue or the
    register say by now changes nothing. Raises DrawStateWrong and what the engine refuses (a kind
    of DrawFileChanged, SecretMismatch, EntropyChanged …): then somebody changed what was frozen.
    """
    if draw.state != DrawState.SEEDED:
        raise DrawStateWrong("随机数尚未封定，不能抽取。", state=draw.state)
    contents = queries.contents_of(draw.id)
    checks.check_files(draw, contents)
    manifest = bundle.parse_manifest(contents["manifest.json"])
    secret, entropy = unseal_chance(draw)
    drawn = bundle.draw(manifest, contents["population.tsv"], secret, entropy)
    assigned = assignment.assign(
        drawn.x,
        eligibility.parse_officers(contents["officers.tsv"]),
        eligibility.needs_of(drawn.results, draw.team_size),
        eligibility.parse_barred(contents["barred.tsv"]),
        draw.hash,
    )
    return Computed(draw.id, draw.version, drawn, assigned)


def store_result(draw: Draw, computed: Computed, *, by: Actor, at: datetime) -> Draw:
    """Store a computed result with its tasks, all or nothing; a second time is refused.

    A plan about a given list makes no tasks: those of the list get their teams.

    A team that may not go any more (a recusal declared after the freeze) leaves its task pending:
    the result stands, the slot is drawn anew (`redraws`). Raises DrawnAlready, DrawStateWrong when
    the draw has moved since it was computed, and NotByPeople.
    """
    by_timetable(by)
    lock(draw)
    if draw.state in (DrawState.DRAWN, DrawState.PUBLISHED):
        raise DrawnAlready("这个编号已经有抽取结果，不能再抽一次。", state=draw.state)
    follow(draw, DrawState.DRAWN)
    if draw.version != computed.version or computed.assigned is None:
        raise DrawStateWrong("抽取在计算之后发生了变化，结果没有写入。", state=draw.state)
    files = {
        "result.tsv": computed.drawn.result_tsv,
        "eligible.tsv": eligibility.write_eligible(computed.assigned.rows),
        "assignment.tsv": assignment.write_assignment(computed.assigned.teams),
    }
    for name, content in files.items():
        store_file(draw, name, content)
    draw.state = DrawState.DRAWN
    release(draw)
    draw.result_sha256 = computed.drawn.sha256
    stamp(draw, "drawn", by=by, at=at)
    selection = _store_selection(draw, computed.drawn)
    pending = _create_tasks(draw, selection, computed.assigned.teams, by=by, at=at)
    journal.record(
        Event.DRAW_DRAWN,
        draw,
        by=by,
        at=at,
        data={
            "draw_no": draw.draw_no,
            "result_sha256": draw.result_sha256,
            "assignment_sha256": sha256_of(files["assignment.tsv"]),
            "eligible_sha256": sha256_of(files["eligible.tsv"]),
            "selected": sum(one.kind == SelectionKind.SELECTED for one in selection),
            "without_team": pending,
        },
    )
    return draw


def _store_selection(draw: Draw, drawn: bundle.Drawn) -> list[DrawSelection]:
    lots = [
        (stratum.stratum, one, lot)
        for stratum in drawn.results
        for one in stratum.classes
        for lot in one.lots()
    ]
    ids = register_queries.unit_ids(draw.agency_id, [lot.id for _, _, lot in lots])
    selection = [
        DrawSelection(
            draw_id=draw.id,
            stratum=stratum,
            weight=one.weight,
            rank=lot.rank,
            kind=SelectionKind.SELECTED if lot.rank <= one.quota.drawn else SelectionKind.RESERVE,
            archive_no=lot.id,
            ticket=lot.ticket,
            unit_id=ids[lot.id],
        )
        for stratum, one, lot in lots
    ]
    db.session.add_all(selection)
    return selection


def _create_tasks(
    draw: Draw,
    selection: Sequence[DrawSelection],
    teams: Sequence[assignment.Team],
    *,
    by: Actor,
    at: datetime,
) -> int:
    """Assign a task to each drawn unit, a new one or those of the given list.

    Returns how many stay without a team.
    """
    by = replace(by, agency_id=draw.agency_id, district=draw.district)
    chosen = [one for one in selection if one.kind == SelectionKind.SELECTED]
    if draw.plan.given_list_id is None:
        made = [[task.id] for task in _new_tasks(draw, chosen, by=by, at=at)]
    else:
        made = _given_tasks(draw, draw.plan.given_list_id, chosen)
    officers = register_queries.officer_ids(draw.agency_id)
    by_unit = {(team.stratum, team.id): team for team in teams}
    pending = 0
    for one, task_ids in zip(chosen, made, strict=True):
        one.task_id = next(iter(task_ids), None)
        team = by_unit[one.stratum, one.archive_no]
        members = [officers[certificate] for certificate in (team.lead, *team.others)]
        for task_id in task_ids:
            try:
                tasks.assign_task(task_id, members, members[0], by=by, at=at)
            except TeamInvalid:  # it is refused before anything is changed
                pending += 1
    return pending


def _given_tasks(draw: Draw, list_id: UUID, chosen: Sequence[DrawSelection]) -> list[list[UUID]]:
    """Return the tasks that each unit of a given list has already and nobody was sent for.

    Two tasks of one specialty at one unit go to one team. What a supervisor assigned since the
    freeze, or closed, stays as it is.
    """
    specialties = {row["name"]: row["specialty"] for row in draw.summary}
    waiting: dict[tuple[str, str], list[UUID]] = {}
    for one in lists.pending_tasks(list_id):
        waiting.setdefault((one.archive_no, one.specialty), []).append(one.task_id)
    return [waiting.get((one.archive_no, specialties[one.stratum]), []) for one in chosen]


def _new_tasks(
    draw: Draw, chosen: Sequence[DrawSelection], *, by: Actor, at: datetime
) -> list[Task]:
    strata = {row["name"]: row for row in draw.summary}
    registrations = register_queries.registrations_of(draw.agency_id)
    checklists = catalogue.in_force("checklist", local_date(at))
    return tasks.create_tasks(
        [
            new_task(draw, strata[one.stratum], one.unit_id, registrations, checklists)
            for one in chosen
        ],
        agency=people.get_agency(draw.agency_id),
        by=by,
        at=at,
    )


def new_task(
    draw: Draw,
    stratum: Mapping[str, Any],
    unit_id: UUID,
    registrations: Mapping[UUID, Sequence[tuple[str, str]]],
    checklists: Sequence[Any],
) -> NewTask:
    """Return the task of a drawn unit, or of a reserve that follows one."""
    specialty = stratum["specialty"]
    object_class = stratum["object_class"] or suited_class(
        registrations.get(unit_id, ()), specialty
    )
    return NewTask(
        unit_id=unit_id,
        specialty=specialty,
        origin=origin_of(draw.plan.kind),
        object_class=object_class,
        origin_reference=draw.draw_no,
        level=draw.plan.kind,
        checklist_code=suited_checklist(checklists, specialty, object_class),
        due_on=draw.due_on,
    )
