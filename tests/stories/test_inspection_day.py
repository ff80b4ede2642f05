"""One inspection day, end to end: tablets go out, come home, and the supervisor reads the rates."""

import json
import re
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import canonical, clock, entry
from app.db import db, transaction
from app.demo.accounts import PASSWORD
from app.keys import key_id, public_bytes, sign_receipt
from app.visits.checking import check_integrity
from app.visits.models import IntegrityFinding, VisitMark
from sync import audit
from tests.journalled import written_past_the_services
from tests.stories.conftest import Office
from wsgi import create_app

LEADS = 3
TABLETS = LEADS + 1  # and a colleague


class Undone(Exception):
    """Ends a transaction whose damage is not to stay."""


@pytest.fixture(scope="module")
def ledger(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What four tablets made on a day with a bad line; two of them are one pair's."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    done = office.suicha(
        "simulate",
        *("--tablets", str(TABLETS), "--tasks", "2", "--photos", "2", "--seed", "7"),
        *("--server", office.address, "--ledger", str(path), "--lose", "8%", "--cut", "8%"),
    )
    assert "applied=" in done.stdout
    return path


@pytest.fixture
def inside(office: Office) -> Iterator[None]:
    """The application over the office's data, in this process."""
    flask_app = create_app(office.environ)
    with flask_app.app_context():
        yield
        db.session.remove()
        db.engine.dispose()


def judge(ledger: Path) -> audit.Report:
    public = public_bytes(entry.keys().receipt_key)
    return audit.audit(ledger, entry.storage(), {key_id(public): public})


def made(ledger: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["kind"] == kind]


def numbers(ledger: Path, kind: str) -> list[dict[str, Any]]:
    """The numbers of one kind of document that the tablets wrote."""
    return [one for one in made(ledger, "number") if one["series"].startswith(f"{kind}:")]


def call(office: Office, method: str, path: str, token: str = "", **more: Any) -> tuple[Any, Any]:
    request = urllib.request.Request(
        office.address + path,
        method=method,
        data=json.dumps(more["body"]).encode() if "body" in more else None,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        | more.get("headers", {}),
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read()), answer.headers


def test_nothing_a_fleet_made_is_lost_or_doubled(office: Office, ledger: Path) -> None:
    done = office.suicha("audit", "--ledger", str(ledger))
    assert "0 lost, 0 doubled, 0 wrong" in done.stdout
    assert len(made(ledger, "operation")) == len(made(ledger, "receipt")) > 50
    assert len(made(ledger, "photo")) >= LEADS * 2 * 2


def test_the_supervisor_completes_a_task_and_the_rate_rises(office: Office, ledger: Path) -> None:
    session, _ = call(
        office, "POST", "/api/v1/sessions", body={"login": "kezhang", "password": PASSWORD}
    )
    token = session["token"]
    counted = "/api/v1/reports/task-counts?from_on=2026-10-01&until_on=2026-12-31"
    before, _ = call(office, "GET", counted, token)
    submitted, _ = call(office, "GET", "/api/v1/tasks?state=submitted", token)
    assert len(submitted["items"]) >= LEADS
    done = [one for one in submitted["items"] if not one["awaiting_results"]]
    task_id = done[0]["id"]
    _, headers = call(office, "GET", f"/api/v1/tasks/{task_id}", token)
    task, _ = call(
        office,
        "POST",
        f"/api/v1/tasks/{task_id}/complete",
        token,
        headers={"If-Match": headers["ETag"]},
    )
    assert task["state"] == "completed"
    after, _ = call(office, "GET", counted, token)
    assert after["counts"]["completed"] == before["counts"]["completed"] + 1
    assert after["counts"]["tasks"] == before["counts"]["tasks"]
    assert after["completion"]["numerator"] == before["completion"]["numerator"] + 1


def test_the_journal_of_the_day_is_whole(office: Office, ledger: Path) -> None:
    assert "0 broken chains" in office.suicha("journal", "verify").stdout


def test_every_row_of_the_day_is_as_the_journal_knows_it(inside: None, ledger: Path) -> None:
    assert written_past_the_services(db.session()) == []


def test_the_audit_misses_a_photo_that_is_gone(inside: None, ledger: Path) -> None:
    sha256 = made(ledger, "photo")[0]["sha256"]
    query = sa.text("SELECT agency_id FROM evidence WHERE sha256 = :sha256")
    agency_id = db.session.execute(
        query.columns(agency_id=sa.Uuid), {"sha256": sha256}
    ).scalar_one()
    key = f"evidence/{agency_id}/{sha256}"
    data = entry.storage().get(key)
    entry.storage().delete(key)
    report = judge(ledger)
    entry.storage().put(key, data[:-1])
    cut = judge(ledger)
    entry.storage().put(key, data)
    assert [sha256 in line for line in report.lost] == [True]
    assert [sha256 in line for line in cut.wrong] == [True]
    assert judge(ledger).clean


def test_the_audit_misses_an_operation_that_is_gone(inside: None, ledger: Path) -> None:
    op_id = UUID(made(ledger, "operation")[5]["op_id"])
    with pytest.raises(Undone), transaction() as session:
        found = session.execute(
            sa.text("SELECT id FROM operation WHERE op_id = :op")
            .columns(id=sa.Uuid)
            .bindparams(sa.bindparam("op", op_id, type_=sa.Uuid))
        ).scalar_one()
        for statement in (
            "DELETE FROM receipt WHERE operation_id = :id",
            "DELETE FROM review_item WHERE operation_id = :id",
            "DELETE FROM operation_wait WHERE operation_id = :id",
            "DELETE FROM operation WHERE id = :id",
        ):
            session.execute(sa.text(statement).bindparams(sa.bindparam("id", found, type_=sa.Uuid)))
        report = judge(ledger)
        raise Undone
    assert not report.clean
    assert any(str(op_id) in line for line in report.lost)
    assert any("breaks the chain" in line for line in report.wrong)


def test_the_audit_sees_an_effect_that_stands_without_its_operation(
    inside: None, ledger: Path
) -> None:
    operation = next(o for o in made(ledger, "operation") if o["type"] == "visit.answer_item")
    with pytest.raises(Undone), transaction() as session:
        session.execute(
            sa.text("DELETE FROM visit_answer WHERE id = :id").bindparams(
                sa.bindparam("id", UUID(operation["entity_id"]), type_=sa.Uuid)
            )
        )
        report = judge(ledger)
        raise Undone
    assert [line for line in report.lost if operation["op_id"] in line]


def test_the_audit_sees_what_was_doubled(inside: None, ledger: Path) -> None:
    operation = made(ledger, "operation")[3]
    names = "batch_id, agency_id, device_id, op_hash, op, sig, type, entity_id, officer_id"
    names += ", recorded_at, received_at, clock_suspect, outcome, declined"
    with pytest.raises(Undone), transaction() as session:
        session.execute(
            sa.text(
                f"INSERT INTO operation (id, key, op_id, {names})"  # noqa: S608 - our own names
                f" SELECT :new, 'twice', :other, {names} FROM operation WHERE op_id = :op"
            ).bindparams(
                sa.bindparam("new", UUID(int=1), type_=sa.Uuid),
                sa.bindparam("other", UUID(int=2), type_=sa.Uuid),
                sa.bindparam("op", UUID(operation["op_id"]), type_=sa.Uuid),
            )
        )
        report = judge(ledger)
        raise Undone
    assert [line for line in report.doubled if str(UUID(int=2)) in line]


def change(statement: str, **values: Any) -> None:
    """Change stored rows behind everybody's back; ids are UUIDs."""
    bound = [
        sa.bindparam(name, value, type_=sa.Uuid if isinstance(value, UUID) else None)
        for name, value in values.items()
    ]
    done = db.session.execute(sa.text(statement).bindparams(*bound))
    assert done.rowcount == 1, statement  # type: ignore[attr-defined]


def receipts(ledger: Path) -> list[Any]:
    """The stored receipts of the first tablet, in their order."""
    device = UUID(made(ledger, "device")[0]["device_id"])
    query = sa.text(
        "SELECT device_id, receipt_seq, body, sig FROM receipt WHERE device_id = :device"
        " ORDER BY receipt_seq"
    ).columns(device_id=sa.Uuid)
    found = db.session.execute(query.bindparams(sa.bindparam("device", device, type_=sa.Uuid)))
    return list(found)


SEAL = "UPDATE receipt SET body = :body, sig = :sig, hash = :hash"
SEAL += " WHERE device_id = :device AND receipt_seq = :seq"


def test_the_audit_sees_a_receipt_that_the_server_never_signed(inside: None, ledger: Path) -> None:
    one, other = receipts(ledger)[3:5]
    with pytest.raises(Undone), transaction():
        change(
            "UPDATE receipt SET sig = :sig WHERE device_id = :device AND receipt_seq = :seq",
            sig=other.sig,
            device=one.device_id,
            seq=one.receipt_seq,
        )
        report = judge(ledger)
        raise Undone
    assert not report.clean
    name = f"receipt {one.receipt_seq} of {one.device_id}: signature does not hold"
    assert [line for line in report.wrong if line == name]


def test_the_audit_sees_a_chain_of_receipts_that_was_broken(inside: None, ledger: Path) -> None:
    """Signed by the right key, and still not the one that followed the one before."""
    one = receipts(ledger)[2]
    body = canonical.dumps({**json.loads(one.body), "prev_receipt_hash": "1" * 64})
    digest = canonical.digest(body)
    with pytest.raises(Undone), transaction():
        change(
            SEAL,
            body=body,
            sig=sign_receipt(entry.keys().receipt_key, digest),
            hash=digest,
            device=one.device_id,
            seq=one.receipt_seq,
        )
        report = judge(ledger)
        raise Undone
    broken = f"receipt {one.receipt_seq} of {one.device_id}: breaks the chain"
    assert broken in report.wrong
    assert not [line for line in report.wrong if "signature" in line]


def test_the_audit_sees_a_receipt_that_is_in_no_journal(inside: None, ledger: Path) -> None:
    one = receipts(ledger)[-1]
    body = canonical.dumps({**json.loads(one.body), "journal_seq": 999_999})
    digest = canonical.digest(body)
    with pytest.raises(Undone), transaction():
        change(
            SEAL,
            body=body,
            sig=sign_receipt(entry.keys().receipt_key, digest),
            hash=digest,
            device=one.device_id,
            seq=one.receipt_seq,
        )
        report = judge(ledger)
        raise Undone
    op_id = json.loads(one.body)["op_id"]
    assert [line for line in report.wrong if op_id in line and "journal" in line]


def test_every_number_stands_on_one_document_and_spoiled_forms_are_listed(
    office: Office, ledger: Path
) -> None:
    written = [line["serial"] for line in made(ledger, "number")]
    assert written
    said = office.suicha("audit", "--ledger", str(ledger)).stdout
    assert re.search(rf"^numbers +{len(written)}$", said, re.MULTILINE)
    assert "GAP opinion:" in said


def test_the_audit_sees_a_number_that_is_used_twice(inside: None, ledger: Path) -> None:
    one, other = numbers(ledger, "corrective-order")[:2]
    with pytest.raises(Undone), transaction():
        change(
            "UPDATE document SET number = :number WHERE id = :id",
            number=one["number"],
            id=UUID(other["document_id"]),
        )
        report = judge(ledger)
        raise Undone
    assert f"number {one['series']} {one['number']} stands on 2 documents" in report.doubled
    assert [line for line in report.wrong if other["document_id"] in line]


def test_the_audit_sees_a_number_from_another_tablets_block(inside: None, ledger: Path) -> None:
    one = made(ledger, "number")[0]
    with pytest.raises(Undone), transaction():
        change("UPDATE document SET serial = 987654 WHERE id = :id", id=UUID(one["document_id"]))
        report = judge(ledger)
        raise Undone
    assert [line for line in report.wrong if one["number"] in line and "block" in line]


def test_the_audit_sees_a_desks_number_in_a_tablets_block(inside: None, ledger: Path) -> None:
    one = made(ledger, "number")[0]
    with pytest.raises(Undone), transaction():
        change(
            "UPDATE document SET device_id = NULL, block_id = NULL WHERE id = :id",
            id=UUID(one["document_id"]),
        )
        report = judge(ledger)
        raise Undone
    assert report.wrong == [f"number {one['number']} of a desk lies in the block of a tablet"]


PAPERS = {  # what each makes, and the table of it
    "order.issue": ("corrective-order", "corrective_order"),
    "decision.issue": ("on-site-decision", "penalty_case"),
    "sample.record": ("sampling-record", "sample"),
}
DELETE = {  # a row of it, with what belongs to it
    "order.issue": (
        "DELETE FROM corrective_order_item WHERE order_id = :id",
        "DELETE FROM corrective_order WHERE id = :id",
    ),
    "decision.issue": (
        "DELETE FROM penalty_case_officer WHERE case_id = :id",
        "DELETE FROM case_sanction WHERE case_id = :id",
        "DELETE FROM case_discretion WHERE case_id = :id",
        "DELETE FROM penalty_case WHERE id = :id",
    ),
    "sample.record": ("DELETE FROM sample WHERE id = :id",),
}


def said(ledger: Path, type_: str) -> dict[str, tuple[str, str | None]]:
    """What the receipts say of the operations of a type: outcome and reason, by operation."""
    of_type = {one["op_id"] for one in made(ledger, "operation") if one["type"] == type_}
    bodies = [json.loads(one["body"]) for one in made(ledger, "receipt")]
    return {
        one["op_id"]: (one["status"], one["reason"]) for one in bodies if one["op_id"] in of_type
    }


def test_every_paper_has_its_effect_and_the_pairs_second_has_no_other(ledger: Path) -> None:
    assert len(numbers(ledger, "sampling-record")) == LEADS
    assert set(said(ledger, "sample.record").values()) == {("applied", None)}
    orders = Counter(said(ledger, "order.issue").values())
    decisions = Counter(said(ledger, "decision.issue").values())
    assert orders == {("applied", None): LEADS, ("merged", None): 1}
    assert decisions == {("applied", None): LEADS, ("applied", "no-second-effect"): 1}


@pytest.mark.parametrize("type_", PAPERS)
def test_the_audit_names_every_paper_whose_effect_is_gone(
    inside: None, ledger: Path, type_: str
) -> None:
    """Also the pair's second one, which has no row of its own."""
    rows = {UUID(one["document_id"]) for one in numbers(ledger, PAPERS[type_][0])}
    with pytest.raises(Undone), transaction() as session:
        for row in rows:
            for statement in DELETE[type_]:
                bound = sa.bindparam("id", row, type_=sa.Uuid)
                session.execute(sa.text(statement).bindparams(bound))
        report = judge(ledger)
        raise Undone
    assert set(report.lost) == {f"effect of {type_} {op_id}" for op_id in said(ledger, type_)}
    assert (report.doubled, report.wrong) == ([], [])


@pytest.mark.parametrize("type_", PAPERS)
def test_the_audit_names_an_effect_that_is_not_its_papers(
    inside: None, ledger: Path, type_: str
) -> None:
    kind, table = PAPERS[type_]
    first = next(op_id for op_id, one in said(ledger, type_).items() if one == ("applied", None))
    number = next(one for one in numbers(ledger, kind) if one["op_id"] == first)
    with pytest.raises(Undone), transaction():
        change(
            f"UPDATE {table} SET number = 'x' WHERE id = :id",  # noqa: S608 - our own names
            id=UUID(number["document_id"]),
        )
        report = judge(ledger)
        raise Undone
    assert report.lost == [f"effect of {type_} {first}"]


def test_the_audit_sees_what_was_punished_twice(inside: None, ledger: Path) -> None:
    """By a rule of another day, which the database's own constraint lets pass."""
    copied = (
        "agency_id, district, unit_id, visit_id, finding_id, number, state, cause_code, cause_name,"
        " basis_law, basis_article, party_kind, party_name, act, warning, fine_fen, acted_on,"
        " decided_on, officer_id, recorded_at, decided_at, decided_by_kind, decided_by_id, version"
    )
    applied = [key for key, one in said(ledger, "decision.issue").items() if one[1] is None]
    number = next(one for one in numbers(ledger, "on-site-decision") if one["op_id"] == applied[0])
    with pytest.raises(Undone), transaction():
        change(
            f"INSERT INTO penalty_case (id, cause_from, {copied})"  # noqa: S608 - our own names
            f" SELECT :new, '2023-01-01', {copied} FROM penalty_case WHERE id = :id",
            new=UUID(int=3),
            id=UUID(number["document_id"]),
        )
        report = judge(ledger)
        raise Undone
    assert f"effect of decision.issue {applied[0]}: 2 times" in report.doubled
    assert report.lost == []


def test_the_audit_misses_a_document_that_is_gone(inside: None, ledger: Path) -> None:
    one = numbers(ledger, "opinion")[0]
    with pytest.raises(Undone), transaction():
        change("DELETE FROM document WHERE id = :id", id=UUID(one["document_id"]))
        report = judge(ledger)
        raise Undone
    assert [line for line in report.lost if one["number"] in line]
    assert [line for line in report.lost if one["op_id"] in line], "and its effect"


def test_the_command_ends_with_one_when_something_is_lost(
    office: Office, ledger: Path, tmp_path: Path
) -> None:
    lines = ledger.read_text(encoding="utf-8").splitlines()
    invented = json.dumps({**made(ledger, "photo")[0], "sha256": "0" * 64})
    (tmp_path / "more.jsonl").write_text("\n".join([*lines, invented]), encoding="utf-8")
    done = office.suicha("audit", "--ledger", str(tmp_path / "more.jsonl"), check=False)
    assert done.returncode == 1
    assert "1 lost" in done.stdout


def test_what_tablets_said_at_the_door_is_what_the_server_marks(ledger: Path, inside: None) -> None:
    """Of codes, of units' codes and of places; nothing of it stopped anybody."""
    check_integrity(at=clock.now())
    said = {(one["visit_id"], one["reason"]) for one in made(ledger, "warning")}
    visits = {one for one, _ in said}
    marked = {(str(one.visit_id), one.mark) for one in db.session.scalars(sa.select(VisitMark))}
    found = {
        (str(one.visit_id), one.reason)
        for one in db.session.scalars(sa.select(IntegrityFinding))
        if one.reason.startswith(("arrival-", "departure-"))
    }
    assert said <= marked | found
    unsaid = {mark for visit_id, mark in marked - said if visit_id in visits}
    assert unsaid <= {"code-afterwards"}  # what only the server can know
    assert found <= said
    kinds = {reason for _, reason in said}
    assert {"arrival-far", "unit-code-forged", "code-missing"} <= kinds
    assert {one["words"] for one in made(ledger, "warning") if not one["words"]} == set()


def test_a_fleet_without_a_server_ends_with_one(office: Office, tmp_path: Path) -> None:
    done = office.suicha(
        "simulate",
        *("--server", "http://127.0.0.1:9", "--tablets", "1"),
        *("--ledger", str(tmp_path / "none.jsonl")),
        check=False,
    )
    assert done.returncode == 1
