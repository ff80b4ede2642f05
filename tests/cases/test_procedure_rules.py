"""Which step may follow which, without app or database: no walk reaches an unlawful decision."""

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cases import clocks, guards, leniency
from app.cases.clocks import Rule, Turn
from app.cases.facts import Step, read
from app.cases.guards import Demands, ObstacleKind, Period
from app.cases.leniency import Ground, Lack, Plea
from app.cases.rules import STEPS, CaseState, CaseVerb
from app.cases.sanctions import SanctionKind, SanctionLine
from app.cases.step_schemas import NewCaseStepSchema
from app.cases.triggers import Trigger, called, told_less
from app.catalogue.rules import DayKind, make_calendar
from app.fields import Shaped
from tests.cases.ordinary import DEFAULTS

START = date(2026, 3, 2)
V = CaseVerb
DATA = Path(__file__).parents[1] / "data"
OFFICER = "0" * 8


def rows(name):
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def calendar_2026():
    return make_calendar(
        (date.fromisoformat(row["date"]), row["is_working_day"] == "yes")
        for row in rows("calendar_2026.tsv")
    )


# --- walks -------------------------------------------------------------------------------------


@st.composite
def attempts(draw):
    """Verbs that somebody tries, each some days after the one before, with what it says."""
    verb = draw(st.sampled_from([one for one in V if one is not V.OPEN]))
    data = {
        "item": draw(st.integers(1, 12)),
        "monitoring": draw(st.booleans()),
        "passed": draw(st.booleans()),
        "granted": draw(st.booleans()),
        "hearing": draw(st.booleans()),
        "hearing_right": draw(st.booleans()),
        "officer_id": OFFICER,
        "days": draw(st.integers(1, 30)),
        "stood": draw(st.booleans()),
        "which": draw(st.sampled_from(["first", "second", "remedy"])),
        "wait": draw(st.integers(0, 20)),
    }
    return verb, draw(st.integers(0, 6)), data


ROAD = (V.FILE, V.COLLECT, V.CONCLUDE, V.NOTIFY)
LEGS = (
    (V.REVIEW,),
    (V.DISCUSS,),
    (V.DISCUSS, V.REVIEW),
    (V.REQUEST_HEARING,),
    (V.CALL_HEARING, V.HOLD_HEARING),
    (V.REQUEST_HEARING, V.CALL_HEARING, V.HOLD_HEARING),
    (V.END_HEARING,),
    (V.WAIVE_DEFENCE,),
    (V.HEAR_DEFENCE,),
    (V.RECHECK_DEFENCE,),
    (V.REOPEN, V.COLLECT, V.CONCLUDE, V.NOTIFY),
    (V.NOTIFY,),
    (V.DECIDE,),
)


@st.composite
def walks(draw):
    """Attempts along the road to a decision, with what lies beside it, in whatever order."""
    usual = draw(attempts())[2]
    good = {**usual, "monitoring": False, "item": 99, "passed": True, "wait": 0}

    def leg(verbs, days):
        return [(verb, days if number == 0 else 0, good) for number, verb in enumerate(verbs)]

    found = leg(ROAD, 0)
    for _ in range(draw(st.integers(0, 7))):
        if draw(st.integers(0, 4)):
            found += leg(draw(st.sampled_from(LEGS)), draw(st.sampled_from([0, 0, 1, 7])))
        else:
            found.append(draw(attempts()))
    return found + leg((V.DECIDE,), draw(st.sampled_from([0, 7])))


def walk(tries, demands):
    """Take every step that may be taken; return those that were."""
    steps = [Step(1, V.OPEN, START, {"discovered_on": START.isoformat(), "grave": False})]
    on = START
    for verb, wait, said in tries:
        on += timedelta(days=wait)
        facts = read(steps)
        data = {**said, "held_on": (on + timedelta(days=said["wait"])).isoformat()}
        if not guards.obstacles(verb, facts, on, data, demands(facts, on)):
            steps.append(Step(len(steps) + 1, verb, on, data))
    return steps


def strict(facts, on):
    """Everything is required, and a notice gives five days for both rights."""
    notice = facts.notice
    until = on if notice is None else notice.on + timedelta(days=5)
    period = Period(until, until, "第四十四条")
    return Demands(
        review=("经过听证程序",),
        discussion=("情节复杂",),
        defence=None if notice is None else period,
        hearing_request=None if notice is None else period,
        hearing_right=notice is not None and notice.data["hearing_right"],
        hearing_from=on,
    )


def lenient(facts, on):
    """Only what holds of every case; a review is required after a hearing."""
    needed = ("经过听证程序",) if facts.hearing_held_seq else ()
    return Demands(review=needed, hearing_right=True, hearing_from=on)


def reviewed(facts, on):
    """Nothing but a review is required, of every decision."""
    return Demands(review=("重大公共利益",), hearing_right=True, hearing_from=on)


def last(steps, *verbs, before):
    found = [one.seq for one in steps if one.verb in verbs and one.seq < before]
    return max(found, default=0)


@settings(max_examples=800)
@given(walks(), st.sampled_from([strict, lenient, reviewed]))
def test_no_walk_decides_without_notice_review_or_with_a_hearing_outstanding(tries, demands):
    steps = walk(tries, demands)
    for decision in [one for one in steps if one.verb is V.DECIDE]:
        before = {"before": decision.seq}
        concluded, notice = last(steps, V.CONCLUDE, **before), last(steps, V.NOTIFY, **before)
        held, asked = (
            last(steps, V.HOLD_HEARING, **before),
            last(steps, V.REQUEST_HEARING, **before),
        )
        settled = last(steps, V.HOLD_HEARING, V.END_HEARING, **before)
        assert 0 < concluded < notice
        assert asked <= settled, "a requested hearing was neither held nor ended"
        review = last(steps, V.REVIEW, **before)
        if demands is not lenient or held:
            assert review > max(held, concluded)
            assert steps[review - 1].data["passed"]
        if demands is strict:
            told = steps[notice - 1]
            waived = any(one.verb is V.WAIVE_DEFENCE and one.seq > notice for one in steps)
            assert waived or decision.on > told.on + timedelta(days=5)
            assert last(steps, V.DISCUSS, **before) > concluded
        heard = last(steps, V.HEAR_DEFENCE, **before)
        assert heard <= last(steps, V.RECHECK_DEFENCE, **before)


@settings(max_examples=200)
@given(st.lists(attempts(), max_size=14))
def test_a_step_that_ends_a_matter_is_never_taken_twice(tries):
    doubled = [one for attempt in tries for one in (attempt, attempt)]
    steps = walk([*((verb, 0, tries[0][2]) for verb in ROAD if tries), *doubled], lenient)
    for verb in (V.FILE, V.DECIDE, V.SERVE, V.CLOSE, V.WITHDRAW, V.DECLINE):
        assert sum(one.verb is verb for one in steps) <= 1
    resolved = [one.data["item"] for one in steps if one.verb is V.RESOLVE_PRESERVATION]
    assert len(resolved) == len(set(resolved))


@settings(max_examples=200)
@given(walks())
def test_a_step_changes_no_term_that_is_over_and_begins_each_once(tries):
    steps = walk(tries, lenient)
    known: dict[tuple[Rule, int], clocks.Clock] = {}
    for count in range(1, len(steps) + 1):
        found = clocks.clocks(steps[:count])
        keys = [(one.rule, one.seq) for one in found]
        assert len(keys) == len(set(keys))
        for one in found:
            before = known.get((one.rule, one.seq))
            assert before is None or before.starts_on == one.starts_on
            if before is not None and before.met_on is not None:
                assert one.met_on == before.met_on
            assert one.met_on is None or one.ended_on is None
            known[one.rule, one.seq] = one


def test_every_verb_but_opening_has_its_place_and_no_step_leaves_an_end_but_what_may():
    assert set(STEPS) == set(CaseVerb) - {V.OPEN}
    after = {verb for verb, places in STEPS.items() if CaseState.CLOSED in places}
    assert after == {
        V.RESOLVE_PRESERVATION,
        V.REPORT,
        V.CORRECT,
        V.REVOKE,
        V.BEGIN_REMEDY,
        V.END_REMEDY,
    }
    assert {v for v, places in STEPS.items() if CaseState.WITHDRAWN in places} == {
        V.RESOLVE_PRESERVATION
    }


def test_no_step_leads_back_from_a_decision_so_that_a_case_is_decided_once():
    reached, waiting = set(), [STEPS[V.DECIDE][CaseState.NOTIFIED]]
    while waiting:
        state = waiting.pop()
        reached.add(state)
        found = {places[state] for places in STEPS.values() if state in places}
        waiting += sorted(found - reached)
    assert reached == {CaseState.DECIDED, CaseState.SERVED, CaseState.CLOSED}
    assert not reached & STEPS[V.DECIDE].keys()


# --- terms -------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", rows("working_days.tsv"), ids=lambda row: row["vector_id"])
def test_terms_over_the_holidays_of_2026_are_those_of_the_golden_table(vector):
    calendar = calendar_2026()
    found = clocks.due_of(
        int(vector["term_days"]),
        DayKind(vector["term_kind"]),
        moves=False,
        starts_on=date.fromisoformat(vector["start_date"]),
        moved_days=0,
        stands=False,
        calendar=calendar,
    )
    if vector["due_date"].startswith("ERROR"):
        assert (found.due_on, found.reason) == (None, "calendar-2027-missing")
    else:
        assert found.due_on == date.fromisoformat(vector["due_date"])


@given(
    st.dates(date(2026, 1, 1), date(2026, 11, 30)),
    st.integers(1, 10),
    st.sets(st.dates(date(2027, 1, 1), date(2027, 12, 31)), max_size=20),
    st.sampled_from(DayKind),
)
def test_no_term_moves_when_the_calendar_of_another_year_changes(starts_on, days, changed, kind):
    base = calendar_2026()
    other = make_calendar([*base.exceptions.items(), *((day, False) for day in changed)])

    def due_by(calendar):
        return clocks.due_of(
            days,
            kind,
            moves=False,
            starts_on=starts_on,
            moved_days=0,
            stands=False,
            calendar=calendar,
        )

    assert due_by(base) == due_by(other)


def test_a_hearing_is_told_seven_working_days_before():
    calendar = calendar_2026()
    first = clocks.hearing_from(7, date(2026, 4, 30), calendar, clear=True)
    assert first == date(2026, 5, 14)
    assert clocks.hearing_from(7, date(2026, 4, 30), calendar, clear=False) == date(2026, 5, 13)
    assert clocks.hearing_from(7, date(2026, 12, 28), calendar, clear=True) is None


def test_a_period_in_a_year_without_calendar_is_surely_not_over_before_as_many_days():
    period = Period(None, date(2027, 1, 4), "第六十四条")
    assert not period.is_over(date(2027, 1, 4))
    assert period.is_over(date(2027, 1, 5))


@pytest.mark.parametrize(
    ("due_on", "of_party", "warned", "flagged", "turn"),
    [
        (None, False, False, False, Turn.COMPUTE),
        (date(2026, 3, 5), False, False, False, None),
        (date(2026, 3, 4), False, False, False, Turn.WARN),
        (date(2026, 3, 4), False, True, False, None),
        (date(2026, 3, 2), False, True, False, None),
        (date(2026, 3, 1), False, True, False, Turn.FLAG),
        (date(2026, 3, 1), False, True, True, None),
        (date(2026, 3, 3), True, False, False, None),
        (date(2026, 3, 1), True, False, False, Turn.END),
    ],
)
def test_terms_are_warned_of_then_flagged_and_the_partys_only_end(
    due_on, of_party, warned, flagged, turn
):
    found = clocks.turn_of(
        due_on, of_party=of_party, warn_days=2, warned=warned, flagged=flagged, today=START
    )
    assert found is turn


def test_each_term_of_the_law_has_its_packaged_row():
    from app.catalogue import seeds

    found = {row["code"]: row for row in seeds.rows("case_terms")}
    assert set(found) == set(Rule)
    natural = {code for code, row in found.items() if row["day_kind"] == "natural"}
    assert natural == {"decide"}
    assert {code for code, row in found.items() if row["of_party"]} == {
        "defence",
        "hearing-request",
    }


# --- thresholds and leniency -------------------------------------------------------------------

FINE = frozenset({"fine"})


@pytest.mark.parametrize(
    ("party", "fen", "expected"),
    [("citizen", 499999, 0), ("citizen", 500000, 1), ("organisation", 4999999, 0)],
)
def test_a_trigger_holds_from_its_amount_on_for_its_party(party, fen, expected):
    triggers = [
        Trigger("公民", "第六十三条", "citizen", FINE, 500000, None),
        Trigger("单位", "第六十三条", "organisation", FINE, 5000000, None),
    ]
    lines = [SanctionLine(SanctionKind.FINE, fen)]
    assert len(called(triggers, lines, party, ())) == expected


def test_a_trigger_of_a_circumstance_asks_nothing_else():
    one = Trigger("复杂", "第五十八条", None, frozenset(), None, "complex")
    assert called([one], [], "citizen", {"complex"}) == [one]
    assert called([one], [SanctionLine(SanctionKind.FINE, 9)], "citizen", ()) == []


def test_what_is_heavier_than_told_is_named():
    told = [
        SanctionLine(SanctionKind.FINE, 500),
        SanctionLine(SanctionKind.PERMIT_SUSPENDED, None, 3),
    ]
    assert told_less(told, [SanctionLine(SanctionKind.FINE, 500)]) == []
    assert told_less(told, [SanctionLine(SanctionKind.FINE, 501)]) == ["罚款"]
    assert told_less(told, [SanctionLine(SanctionKind.PERMIT_SUSPENDED, None, 4)]) == [
        "暂扣许可证件"
    ]
    assert told_less(told, [SanctionLine(SanctionKind.WARNING)]) == ["警告"]


def plea(ground, **values):
    usual = {
        "education": "教育",
        "proof": "证据",
        "corrected": True,
        "child": False,
        "earlier": False,
        "listed": None,
        "limitation_over": False,
    }
    return Plea(ground, **{**usual, **values})


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        (plea(Ground.MINOR), []),
        (plea(Ground.MINOR, earlier=True), []),
        (plea(Ground.MINOR, corrected=False), [Lack.CORRECTION]),
        (plea(Ground.MINOR, listed=False), [Lack.LIST]),
        (plea(Ground.FIRST), []),
        (plea(Ground.FIRST, earlier=True), [Lack.EARLIER]),
        (plea(Ground.FIRST, education=None), [Lack.EDUCATION]),
        (plea(Ground.NO_FAULT), []),
        (plea(Ground.NO_FAULT, proof=None), [Lack.PROOF]),
        (plea(Ground.MENTAL, proof=""), [Lack.PROOF]),
        (plea(Ground.CHILD, child=leniency.is_child(13, 14)), []),
        (plea(Ground.CHILD, child=leniency.is_child(14, 14)), [Lack.AGE]),
        (plea(Ground.CHILD), [Lack.AGE]),
        (plea(Ground.NO_FACTS, education=None), []),
        (plea(Ground.TOO_LATE, education=None, limitation_over=True), []),
        (plea(Ground.TOO_LATE), [Lack.LIMITATION]),
    ],
)
def test_a_ground_for_not_punishing_carries_or_says_what_it_is_missing(asked, missing):
    assert leniency.lacks(asked) == missing


@pytest.mark.parametrize(
    ("ended", "found", "years", "late"),
    [
        (date(2024, 3, 2), date(2026, 3, 2), 2, False),
        (date(2024, 3, 1), date(2026, 3, 2), 2, True),
        (date(2024, 2, 29), date(2026, 2, 28), 2, False),
        (date(2024, 2, 29), date(2026, 3, 1), 2, True),
        (date(2021, 3, 2), date(2026, 3, 2), 5, False),
    ],
)
def test_an_act_may_be_pursued_so_many_years(ended, found, years, late):
    assert leniency.is_too_late(ended, found, years) is late


def test_a_year_of_life_is_completed_on_the_birthday():
    assert leniency.age_on(date(2012, 3, 3), date(2026, 3, 2)) == 13
    assert leniency.age_on(date(2012, 3, 2), date(2026, 3, 2)) == 14
    assert leniency.age_on(date(2012, 2, 29), date(2026, 2, 28)) == 13
    assert leniency.age_on(None, START) is None


def test_what_is_dated_before_the_step_before_is_refused():
    steps = [Step(1, V.OPEN, START, {})]
    found = guards.misplaced(V.FILE, read(steps), START - timedelta(days=1))
    assert [one.kind for one in found] == [ObstacleKind.DAY]


# --- what a step says ----------------------------------------------------------------------------


def shapes():
    field = NewCaseStepSchema().fields["data"]
    assert isinstance(field, Shaped)
    return field.shapes


def test_every_step_has_a_shape_of_its_own_that_the_document_names():
    assert set(shapes()) == {str(verb) for verb in V} - {"open"}


@pytest.mark.parametrize("verb", sorted(DEFAULTS))
def test_a_step_is_validated_by_the_shape_of_its_verb(verb):
    """What an office says fits; a word that no shape knows does not."""
    schema = shapes()[verb]()
    said = {name: one for name, one in DEFAULTS[verb].items() if name in schema.fields}
    missing = {name for name, one in schema.fields.items() if one.required} - said.keys()
    assert not set(schema.validate(said)) - missing
    assert "strange" in schema.validate({**said, "strange": 1})


@pytest.mark.parametrize(
    ("cause", "source", "origin", "fits"),
    [
        ("a", "finding", None, True),
        ("a", "finding", "routine", True),
        ("b", "finding", None, False),
        ("a", "complaint", None, False),
        ("a", "finding", "drawn", False),
    ],
)
def test_where_a_case_comes_from_can_keep_a_list_of_minor_acts_from_it(cause, source, origin, fits):
    row = {"causes": ["a"], "excluded_sources": ["complaint"], "excluded_origins": ["drawn"]}
    assert leniency.listed(row, cause_code=cause, source=source, origin=origin) is fits
    older = {"causes": ["a"], "excluded_sources": []}
    assert leniency.listed(older, cause_code="a", source=source, origin=origin)
