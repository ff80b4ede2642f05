"""Files are written in one way only, and read strictly."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.draws.bundle import (
    make_manifest,
    merkle_holds,
    merkle_leaf,
    merkle_proof,
    merkle_root,
    parse_manifest,
    parse_population,
    parse_reveal,
    parse_rules,
    write_exclusions,
    write_population,
    write_reveal,
    write_rules,
)
from app.draws.files import check_digest, read_json, write_json
from app.draws.rules import DrawFileChanged, DrawFileMalformed, DrawRefused, Factor, check_id
from tests.draws.vectors import FIELDS, POPULATION, ROWS, SEALED, SECRET, VECTORS

GOOD: dict[str, Any] = {"alg": "SSJ1", **FIELDS}
OPTIONAL: dict[str, Any] = {
    "coordination": "independent",
    "hash": "sm3",
    "rules_sha256": "a" * 64,
    "officers_sha256": "b" * 64,
    "exclusions_sha256": "c" * 64,
    "barred_sha256": "d" * 64,
    "code_sha256": "e" * 64,
    "merkle_root": "f" * 64,
    "deposits": SEALED,
    "deadline": "2026-04-01T08:00:00Z",
    "reveal_on": "after-last-visit",
}


def manifest_with(**changes: Any) -> bytes:
    return write_json({**GOOD, **changes})


def test_every_optional_field_is_read_and_has_a_default():
    full, plain = parse_manifest(manifest_with(**OPTIONAL)), parse_manifest(manifest_with())

    assert {name: getattr(full, name) for name in OPTIONAL} == OPTIONAL
    assert (plain.coordination, plain.hash, plain.reveal_on) == ("shared", "sha256", "at-draw")
    assert (plain.deposits, plain.deadline, plain.merkle_root) == ((), None, None)


def test_a_manifest_need_not_be_canonical_to_be_read_and_is_hashed_as_published():
    data = json.dumps(GOOD, indent=2).encode()

    assert parse_manifest(data).sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("field", GOOD)
def test_a_manifest_without_a_required_field_is_refused(field: str):
    data = write_json({name: value for name, value in GOOD.items() if name != field})

    with pytest.raises(DrawFileMalformed, match=field):
        parse_manifest(data)


def test_an_unknown_field_is_refused():
    with pytest.raises(DrawFileMalformed, match="不认识的字段 note"):
        parse_manifest(manifest_with(note="x"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("alg", "SSJ2"),
        ("draw_no", ""),
        ("draw_no", 7),
        ("draw_no", "a\nb"),
        ("prev", "0" * 63),
        ("prev", "A" * 64),
        ("prev", "0" * 64 + "\n"),
        ("population_sha256", None),
        ("plan", []),
        ("plan", {"": 1}),
        ("plan", {"a,b": 1}),
        ("plan", {"a\tb": 1}),
        ("plan", {"e\u0301": 1}),
        ("plan", {"学校": -1}),
        ("plan", {"学校": True}),
        ("plan", {"学校": "3"}),
        ("plan", {"学校": None}),
        ("plan", {"学校": [1]}),
        ("plan", {"学校": [1, 2, 3]}),
        ("plan", {"学校": [2, 1]}),
        ("plan", {"学校": [0, 0]}),
        ("plan", {"学校": [-1, 2]}),
        ("plan", {"学校": [True, 2]}),
        ("plan", {"学校": {"0": [1, 2]}}),
        ("plan", {"学校": {"010": [1, 2]}}),
        ("plan", {"学校": {"A": [1, 2]}}),
        ("plan", {"学校": {"10": 3}}),
        ("entropy_sources", []),
        ("entropy_sources", "dice:20d10"),
        ("entropy_sources", [""]),
        ("entropy_sources", ["dice:20d10", 3]),
        ("entropy_sources", ["deposit:1"]),
        ("entropy_sources", ["deposit:x"]),
        ("commit", "z" * 64),
        ("coordination", "mixed"),
        ("hash", "md5"),
        ("hash", []),
        ("deposits", SEALED[0]),
        ("deposits", ["12"]),
        ("merkle_root", ""),
        ("deadline", "2026-04-01"),
        ("deadline", "2026-02-30T08:00:00Z"),
        ("deadline", "2026-04-01T08:00:00+08:00"),
        ("deadline", "2026-4-1T8:00:00Z"),
        ("reveal_on", "never"),
        ("reveal_on", "2025-13-01"),
        ("reveal_on", "2025-1-1"),
        ("rules_sha256", None),
    ],
)
def test_a_malformed_value_is_refused(field: str, value: object):
    with pytest.raises(DrawFileMalformed):
        parse_manifest(manifest_with(**{field: value}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b"[" * 100_000,
    ],
)
def test_json_that_is_not_what_the_format_allows_is_refused(data: bytes):
    with pytest.raises(DrawFileMalformed, match=r"manifest\.json"):
        read_json("manifest.json", data)


def test_a_doubled_key_in_the_plan_is_refused():
    data = manifest_with().replace(
        b'{"\xe5\x85\xac', b'{"\xe5\x8c\xbb\xe7\x96\x97\xe6\x9c\xba\xe6\x9e\x84":1,"\xe5\x85\xac'
    )

    with pytest.raises(DrawFileMalformed, match="键重复"):
        parse_manifest(data)


def test_json_is_written_in_canonical_form():
    value = {"\ue000": 1, "😀": 2, "b": [1, {"d": '\x1f"\\\n', "c": "é"}], "a": 0}

    assert write_json(value) == (
        '{"a":0,"b":[1,{"c":"é","d":"\\u001f\\"\\\\\\n"}],"😀":2,"\ue000":1}'.encode()
    )


def test_a_manifest_is_written_as_it_will_be_read():
    manifest = make_manifest({**FIELDS, **OPTIONAL})

    assert parse_manifest(manifest.data) == manifest


def test_reveal_is_read_as_written():
    data = write_reveal(SECRET, ["0123", "甲"])

    assert data.startswith(b'{"entropy":["0123","')
    assert parse_reveal(data) == (SECRET, ["0123", "甲"])


@pytest.mark.parametrize(
    "fields",
    [
        {"secret": "0" * 64},
        {"secret": "0" * 64, "entropy": [], "x": 1},
        {"secret": "0" * 62, "entropy": []},
        {"secret": "0" * 64, "entropy": [1]},
        {"secret": "0" * 64, "entropy": "1"},
    ],
)
def test_reveal_holds_two_well_formed_fields(fields: dict[str, object]):
    with pytest.raises(DrawFileMalformed, match=r"reveal\.json"):
        parse_reveal(write_json(fields))


def test_weight_rules_are_read_as_written():
    factors = [Factor("risk", {"A": 10, "B": 15}), Factor("credit", {"1": 1})]

    data = write_rules(factors)

    assert data.startswith(b'{"factors":[{"field":"risk","weights":{"A":10,')
    assert parse_rules(data) == factors


@pytest.mark.parametrize(
    "fields",
    [
        {"factors": {}},
        {"factors": [], "x": 1},
        {"factors": [{"field": "risk"}]},
        {"factors": [{"field": "risk", "weights": {"A": -1}}]},
        {"factors": [{"field": "", "weights": {"A": 1}}]},
    ],
)
def test_malformed_weight_rules_are_refused(fields: dict[str, object]):
    with pytest.raises(DrawFileMalformed, match=r"rules\.json"):
        parse_rules(write_json(fields))


def test_the_population_is_grouped_by_stratum_and_weight():
    population = parse_population(POPULATION)

    assert population["公共场所"][0] == [b"U99"]
    assert population["公共场所"][40] == [b"U02", b"U05", b"U08", b"U11"]
    assert {name: sorted(classes) for name, classes in population.items()} == {
        "公共场所": [0, 10, 20, 40],
        "医疗机构": [10, 30],
    }


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_a_population_is_read_as_a_stream_of_any_blocks(size: int):
    blocks = (POPULATION[at : at + size] for at in range(0, len(POPULATION), size))

    assert parse_population(blocks) == parse_population(POPULATION)


def test_an_empty_list_is_a_list():
    assert parse_population(b"") == {}


@pytest.mark.parametrize("id_", ["沪长卫监公共甲", "A" * 23, "沪长卫 001-(2)"])
def test_archive_numbers_of_up_to_23_bytes_are_kept_as_they_are(id_: str):
    assert parse_population(write_population([(id_, "学校", 1)])) == {"学校": {1: [id_.encode()]}}


@pytest.mark.parametrize(
    "row",
    [
        ("A" * 24, "学校", 1),
        ("沪长卫监公共场所", "学校", 1),
        ("", "学校", 1),
        ("U,1", "学校", 1),
        ("U\t1", "学校", 1),
        ("U\r", "学校", 1),
        ("\ufeffU1", "学校", 1),
        ("e\u0301", "学校", 1),
        ("U1", "", 1),
        ("U1", "学,校", 1),
        ("U1", "学\n校", 1),
        ("U1", "学校", -1),
    ],
)
def test_a_row_that_may_not_stand_in_the_list_is_refused(row: tuple[str, str, int]):
    with pytest.raises(DrawFileMalformed):
        write_population([row])


@pytest.mark.parametrize("id_", ["", "U,1", "U\t1", "U1\n", "e\u0301", "A" * 24])
def test_what_is_no_archive_number_is_refused_wherever_one_stands(id_: str):
    with pytest.raises(DrawFileMalformed):
        check_id(id_)


def test_a_number_that_is_too_long_is_named_with_its_limit():
    check_id("沪长卫监公共甲12")

    with pytest.raises(DrawFileMalformed, match="超过 23 个字节"):
        check_id("沪长卫监公共甲123")


def test_a_unit_stands_once_in_a_stratum():
    with pytest.raises(DrawFileMalformed, match="重复"):
        write_population([("U1", "学校", 1), ("U1", "学校", 10)])


@pytest.mark.parametrize(
    "data",
    [
        b"U1\tS\t1",
        b"U2\tS\t1\nU1\tS\t1\n",
        b"U1\tS\t1\nU1\tS\t1\n",
        b"U1\tS\t1\nU1\tS\t2\n",
        b"U1\tS\t1\r\n",
        b"U1\tS\t01\n",
        b"U1\tS\t+1\n",
        b"U1\tS\t1.5\n",
        b"U1\tS\t\n",
        b"U1\tS\t\xd9\xa1\n",
        b"U1\tS\n",
        b"U1\tS\t1\t2\n",
        b"\n",
        b"\xef\xbb\xbfU1\tS\t1\n",
        b"U\xff\tS\t1\n",
        b"e\xcc\x81\tS\t1\n",
        b"U,1\tS\t1\n",
        b"AAAAAAAAAAAAAAAAAAAAAAAA\tS\t1\n",
        b"\tS\t1\n",
        b"U1\tS\t1000000000000000000\n",
    ],
)
def test_a_list_that_is_not_written_as_it_must_be_is_refused(data: bytes):
    with pytest.raises(DrawFileMalformed, match=r"population\.tsv|名称"):
        parse_population(data)


def test_order_is_checked_across_blocks_too():
    with pytest.raises(DrawFileMalformed, match="排序"):
        parse_population([b"U2\tS\t1\n", b"U1\tS\t1\n"])


def test_exclusions_are_sorted_lines():
    rows = [("U2", "学校", "cap"), ("U1", "学校", "pending-case")]

    assert write_exclusions(rows) == "U1\t学校\tpending-case\nU2\t学校\tcap\n".encode()


def test_a_file_without_a_promise_may_be_any():
    check_digest("rules.json", b"x", None)
    check_digest("rules.json", b"x", hashlib.sha256(b"x").hexdigest())
    with pytest.raises(DrawFileChanged, match=r"rules\.json"):
        check_digest("rules.json", b"y", hashlib.sha256(b"x").hexdigest())


def test_a_refusal_has_a_code_a_title_and_a_sentence():
    with pytest.raises(DrawRefused) as caught:
        parse_manifest(b"{}")

    assert (caught.value.code, caught.value.title) == ("draw-file-malformed", "抽取文件格式不正确")
    assert str(caught.value) == "manifest.json 缺少字段 alg。"


def leaves_of(count: int, hash_name: str = "sha256") -> list[bytes]:
    return [merkle_leaf(bytes([n]) * 16, f"U{n}\t学校\t10", hash_name) for n in range(count)]


def test_the_root_of_a_private_list_is_that_of_rfc_6962():
    a, b, c = leaves_of(3)

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\1" + left + right).digest()

    assert a == hashlib.sha256(b"\0" + bytes(16) + "U0\t学校\t10".encode()).digest()
    assert merkle_root([a]) == a
    assert merkle_root([a, b, c]) == node(node(a, b), c)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_a_unit_proves_its_own_line_and_no_other(case: tuple[int, int]):
    size, index = case
    leaves = leaves_of(size)
    root, proof = merkle_root(leaves), merkle_proof(leaves, index)

    assert merkle_holds(leaves[index], index, size, proof, root)
    other = merkle_leaf(bytes(16), "U0\t学校\t11")
    assert not merkle_holds(other, index, size, proof, root)
    assert not merkle_holds(leaves[index], index, size, [*proof, root], root)
    assert not merkle_holds(leaves[index], size, size, proof, root)
    if proof:
        assert not merkle_holds(leaves[index], index, size, proof[:-1], root)
        assert not merkle_holds(leaves[index], index ^ 1, size, proof, root)


def test_a_private_list_uses_the_hash_of_its_draw():
    leaves = leaves_of(5, "sm3")

    assert merkle_holds(
        leaves[4], 4, 5, merkle_proof(leaves, 4, "sm3"), merkle_root(leaves, "sm3"), "sm3"
    )
    assert merkle_root(leaves, "sm3") != merkle_root(leaves)


def test_a_short_salt_and_an_empty_list_are_refused():
    with pytest.raises(DrawFileMalformed, match="盐"):
        merkle_leaf(b"short", "U0\t学校\t10")
    with pytest.raises(DrawFileMalformed, match="空名单"):
        merkle_root([])


def test_all_three_examples_share_one_list():
    assert len(POPULATION.splitlines()) == len(ROWS) == 21
    assert {vector.manifest.population_sha256 for vector in VECTORS} == {
        hashlib.sha256(POPULATION).hexdigest()
    }
