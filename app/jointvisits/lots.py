"""The lot over the teams of a plan: asked for by a person, drawn by the timetable.

Nobody chooses the seed. A secret that nobody sees was sealed and promised with the plan; whoever
asks fixes what goes in; the seeds of the draws whose tasks the visits carry go in too, and these
came from public chance before. The timetable alone opens both. What was asked for cannot be asked
again: a visit that stood in a lot gets another team on that day only by hand, with a reason.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, savepoint, touch
from app.draws import redraws, register_queries
from app.draws.files import sha256_of
from app.draws.models import Draw
from app.draws.rules import hash_named, key
from app.draws.stages import DrawState
from app.draws.steps import by_timetable
from app.errors import DomainError, Invalid
from app.jointvisits import promises, queries, team_queries, teaming
from app.jointvisits.models import JointPlan, JointVisit, JointVisitOfficer
from app.jointvisits.promises import Promise
from app.jointvisits.rules import LotState, PlanState, VisitState
from app.jointvisits.service import JointPlanStateWrong, TeamsWaiting, place_of
from app.jointvisits.team_models import JointTeamLot, JointTeamLotVisit
from app.jointvisits.teaming import Candidate, Manifest, Member, Sizes, Team, Wanted
from app.journal import service as journal
from app.journal.rules import Event
from app.people import queries as people_queries
from app.people import service as people
from app.people.models import Absence, Officer, Recusal
from app.people.rules import OfficerState, is_eligible
from app.tasks.models import Task
from app.tasks.teams import TEAM_SIZE

MOST = "joint-team-most"
FIRST = "0" * 64  # what the first manifest of an agency names as the one before
PURPOSE = "joint-teams"  # under which a draw's seed gives its chance away, never the seed itself


class NoTeamWanted(Invalid):
    code, title = "joint-teams-nothing-to-form", "没有需要组队的检查"


@dataclass(frozen=True)
class Opened:
    """What the timetable opened: the promised secret, and what each source gave."""

    secret: bytes
    entropy: tuple[str, ...]


def sizes_on(on: date, plan: JointPlan) -> Sizes:
    """Return how many officers go: at least by law, at most and how often by settings and plan."""
    least = int(catalogue.setting(TEAM_SIZE, on))
    return Sizes(least, max(least, int(catalogue.setting(MOST, on))), plan.visits_each)


# ---- asked for -----------------------------------------------------------------------------------


def ask_teams(plan: JointPlan, *, by: Actor, at: datetime) -> JointTeamLot:
    """Fix what goes into the lot over the teams of a proposed plan; the timetable draws it.

    It is about every visit with a day whose team neither a lot nor a person decided for that day.
    Raises JointPlanStateWrong, TeamsWaiting and NoTeamWanted.
    """
    if plan.state != PlanState.PROPOSED:
        raise JointPlanStateWrong("只有拟订中的计划可以抽取检查人员。", state=plan.state)
    if team_queries.is_waiting(plan.id):
        raise TeamsWaiting("本计划的组队抽取已经提出，等待定时任务办理。")
    done = team_queries.decided(plan.id)
    visits = [
        one
        for one in queries.visits_of(plan.id)
        if one.state == VisitState.PLANNED and (one.id, one.planned_on) not in done
    ]
    if not visits:
        raise NoTeamWanted("没有尚未组队的检查。已抽取的，同一天不再重抽，可以写明理由改派。")
    lot = _new_lot(plan, visits, promises.take(plan, by=by, at=at), by=by, at=at)
    try:
        with savepoint():
            db.session.add(lot)
    except IntegrityError as error:
        raise TeamsWaiting("另一项组队抽取同时提出，请稍后再试。") from error
    data = {
        "plan_id": str(plan.id),
        "number": lot.number,
        "visits": len(visits),
        "manifest_sha256": lot.manifest_sha256,
    }
    journal.record(Event.JOINT_TEAMS_ASKED, lot, by=by, at=at, data=data)
    _note_lot(plan, lot, by=by, at=at)
    return lot


def _new_lot(
    plan: JointPlan, visits: Sequence[JointVisit], promise: Promise, *, by: Actor, at: datetime
) -> JointTeamLot:
    before = team_queries.last_lot(plan.agency_id)
    number = 1 if before is None else before.number + 1
    keys = _keys(visits)
    data = teaming.write_manifest(
        Manifest(
            f"{plan.district}-{number}",
            FIRST if before is None else before.manifest_sha256,
            promise.commit,
            tuple(f"draw:{one.draw_no}" for one in _draws(plan)),
            sizes_on(local_date(at), plan),
            *_candidates(plan, visits, keys),
        )
    )
    lot_id = new_id()
    return JointTeamLot(
        id=lot_id,
        agency_id=plan.agency_id,
        district=plan.district,
        plan_id=plan.id,
        number=number,
        state=LotState.ASKED,
        manifest=data.decode(),
        manifest_sha256=teaming.digest_of(data),
        secret_sealed=promise.sealed,
        promise_id=promise.id,
        entropy=[],
        asked_at=at,
        asked_by_kind=str(by.kind),
        asked_by_id=by.id,
        visits=[
            JointTeamLotVisit(
                key=keys[one.id],
                joint_visit_id=one.id,
                planned_on=_day(one),
                gaps=[],
                stays=[],
            )
            for one in visits
        ],
    )


def _draws(plan: JointPlan) -> list[Draw]:
    """Return the draws of a plan's tasks whose seed exists, in the order of their numbers."""
    seeded = {DrawState.DRAWN, DrawState.PUBLISHED}
    return [one for one in team_queries.draws_of(plan.id) if one.state in seeded]


def _keys(visits: Sequence[JointVisit]) -> dict[UUID, str]:
    """Return a name for every visit that outsiders can read: archive number and day."""
    numbers, taken = team_queries.archive_nos(visits), Counter[str]()
    keys = {}
    for one in sorted(visits, key=lambda one: one.id):
        name = f"{numbers[one.unit_id]} {_day(one)}"
        taken[name] += 1
        keys[one.id] = name if taken[name] == 1 else f"{name} {taken[name]}"
    return keys


def _day(visit: JointVisit) -> date:
    if visit.planned_on is None:
        raise AssertionError("a planned visit has its day")
    return visit.planned_on


def _candidates(
    plan: JointPlan, visits: Sequence[JointVisit], keys: Mapping[UUID, str]
) -> tuple[tuple[Candidate, ...], tuple[Wanted, ...], tuple[tuple[str, str, int], ...]]:
    """Return officers, visits and days already taken, as the manifest holds them.

    Load is the number of open tasks that these visits do not carry.
    """
    officers = db.session.scalars(
        people_queries.officers_in(plan.agency_id, OfficerState.ACTIVE)
    ).all()
    names = {one.id: one.certificate_no for one in officers}
    carried = team_queries.unbegun_tasks(plan.id)
    loads = _loads(plan, [task for one in visits for task in carried.get(one.id, ())])
    beside = team_queries.partners_in_plan(plan.id)
    days = [_day(one) for one in visits]
    bars = Bars.read(officers, min(days), max(days))
    busy = team_queries.busy(plan, min(days), max(days), but={one.id for one in visits})
    return (
        tuple(
            Candidate(
                one.certificate_no,
                max(0, loads[one.id]),
                frozenset(one.lead_specialties),
                frozenset(one.specialties),
            )
            for one in officers
        ),
        tuple(
            Wanted(
                keys[one.id],
                _day(one).isoformat(),
                frozenset(row.specialty for row in one.tasks),
                frozenset(
                    names[officer_id]
                    for task in carried.get(one.id, ())
                    for officer_id in task.officer_ids()
                    if officer_id in names
                ),
                frozenset(names[who] for who in bars.out(one.unit_id, _day(one))),
                beside[one.id],
            )
            for one in visits
        ),
        tuple((names[who], day.isoformat(), n) for (who, day), n in busy.items() if who in names),
    )


def _loads(plan: JointPlan, carried: Collection[Task]) -> Counter[UUID]:
    loads = Counter(register_queries.open_task_counts(plan.agency_id))
    loads.subtract(officer_id for task in carried for officer_id in task.officer_ids())
    return loads


@dataclass(frozen=True)
class Bars:
    """Who may not go where, and when: recusal, absence, certificate.

    行政处罚法 第四十二条, 第四十三条.
    """

    officers: Sequence[Officer]
    recusals: Sequence[Recusal]
    absences: Sequence[Absence]

    @classmethod
    def read(cls, officers: Sequence[Officer], first: date, last: date) -> "Bars":
        """Read what bars these officers on these days."""
        ids = [one.id for one in officers]
        return cls(officers, people.recusals_of(ids), people.absences_of(ids, first, last))

    def out(self, unit_id: UUID, on: date) -> set[UUID]:
        """Return who may not go to a unit on a day."""
        unfit = {
            one.id
            for one in self.officers
            if not is_eligible(one.state, one.certificate_valid_until, on)
        }
        recused = {
            one.officer_id
            for one in self.recusals
            if one.unit_id == unit_id
            and one.effective_from <= on
            and (one.effective_to is None or on <= one.effective_to)
        }
        away = {one.officer_id for one in self.absences if one.from_on <= on <= one.until_on}
        return unfit | recused | away


# ---- drawn ---------------------------------------------------------------------------------------


def get_lot(lot_id: UUID) -> JointTeamLot:
    """Return a lot that the timetable found."""
    return db.session.get_one(JointTeamLot, lot_id)


def hold(lot_id: UUID, error: DomainError) -> None:
    """Note why a lot waits; the next run of the timetable looks again."""
    lot = get_lot(lot_id)
    if lot.state == LotState.ASKED:
        lot.held_code = error.code


def open_lot(lot: JointTeamLot) -> Opened:
    """Open what decides a lot; outside any transaction, and only by the timetable.

    Raises SealBroken, and SecretMismatch where somebody changed what had been fixed.
    """
    secret = promises.open_promise(lot.secret_sealed, lot.promise_id or lot.id)
    sources = teaming.read_manifest(lot.manifest.encode()).sources
    draws = [team_queries.find_draw(one.removeprefix("draw:")) for one in sources]
    return Opened(secret, tuple(share_of(redraws.seed_of(one)) for one in draws))


def share_of(x: bytes) -> str:
    """Return what a draw's seed gives to lots over teams; whoever knows the seed can repeat it."""
    return key(hash_named("sha256"), x, PURPOSE).hex()


def work_out(lot: JointTeamLot, opened: Opened) -> list[Team]:
    """Return the teams of a lot; the same as anybody gets who has the texts."""
    data = lot.manifest.encode()
    seed = teaming.seed_of(data, opened.secret, opened.entropy)
    return teaming.form(teaming.read_manifest(data), seed)


def form_teams(
    lot_id: UUID, opened: Opened, teams: Sequence[Team], *, by: Actor, at: datetime
) -> JointTeamLot | None:
    """Store the teams of a lot with all that lets anybody repeat it; None: another did already.

    A visit that got another day meanwhile, or left the plan, gets no team. Raises NotByPeople.
    """
    by_timetable(by)
    lot = db.session.get_one(JointTeamLot, lot_id, with_for_update=True, populate_existing=True)
    if lot.state != LotState.ASKED:
        return None
    data = teaming.write_teams(teams)
    lot.held_code = None
    lot.state, lot.teams, lot.teams_sha256 = LotState.DRAWN, data.decode(), sha256_of(data)
    lot.secret, lot.entropy = opened.secret.hex(), list(opened.entropy)
    lot.drawn_at, lot.drawn_by_kind, lot.drawn_by_id = at, str(by.kind), by.id
    plan = db.session.get_one(JointPlan, lot.plan_id)
    if plan.state == PlanState.PROPOSED:
        for visit in _store(lot, {one.visit: one for one in teams}):
            told = {**place_of(visit), "number": lot.number}
            journal.record(Event.JOINT_VISIT_STAFFED, visit, by=by, at=at, data=told)
        promises.promise(plan, promises.fresh(), by=by, at=at)  # days may change: another lot
        _note_lot(plan, lot, by=by, at=at)
    data_of = {
        "plan_id": str(lot.plan_id),
        "number": lot.number,
        "teams_sha256": lot.teams_sha256,
        "gaps": sum(len(one.gaps) for one in teams),
    }
    journal.record(Event.JOINT_TEAMS_DRAWN, lot, by=by, at=at, data=data_of)
    return lot


def _note_lot(plan: JointPlan, lot: JointTeamLot, *, by: Actor, at: datetime) -> None:
    touch(plan)
    data = {"lot_id": str(lot.id), "state": str(plan.state)}
    journal.record(Event.JOINT_PLAN_CHANGED, plan, by=by, at=at, data=data)


def _store(lot: JointTeamLot, teams: Mapping[str, Team]) -> list[JointVisit]:
    """Give the visits of a lot their teams; return those that still are where it stood them."""
    staffed = []
    ids = register_queries.officer_ids(lot.agency_id)
    visits = {one.id: one for one in queries.visits_of(lot.plan_id)}
    for line in lot.visits:
        team = teams[line.key]
        line.gaps = [[one.specialty, str(one.why)] for one in team.gaps]
        line.stays = [[str(ids[one.certificate]), str(one.why)] for one in team.stays]
        visit = visits.get(line.joint_visit_id)
        if visit is not None and visit.planned_on == line.planned_on:
            fill_team(visit, [(ids[one.certificate], one) for one in team.members])
            staffed.append(visit)
    return staffed


def fill_team(visit: JointVisit, members: Sequence[tuple[UUID, Member]]) -> None:
    """Give a visit its officers, each for the specialty that fewest of the others cover."""
    shared = Counter(name for _, one in members for name in one.specialties)
    rows = {one.officer_id: one for one in visit.officers}
    visit.officers = []
    for officer_id, member in members:
        row = rows.get(officer_id) or JointVisitOfficer(officer_id=officer_id)
        row.specialty = min(member.specialties, key=lambda name: (shared[name], name), default=None)
        row.by_lot = member.by_lot
        visit.officers.append(row)
    touch(visit)
