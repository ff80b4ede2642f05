"""How values read on paper, and what a field may hold."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents import wording
from app.documents.wording import FieldKind, read_field

DIGITS = {name: value for value, name in enumerate("零壹贰叁肆伍陆柒捌玖")}
UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def field(kind, **more):
    return read_field({"field": "x", "name": "某项", "type": kind, **more}, required=True)


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (100, "壹元整"),
        (1050, "壹拾元伍角整"),
        (10502, "壹佰零伍元零贰分"),
        (360000, "叁仟陆佰元整"),
        (1000000, "壹万元整"),
        (1000100, "壹万零壹元整"),
        (10100000, "壹拾万壹仟元整"),
        (3459200, "叁万肆仟伍佰玖拾贰元整"),
        (10**10, "壹亿元整"),
        (10**10 + 50000, "壹亿零伍佰元整"),
    ],
)
def test_amounts_read_as_on_bills(fen, words):
    assert wording.money_in_words(fen) == words


@given(st.integers(0, 10**14))
def test_no_two_amounts_read_alike(fen):
    assert _read(wording.money_in_words(fen)) == fen


def _read(words):
    """Read capital figures back, by other means than they are written."""
    total = group = digit = 0
    yuan, _, rest = words.rpartition("元") if "元" in words else ("", "", words)
    for one in yuan:
        if one in DIGITS:
            digit = DIGITS[one]
        elif one in UNITS:
            group, digit = group + digit * UNITS[one], 0
        elif one == "万":
            group, digit = group + digit, 0
            total, group = total + group * 10_000, 0
        elif one == "亿":
            group, digit = group + digit, 0
            total, group = (total + group) * 10**8, 0
    fen = (total + group + digit) * 100
    for one, before in zip(rest[1:], rest, strict=False):
        fen += DIGITS.get(before, 0) * {"角": 10, "分": 1}.get(one, 0)
    return fen


def test_instants_read_in_local_time():
    assert wording.instant_text(datetime(2026, 2, 28, 16, 5, tzinfo=UTC)) == "2026年3月1日0时05分"


@pytest.mark.parametrize(
    ("kind", "right", "bad"),
    [
        ("text", ["", "#let"], [1, None.__class__, ["a"], "\x00", "x" * 20_001]),
        ("day", ["2026-02-28"], ["2026-02-30", "20260228", 1, "\uff12026-01-01"]),
        ("instant", ["2026-02-28T09:00:00+08:00", "2026-02-28T01:00:00Z"], ["2026-02-28", 1]),
        ("money", [0, 10**14], [-1, 1.0, True, "1"]),
        ("count", [0], [-1, 10**10, False]),
        ("flag", [True], ["true", 1]),
    ],
)
def test_a_field_holds_what_its_kind_says(kind, right, bad):
    assert [wording.wrong(field(kind), one) for one in right] == [None] * len(right)
    assert all(wording.wrong(field(kind), one) for one in bad)


def test_a_cell_that_is_wrong_is_named():
    goods = field("table", columns=[{"field": "name", "name": "品名", "type": "text"}])
    assert wording.wrong(goods, [{"name": "手套"}, {"name": 1}]) == "第 2 行“品名”应为文字。"
    assert wording.wrong(goods, [{"other": "手套"}]) == "第 1 行没有这一栏：other。"
    assert wording.wrong(goods, "手套") is not None


@given(
    st.sampled_from(list(FieldKind)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
)
def test_any_value_can_be_said_and_judged(kind, value):
    wording.wrong(field(kind), value)
    assert isinstance(wording.say(field(kind), value), str)
