"""What a code is worth at the door, on a tablet and on the server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.codes import judging, rules
from app.codes.at_door import verifier
from app.codes.judging import Entry, Held, Issued, Use
from app.codes.rules import Claim, Scanned
from app.visits.marks import WORDS, Mark

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
VERIFY = verifier(KEY.public_key())
CODE, UNIT, VISIT, AN, BO, OTHER = (UUID(int=number) for number in range(1, 7))
BEGIN = datetime(2026, 11, 21, 1, tzinfo=UTC)
END = BEGIN + timedelta(hours=8)
CLAIM = Claim(Scanned.VISIT, CODE, UNIT, BEGIN, END)
KNOWN = Issued(UNIT, frozenset({VISIT}), frozenset({AN, BO}), BEGIN, END)
ENTRY = Entry(VISIT, UNIT, AN, BEGIN + timedelta(hours=1))
TEXT = rules.write(CLAIM, KEY.sign)


@pytest.mark.parametrize(
    ("known", "entry", "marks"),
    [
        (KNOWN, ENTRY, set()),
        (None, ENTRY, {Mark.CODE_UNKNOWN}),
        (KNOWN, replace(ENTRY, unit_id=OTHER), {Mark.CODE_OTHER_UNIT}),
        (KNOWN, replace(ENTRY, visit_id=OTHER), {Mark.CODE_OTHER_VISIT}),
        (replace(KNOWN, visit_ids=frozenset()), replace(ENTRY, visit_id=OTHER), set()),
        (KNOWN, replace(ENTRY, officer_id=OTHER), {Mark.CODE_OTHER_OFFICER}),
        (KNOWN, replace(ENTRY, at=BEGIN - timedelta(seconds=1)), {Mark.CODE_NOT_YET}),
        (KNOWN, replace(ENTRY, at=BEGIN), set()),
        (KNOWN, replace(ENTRY, at=END), {Mark.CODE_EXPIRED}),
        (replace(KNOWN, revoked=True), ENTRY, {Mark.CODE_REVOKED}),
        (replace(KNOWN, revoked=True, revoked_at=ENTRY.at), ENTRY, {Mark.CODE_REVOKED}),
        (replace(KNOWN, revoked=True, revoked_at=ENTRY.at + timedelta(seconds=1)), ENTRY, set()),
    ],
)
def test_a_signed_code_is_judged_by_what_it_says_and_what_is_known(known, entry, marks):
    assert judging.judge(CLAIM, known, entry) == marks


@given(place=st.integers(0, len(TEXT) - 1), letter=st.sampled_from("ABCabc019-_ é"))
def test_whoever_alters_a_letter_has_forged_it(place, letter):
    text = TEXT[:place] + letter + TEXT[place + 1 :]
    claim = judging.open_text(text, VERIFY, Scanned.VISIT)
    assert (claim == CLAIM) == (text == TEXT)


def test_a_units_code_is_no_visit_code_and_the_other_way_round():
    unit_text = rules.write(replace(CLAIM, scanned=Scanned.UNIT), KEY.sign)
    assert judging.open_text(unit_text, VERIFY, Scanned.VISIT) is None
    assert judging.judge_unit_code(unit_text, VERIFY, UNIT) == set()
    assert judging.judge_unit_code(unit_text, VERIFY, OTHER) == {Mark.UNIT_CODE_OTHER}
    assert judging.judge_unit_code(TEXT, VERIFY, UNIT) == {Mark.UNIT_CODE_FORGED}


def test_a_tablet_starts_with_the_code_that_holds_and_else_offers_a_triggered_start():
    good, revoked = Held(TEXT, KNOWN), Held(TEXT, replace(KNOWN, revoked=True))
    forged = Held(TEXT[:9] + "_" + TEXT[10:], KNOWN)

    def advise(*held, entry=ENTRY):
        found = judging.advise(held, entry, VERIFY)
        return found.may_start, found.held, found.marks

    assert advise(revoked, good, forged) == (True, good, frozenset())
    assert advise() == (False, None, {Mark.CODE_MISSING})
    assert advise(revoked) == (False, revoked, {Mark.CODE_REVOKED})
    assert advise(forged) == (False, forged, {Mark.CODE_FORGED})
    late = replace(ENTRY, at=END)
    assert advise(good, entry=late) == (False, good, {Mark.CODE_EXPIRED})
    assert advise(good, entry=replace(ENTRY, officer_id=OTHER))[0], "a colleague came instead"


uses = st.lists(
    st.builds(Use, st.sampled_from([VISIT, OTHER]), st.sampled_from([AN, BO]), own=st.booleans())
)


@given(found=uses)
def test_the_pair_at_one_visit_and_the_team_of_a_code_share_it_and_nobody_else(found):
    shared = judging.is_shared(found)
    assert shared == judging.is_shared(found[::-1])
    if all(one.own for one in found) or len({one.visit_id for one in found}) < 2:
        assert not shared


def test_two_tablets_at_two_visits_share_a_code_that_is_not_for_both():
    assert judging.is_shared([Use(VISIT, AN, own=True), Use(OTHER, BO, own=False)])


def test_every_mark_has_words_of_its_own():
    assert set(WORDS) == set(Mark)
    assert len(set(WORDS.values())) == len(Mark)
