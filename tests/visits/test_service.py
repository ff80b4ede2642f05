"""The life of a visit on both databases, as tablets of a pair tell it."""

from datetime import timedelta

import pytest

from app.access import Actor, ActorKind
from app.db import db, new_id, transaction
from app.documents.rules import Signature, SignMethod, SignRole
from app.evidence import service as evidence
from app.tasks import service as tasks
from app.tasks.models import Task
from app.units.service import UnitNotFound
from app.visits import answering, contributing, queries, rules, service
from app.visits.answering import Seen
from app.visits.models import Visit, VisitAnswer
from app.visits.rules import CodeMark, Merge, VisitState
from app.visits.service import Start
from tests.factories import OTHER_DISTRICT

REQUIRED_PHOTO = "pp-licence"  # an item of the checklist `lodging` that asks for a photo on 否


@pytest.fixture
def field(make, app_context):
    return Field(make)


class Field:
    """A task that An and Bo carry, and their tablets' verbs in one transaction each."""

    def __init__(self, make):
        self.make = make
        self.an, self.bo, self.cai = (make.officer(name=name) for name in ("安", "博", "蔡"))
        self.task = make.task(team=(self.an, self.bo), checklist_code="lodging")
        self.visit_id = self.task.visit_id
        self.chen = make.supervisor()

    def by(self, officer):
        device = new_id()
        return Actor(
            ActorKind.DEVICE,
            id=device,
            agency_id=officer.agency_id,
            district=officer.district,
            officer_id=officer.id,
            device_id=device,
        )

    def do(self, verb, *args, officer=None, late=timedelta(), **values):
        officer = officer or self.an
        with transaction():
            return verb(
                *args,
                officer_id=officer.id,
                **{"recorded_at": self.make.at - late, **values},
                by=self.by(officer),
                at=self.make.at,
            )

    def planned(self, **values):
        return Start(
            **{
                "task_id": self.task.id,
                "unit_id": self.task.unit_id,
                "checklist_code": "lodging",
                "form_version": 1,
                **values,
            }
        )

    def start(self, officer=None, visit_id=None, **values):
        return self.do(
            service.start_visit,
            visit_id or self.visit_id,
            self.planned(**values),
            officer=officer,
            device_id=new_id(),
        )

    def items(self):
        return queries.form_items("lodging", 1)

    def answer(self, code, result, note=None, officer=None, **values):
        return self.do(
            answering.answer_item,
            self.visit_id,
            rules.item_id(code),
            {"result": result, "note": note},
            officer=officer,
            **values,
        )

    def answer_all(self, result="yes"):
        for item in self.items().values():
            self.answer(item.code, result)

    def finish(self, outcome="no-problem", summary=None, officer=None, **values):
        return self.do(
            service.finish_visit, self.visit_id, outcome, summary, officer=officer, **values
        )

    def sign(self, officer=None, signature=None):
        return self.do(
            service.sign_visit,
            self.visit_id,
            signature or Signature(),
            officer=officer,
            device_id=new_id(),
        )

    def whole_visit(self):
        self.start()
        self.answer_all()
        self.finish()
        return self.sign()

    def supervise(self, verb, *args, by=None, **values):
        with transaction():
            return getattr(tasks, verb)(
                self.task.id, *args, by=by or self.chen, at=self.make.at, **values
            )

    def fresh(self, model, key):
        db.session.remove()
        return db.session.get_one(model, key)

    def task_state(self):
        return self.fresh(Task, self.task.id).state


def test_a_visit_starts_under_the_id_that_its_task_carries_and_moves_the_task(field):
    started = field.start()

    assert not started.merged
    assert field.fresh(Visit, field.visit_id).state == VisitState.UNDER_WAY
    assert field.task_state() == "in-progress"


def test_a_visit_under_another_id_than_its_tasks_is_refused(field):
    with pytest.raises(contributing.VisitIdWrong):
        field.start(visit_id=new_id())


def test_both_tablets_of_a_pair_make_one_visit_with_two_attendances(field):
    field.start(field.an)
    second = field.start(field.bo)

    visit = field.fresh(Visit, field.visit_id)
    assert second.merged
    assert {one.officer_id for one in visit.attendance} == {field.an.id, field.bo.id}
    assert visit.version == 2


def test_the_second_tablets_start_is_merged_even_when_the_first_has_signed(field):
    field.whole_visit()
    assert field.start(field.bo).merged
    visit = field.fresh(Visit, field.visit_id)
    assert len(visit.attendance) == 2
    assert (visit.state, field.task_state()) == (VisitState.SIGNED, "submitted")


def test_the_tablets_times_are_kept_beside_the_servers(field):
    with transaction():
        service.start_visit(
            field.visit_id,
            field.planned(clock_suspect=True, code_mark=CodeMark.MISSING),
            officer_id=field.an.id,
            device_id=None,
            recorded_at=field.make.at - timedelta(days=20000),
            by=field.by(field.an),
            at=field.make.at,
        )

    visit = field.fresh(Visit, field.visit_id)
    assert visit.started_at == field.make.at
    assert visit.started_recorded_at == field.make.at - timedelta(days=20000)
    assert (visit.clock_suspect, visit.code_mark) == (True, "code-missing")


def test_an_interrupted_visit_goes_on_with_the_next_start(field):
    field.start()
    with transaction():
        service.interrupt_visit(
            field.visit_id, "停电", officer_id=field.an.id, by=field.by(field.an), at=field.make.at
        )
    assert field.fresh(Visit, field.visit_id).interrupted_reason == "停电"

    field.start()

    visit = field.fresh(Visit, field.visit_id)
    assert (visit.interrupted_at, visit.interrupted_reason) == (None, None)


def test_a_form_version_that_the_server_does_not_have_is_refused_by_its_name(field):
    with pytest.raises(contributing.FormVersionUnknown) as refused:
        field.start(form_version=99)
    assert refused.value.code == "form-version"


# --- answers ---


def test_an_answer_has_the_id_that_follows_from_visit_and_item(field):
    field.start()
    field.answer(REQUIRED_PHOTO, "yes")
    answer = field.fresh(
        VisitAnswer, rules.answer_id(field.visit_id, rules.item_id(REQUIRED_PHOTO))
    )
    assert (answer.result, answer.item_code, answer.version) == ("yes", REQUIRED_PHOTO, 1)


def test_two_officers_who_answer_alike_agree_and_the_first_stays_the_author(field):
    field.start(field.an)
    field.answer(REQUIRED_PHOTO, "no", "过期", officer=field.an)
    met = field.answer(REQUIRED_PHOTO, "no", "过期", officer=field.bo)
    assert met.outcome is Merge.MERGED
    assert (met.current.officer_id, met.current.version) == (field.an.id, 1)


def test_two_officers_who_answer_differently_are_in_conflict_and_the_first_answer_stays(field):
    field.start(field.an)
    field.answer(REQUIRED_PHOTO, "no", officer=field.an)
    met = field.answer(REQUIRED_PHOTO, "yes", officer=field.bo)
    assert (met.outcome, met.disputed) == (Merge.CONFLICT, ("result",))
    stands = field.fresh(VisitAnswer, met.current.id)
    assert (stands.result, stands.officer_id, stands.version) == ("no", field.an.id, 1)


def test_a_note_added_to_what_the_colleague_answered_is_merged(field):
    field.start(field.an)
    version = field.answer(REQUIRED_PHOTO, "no", officer=field.an).current.version
    field.answer(REQUIRED_PHOTO, "yes", officer=field.an, seen=Seen({"result": "no"}, version))
    met = field.do(
        answering.answer_item,
        field.visit_id,
        rules.item_id(REQUIRED_PHOTO),
        {"note": "已换证"},
        officer=field.bo,
        seen=Seen({"note": ""}, version),
    )
    assert met.outcome is Merge.MERGED
    stands = field.fresh(VisitAnswer, met.current.id)
    assert (stands.result, stands.note, stands.version) == ("yes", "已换证", 3)


def test_an_item_of_another_checklist_is_refused(field):
    field.start()
    with pytest.raises(contributing.ItemUnknown):
        field.answer("no-such-item", "yes")


def test_an_answer_without_a_result_is_refused_when_there_is_none_yet(field):
    field.start()
    with pytest.raises(answering.ContentMissing):
        field.do(
            answering.answer_item, field.visit_id, rules.item_id(REQUIRED_PHOTO), {"note": "无"}
        )


def test_a_finding_is_stated_once_under_the_tablets_id_and_changed_by_its_author(field):
    field.start()
    finding_id = new_id()
    stated = field.do(
        answering.state_finding,
        field.visit_id,
        finding_id,
        {"text": "未公示许可证", "correct_within_days": 15, "basis": ""},
    )
    again = field.do(
        answering.state_finding,
        field.visit_id,
        finding_id,
        {"text": "未在醒目位置公示许可证"},
        seen=Seen({"text": "未公示许可证"}, 0),
    )
    assert (stated.outcome, again.outcome) == (Merge.APPLIED, Merge.APPLIED)
    assert [f.text for f in queries.findings_of(field.visit_id)] == ["未在醒目位置公示许可证"]


def test_a_finding_says_something(field):
    field.start()
    with pytest.raises(answering.ContentMissing):
        field.do(answering.state_finding, field.visit_id, new_id(), {"text": ""})


# --- finish and sign ---


def test_a_visit_with_open_items_cannot_be_finished_and_says_which(field):
    field.start()
    field.answer(REQUIRED_PHOTO, "yes")
    with pytest.raises(service.VisitIncomplete) as refused:
        field.finish()
    required = [item.code for item in field.items().values() if item.required]
    assert refused.value.extras["items"] == [code for code in required if code != REQUIRED_PHOTO]


def test_a_no_that_asks_for_a_photo_keeps_the_visit_open_until_one_is_promised(field):
    field.start()
    field.answer_all()
    given = field.answer(
        REQUIRED_PHOTO, "no", seen=Seen({"result": "yes", "note": None}, 1)
    ).current
    with pytest.raises(service.VisitIncomplete) as refused:
        field.finish("ordered-to-correct")
    assert refused.value.extras["without_photo"] == [REQUIRED_PHOTO]

    with transaction():
        evidence.expect(
            "a" * 64,
            size_bytes=3_000_000,
            mime="image/jpeg",
            role="photo",
            subject_type="visit_answer",
            subject_id=given.id,
            agency_id=field.an.agency_id,
            district=field.an.district,
            by=field.by(field.an),
            at=field.make.at,
        )
    assert field.finish("ordered-to-correct").state == VisitState.FINISHED


def test_an_outcome_that_the_catalogue_does_not_have_is_refused(field):
    field.start()
    field.answer_all()
    with pytest.raises(service.OutcomeUnknown):
        field.finish("all-is-well")


def test_the_colleagues_same_finish_changes_nothing_and_another_is_refused(field):
    field.start()
    field.answer_all()
    first = field.finish()
    assert field.finish(officer=field.bo).version == first.version
    with pytest.raises(service.VisitAlreadyFinished):
        field.finish("ordered-to-correct", officer=field.bo)


def test_a_visit_is_signed_only_when_it_is_finished(field):
    field.start()
    with pytest.raises(service.VisitNotFinished):
        field.sign()


def test_signing_submits_the_task_with_the_outcome(field):
    field.whole_visit()
    task = field.fresh(Task, field.task.id)
    assert (task.state, task.outcome) == ("submitted", "no-problem")


@pytest.mark.parametrize("verb", ["answer", "finding", "interrupt", "finish"])
def test_after_signing_nothing_changes_any_more(field, verb):
    field.whole_visit()
    before = field.fresh(Visit, field.visit_id).version
    with pytest.raises(contributing.VisitLocked):
        if verb == "answer":
            field.answer(REQUIRED_PHOTO, "not-applicable", officer=field.bo)
        elif verb == "finding":
            field.do(answering.state_finding, field.visit_id, new_id(), {"text": "脏"})
        elif verb == "finish":
            field.finish("ordered-to-correct")
        else:
            with transaction():
                service.interrupt_visit(
                    field.visit_id,
                    "停电",
                    officer_id=field.an.id,
                    by=field.by(field.an),
                    at=field.make.at,
                )
    assert field.fresh(Visit, field.visit_id).version == before


def test_the_party_refuses_and_the_colleague_confirms_on_one_tablet(field):
    field.start()
    field.answer_all()
    field.finish()
    field.sign(
        signature=Signature(
            SignRole.PARTY, content_hash="0" * 64, refusal="拒绝签名", confirmed_by=field.bo.id
        )
    )
    visit = field.fresh(Visit, field.visit_id)
    assert {(one.role, one.officer_id, one.method) for one in visit.signatures} == {
        (SignRole.OFFICER, field.an.id, SignMethod.DEVICE_KEY),
        (SignRole.OFFICER, field.bo.id, SignMethod.PIN),
        (SignRole.PARTY, field.an.id, SignMethod.REFUSED),
    }


def test_the_colleagues_signature_joins_a_signed_visit_and_submits_nothing_twice(field):
    field.whole_visit()
    submitted = field.fresh(Task, field.task.id).version
    field.sign(officer=field.bo)
    visit = field.fresh(Visit, field.visit_id)
    assert {one.officer_id for one in visit.signatures} == {field.an.id, field.bo.id}
    assert field.fresh(Task, field.task.id).version == submitted


# --- the world moved on ---


def test_after_a_reassignment_the_old_officers_words_are_late_and_the_new_one_goes_on(field):
    field.start(field.an)
    field.answer(REQUIRED_PHOTO, "yes")
    field.supervise("reassign_task", [field.cai.id, field.bo.id], field.cai.id, reason="调岗")

    with pytest.raises(contributing.LateContribution):
        field.answer("pp-shown", "yes", officer=field.an)
    assert field.start(field.cai).merged
    assert field.task_state() == "in-progress"
    assert field.answer("pp-shown", "yes", officer=field.cai).outcome is Merge.APPLIED


def test_words_for_a_closed_task_are_refused_as_such(field):
    field.start()
    photo = field.make.stored_evidence()
    field.supervise("propose_closing", "ceased", "大门紧锁", [photo], by=field.by(field.an))
    field.supervise("approve_closing")
    with pytest.raises(contributing.TaskIsClosed):
        field.answer(REQUIRED_PHOTO, "yes")


def test_a_task_that_is_not_there_is_said_to_be_gone(field):
    with pytest.raises(contributing.TaskGone):
        field.start(task_id=new_id())


def test_another_agencys_tablet_finds_neither_visit_nor_task(field):
    field.start()
    stranger = field.make.officer(field.make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    with pytest.raises(contributing.VisitUnknown):
        field.answer(REQUIRED_PHOTO, "yes", officer=stranger)
    with pytest.raises(contributing.TaskGone):
        field.start(stranger)


# --- triggered visits ---


def triggered(field, officers, **values):
    on = field.make.at.date()  # 09:00 in Shanghai: the same day
    visit_id = rules.triggered_visit_id(
        field.task.unit_id, on, [officer.id for officer in officers], None
    )
    start = Start(
        **{
            "task_id": None,
            "unit_id": field.task.unit_id,
            "checklist_code": "lodging",
            "form_version": 1,
            "reason": "路过发现占道经营",
            "officer_ids": tuple(officer.id for officer in officers),
            **values,
        }
    )
    return visit_id, start


def test_the_pair_meets_in_one_triggered_visit_and_no_task_moves(field):
    visit_id, start = triggered(field, [field.an, field.bo])
    first = field.do(service.start_visit, visit_id, start, officer=field.bo, device_id=None)
    second = field.do(service.start_visit, visit_id, start, officer=field.an, device_id=None)
    assert (first.merged, second.merged) == (False, True)
    assert len(field.fresh(Visit, visit_id).attendance) == 2
    assert field.task_state() == "assigned"


def test_a_triggered_visit_has_a_reason(field):
    visit_id, start = triggered(field, [field.an], reason=" ")
    with pytest.raises(service.ReasonMissing):
        field.do(service.start_visit, visit_id, start, device_id=None)


def test_a_triggered_visit_under_an_id_of_its_own_making_is_refused(field):
    _, start = triggered(field, [field.an])
    with pytest.raises(contributing.VisitIdWrong):
        field.do(service.start_visit, new_id(), start, device_id=None)


def test_only_who_was_there_adds_to_a_triggered_visit(field):
    visit_id, start = triggered(field, [field.an])
    field.do(service.start_visit, visit_id, start, device_id=None)
    with pytest.raises(contributing.NotOnVisit):
        field.do(answering.state_finding, visit_id, new_id(), {"text": "脏"}, officer=field.cai)


def test_a_triggered_visit_to_another_agencys_unit_is_refused(field):
    foreign = field.make.unit(field.make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    visit_id = rules.triggered_visit_id(foreign.id, field.make.at.date(), [field.an.id], None)
    start = Start(None, foreign.id, None, None, reason="路过")
    with pytest.raises(UnitNotFound):
        field.do(service.start_visit, visit_id, start, device_id=None)


def test_an_unknown_result_is_no_answer(field):
    field.start()
    with pytest.raises(answering.ContentMissing):
        field.answer(REQUIRED_PHOTO, "perhaps")
