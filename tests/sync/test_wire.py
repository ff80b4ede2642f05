"""The wire byte for byte: golden vectors, and everything that is no operation."""

import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import flask
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app import canonical
from app.problems import MediaTypeUnsupported
from sync import operations, wire
from sync.operations import Malformed, parse_line
from sync.wire import Cursor, decode_cursor, encode_cursor
from tests.sync import tablet as a_tablet
from tests.sync.tablet import Tablet, line_of, op_of

GOLDEN = (
    '{"attachments":[],"base":{},"base_version":0,"boot_id":"b7","confirmation":null,'
    '"depends_on":[],"device_id":"019a0000-0000-7000-8000-000000000002","device_seq":1,'
    '"entity_id":"2b966381-75d1-5386-a7ec-4fcd7df5836c","fields":{"item_id":'
    '"019a0000-0000-7000-8000-000000000004","note":"泳池水浑浊，\\n“𠮷祥”馆 \\"A\\" 区",'
    '"result":"no","visit_id":"019a0000-0000-7000-8000-000000000003"},"fix":{"accuracy_cm":1250,'
    '"datum":"WGS-84","fixed_at":"2026-11-20T01:02:01.000Z","lat_e7":312204560,'
    '"lon_e7":1214246780,"mock":false,"provider":"gps"},"form_version":3,'
    '"monotonic_ms":86400000,"officer_id":"019a0000-0000-7000-8000-000000000005",'
    '"op_id":"019a0000-0000-7000-8000-000000000001","prev_hash":'
    '"0000000000000000000000000000000000000000000000000000000000000000","recorded_at":'
    '"2026-11-20T01:02:03.004Z","type":"visit.answer_item","user_session_id":'
    '"019a0000-0000-7000-8000-000000000006","v":1}'
)
GOLDEN_HASH = "b9fb6f39f09ae8d01bcef1ac8b86b4cd67f89871992a73a5438d4818f0007cc8"
GOLDEN_SIG = (
    "SjThWBIiFHK_yxHZC-fStWZjX8ctrSlnSc2mJSs6glqdryXl_WzKE3vID4Q605IeouXJthIXoljDdYGdJsfJCw"
)
DEVICE = UUID("019a0000-0000-7000-8000-000000000002")
EPOCH = UUID("019a0000-0000-7000-8000-00000000000e")


def golden_key() -> operations.PublicKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return operations.load_public_key("Ed25519", private.public_key().public_bytes_raw())


def nowhere(*_: Any) -> a_tablet.Answer:
    raise AssertionError("this tablet has no network")


def lonely(key: a_tablet.Key | None = None) -> Tablet:
    made = Tablet(nowhere, lambda: datetime(2026, 11, 20, tzinfo=UTC))
    if key is not None:
        made.key = key
    return made


def a_line(**changed: Any) -> bytes:
    made = lonely()
    return made.sealed(made.values("task.accept", uuid4(), {}, **changed))


def test_the_golden_operation_has_the_hash_and_the_signature_of_the_specification():
    operation = parse_line(line_of(GOLDEN, GOLDEN_SIG))

    assert operation.digest == GOLDEN_HASH
    assert operations.is_signed(
        golden_key(), operations.OPERATION_LABEL, operation.digest, operation.sig
    )
    assert operation.device_id == DEVICE
    assert operation.fields["note"] == '泳池水浑浊，\n“𠮷祥”馆 "A" 区'
    assert operation.recorded_at == datetime(2026, 11, 20, 1, 2, 3, 4000, tzinfo=UTC)
    assert canonical.dumps(json.loads(GOLDEN)) == GOLDEN


@pytest.mark.parametrize(
    "make_key", [Ed25519PrivateKey.generate, lambda: ec.generate_private_key(ec.SECP256R1())]
)
def test_both_kinds_of_key_sign_and_a_changed_hash_or_label_is_noticed(
    make_key: Callable[[], a_tablet.Key],
):
    private = make_key()
    alg, raw = a_tablet.public(private)
    key = operations.load_public_key(alg, operations.decode_b64(raw))
    sig = a_tablet.sign(private, "suicha-op-1", GOLDEN_HASH)

    assert operations.is_signed(key, "suicha-op-1", GOLDEN_HASH, sig)
    assert not operations.is_signed(key, "suicha-op-1", GOLDEN_HASH.replace("b9", "b8"), sig)
    assert not operations.is_signed(key, "suicha-token-1", GOLDEN_HASH, sig)
    assert not operations.is_signed(key, "suicha-op-1", GOLDEN_HASH, sig[:-1])
    assert not operations.is_signed(key, "suicha-op-1", GOLDEN_HASH, "")


def test_a_key_under_which_anything_verifies_signs_nothing():
    """The neutral point: nought times the base equals it plus the hash times itself."""
    key = operations.load_public_key("Ed25519", b"\1" + bytes(31))
    sig = operations.encode_b64(b"\1" + bytes(63))
    assert not operations.is_signed(key, "suicha-op-1", GOLDEN_HASH, sig)


@pytest.mark.parametrize(
    ("alg", "key"),
    [("Ed25519", b"\0" * 31), ("ES256", b"\4" + b"\0" * 64), ("ES256", b"\2" * 33), ("RS256", b"")],
)
def test_a_key_that_is_none_is_refused(alg: str, key: bytes):
    with pytest.raises(ValueError, match=r".*"):
        operations.load_public_key(alg, key)


@pytest.mark.parametrize(
    "changed",
    [
        {"device_seq": 0},
        {"device_seq": True},
        {"base_version": -1},
        {"v": 2},
        {"op_id": "019A0000-0000-7000-8000-000000000001"},
        {"op_id": "019a0000-0000-4000-8000-000000000001"},
        {"entity_id": "no-id"},
        {"recorded_at": "2026-11-20T01:02:03Z"},
        {"recorded_at": "2026-02-30T01:02:03.000Z"},
        {"recorded_at": "0001-01-01T00:00:00.000Z"},
        {"recorded_at": "9999-12-31T23:59:59.999Z"},
        {"fields": []},
        {"depends_on": ["x"]},
        {"depends_on": ["019a0000-0000-7000-8000-000000000001"] * 51},
        {"attachments": [{"sha256": "0" * 64, "size": 1, "mime": "image/jpeg"}]},
        {"attachments": [{"sha256": "0" * 64, "size": -1, "mime": "image/jpeg", "role": "x"}]},
        {"fix": {}},
        {"confirmation": {"officer_id": "x", "method": "pin", "at": "y"}},
        {"prev_hash": "0" * 63},
        {"type": "task accept"},
        {"boot_id": ""},
        {"boot_id": "\0"},
        {"extra": 1},
    ],
)
def test_an_operation_with_a_wrong_key_or_type_is_malformed_and_keeps_its_hash(
    changed: dict[str, Any],
):
    line = a_line(**changed)

    with pytest.raises(Malformed) as caught:
        parse_line(line)

    assert caught.value.digest == a_tablet.sha256(json.loads(line)["op"])


def test_an_operation_without_one_of_its_keys_is_malformed_but_says_which_it_claims_to_be():
    made = lonely()
    values = made.values("task.accept", uuid4(), {})
    del values["fix"]

    with pytest.raises(Malformed) as caught:
        parse_line(made.sealed(values))

    assert str(caught.value.op_id) == values["op_id"]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b'{"op":"{}"}',
        b'{"op":{},"sig":""}',
        b'{"op":"{}","sig":"","sig":""}',
        b'{"op":"{}","sig":"","more":1}',
        b'{"op":"\\ud800","sig":""}',
        b'{"op":"{\\"a\\":NaN}","sig":""}',
        b'{"op":"{\\"a\\":1.5}","sig":""}',
        b'{"op":"{\\"a\\":1,\\"a\\":1}","sig":""}',
        b'{"op":"{\\"a\\": 1}","sig":""}',
        b'{"op":"{\\"a\\":9007199254740992}","sig":""}',
        b'{"op":"{\\"a\\":\\"\\\\ud800\\"}","sig":""}',
        b"[" * 100_000,
        json.dumps({"op": "[" * 100_000, "sig": ""}).encode(),
        json.dumps({"op": '{"a":' * 20 + "1" + "}" * 20, "sig": ""}).encode(),
        json.dumps({"op": '{"a":' + "9" * 5000 + "}", "sig": ""}).encode(),
        json.dumps({"op": json.dumps("x" * 300_000), "sig": ""}).encode(),
    ],
)
def test_a_line_that_is_no_operation_is_malformed_and_nothing_else(line: bytes):
    with pytest.raises(Malformed):
        parse_line(line)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_operation_or_malformed(raw: bytes):
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(Malformed):
        parse_line(text.encode())


@given(
    st.dictionaries(
        st.sampled_from(["note", "result", "a"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-100, 100)
            | st.text(st.characters(codec="utf-8"), max_size=9),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=5,
        ),
        max_size=3,
    )
)
def test_whatever_a_tablet_writes_is_read_back_as_written(fields: dict[str, Any]):
    made = lonely()
    line = made.sealed(made.values("visit.finish", uuid4(), fields))

    operation = parse_line(line)

    assert dict(operation.fields) == fields
    assert operation.digest == a_tablet.sha256(json.loads(line)["op"])
    assert str(operation.op_id) == op_of(line)["op_id"]


# --- cursors -----------------------------------------------------------------------------------


@pytest.fixture
def request_context(flask_app: flask.Flask):
    with flask_app.test_request_context():
        yield


def a_cursor() -> Cursor:
    return Cursor(EPOCH, DEVICE, uuid4(), {"310105": {f"officer:{uuid4()}": 17, "all": 3}})


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
class TestCursor:
    """Cursors need the server's secret but no database: one kind of it is enough."""

    def test_a_cursor_comes_back_as_it_was_given(self, request_context):
        cursor = a_cursor()
        assert decode_cursor(encode_cursor(cursor), DEVICE, EPOCH) == cursor

    def test_a_cursor_with_one_changed_character_is_forged(self, request_context):
        text = encode_cursor(a_cursor())
        for at in range(0, len(text) - 1, 7):
            other = "A" if text[at] != "A" else "B"
            with pytest.raises(wire.CursorForged):
                decode_cursor(text[:at] + other + text[at + 1 :], DEVICE, EPOCH)

    @pytest.mark.parametrize("text", ["", "x", "ä", "=" * 40, "A" * 22, "A" * 9000, " "])
    def test_what_is_no_cursor_is_forged(self, request_context, text: str):
        with pytest.raises(wire.CursorForged):
            decode_cursor(text, DEVICE, EPOCH)

    def test_another_devices_cursor_is_refused(self, request_context):
        with pytest.raises(wire.CursorOfAnotherDevice):
            decode_cursor(encode_cursor(a_cursor()), uuid4(), EPOCH)

    def test_a_cursor_of_another_epoch_says_which_is_in_force(self, request_context):
        now = uuid4()
        with pytest.raises(wire.EpochChanged) as caught:
            decode_cursor(encode_cursor(a_cursor()), DEVICE, now)
        assert caught.value.extras["epoch"] == now


# --- bodies ------------------------------------------------------------------------------------


def gzipped(raw: bytes) -> bytes:
    machine = zlib.compressobj(9, wbits=31)
    return machine.compress(raw) + machine.flush()


def body_of(data: bytes, **headers: str) -> bytes:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with flask.Flask("bare").test_request_context(method="POST", data=data, headers=given):
        return wire.read_body()


def test_a_body_is_read_plain_or_unpacked():
    assert body_of(b"abc") == b"abc"
    assert body_of(gzipped(b"abc" * 9), Content_Encoding="gzip") == b"abc" * 9


def test_a_body_above_a_mebibyte_is_refused():
    assert len(body_of(b"x" * wire.BATCH_BYTES)) == wire.BATCH_BYTES
    with pytest.raises(wire.BatchTooLarge):
        body_of(b"x" * (wire.BATCH_BYTES + 1))


def test_a_zip_bomb_is_refused_before_it_unpacks():
    bomb = gzipped(b"\0" * (200 * wire.MIB))
    assert len(bomb) < wire.BATCH_BYTES
    began = datetime.now(UTC)  # noqa: TID251 - the test measures real time

    with pytest.raises(wire.BatchTooLarge):
        body_of(bomb, Content_Encoding="gzip")

    assert (datetime.now(UTC) - began).total_seconds() < 1  # noqa: TID251 - as above


@pytest.mark.parametrize(
    "raw", [b"no gzip", gzipped(b"abc" * 100)[:-9], gzipped(b"a") + gzipped(b"b"), b""]
)
def test_a_body_that_is_no_whole_gzip_is_a_framing_problem(raw: bytes):
    with pytest.raises(wire.FramingWrong):
        body_of(raw, Content_Encoding="gzip")


def test_another_encoding_is_refused():
    with pytest.raises(MediaTypeUnsupported):
        body_of(b"abc", Content_Encoding="br")
