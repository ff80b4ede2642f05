"""The one log: it holds nothing of a person, and no row changes without it."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import Base, db, transaction
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.tasks import service as tasks
from app.units import service as units
from app.units.models import Unit
from app.visits.models import Visit, VisitAnswer
from sync.feed import service as feed
from sync.inbox.batches import drop_content
from sync.inbox.models import Operation, Receipt
from tests.journalled import written_past_the_services
from tests.sync.conftest import ITEMS, Stage, answer, finish, sign, start
from tests.sync.tablet import Tablet, sha256

PERSON, PHONE = "钱学礼", "13916208835"


# --- a person is forgotten ---------------------------------------------------------------------


def day_with(stage: Stage, tablet: Tablet, name: str, phone: str) -> None:
    """A day on which a person is named wherever people can write."""
    make, words = stage.make, f"{name}（{phone}）"
    unit = make.unit(
        legal_representative=name, phone=phone, note=words, address=f"长宁路1号{name}转"
    )
    colleague = make.officer(name=name)
    task = make.task(unit, team=[stage.officer_of(tablet), colleague], checklist_code="lodging")
    fields = {"visit_id": str(task.visit_id), "text": words, "basis": words, "handling": words}
    lines = [
        start(tablet, task),
        tablet.op("visit.interrupt", task.visit_id, {"reason": words}),
        start(tablet, task),
        tablet.op("visit.state_finding", uuid4(), fields),
        *(answer(tablet, task, code, "yes", words) for code in ITEMS),
        answer(tablet, task, ITEMS[0], "no", words * 2),
        tablet.op(
            "unit.propose_correction", unit.id, {"phone": phone, "legal_representative": name}
        ),
        f"没有格式：{words}".encode(),
        finish(tablet, task),
        sign(tablet, task),
    ]
    assert tablet.push(lines).status == 200
    chen, by, ding = make.signed_in(Role.SUPERVISOR), make.supervisor(), make.supervisor()
    paper, other = make.stored_evidence(), make.officer()
    with stage.flask_app.app_context(), transaction():
        tasks.return_task(task.id, f"请向{words}核实", by=by, at=stage.clock())
        tasks.propose_closing(task.id, "ceased", words, [paper], by=by, at=stage.clock())
        tasks.refuse_closing(task.id, words, by=ding, at=stage.clock())
        team = [one.id for one in (colleague, other)]
        tasks.reassign_task(task.id, team, team[0], reason=words, by=by, at=stage.clock())
        units.change_unit(unit.id, {"note": f"联系人{words}"}, by=by, at=stage.clock())
    items = chen.get("/api/sync/v1/review", headers={"Sync-Protocol": "1"}).get_json()["items"]
    assert items
    for one in items:
        path, head = f"/api/sync/v1/review/{one['id']}", {"Sync-Protocol": "1"}
        tag = chen.get(path, headers=head).headers["ETag"]
        said = {"decision": one["possible"][-1], "reason": f"{words}已核实"}
        chen.post(path, json=said, headers={**head, "If-Match": tag})


def erasable() -> Iterator[tuple[sa.Table, sa.Column[Any]]]:
    """Every column outside the journal that can hold words."""
    for table in Base.metadata.sorted_tables:
        if table.name == JournalEntry.__tablename__:
            continue
        for column in table.columns:
            if isinstance(column.type, sa.Text | sa.String | sa.JSON):
                yield table, column


def as_text(column: sa.Column[Any]) -> Any:
    return sa.cast(column, sa.Text)


def places_of(word: str) -> set[str]:
    """The columns in which a word stands; JSON may write it in escapes."""
    escaped = word.encode("unicode_escape").decode()
    found = set()
    for table, column in erasable():
        text = as_text(column)
        stands = sa.or_(text.contains(word), text.contains(escaped))
        if db.session.scalar(sa.select(sa.func.count()).select_from(table).where(stands)):
            found.add(f"{table.name}.{column.name}")
    return found


def erase(word: str, put: str) -> None:
    """Forget a word wherever it stands, past all services, as an operator may be ordered to."""
    for table, column in erasable():
        text: Any = as_text(column)
        for spelling in (word, word.encode("unicode_escape").decode()):
            text = sa.func.replace(text, spelling, put)
        new = sa.cast(text, column.type) if is_json_on_postgresql(column) else text
        if isinstance(column.type, sa.JSON) and new is text:
            new = sa.type_coerce(text, sa.Text)
        change = sa.update(table).where(as_text(column) != text).values({column.name: new})
        db.session.execute(change)


def is_json_on_postgresql(column: sa.Column[Any]) -> bool:
    dialect = db.session.get_bind().dialect.name
    return isinstance(column.type, sa.JSON) and dialect == "postgresql"


def test_a_person_is_erased_everywhere_and_the_journal_still_verifies(stage: Stage, tablet: Tablet):
    day_with(stage, tablet, PERSON, PHONE)
    with stage.flask_app.app_context():
        before = journal.heads()
        texts = db.session.scalars(sa.select(JournalEntry.text)).all()
        assert [text for text in texts if PERSON in text or PHONE in text] == []
        named = places_of(PERSON)
    assert {"unit.legal_representative", "operation.op", "officer.name", "finding.text"} <= named
    assert {"visit_answer.note", "feed_body.body", "task.return_reason"} <= named

    with stage.flask_app.app_context(), transaction():
        for word in (PERSON, PHONE):
            erase(word, "某")
        drop_content(stage.clock.forward(seconds=1))

    with stage.flask_app.app_context():
        assert places_of(PERSON) | places_of(PHONE) == set()
        assert journal.verify()[1] == []
        assert journal.heads() == before
        assert feed.differences() == []
        rows = db.session.scalars(sa.select(Receipt).order_by(Receipt.receipt_seq)).all()
        assert [row.hash for row in rows] == [sha256(row.body) for row in rows]
        hashes = dict(db.session.execute(sa.select(Operation.id, Operation.op_hash)).all())
    assert all(row.body.find(hashes[row.operation_id]) > 0 for row in rows)


# --- rows and their entries --------------------------------------------------------------------


def strays(stage: Stage) -> list[str]:
    with stage.flask_app.app_context():
        return written_past_the_services(db.session())


def test_every_row_of_a_day_has_the_version_that_the_journal_knows(stage: Stage, tablet: Tablet):
    day_with(stage, tablet, PERSON, PHONE)
    assert strays(stage) == []


@pytest.mark.past_the_services
@pytest.mark.parametrize("how", ["sql", "orm", "added", "children"])
def test_a_row_that_is_written_past_the_services_is_found(stage: Stage, tablet: Tablet, how: str):
    task = stage.task(tablet)
    tablet.push([start(tablet, task), answer(tablet, task, ITEMS[0])])
    assert strays(stage) == []
    with stage.make.writing():
        if how == "sql":
            query = sa.update(Unit).values(version=Unit.version + 1)
            db.session.execute(query.where(Unit.id == task.unit_id))
        elif how == "orm":
            db.session.get_one(Unit, task.unit_id).note = "顺手改一下"
        elif how == "children":
            visit = db.session.get_one(Visit, task.visit_id)
            next(iter(visit.answers.values())).note = "顺手改一下"
        else:
            given = db.session.scalars(sa.select(VisitAnswer)).one()
            copied = {c.key: getattr(given, c.key) for c in sa.inspect(VisitAnswer).column_attrs}
            item = uuid4()
            db.session.add(VisitAnswer(**{**copied, "id": uuid4(), "item_id": item, "version": 1}))

    (found,) = strays(stage)

    kind = "visit_answer" if how in {"added", "children"} else "unit"
    assert found.startswith(f"{kind} ")
