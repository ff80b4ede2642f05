"""The text of a code: only what was signed is read, and it says what it says."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.codes import rules
from app.codes.rules import Claim, CodeState, NotACode, NotSigned, Scanned, Standing

KEY = Ed25519PrivateKey.from_private_bytes(b"\x22" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x33" * 32)
AT = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
CLAIM = Claim(Scanned.VISIT, UUID(int=7), UUID(int=9), AT, AT + timedelta(days=1))
TEXT = rules.write(CLAIM, KEY.sign)


def verify(signature, body, key=KEY):
    try:
        key.public_key().verify(signature, body)
    except InvalidSignature:
        return False
    return True


@given(
    st.sampled_from(Scanned),
    st.uuids(),
    st.uuids(),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)
def test_what_is_written_is_read(scanned, code_id, unit_id, first, last):
    claim = Claim(
        scanned,
        code_id,
        unit_id,
        datetime.fromtimestamp(first, UTC),
        datetime.fromtimestamp(last, UTC),
    )
    text = rules.write(claim, KEY.sign)
    assert len(text) == 140
    assert rules.read(text, verify) == claim


@given(st.integers(0, len(TEXT) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_one_altered_character_is_refused(place, character):
    altered = TEXT[:place] + character + TEXT[place + 1 :]
    if altered != TEXT:
        with pytest.raises((NotACode, NotSigned)):
            rules.read(altered, verify)


@given(st.text(max_size=200))
def test_anything_else_that_is_scanned_is_no_code(text):
    with pytest.raises((NotACode, NotSigned)):
        rules.read(text, verify)


def test_a_code_that_another_server_signed_is_not_ours():
    with pytest.raises(NotSigned):
        rules.read(rules.write(CLAIM, OTHER.sign), verify)


def test_a_signature_under_another_purpose_is_none_of_a_code():
    with pytest.raises(NotSigned):
        rules.read(rules.write(CLAIM, lambda body: KEY.sign(body[len(rules.PURPOSE) :])), verify)


@pytest.mark.parametrize(
    ("state", "used", "hours", "standing"),
    [
        (CodeState.ISSUED, False, -1, Standing.NOT_YET),
        (CodeState.ISSUED, False, 0, Standing.VALID),
        (CodeState.ISSUED, False, 23, Standing.VALID),
        (CodeState.ISSUED, False, 24, Standing.EXPIRED),
        (CodeState.ISSUED, True, 1, Standing.USED),
        (CodeState.ISSUED, True, 30, Standing.USED),
        (CodeState.REVOKED, True, 1, Standing.REVOKED),
    ],
)
def test_a_code_stands_for_what_its_days_and_visits_say(state, used, hours, standing):
    at = AT + timedelta(hours=hours)
    assert rules.standing(state, AT, AT + timedelta(days=1), used=used, at=at) is standing


@given(st.binary(min_size=8, max_size=8))
def test_a_short_form_survives_being_typed(chance):
    short = rules.short_of(chance)
    assert len(short) == rules.SHORT
    typed = "-".join((short[:4], short[4:8], short[8:])).lower().replace("0", "o").replace("1", "l")
    assert rules.normal_short(typed) == short


@given(st.lists(st.integers(1, 5), max_size=20))
def test_an_average_is_in_hundredths_and_there_is_none_of_nothing(scores):
    shown = rules.average(scores)
    assert (shown is None) == (not scores)
    if shown is not None:
        assert abs(shown - 100 * sum(scores) / len(scores)) <= 0.5
