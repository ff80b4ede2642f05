"""Headers in, values out."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import wire
from sync.uploads import rules
from sync.uploads.rules import Unreadable

HASH = "ab" * 32


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def header(**values: str) -> str:
    return ",".join(f"{key} {b64(value)}" for key, value in values.items())


def test_the_limits_are_those_that_tablets_are_told() -> None:
    assert wire.LIMITS["photo_bytes"] == rules.PHOTO_BYTES
    assert wire.LIMITS["video_bytes"] == rules.VIDEO_BYTES


@given(
    st.dictionaries(st.from_regex(r"\A[a-z_]{1,10}\Z"), st.text(max_size=30), max_size=5),
    st.sampled_from([",", ", "]),
)
def test_metadata_comes_back_as_it_was_written(pairs: dict[str, str], comma: str) -> None:
    text = comma.join(f"{key} {b64(value)}" for key, value in pairs.items())
    assert rules.metadata(text) == pairs


def test_a_key_may_stand_without_value() -> None:
    assert rules.metadata("is_confidential,role cGhvdG8=") == {
        "is_confidential": "",
        "role": "photo",
    }


@pytest.mark.parametrize(
    "text",
    [
        ",",
        "a YQ==,",
        "a b YQ==",
        "a YQ==,a YQ==",
        "a not-base64",
        "a YQ",
        "a YQ== YQ==",
        "a /w==",
        "ä YQ==",
        "a ä",
        f"a {'A' * rules.METADATA_CHARACTERS}",
    ],
)
def test_metadata_that_breaks_the_protocol_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        rules.metadata(text)


@given(st.text(max_size=200))
def test_any_other_text_is_read_or_refused(text: str) -> None:
    for read in (rules.metadata, rules.checksum):
        with suppress(Unreadable):
            read(text)


def test_what_a_tablet_says_of_a_photo_is_understood() -> None:
    text = header(sha256=HASH, size="5", role="photo", op_id="019a0000-0000-7000-8000-000000000001")
    found = rules.describe(text, 5)
    assert found == rules.Described(
        HASH, 5, "photo", None, "019a0000-0000-7000-8000-000000000001", text
    )
    assert found.largest_bytes == rules.PHOTO_BYTES


@pytest.mark.parametrize("key", ["mime", "filetype"])
def test_a_video_may_be_larger(key: str) -> None:
    found = rules.describe(header(sha256=HASH, size="5", **{key: "video/mp4"}), 5)
    assert (found.mime, found.largest_bytes) == ("video/mp4", rules.VIDEO_BYTES)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"sha256": HASH.upper()},
        {"sha256": HASH + "\n"},
        {"size": "6"},
        {"size": "05"},
        {"size": "-5"},
        {"size": ""},
        {"role": "Photo"},
        {"role": "a" * 31},
        {"mime": "image"},
        {"mime": "image/../x"},
        {"op_id": "019A0000-0000-7000-8000-000000000001"},
        {"op_id": "1"},
    ],
)
def test_a_description_that_contradicts_itself_is_refused(values: dict[str, str]) -> None:
    good = {"sha256": HASH, "size": "5"} if values else {}
    with pytest.raises(Unreadable):
        rules.describe(header(**{**good, **values}), 5)


@pytest.mark.parametrize(
    "text", [None, "", "-1", "+1", "1.0", "01", "\uff11", "1 ", "1" * 16, "0x1"]
)
def test_only_a_plain_number_is_a_number(text: str | None) -> None:
    with pytest.raises(Unreadable):
        rules.number(text, "Upload-Offset")


def test_numbers_are_read() -> None:
    assert [rules.number(text, "x") for text in ("0", "7", "9" * 15)] == [0, 7, 10**15 - 1]


def test_a_checksum_names_its_algorithm() -> None:
    assert rules.checksum(None) is None
    assert rules.checksum("sha1 YWI=") == ("sha1", b"ab")
    assert rules.checksum("sha256") == ("sha256", b"")  # agrees with no bytes
    for wrong in ("md5 YWI=", "sha1  YWI=", "SHA1 YWI=", "sha1 YW", ""):
        with pytest.raises(Unreadable):
            rules.checksum(wrong)


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        (None, "POST"),
        ("", "POST"),
        ("PATCH", "PATCH"),
        ("delete", "DELETE"),
        ("HEAD", "HEAD"),
        ("BREW", "BREW"),
        ("PA TCH", "POST"),
        ("X" * 21, "POST"),
    ],
)
def test_the_overriding_method_is_the_one_meant(override: str | None, meant: str) -> None:
    assert rules.method("POST", override) == meant


def test_the_first_piece_that_is_not_whole_is_found() -> None:
    pieces = [(0, 5, "a"), (5, 5, "b"), (10, 2, "c")]
    assert rules.first_broken(pieces, {"a": 5, "b": 5, "c": 2}) is None
    assert rules.first_broken(pieces, {"a": 5, "c": 2}) == 5
    assert rules.first_broken(pieces, {"a": 0, "b": 5}) == 0
    assert rules.first_broken([], {}) is None


def test_of_pieces_in_one_object_the_first_behind_its_end_is_broken() -> None:
    pieces = [(0, 5, "a"), (5, 5, "a"), (10, 2, "b")]
    assert rules.objects(pieces) == {"a": 10, "b": 2}
    assert rules.first_broken(pieces, {"a": 11, "b": 2}) is None
    assert rules.first_broken(pieces, {"a": 9, "b": 2}) == 5
    assert rules.first_broken(pieces, {"a": 4, "b": 2}) == 0
