"""Nobody steers X: secret, deposits and entropy must be those that were announced."""

import hashlib
from dataclasses import replace

import pytest

from app.draws.bundle import draw, make_manifest
from app.draws.rules import (
    LOTTERIES,
    DrawFileChanged,
    EntropyMismatch,
    EntropyTooWeak,
    SecretMismatch,
    check_sources,
    commit_of,
    declared_bits,
    deposit_commitment,
    hash_named,
    joined,
    seed,
)
from tests.draws.vectors import (
    CHANGES,
    DEPOSITS,
    FIELDS,
    POPULATION,
    SEALED,
    SECRET,
    VECTORS,
)


def test_commitments_are_the_published_ones():
    assert commit_of(SECRET) == FIELDS["commit"]
    assert [deposit_commitment(deposit) for deposit in DEPOSITS] == SEALED


@pytest.mark.parametrize("secret", [bytes(32), b"x" * 31, b"x" * 33, b""])
def test_a_lost_secret_is_not_replaced_by_zeros_or_by_less(secret: bytes):
    with pytest.raises(SecretMismatch):
        commit_of(secret)


@pytest.mark.parametrize("deposit", [bytes(32), b"x" * 31, b"x" * 33, b""])
def test_a_deposit_is_32_bytes_and_not_zeros(deposit: bytes):
    with pytest.raises(EntropyMismatch, match="32"):
        deposit_commitment(deposit)


@pytest.mark.parametrize("place", [0, 17, 31])
def test_a_zero_byte_may_occur_in_what_is_random(place: int):
    value = bytes(n != place for n in range(32))

    assert len(commit_of(value)) == len(deposit_commitment(value)) == 64


def test_another_secret_is_refused():
    with pytest.raises(SecretMismatch, match="承诺值"):
        seed(VECTORS[0].manifest, b"x" * 32, VECTORS[0].entropy)


def test_a_changed_list_is_refused():
    changed = POPULATION.replace(b"U99", b"U98")

    with pytest.raises(DrawFileChanged, match=r"population\.tsv"):
        draw(VECTORS[0].manifest, changed, SECRET, VECTORS[0].entropy)


@pytest.mark.parametrize("field", ["draw_no", "prev", "rules_sha256", "plan"])
def test_one_change_in_the_manifest_gives_another_seed(field: str):
    other: dict[str, object] = {
        "draw_no": "DEMO-2025-009",
        "prev": "1" * 64,
        "rules_sha256": "2" * 64,
        "plan": {"公共场所": [26, 100], "医疗机构": 3},
    }
    changed = make_manifest({**FIELDS, field: other[field]})

    assert seed(changed, SECRET, VECTORS[0].entropy).hex() != VECTORS[0].x


def test_one_digit_of_the_dice_gives_another_seed():
    x = seed(VECTORS[1].manifest, SECRET, ["98765432109876543211"])

    assert x.hex() != VECTORS[1].x


def test_entropy_is_kept_apart_by_its_lengths():
    manifest = make_manifest({**FIELDS, "entropy_sources": ["beacon:a", "beacon:b"]})

    assert seed(manifest, SECRET, ["ab", "c"]) != seed(manifest, SECRET, ["a", "bc"])


@pytest.mark.parametrize("entropy", [[], ["01234567890123456789"], ["1" * 20, "2", "3"]])
def test_as_many_values_as_sources_are_asked_for(entropy: list[str]):
    with pytest.raises(EntropyMismatch, match="有 2 个"):
        seed(VECTORS[0].manifest, SECRET, entropy)


@pytest.mark.parametrize(
    ("source", "text", "good"),
    [
        ("dice:13d10", "0123456789012", True),
        ("dice:13d10", "012345678901", False),
        ("dice:13d10", "01234 5678901", False),
        ("dice:13d10，超期作废", "0123456789012", True),
        ("dice:20d6", "12345612345612345612", True),
        ("dice:20d6", "12345612345612345617", False),
        ("dice:20d6", "02345612345612345612", False),
        ("dice:13d10", "x123456789012", False),
        ("dice:14d9", "12345678912345", True),
        ("dice:14d9", "02345678912345", False),
        ("dice:12d11", "1 11 9 4 3 2 2 2 10 10 7 7", True),
        ("dice:10d20", "3 17 20 1 1 9 8 4 11 2", True),
        ("lottery:ssq:2025001", "", False),
        ("beacon:drand", "ab\ncd", False),
        ("beacon:drand", "abcd", True),
    ],
)
def test_what_is_typed_in_must_be_what_its_source_gives(source: str, text: str, good: bool):
    manifest = make_manifest({**FIELDS, "entropy_sources": [source, "beacon:x"]})

    if good:
        assert seed(manifest, SECRET, [text, "x"])
    else:
        with pytest.raises(EntropyMismatch):
            seed(manifest, SECRET, [text, "x"])


@pytest.mark.parametrize(
    "text",
    [DEPOSITS[1].hex(), DEPOSITS[0].hex().upper(), DEPOSITS[0].hex()[:-1], "0" * 64],
    ids=["other", "upper case", "short", "zeros"],
)
def test_a_deposit_must_be_the_value_committed_to(text: str):
    with pytest.raises(EntropyMismatch):
        seed(VECTORS[2].manifest, SECRET, [text, DEPOSITS[1].hex()])


def test_a_deposit_that_was_not_announced_is_refused():
    manifest = replace(VECTORS[2].manifest, deposits=SEALED[:1])

    with pytest.raises(EntropyMismatch, match="第 2 份"):
        seed(manifest, SECRET, VECTORS[2].entropy)


@pytest.mark.parametrize(
    ("source", "bits"),
    [
        ("dice:20d10", 66),
        ("dice:26d6", 67),
        ("dice:3d10", 9),
        ("dice:20d10 超过截止时间则作废", 66),
        ("dice:5d1", 0),
        ("lottery:ssq:2025001", 24),
        ("lottery:unknown:1", 0),
        ("deposit:1", 256),
        ("deposit:0", 0),
        ("beacon:drand:52db9ba7:12345", 256),
        ("天气", 0),
    ],
)
def test_a_source_declares_its_bits(source: str, bits: int):
    assert declared_bits(source) == bits


@pytest.mark.parametrize(
    ("game", "outcomes"),
    [
        ("ssq", 17_721_088),
        ("dlt", 21_425_712),
        ("qlc", 2_035_800),
        ("qxc", 15_000_000),
        ("pl5", 100_000),
        ("pl3", 1_000),
        ("3d", 1_000),
    ],
)
def test_a_lottery_counts_what_one_issue_can_show(game: str, outcomes: int):
    assert LOTTERIES[game] == outcomes
    assert declared_bits(f"lottery:{game}:2026132") == outcomes.bit_length() - 1


@pytest.mark.parametrize(
    "sources",
    [
        ["dice:39d2"],
        ["dice:12d10"],
        ["dice:3d10", "lottery:ssq:2025001"],
        ["lottery:ssq:2025001", "lottery:ssq:2025001"],
        ["天气"],
        [],
    ],
)
def test_less_than_forty_bits_of_public_chance_are_refused(sources: list[str]):
    with pytest.raises(EntropyTooWeak, match="至少需要 40"):
        check_sources(sources)


def test_a_manifest_is_not_written_with_weak_sources():
    with pytest.raises(EntropyTooWeak):
        make_manifest({**FIELDS, "entropy_sources": ["dice:3d10"]})


@pytest.mark.parametrize(
    "sources", [["dice:40d2"], ["dice:13d10"], ["lottery:ssq:1", "lottery:dlt:1"]]
)
def test_forty_bits_are_enough(sources: list[str]):
    check_sources(sources)


def test_with_sm3_commitment_and_seed_are_sm3_and_file_digests_stay_sha256():
    commit = commit_of(SECRET, "sm3")
    manifest = make_manifest({**FIELDS, **CHANGES[1], "hash": "sm3", "commit": commit})
    drawn = draw(manifest, POPULATION, SECRET, VECTORS[1].entropy)

    sm3 = hash_named("sm3")
    text = VECTORS[1].entropy[0].encode()
    parts = [joined(sm3, manifest.data), SECRET, b"\0\0\0\1", b"\0\0\0\x14", text]
    assert commit == joined(sm3, b"SSJ1-COMMIT\n", SECRET).hex()
    assert drawn.x == joined(sm3, b"SSJ1-SEED\n", *parts)
    assert drawn.x.hex() == "8d89d7cf75bd80075eb81b9f89c6e6bda8e9088f4704b8fa725faefa6c217028"
    assert (
        drawn.sha256
        == hashlib.sha256(drawn.result_tsv).hexdigest()
        == ("1409baab78231fd9432d84192053dd15d95fbbb1c3514df302538fc9e50ab9b8")
    )
