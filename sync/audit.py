"""What a fleet made, held against what is stored: nothing lost, nothing doubled, nothing invented.

Reads the database and the storage directly, and the ledger of `suicha simulate`. It shares no code
with the inbox or the simulator that it judges: hashes and signatures are computed here.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.db import db
from app.storage import Storage


def _with_paper(table: str) -> str:
    """Count the rows that an operation made in a table together with their document."""
    return (
        f"SELECT count(*) FROM {table} t"  # noqa: S608 - our own names
        " JOIN document d ON d.id = t.document_id AND d.number = t.number WHERE t.id = :entity"
    )


_FINAL = frozenset({"applied", "merged", "conflict", "held", "quarantined"})
_DEVICE = sa.bindparam("device", type_=sa.Uuid)
_OPERATIONS = sa.text(
    "SELECT o.id, o.op_id, o.device_id, o.device_seq, o.op, o.op_hash, o.type, o.entity_id,"
    " o.outcome, o.reason, o.agency_id FROM operation o WHERE o.device_id = :device"
).columns(id=sa.Uuid, op_id=sa.Uuid, device_id=sa.Uuid, entity_id=sa.Uuid, agency_id=sa.Uuid)
_OPERATIONS = _OPERATIONS.bindparams(_DEVICE)
_RECEIPTS = sa.text(
    "SELECT r.operation_id, r.receipt_seq, r.body, r.sig, r.hash FROM receipt r"
    " WHERE r.device_id = :device ORDER BY r.receipt_seq"
).columns(operation_id=sa.Uuid)
_RECEIPTS = _RECEIPTS.bindparams(_DEVICE)
_EVIDENCE = sa.text("SELECT e.agency_id, e.state FROM evidence e WHERE e.sha256 = :sha256").columns(
    agency_id=sa.Uuid
)
_EFFECTS = {
    "visit.answer_item": "SELECT count(*) FROM visit_answer WHERE id = :entity",
    "visit.start": "SELECT count(*) FROM visit WHERE id = :entity",
    "visit.finish": "SELECT count(*) FROM visit WHERE id = :entity AND finished_at IS NOT NULL",
    "task.accept": "SELECT count(*) FROM task WHERE id = :entity AND state <> 'assigned'",
    "document.sign": "SELECT count(*) FROM visit WHERE id = :entity AND signed_at IS NOT NULL",
    "visit.state_finding": "SELECT count(*) FROM finding WHERE id = :entity",
    "opinion.issue": "SELECT count(*) FROM document WHERE id = :entity",
    "order.issue": _with_paper("corrective_order"),
    "decision.issue": _with_paper("penalty_case"),
    "sample.record": _with_paper("sample"),
}
_ONCE = {  # whichever tablets hand over a paper of it, and however often
    "order.issue": (
        "SELECT count(DISTINCT o.id) FROM corrective_order o"
        " JOIN corrective_order_item i ON i.order_id = o.id"
        " WHERE o.visit_id = :visit AND (i.finding_id = :finding OR i.text = :text)"
    ),
    "decision.issue": (
        "SELECT count(*) FROM penalty_case c WHERE c.finding_id = :finding AND c.cause_code = :code"
    ),
    "sample.record": "SELECT count(*) FROM sample s WHERE s.document_id = :entity",
}
_BLOCKS = sa.text(
    "SELECT b.id, b.device_id, b.officer_id, b.series, b.first, b.last FROM number_block b"
    " WHERE b.agency_id = :agency ORDER BY b.series, b.first"
).columns(id=sa.Uuid, device_id=sa.Uuid, officer_id=sa.Uuid)
_BLOCKS = _BLOCKS.bindparams(sa.bindparam("agency", type_=sa.Uuid))
_DOCUMENTS = sa.text(
    "SELECT d.id, d.block_id, d.device_id, d.officer_id, d.series, d.serial, d.number"
    " FROM document d WHERE d.agency_id = :agency ORDER BY d.series, d.serial, d.id"
).columns(id=sa.Uuid, block_id=sa.Uuid, device_id=sa.Uuid, officer_id=sa.Uuid)
_DOCUMENTS = _DOCUMENTS.bindparams(sa.bindparam("agency", type_=sa.Uuid))
_ENTRIES = sa.text(
    "SELECT j.op_id, j.stream, j.seq FROM journal_entry j WHERE j.op_id IS NOT NULL"
).columns(op_id=sa.Uuid)

_DOUBLES = {
    "answers to one item of a visit": (
        "SELECT count(*) FROM (SELECT 1 AS one FROM visit_answer"
        " GROUP BY visit_id, item_id HAVING count(*) > 1) AS twice"
    ),
    "entries of one round of a task": (
        "SELECT count(*) FROM (SELECT 1 AS one FROM visit JOIN task ON task.id = visit.task_id"
        " WHERE visit.started_at IS NOT NULL"
        " GROUP BY task.id, task.round HAVING count(*) > task.round) AS twice"
    ),
    "originals with one content in an agency": (
        "SELECT count(*) FROM (SELECT 1 AS one FROM evidence"
        " GROUP BY agency_id, sha256 HAVING count(*) > 1) AS twice"
    ),
}


@dataclass
class Ledger:
    """What the tablets say they made."""

    devices: list[str] = field(default_factory=list)
    operations: list[dict[str, Any]] = field(default_factory=list)
    photos: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[dict[str, Any]] = field(default_factory=list)
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Report:
    """What was found: counts, and every single thing that is wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)  # numbers nobody used: listed, and no fault
    entries: set[tuple[str, str, int]] = field(default_factory=set)  # of operations, in the journal

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or wrong."""
        return not (self.lost or self.doubled or self.wrong)


def read_ledger(lines: Iterable[str]) -> Ledger:
    """Read a ledger. Raises ValueError for a line that is none of ours."""
    ledger = Ledger()
    for line in lines:
        made = json.loads(line)
        match made["kind"]:
            case "device":
                ledger.devices.append(made["device_id"])
            case "operation":
                ledger.operations.append(made)
            case "photo":
                ledger.photos.append(made)
            case "number":
                ledger.numbers.append(made)
            case "receipt":
                ledger.receipts[made["op_id"]] = made
            case "warning":
                pass  # said at the door, and never sent
            case other:
                raise ValueError(f"a ledger has no line of kind {other!r}")
    return ledger


def audit(path: Path, storage: Storage, receipt_keys: dict[str, bytes]) -> Report:
    """Compare a ledger with database and storage; `receipt_keys` are raw public keys by key id."""
    with path.open(encoding="utf-8") as lines:
        ledger = read_ledger(lines)
    report = Report()
    report.counts["devices"] = len(ledger.devices)
    report.entries = {(str(row.op_id), row.stream, row.seq) for row in _rows(_ENTRIES)}
    made = {operation["op_id"]: operation for operation in ledger.operations}
    if len(made) != len(ledger.operations):
        report.doubled.append("the ledger itself names an operation twice")
    agencies: dict[str, set[str]] = {}
    for device in ledger.devices:
        _check_device(device, made, ledger, receipt_keys, report, agencies)
    for photo in ledger.photos:
        _check_photo(photo, storage, agencies.get(photo["device_id"], set()), report)
    _check_doubles(report)
    _check_numbers(ledger, {one for found in agencies.values() for one in found}, report)
    return report


def _check_device(
    device: str,
    made: dict[str, dict[str, Any]],
    ledger: Ledger,
    receipt_keys: dict[str, bytes],
    report: Report,
    agencies: dict[str, set[str]],
) -> None:
    rows = list(_rows(_OPERATIONS, device=UUID(device)))
    agencies[device] = {str(row.agency_id) for row in rows}
    own = {op_id: op for op_id, op in made.items() if op["device_id"] == device}
    stored = Counter(str(row.op_id) for row in rows)
    report.doubled += [
        f"operation {op_id} stored {n} times" for op_id, n in stored.items() if n > 1
    ]
    report.lost += [f"operation {op_id}" for op_id in own if op_id not in stored]
    report.doubled += [f"operation {op_id} is in no ledger" for op_id in stored if op_id not in own]
    report.counts["operations"] += len(own)
    receipts = _receipts_of(device, receipt_keys, report)
    for row in rows:
        operation = own.get(str(row.op_id))
        if operation is not None:
            _check_operation(row, operation, receipts.get(str(row.id), []), ledger, report)


def _check_operation(
    row: Any, operation: dict[str, Any], receipts: list[Any], ledger: Ledger, report: Report
) -> None:
    op_id = operation["op_id"]
    text_hash = hashlib.sha256(row.op.encode()).hexdigest()
    if not operation["hash"] == text_hash == row.op_hash:
        report.wrong.append(f"operation {op_id} is stored with another text")
    if row.device_seq != operation["device_seq"]:
        report.wrong.append(f"operation {op_id} is stored with another number")
    if row.outcome not in _FINAL:
        report.wrong.append(f"operation {op_id} has the outcome {row.outcome!r}")
    report.counts[str(row.outcome)] += 1
    if not receipts:
        report.lost.append(f"receipt of operation {op_id}")
        return
    first = receipts[0]
    said = json.loads(first.body)
    if [said[key] for key in ("op_id", "device_id", "device_seq", "op_hash")] != [
        operation[key] for key in ("op_id", "device_id", "device_seq", "hash")
    ]:
        report.wrong.append(f"the receipt of {op_id} is for another operation")
    if (op_id, said["stream"], said["journal_seq"]) not in report.entries:
        report.wrong.append(f"the receipt of {op_id} names no entry of the journal that is its own")
    held = ledger.receipts.get(op_id)
    if held is None:
        report.lost.append(f"receipt of {op_id} never reached the tablet")
    elif (held["body"], held["sig"]) != (first.body, first.sig):
        report.wrong.append(f"the tablet holds another receipt of {op_id} than is stored")
    _check_effect(row, report)


def _check_effect(row: Any, report: Report) -> None:
    """An operation that was applied has its effect in the tables, exactly once."""
    if row.type not in _EFFECTS or row.outcome not in {"applied", "merged"}:
        return
    report.counts["effects"] += 1
    for count in _effects_of(row):
        if count == 0:
            report.lost.append(f"effect of {row.type} {row.op_id}")
            return
        if count != 1:
            report.doubled.append(f"effect of {row.type} {row.op_id}: {count} times")
            return


def _effects_of(row: Any) -> Iterator[int]:
    """Count the effects of an operation, one way after another: each is to be 1.

    A paper that joined what another tablet had handed over has no row of its own; what it wants is
    there once all the same.
    """
    if row.type not in _ONCE or (row.outcome, row.reason) == ("applied", None):
        yield _count(_EFFECTS[row.type], entity=row.entity_id)
    fields = json.loads(row.op)["fields"]
    match row.type:
        case "order.issue":
            for item in fields["items"]:
                finding = item.get("finding_id")
                yield _count(
                    _ONCE[row.type],
                    visit=UUID(fields["visit_id"]),
                    finding=None if finding is None else UUID(finding),
                    text=item["text"],
                )
        case "decision.issue":
            finding_id, code = UUID(fields["finding_id"]), fields["cause_code"]
            yield _count(_ONCE[row.type], finding=finding_id, code=code)
        case "sample.record":
            yield _count(_ONCE[row.type], entity=row.entity_id)


def _count(query: str, **values: Any) -> int:
    bound = [
        sa.bindparam(name, value, type_=sa.String if isinstance(value, str) else sa.Uuid)
        for name, value in values.items()
    ]
    return int(db.session.execute(sa.text(query).bindparams(*bound)).scalar_one())


def _receipts_of(
    device: str, receipt_keys: dict[str, bytes], report: Report
) -> dict[str, list[Any]]:
    """Return the receipts of a device by operation, having proved each and their chain."""
    found: dict[str, list[Any]] = {}
    previous, newest = "0" * 64, 0
    for row in _rows(_RECEIPTS, device=UUID(device)):
        body = json.loads(row.body)
        digest = hashlib.sha256(row.body.encode()).hexdigest()
        report.counts["receipts"] += 1
        if not _is_signed(receipt_keys.get(body["key_id"]), digest, row.sig):
            report.wrong.append(f"receipt {row.receipt_seq} of {device}: signature does not hold")
        seq = body["receipt_seq"]
        if body["prev_receipt_hash"] != previous or not newest < seq == row.receipt_seq:
            report.wrong.append(f"receipt {row.receipt_seq} of {device}: breaks the chain")
        if seq != newest + 1:  # a restored server goes on above what it may have given out
            report.counts["gaps in receipts"] += 1
        previous, newest = digest, seq
        found.setdefault(str(row.operation_id), []).append(row)
    return found


def _is_signed(key: bytes | None, digest: str, sig: str) -> bool:
    if key is None:
        return False
    try:
        raw = base64.urlsafe_b64decode(sig + "=" * (-len(sig) % 4))
        Ed25519PublicKey.from_public_bytes(key).verify(raw, f"suicha-receipt-1\n{digest}".encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _check_photo(
    photo: dict[str, Any], storage: Storage, agencies: set[str], report: Report
) -> None:
    """A photo is there when its row says so and its stored bytes have its hash."""
    sha256 = photo["sha256"]
    report.counts["photos"] += 1
    rows = [
        row
        for row in _rows(_EVIDENCE, sha256=sha256)
        if not agencies or str(row.agency_id) in agencies
    ]
    if len(rows) > 1:
        report.doubled.append(f"photo {sha256} has {len(rows)} rows")
    if not rows or rows[0].state != "stored":
        state = rows[0].state if rows else "no row"
        report.lost.append(f"photo {sha256} ({state})")
        return
    key = f"evidence/{rows[0].agency_id}/{sha256}"
    digest, size = hashlib.sha256(), 0
    if not storage.exists(key):
        report.lost.append(f"photo {sha256}: no bytes in the storage")
        return
    for chunk in storage.stream(key):
        digest.update(chunk)
        size += len(chunk)
    if digest.hexdigest() != sha256 or size != photo["size"]:
        report.wrong.append(f"photo {sha256}: other bytes are stored")


def _check_doubles(report: Report) -> None:
    """Look for what must stand once and stands twice, whatever the ledger says."""
    for what, query in _DOUBLES.items():
        count = db.session.scalar(sa.text(query)) or 0
        if count:
            report.doubled.append(f"{what}: {count} stand more than once")


def _check_numbers(ledger: Ledger, agencies: set[str], report: Report) -> None:
    """See that each number stands on one document, out of its tablet's own block; list the gaps."""
    documents: list[Any] = []
    for agency in sorted(agencies):
        blocks = list(_rows(_BLOCKS, agency=UUID(agency)))
        found = list(_rows(_DOCUMENTS, agency=UUID(agency)))
        documents += found
        _check_blocks(blocks, report)
        _check_owners(blocks, found, report)
        _list_gaps(blocks, found, {UUID(device) for device in ledger.devices}, report)
        for name in ("serial", "number"):  # as counted, and as printed
            numbers = Counter(f"{row.series} {getattr(row, name)}" for row in found)
            report.doubled += [
                f"number {number} stands on {times} documents"
                for number, times in numbers.items()
                if times > 1
            ]
    written = Counter((made["series"], made["serial"]) for made in ledger.numbers)
    report.doubled += [
        f"number {series} {serial} was written {times} times"
        for (series, serial), times in written.items()
        if times > 1
    ]
    stored = {str(row.id): row for row in documents}
    report.counts["numbers"] += len(ledger.numbers)
    for made in ledger.numbers:
        _check_number(made, stored.get(made["document_id"]), ledger, report)


def _check_number(made: dict[str, Any], row: Any, ledger: Ledger, report: Report) -> None:
    name = f"number {made['number']} of document {made['document_id']}"
    if row is None:
        receipt = ledger.receipts.get(made["op_id"], {"body": '{"status":""}'})
        if json.loads(receipt["body"])["status"] != "quarantined":  # then somebody decides about it
            report.lost.append(name)
    elif (row.series, row.serial, row.number) != (made["series"], made["serial"], made["number"]):
        report.wrong.append(f"{name}: stored as {row.number}")


def _check_blocks(blocks: list[Any], report: Report) -> None:
    for before, after in pairwise(blocks):
        if before.series == after.series and after.first <= before.last:
            report.doubled.append(
                f"numbers {after.series} {after.first} to {before.last} lie in two blocks"
            )


def _check_owners(blocks: list[Any], documents: list[Any], report: Report) -> None:
    """See whose each number is: a tablet's out of its officer's block, a desk's out of nobody's."""
    by_id = {block.id: block for block in blocks}
    for row in documents:
        if row.block_id is None and row.device_id is None:
            if any(_holds(block, row) for block in blocks):
                report.wrong.append(f"number {row.number} of a desk lies in the block of a tablet")
            continue
        block = by_id.get(row.block_id)
        owners = {(row.device_id, row.officer_id), (None, None)}
        if (
            block is None
            or not _holds(block, row)
            or (block.device_id, block.officer_id) not in owners
        ):
            report.wrong.append(f"number {row.number} is out of no block of its tablet and officer")


def _holds(block: Any, document: Any) -> bool:
    in_series: bool = block.series == document.series
    return in_series and block.first <= document.serial <= block.last


def _list_gaps(blocks: list[Any], documents: list[Any], devices: set[UUID], report: Report) -> None:
    """List what was left out below the last used number of each block of the fleet's tablets."""
    used: dict[UUID, set[int]] = {}
    for row in documents:
        used.setdefault(row.block_id, set()).add(row.serial)
    for block in blocks:
        if block.device_id in devices and block.id in used:
            missing = sorted(set(range(block.first, max(used[block.id]))) - used[block.id])
            report.gaps += [f"{block.series} {serial}" for serial in missing]


def _rows(query: Any, **values: Any) -> Iterator[Any]:
    yield from db.session.execute(query, values)
