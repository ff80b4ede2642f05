"""Corrections are laid over what was signed; it can always be read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.amending import Change, Mark, Piece, amend, amended, occurrences

TEXTS = st.text("甲乙丙12", max_size=12)
WORDS = st.text("甲乙丙12", min_size=1, max_size=3)


def reads(pieces):
    """What a text says once it is corrected."""
    return "".join(one.text for one in pieces if one.mark is not Mark.STRUCK)


@given(TEXTS, st.lists(st.tuples(WORDS, TEXTS, st.integers(1, 3)), max_size=5))
def test_what_was_signed_and_what_reads_now_both_stand_there(text, said):
    changes = [Change(old, new, n, at) for n, (old, new, at) in enumerate(said, start=1)]
    pieces = amended(text, changes)
    written = {one.number for one in pieces if one.mark is Mark.RIGHT}

    assert reads(amended(text, [])) == text
    for count in range(len(changes)):
        before = amended(text, changes[:count])
        if occurrences(before, changes[count].struck) < changes[count].occurrence:
            assert amended(text, changes[: count + 1]) == before
    assert written <= {one.number for one in changes}
    assert all(one.number for one in pieces if one.mark is not Mark.PLAIN)


@given(TEXTS, WORDS, TEXTS, TEXTS)
def test_one_correction_replaces_the_words_and_keeps_the_rest(before, struck, right, after):
    pieces = [Piece(before + struck + after)]
    first = amend(pieces, Change(struck, right, 1))
    whole = (before + struck + after).replace(struck, right, 1)
    assert reads(first) == whole
    assert "".join(o.text for o in first if o.mark is not Mark.RIGHT) == before + struck + after


def test_the_second_of_two_can_be_meant_and_a_correction_corrected():
    pieces = amended("罚款100元，缴款100元", [Change("100", "200", 1, 2), Change("200", "300", 2)])
    assert reads(pieces) == "罚款100元，缴款300元"
    assert [one.number for one in pieces if one.mark is Mark.STRUCK] == [1, 2]


def test_words_that_do_not_stand_there_cannot_be_struck():
    with pytest.raises(ValueError, match="do not stand"):
        amend([Piece("甲")], Change("乙", "丙", 1))
