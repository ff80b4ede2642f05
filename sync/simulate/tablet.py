"""One simulated tablet: keys, chain, outbox and photos, over the real HTTP interface.

It keeps the tablet's side of the protocol's promises: every request may be repeated, an operation
is forgotten only on a receipt that carries the hash computed here, and an interrupted upload goes
on from the offset that the server names.
"""

import base64
import gzip
import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid5

import uuid_utils.compat
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app import canonical
from sync.inbox.forms import history_of
from sync.simulate.line import Answer, GaveUp, Line, Lost, instant, now

SYNC = "/api/sync/v1"
BATCH = (5, 50)  # operations, as chance has it
CHUNK_BYTES = 64 * 1024
RENEWALS = 3
STEPS = 60  # of one upload, whatever is cut
_NULL_HASH = "0" * 64


@dataclass
class Photo:
    """A photo that waits for its upload."""

    data: bytes
    sha256: str
    op_id: str
    location: str | None = None
    done: bool = False


def b64(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tablet:
    """An enrolled device and the officer who carries it."""

    def __init__(self, line: Line, *, seed: int) -> None:
        self.line = line
        self.name = line.name
        self.counters = line.counters
        self.chance = random.Random(seed)
        self.key = Ed25519PrivateKey.generate()  # a second run is other tablets
        self.epoch: str | None = None
        self.device_id = ""
        self.officer_id = ""
        self.session_id = ""
        self.tokens: dict[str, str] = {}
        self.server_key = b""  # receipts and visit codes are read by it
        self.device_seq = 0
        self.prev_hash = _NULL_HASH
        self.outbox: list[dict[str, str]] = []
        self.sent: list[dict[str, str]] = []  # kept for 30 days: a restored server may lack it
        self.photos: list[Photo] = []
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.cursor = ""
        self.made: list[dict[str, Any]] = []
        self.receipts: dict[str, dict[str, str]] = {}
        self.stickers: dict[str, str] = {}  # codes at the doors of units, by their ids
        self.visit_number = 0  # of the visit that it is at
        self.entered: list[tuple[str, str, date, str]] = []  # visit, unit, day and origin
        self.next_serials: dict[str, int] = {}  # by block; never goes back

    # --- the line ---------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
        cut: bool = False,
        signed_in: bool = True,
        kind: str = "other",
    ) -> Answer:
        """Ask until there is an answer; renew the token on 401."""
        sent = raw if raw is not None else None if body is None else json.dumps(body).encode()

        def asked() -> dict[str, str]:
            return self._headers(headers, signed_in=signed_in, is_json=raw is None)

        for _ in range(RENEWALS):
            answer = self.line.ask(method, path, sent, asked, kind=kind, cut=cut)
            if answer.status != 401 or not signed_in:
                return answer
            self.renew()
        raise GaveUp(f"{self.name}: {method} {path} answers 401 whatever the token")

    def _headers(
        self, more: Mapping[str, str] | None, *, signed_in: bool, is_json: bool
    ) -> dict[str, str]:
        headers = {
            "Sync-Protocol": "1",
            "Device-Time": instant(now()),
            "Accept-Encoding": "identity",
        }
        if self.epoch:
            headers["Sync-Epoch"] = self.epoch
        if signed_in:
            headers["Authorization"] = f"Bearer {self.tokens['access']}"
        if is_json:
            headers["Content-Type"] = "application/json"
        return {**headers, **(more or {})}

    # --- enrolment and tokens ---------------------------------------------------------------

    def enrol(self, *, code: str, login: str, password: str) -> None:
        """Become a device of the server and open the officer's session."""
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        answer = self.call(
            "POST",
            f"{SYNC}/devices",
            {
                "code": code,
                "login": login,
                "password": password,
                "alg": "Ed25519",
                "key": b64(public),
                "model": "simulated",
                "os": "simulated",
                "build": "1",
            },
            signed_in=False,
        )
        if answer.status not in {200, 201}:
            raise GaveUp(f"{self.name} was not enrolled: {answer.status} {answer.body[:300]!r}")
        given = answer.json()
        self.device_id, self.epoch = given["device_id"], given["epoch"]
        self.officer_id = given["session"]["officer_id"]
        self.session_id = given["session"]["user_session_id"]
        self.tokens = given["tokens"]
        found = self.call("GET", "/.well-known/suicha", signed_in=False).json()
        self.server_key = unb64(found["receipt_keys"][0]["key"])

    def renew(self) -> None:
        """Get a new access token: by the refresh token, else by the device's key."""
        answer = self._ask_tokens(refresh=self.tokens["refresh"], challenge=None)
        if answer.status == 401:
            given = self.call(
                "POST", f"{SYNC}/challenge", {"device_id": self.device_id}, signed_in=False
            ).json()
            answer = self._ask_tokens(refresh=None, challenge=given["challenge"])
        if answer.status != 200:
            raise GaveUp(f"{self.name} got no token: {answer.status}")
        self.tokens = answer.json()

    def _ask_tokens(self, *, refresh: str | None, challenge: str | None) -> Answer:
        asked: dict[str, Any] = {
            "at": instant(now()),
            "challenge": challenge,
            "device_id": self.device_id,
            "refresh": refresh,
        }
        asked["sig"] = self._sign("suicha-token-1", canonical.digest(canonical.dumps(asked)))
        return self.call("POST", f"{SYNC}/tokens", asked, signed_in=False)

    def _sign(self, label: str, digest: str) -> str:
        return b64(self.key.sign(f"{label}\n{digest}".encode()))

    # --- pull -------------------------------------------------------------------------------

    def pull(self) -> int:
        """Pull until the feed has no more; returns how many rows came."""
        count = 0
        while True:
            answer = self.call("GET", f"{SYNC}/feed?limit=500&cursor={self.cursor}", kind="pull")
            if answer.status == 304:
                return count
            if answer.status == 409:
                self.begin_anew(answer.json()["epoch"])
                continue
            if answer.status != 200:
                raise GaveUp(f"{self.name} cannot pull: {answer.status} {answer.body[:300]!r}")
            page = answer.json()
            for row in page["rows"]:
                count += 1
                self._keep(row)
            self.cursor = page["cursor"]
            if not page["more"]:
                return count

    def begin_anew(self, epoch: str) -> None:
        """Send everything again to a server that was restored, before asking what it has."""
        self.epoch, self.cursor, self.rows = epoch, "", {}
        self.outbox, self.sent = [*self.sent, *self.outbox], []
        for photo in self.photos:
            photo.location, photo.done = None, False
        self.push()
        self.upload()

    def _keep(self, row: dict[str, Any]) -> None:
        if "type" not in row or row["type"] is None:
            return
        place = (row["type"], row["id"])
        known = self.rows.get(place)
        if known is None or row["version"] >= known["version"]:
            self.rows[place] = row

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """Return the present rows' bodies of one type, each with its id and version."""
        return [
            {"id": row["id"], "version": row["version"], **row["body"]}
            for (found, _), row in sorted(self.rows.items())
            if found == kind and row["present"] and row["body"]
        ]

    def in_force(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the catalogue rows of a kind that hold today, by code."""
        today = now().date().isoformat()
        return {
            body["code"]: body
            for body in self.bodies(kind)
            if body["effective_from"] <= today <= (body["effective_to"] or today)
        }

    # --- work offline -----------------------------------------------------------------------

    def operate(
        self,
        kind: str,
        entity_id: str,
        fields: dict[str, Any],
        *,
        at: datetime,
        fix: dict[str, Any] | None = None,
        attachments: list[dict[str, Any]] | None = None,
        base_version: int = 0,
        depends_on: list[str] | None = None,
        confirmed_by: str | None = None,
    ) -> str:
        """Write an operation into the outbox, signed and chained; returns its id."""
        self.device_seq += 1
        op_id = str(uuid_utils.compat.uuid7())
        text = canonical.dumps(
            {
                "attachments": attachments or [],
                "base": {},
                "base_version": base_version,
                "boot_id": "b1",
                "confirmation": confirmed_by
                and {"officer_id": confirmed_by, "method": "pin", "at": instant(at)},
                "depends_on": depends_on or [],
                "device_id": self.device_id,
                "device_seq": self.device_seq,
                "entity_id": entity_id,
                "fields": fields,
                "fix": fix,
                "form_version": history_of(kind).current,
                "monotonic_ms": self.device_seq * 1000,
                "officer_id": self.officer_id,
                "op_id": op_id,
                "prev_hash": self.prev_hash,
                "recorded_at": instant(at),
                "type": kind,
                "user_session_id": self.session_id,
                "v": 1,
            }
        )
        digest = canonical.digest(text)
        self.prev_hash = digest
        self.outbox.append({"op": text, "sig": self._sign("suicha-op-1", digest), "op_id": op_id})
        self.made.append(
            {
                "kind": "operation",
                "device_id": self.device_id,
                "device_seq": self.device_seq,
                "op_id": op_id,
                "type": kind,
                "entity_id": entity_id,
                "hash": digest,
            }
        )
        self.counters.operations += 1
        return op_id

    def warn(self, visit_id: str, reason: str, words: str) -> None:
        """Say to the officer that something is not in order; nothing is stopped for it."""
        warning = {"visit_id": visit_id, "reason": reason, "words": words}
        self.made.append({"kind": "warning", "device_id": self.device_id, **warning})
        self.counters.warnings += 1

    def photograph(self, data: bytes, op_id: str) -> None:
        """Keep a photo for its upload."""
        digest = hashlib.sha256(data).hexdigest()
        self.photos.append(Photo(data, digest, op_id))
        self.made.append(
            {
                "kind": "photo",
                "device_id": self.device_id,
                "op_id": op_id,
                "sha256": digest,
                "size": len(data),
            }
        )
        self.counters.photos += 1

    def take_number(self, kind: str) -> tuple[str, int, str] | None:
        """Take the next number from the officer's blocks of a kind: series, serial, as printed."""
        for block in sorted(self.bodies("number_block"), key=lambda one: int(one["first"])):
            serial = self.next_serials.get(block["id"], int(block["first"]))
            if (block["kind"], block["officer_id"]) != (kind, self.officer_id):
                continue
            if serial <= block["last"]:
                self.next_serials[block["id"]] = serial + 1
                number = block["number_form"].replace("{year}", str(block["year"]))
                digits = f"{serial:0{block['serial_digits']}d}"
                return block["series"], serial, number.replace("{serial}", digits)
        return None

    def answer_id(self, visit_id: str, item_id: str) -> str:
        """Return the id of an answer: the same on every tablet of the visit."""
        return str(uuid5(UUID(visit_id), item_id))

    # --- push -------------------------------------------------------------------------------

    def push(self) -> None:
        """Send the outbox in batches; forget what has a receipt with our hash."""
        hashes = {made["op_id"]: made["hash"] for made in self.made if made["kind"] == "operation"}
        while self.outbox:
            batch = self.outbox[: self.chance.randint(*BATCH)]
            lines = "".join(
                json.dumps({"op": entry["op"], "sig": entry["sig"]}, ensure_ascii=False) + "\n"
                for entry in batch
            )
            raw = gzip.compress(lines.encode())
            headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
            try:
                answer = self.call(
                    "POST",
                    f"{SYNC}/inbox",
                    raw=raw,
                    headers=headers,
                    cut=self.line.faults.cuts(),
                    kind="push",
                )
            except Lost:
                continue
            if answer.status != 200:
                raise GaveUp(f"{self.name} cannot push: {answer.status} {answer.body[:300]!r}")
            results = answer.json()["results"]
            if [result["op_id"] for result in results] != [entry["op_id"] for entry in batch]:
                raise GaveUp(f"{self.name}: results out of order")
            for entry, result in zip(batch, results, strict=True):
                self._receive(entry["op_id"], hashes[entry["op_id"]], result)
            self.sent += batch
            self.outbox = self.outbox[len(batch) :]

    def _receive(self, op_id: str, digest: str, result: dict[str, Any]) -> None:
        receipt = result["receipt"]
        if json.loads(receipt["body"])["op_hash"] != digest:
            raise GaveUp(f"{self.name}: a receipt for another operation than {op_id}")
        if self.receipts.get(op_id) == receipt:
            return
        self.receipts[op_id] = receipt  # a restored server's takes the place of the lost one
        outcome = result["outcome"]
        self.counters.outcomes[outcome] = self.counters.outcomes.get(outcome, 0) + 1
        self.made.append({"kind": "receipt", "op_id": op_id, "outcome": outcome, **receipt})

    # --- photos -----------------------------------------------------------------------------

    def upload(self, *, break_off: float = 0.0) -> None:
        """Upload every photo by tus; with `break_off` leave that share of them half-way."""
        for photo in self.photos:
            if not photo.done:
                stop_at = None
                if self.chance.random() < break_off:
                    stop_at = self.chance.randrange(1, max(2, len(photo.data)))
                self._upload_one(photo, stop_at)

    def _upload_one(self, photo: Photo, stop_at: int | None) -> None:
        if photo.location is None:
            self._create_upload(photo)
        for _ in range(STEPS):
            offset = self._offset_of(photo)
            if offset >= len(photo.data):
                photo.done = True
                return
            end = min(offset + CHUNK_BYTES, len(photo.data), stop_at or len(photo.data))
            if end <= offset:
                return
            self._patch(photo, offset, end)
        raise GaveUp(f"{self.name}: the upload of {photo.sha256} does not end")

    def _create_upload(self, photo: Photo) -> None:
        values = {
            "sha256": photo.sha256,
            "size": str(len(photo.data)),
            "role": "photo",
            "op_id": photo.op_id,
        }
        metadata = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items()
        )
        answer = self.call(
            "POST",
            f"{SYNC}/uploads",
            raw=b"",
            headers={
                "Tus-Resumable": "1.0.0",
                "Upload-Length": str(len(photo.data)),
                "Upload-Metadata": metadata,
            },
        )
        if answer.status != 201:
            raise GaveUp(f"{self.name} cannot upload: {answer.status} {answer.body[:300]!r}")
        photo.location = urlsplit(answer.headers["location"]).path

    def _offset_of(self, photo: Photo) -> int:
        answer = self.call("HEAD", str(photo.location), headers={"Tus-Resumable": "1.0.0"}, raw=b"")
        if answer.status in {404, 410}:
            self._create_upload(photo)
            return self._offset_of(photo)
        if answer.status != 200:
            raise GaveUp(f"{self.name}: HEAD of an upload answered {answer.status}")
        return int(answer.headers["upload-offset"])

    def _patch(self, photo: Photo, offset: int, end: int) -> None:
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        try:
            answer = self.call(
                "PATCH",
                str(photo.location),
                raw=photo.data[offset:end],
                headers=headers,
                cut=self.line.faults.cuts(),
                kind="upload",
            )
        except Lost:
            return
        if answer.status == 423:
            self.line.pause(1)
        elif answer.status not in {204, 409}:
            raise GaveUp(f"{self.name}: PATCH answered {answer.status} {answer.body[:300]!r}")
