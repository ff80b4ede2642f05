"""A small tablet: real keys, a gapless chain, canonical operations, the protocol's requests."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import uuid_utils.compat
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask.testing import FlaskClient

GENESIS = "0" * 64
ROOT = "/api/sync/v1"


def b64(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def canonical(value: Any) -> str:
    """Canonical JSON, written a second time on purpose: not the server's code."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def sha256(text: str) -> str:
    """Hash of the UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def written(at: datetime) -> str:
    """An instant as the wire wants it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


Key = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def sign(key: Key, label: str, digest: str) -> str:
    """Sign as a tablet does, with either kind of key."""
    message = f"{label}\n{digest}".encode()
    if isinstance(key, Ed25519PrivateKey):
        return b64(key.sign(message))
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def public(key: Key) -> tuple[str, str]:
    """Algorithm and raw public key."""
    if isinstance(key, Ed25519PrivateKey):
        return "Ed25519", b64(key.public_key().public_bytes_raw())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return "ES256", b64(point)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Send = Callable[[str, str, bytes, Mapping[str, str]], Answer]


def through(client: FlaskClient) -> Send:
    """Speak to the application without a network."""

    def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        response = client.open(path, method=method, data=body, headers=dict(headers))
        return Answer(response.status_code, dict(response.headers), response.data)

    return send


def line_of(text: str, sig: str) -> bytes:
    """One inbox line."""
    return json.dumps({"op": text, "sig": sig}, ensure_ascii=False).encode()


@dataclass
class Tablet:
    """One tablet with one officer in session; `seq` and `prev_hash` are its chain."""

    send: Send
    now: Callable[[], datetime]
    key: Key = field(default_factory=Ed25519PrivateKey.generate)
    device_id: UUID = field(default_factory=uuid4)
    officer_id: UUID = field(default_factory=uuid4)
    session_id: UUID = field(default_factory=uuid4)
    access: str = ""
    refresh: str = ""
    seq: int = 0
    prev_hash: str = GENESIS

    # --- requests

    def request(
        self, method: str, path: str, body: Any = b"", *, signed_in: bool = True, **headers: str
    ) -> Answer:
        """Send a request of the protocol with its headers; a dict goes as JSON."""
        sent = {"Sync-Protocol": "1", "Device-Time": written(self.now())}
        if signed_in:
            sent["Authorization"] = f"Bearer {self.access}"
        if not isinstance(body, bytes):
            body, sent["Content-Type"] = canonical(body).encode(), "application/json"
        elif body:
            sent["Content-Type"] = "application/x-ndjson"
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.send(method, f"{ROOT}{path}", body, sent)

    def enrol(self, code: str, login: str, password: str) -> Answer:
        """Become a device; keeps what the server gives."""
        alg, key = public(self.key)
        answer = self.request(
            "POST",
            "/devices",
            {
                "code": code,
                "login": login,
                "password": password,
                "alg": alg,
                "key": key,
                "model": "Pad 6",
                "os": "Android 15",
                "build": "1",
            },
            signed_in=False,
        )
        if answer.status == 201:
            self.keep(answer.json)
        return answer

    def keep(self, enrolled: Mapping[str, Any]) -> None:
        """Remember who this tablet is now."""
        self.device_id = UUID(enrolled["device_id"])
        self.session_id = UUID(enrolled["session"]["user_session_id"])
        self.officer_id = UUID(enrolled["session"]["officer_id"])
        self.keep_tokens(enrolled["tokens"])

    def keep_tokens(self, tokens: Mapping[str, Any]) -> None:
        """Use these tokens from now on."""
        self.access, self.refresh = tokens["access"], tokens["refresh"]

    def tokens(self, *, refresh: str | None = None, challenge: str | None = None) -> Answer:
        """Ask for new tokens by refresh token or by an answered challenge; keeps nothing."""
        body: dict[str, Any] = {
            "device_id": str(self.device_id),
            "refresh": refresh,
            "challenge": challenge,
            "at": written(self.now()),
        }
        body["sig"] = sign(self.key, "suicha-token-1", sha256(canonical(body)))
        return self.request("POST", "/tokens", body, signed_in=False)

    def challenge(self) -> str:
        """Ask for a challenge."""
        answer = self.request(
            "POST", "/challenge", {"device_id": str(self.device_id)}, signed_in=False
        )
        return str(answer.json["challenge"])

    def push(self, lines: Sequence[bytes] | bytes, **headers: str) -> Answer:
        """Send a batch."""
        body = lines if isinstance(lines, bytes) else b"".join(line + b"\n" for line in lines)
        return self.request("POST", "/inbox", body, signed_in=True, **headers)

    # --- operations

    def values(
        self, type_: str, entity_id: UUID | str, fields: Mapping[str, Any], /, **changed: Any
    ) -> dict[str, Any]:
        """All keys of an operation that would come next in this tablet's chain."""
        return {
            "attachments": [],
            "base": {},
            "base_version": 0,
            "boot_id": "b1",
            "confirmation": None,
            "depends_on": [],
            "device_id": str(self.device_id),
            "device_seq": self.seq + 1,
            "entity_id": str(entity_id),
            "fields": dict(fields),
            "fix": None,
            "form_version": 1,
            "monotonic_ms": 1000 * (self.seq + 1),
            "officer_id": str(self.officer_id),
            "op_id": str(uuid_utils.compat.uuid7()),
            "prev_hash": self.prev_hash,
            "recorded_at": written(self.now()),
            "type": type_,
            "user_session_id": str(self.session_id),
            "v": 1,
            **changed,
        }

    def sealed(self, values: Mapping[str, Any]) -> bytes:
        """A signed line of these values; the chain does not move."""
        text = canonical(values)
        return line_of(text, sign(self.key, "suicha-op-1", sha256(text)))

    def op(
        self, type_: str, entity_id: UUID | str, fields: Mapping[str, Any], /, **changed: Any
    ) -> bytes:
        """The next operation of the chain, as a line."""
        values = self.values(type_, entity_id, fields, **changed)
        self.seq, self.prev_hash = values["device_seq"], sha256(canonical(values))
        return self.sealed(values)


def op_of(line: bytes) -> dict[str, Any]:
    """The operation in a line."""
    found: dict[str, Any] = json.loads(json.loads(line)["op"])
    return found
