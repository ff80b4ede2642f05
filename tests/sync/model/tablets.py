"""A tablet of the model's world: its key, its outbox, what it keeps of the feed, its uploads."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.conftest import FixedClock
from tests.sync.model.lines import Fault, Line
from tests.sync.tablet import GENESIS, Answer, Tablet, canonical, sha256, written
from tests.sync.tus import OCTETS, metadata

Row = dict[str, Any]
Place = tuple[str, str]
Rows = dict[Place, dict[tuple[str, str], Row]]


def unb64(text: str) -> bytes:
    """Bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Made:
    """An operation that this tablet made; `receipt` is the first good one it holds."""

    values: Row
    line: bytes
    hash: str
    receipt: Row | None = None

    @property
    def id(self) -> str:
        return str(self.values["op_id"])


@dataclass
class Store:
    """Rows by stream and scope. A new generation grows beside the old one until it is complete."""

    cursor: str = ""
    shown: Rows = field(default_factory=dict)
    growing: Rows | None = field(default_factory=dict)

    def begin_anew(self) -> None:
        """Ask for everything again; what is shown stays until then."""
        self.cursor, self.growing = "", {}

    def keep(self, page: Row) -> None:
        """Take a page over; with a complete one the generation is swapped."""
        rows = self.shown if self.growing is None else self.growing
        for row in page["rows"]:
            place = (row["stream"], row["scope"])
            if "type" not in row:
                assert row["present"] is False
                rows.pop(place, None)
                continue
            assert row["present"] or row["body"] is None
            rows.setdefault(place, {})[row["type"], row["id"]] = row
        self.cursor = page["cursor"]
        if page["complete"] and self.growing is not None:
            self.shown, self.growing = self.growing, None

    def view(self, kind: str) -> dict[str, Row]:
        """What is shown of a type: each entity in the highest version that is present anywhere."""
        found: dict[str, Row] = {}
        for rows in self.shown.values():
            for (type_, id_), row in rows.items():
                if type_ == kind and row["present"]:
                    known = found.get(id_)
                    if known is None or known["version"] < row["version"]:
                        found[id_] = row
        return found

    def sets(self) -> list[Row]:
        """What `/verify` is told."""
        found: dict[tuple[str, str], list[str]] = {}
        for (_, scope), rows in self.shown.items():
            for (kind, id_), row in rows.items():
                if row["present"]:
                    found.setdefault((scope, kind), []).append(f"{id_}:{row['version']}\n")
        return [
            {
                "scope": scope,
                "type": kind,
                "count": len(lines),
                "hash": hashlib.sha256("".join(sorted(lines)).encode()).hexdigest(),
            }
            for (scope, kind), lines in found.items()
        ]


@dataclass
class Sim:
    """One tablet; `offset` is how far its clock is wrong, `sittings` are its officers' sessions."""

    name: str
    number: int
    line: Line
    clock: FixedClock
    tablet: Tablet
    receipt_key: Ed25519PublicKey
    sittings: dict[str, str]
    officer: str
    access_until: datetime
    offset: timedelta = timedelta(0)
    boot: int = 1
    made: list[Made] = field(default_factory=list)
    store: Store = field(default_factory=Store)
    uploads: dict[str, tuple[str, int]] = field(default_factory=dict)
    receipts: dict[str, bytes] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.tablet.device_id)

    def now(self) -> datetime:
        """What the tablet believes the time to be."""
        return self.clock() + self.offset

    # --- operations

    def make(
        self, type_: str, entity_id: str, fields: Mapping[str, Any], /, **changed: Any
    ) -> Made:
        """Write the next operation of the chain into the outbox."""
        seq = self.tablet.seq + 1
        values = self.tablet.values(
            type_,
            entity_id,
            fields,
            op_id=f"019a0000-{seq:04x}-7{self.number:03x}-8000-{seq:012x}",
            officer_id=self.officer,
            user_session_id=self.sittings[self.officer],
            recorded_at=written(self.now()),
            boot_id=f"b{self.boot}",
            **changed,
        )
        text = canonical(values)
        self.tablet.seq, self.tablet.prev_hash = seq, sha256(text)
        made = Made(values, self.tablet.sealed(values), sha256(text))
        self.made.append(made)
        return made

    def unsent(self) -> list[Made]:
        """What waits for a receipt."""
        return [one for one in self.made if one.receipt is None]

    # --- requests

    def ask(self, method: str, path: str, body: Any = b"", **headers: str) -> Answer:
        """One request with a good token; renewing it comes first and suffers no fault."""
        fault, self.line.fault = self.line.fault, None
        if self.clock() >= self.access_until:
            self._renew()
        self.line.fault = fault
        return self.tablet.request(method, path, body, signed_in=True, **headers)

    def _renew(self) -> None:
        answer = self.tablet.tokens(refresh=self.tablet.refresh)
        if answer.status != 200:
            answer = self.tablet.tokens(challenge=self.tablet.challenge())
        assert answer.status == 200, answer.body
        self.tablet.keep_tokens(answer.json)
        self.access_until = datetime.fromisoformat(answer.json["access_until"])

    def push(self, ops: Sequence[Made], fault: Fault | None = None) -> list[Row]:
        """Send a batch and return its results; receipts that are good are kept."""
        self.line.fault = fault
        answer = self.ask("POST", "/inbox", b"".join(one.line + b"\n" for one in ops))
        assert answer.status == 200, (answer.status, answer.body)
        results: list[Row] = answer.json["results"]
        assert [one["line"] for one in results] == list(range(1, len(ops) + 1))
        assert [one["op_id"] for one in results] == [one.id for one in ops], "in request order"
        for made, result in zip(ops, results, strict=True):
            self._take_receipt(made, result["receipt"])
        return results

    def _take_receipt(self, made: Made, receipt: Row) -> None:
        """Forget an operation only on a receipt with the hash that was computed here."""
        body = self.check_receipt(receipt)
        assert body["op_hash"] == made.hash, "a receipt names the hash that the tablet computed"
        assert (body["op_id"], body["device_seq"]) == (made.id, made.values["device_seq"])
        text = canonical(receipt).encode()
        assert self.receipts.setdefault(made.id, text) == text, "a repeat has the first receipt"
        made.receipt = body

    def check_receipt(self, receipt: Row) -> Row:
        """Return the body of a receipt whose signature is the server's."""
        message = f"suicha-receipt-1\n{sha256(receipt['body'])}".encode()
        self.receipt_key.verify(unb64(receipt["sig"]), message)
        body: Row = json.loads(receipt["body"])
        assert canonical(body) == receipt["body"], "canonical"
        assert body["device_id"] == self.id
        return body

    def all_receipts(self) -> list[Row]:
        """Every receipt of this tablet, each naming the one before."""
        found: list[Row] = []
        before, after = GENESIS, 0
        while True:
            page = self.ask("GET", f"/receipts?after_seq={after}&limit=100").json
            for receipt in page["receipts"]:
                body = self.check_receipt(receipt)
                assert body["receipt_seq"] == after + 1, "receipts have no gap"
                assert body["prev_receipt_hash"] == before, "receipts are a chain"
                before, after = sha256(receipt["body"]), body["receipt_seq"]
                found.append(body)
            if not page["more"]:
                return found

    def pull(self, limit: int, fault: Fault | None = None) -> bool:
        """One page; tell whether there is more."""
        self.line.fault = fault
        answer = self.ask("GET", f"/feed?cursor={self.store.cursor}&limit={limit}")
        assert answer.status == 200, (answer.status, answer.body)
        page = answer.json
        assert page["complete"] is not page["more"]
        self.store.keep(page)
        return bool(page["more"])

    # --- photos

    def begin_upload(self, data: bytes) -> None:
        """Ask where a file goes, and how much of it is there."""
        digest = hashlib.sha256(data).hexdigest()
        said = {"sha256": digest, "size": str(len(data)), "role": "photo", "mime": PHOTO_TYPE}
        answer = self._tus(
            "POST", "/uploads", Upload_Length=str(len(data)), Upload_Metadata=metadata(said)
        )
        assert answer.status == 201, answer.body
        where = answer.headers["Location"].removeprefix("/api/sync/v1")
        self.uploads[digest] = (where, int(answer.headers["Upload-Offset"]))

    def look(self, digest: str) -> int:
        """How many bytes of a file the server has."""
        where, _ = self.uploads[digest]
        answer = self._tus("HEAD", where)
        assert answer.status == 200, answer.body
        offset = int(answer.headers["Upload-Offset"])
        self.uploads[digest] = (where, offset)
        return offset

    def send_piece(self, data: bytes, size: int, fault: Fault | None = None) -> None:
        """Send so many bytes from where the file stands."""
        digest = hashlib.sha256(data).hexdigest()
        where, offset = self.uploads[digest]
        piece = data[offset : offset + size]
        self.line.fault = fault
        answer = self._tus("PATCH", where, piece, Upload_Offset=str(offset), Content_Type=OCTETS)
        assert answer.status == 204 or (fault is not None and answer.status == 409), answer.body

    def _tus(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        return self.ask(method, path, body, Tus_Resumable="1.0.0", **headers)


PHOTO_TYPE = "application/pdf"  # bytes that nobody needs to open
