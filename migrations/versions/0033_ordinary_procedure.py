"""Cases of the ordinary procedure: where they come from, whose they are, their steps and terms."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0035"
branch_labels = None
depends_on = None

_STATES = "'decided-on-site', 'filed', 'closed'"
_ALL_STATES = (
    "'decided-on-site', 'opened', 'filed', 'investigating', 'concluded', 'notified', 'hearing',"
    " 'decided', 'served', 'not-punished', 'transferred', 'withdrawn', 'closed'"
)
_ID_KINDS = (
    "'uscc', 'identity-card', 'passport', 'travel-permit', 'residence-permit', 'other', 'unknown'"
)
_VERBS = (
    "'open', 'decline', 'file', 'amend', 'assign', 'declare-recusal', 'decide-recusal', 'collect',"
    " 'check-monitoring', 'exclude', 'preserve', 'resolve-preservation', 'conclude', 'reopen',"
    " 'discuss', 'review', 'notify', 'hear-defence', 'recheck-defence', 'waive-defence',"
    " 'request-hearing', 'call-hearing', 'hold-hearing', 'end-hearing', 'stop-clock',"
    " 'resume-clock', 'extend', 'decide', 'not-punish', 'serve', 'report', 'correct', 'revoke',"
    " 'begin-remedy', 'end-remedy', 'transfer', 'take-back', 'withdraw', 'close'"
)
_CHILDREN = ("penalty_case_officer", "case_sanction")
_LOOSENED: Sequence[tuple[str, sa.types.TypeEngine[Any]]] = (  # required of simple cases only
    ("unit_id", sa.Uuid()),
    ("visit_id", sa.Uuid()),
    ("finding_id", sa.Uuid()),
    ("party_name", sa.Text()),
    ("decided_on", sa.Date()),
    ("officer_id", sa.Uuid()),
    ("recorded_at", sa.DateTime(timezone=True)),
    ("decided_at", sa.DateTime(timezone=True)),
    ("decided_by_kind", sa.Text()),
)
_ADDED: Sequence[tuple[str, sa.types.TypeEngine[Any]]] = (
    *((name, sa.Text()) for name in ("source_reference", "decision_number", "party_id_kind")),
    *((name, sa.Text()) for name in ("party_id_number", "party_representative", "party_address")),
    *((name, sa.Text()) for name in ("party_phone", "party_note")),
    *((name, sa.Date()) for name in ("party_born_on", "act_ended_on", "opened_on", "filed_on")),
    *((name, sa.Date()) for name in ("notified_on", "served_on", "revoked_on", "closed_on")),
)
_BEFORE = {
    "state_known": f"state IN ({_STATES})",
    "decided_who_and_when": "decided_at IS NOT NULL AND decided_by_kind IS NOT NULL",
    "sanctioned": "fine_fen >= 0 AND (warning OR fine_fen > 0)",
    "filed_when": "(state = 'decided-on-site') = (filed_at IS NULL)",
}
_AFTER = {
    "state_known": f"state IN ({_ALL_STATES})",
    "decided_who_and_when": "(decided_at IS NULL) = (decided_by_kind IS NULL)",
    "sanctioned": "fine_fen >= 0 AND (procedure = 'ordinary' OR warning OR fine_fen > 0)",
    "filed_when": "procedure = 'ordinary' OR (state = 'decided-on-site') = (filed_at IS NULL)",
}
_NEW = {
    "procedure_known": "procedure IN ('simple', 'ordinary')",
    "source_known": "source IN ('finding', 'complaint', 'transfer', 'superior')",
    "party_id_kind_known": f"party_id_kind IN ({_ID_KINDS})",
    "simple_whole": "procedure = 'ordinary' OR (unit_id IS NOT NULL AND visit_id IS NOT NULL"
    " AND finding_id IS NOT NULL AND officer_id IS NOT NULL AND recorded_at IS NOT NULL"
    " AND decided_on IS NOT NULL AND decided_at IS NOT NULL AND party_name IS NOT NULL)",
    "ordinary_opened": "procedure = 'simple' OR (opened_on IS NOT NULL"
    " AND state <> 'decided-on-site')",
    "source_there": "source <> 'finding' OR finding_id IS NOT NULL",
    "party_described": "party_name IS NOT NULL OR party_note IS NOT NULL",
    "decided_when": "state NOT IN ('decided', 'served') OR decided_on IS NOT NULL",
}


def _table(*, after: bool) -> sa.Table:
    """The table of cases before or after: SQLite makes it anew and cannot look up its checks."""
    loosened = {name for name, _ in _LOOSENED} if after else set()

    def column(name: str, kind: sa.types.TypeEngine[Any], *, null: bool = False) -> sa.Column:  # type: ignore[type-arg]
        return sa.Column(name, kind, nullable=null or name in loosened)

    texts = ("cause_code", "cause_name", "basis_law", "basis_article", "party_kind", "party_name")
    added = [
        sa.Column("procedure", sa.Text(), server_default="simple", nullable=False),
        sa.Column("source", sa.Text(), server_default="finding", nullable=False),
        *(column(name, kind, null=True) for name, kind in _ADDED),
    ]
    checks = {
        "closed_when": "(state = 'closed') = (closed_at IS NOT NULL)",
        "party_kind_known": "party_kind IN ('citizen', 'organisation')",
        "closed_who_and_when": "(closed_at IS NULL) = (closed_by_kind IS NULL)",
        "filed_who_and_when": "(filed_at IS NULL) = (filed_by_kind IS NULL)",
        **({**_AFTER, **_NEW} if after else _BEFORE),
    }
    references = ("agency", "document", "finding", "officer", "unit", "visit")
    return sa.Table(
        "penalty_case",
        sa.MetaData(),
        column("agency_id", sa.Uuid()),
        column("unit_id", sa.Uuid()),
        column("visit_id", sa.Uuid()),
        column("finding_id", sa.Uuid()),
        column("document_id", sa.Uuid(), null=True),
        column("number", sa.Text()),
        column("state", sa.Text()),
        column("cause_from", sa.Date()),
        *(column(name, sa.Text()) for name in texts),
        column("act", sa.Text()),
        column("place", sa.Text(), null=True),
        column("warning", sa.Boolean()),
        column("fine_fen", sa.BigInteger()),
        column("acted_on", sa.Date()),
        column("decided_on", sa.Date()),
        column("officer_id", sa.Uuid()),
        column("recorded_at", sa.DateTime(timezone=True)),
        column("note", sa.Text(), null=True),
        *(
            made
            for verb in ("decided", "filed", "closed")
            for made in (
                column(f"{verb}_at", sa.DateTime(timezone=True), null=verb != "decided"),
                column(f"{verb}_by_kind", sa.Text(), null=verb != "decided"),
                column(f"{verb}_by_id", sa.Uuid(), null=True),
            )
        ),
        column("id", sa.Uuid()),
        column("version", sa.BigInteger()),
        column("district", sa.Text()),
        *(added if after else ()),
        *(
            sa.CheckConstraint(text, name=op.f(f"ck_penalty_case_{name}"))
            for name, text in checks.items()
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"], [f"{name}.id"], name=op.f(f"fk_penalty_case_{name}_id")
            )
            for name in references
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_penalty_case")),
        sa.UniqueConstraint(
            "finding_id",
            "cause_code",
            "cause_from",
            name=op.f("uq_penalty_case_finding_id_cause_code_cause_from"),
        ),
        sa.Index("ix_penalty_case_agency_id_id", "agency_id", "id"),
        sa.Index("ix_penalty_case_district", "district"),
        sa.Index("ix_penalty_case_unit_id_state", "unit_id", "state"),
        sa.Index("ix_penalty_case_visit_id", "visit_id"),
    )


def upgrade() -> None:
    _set_children_aside()
    with op.batch_alter_table("penalty_case", copy_from=_of_sqlite(after=False)) as batch:
        for name in _BEFORE:
            batch.drop_constraint(op.f(f"ck_penalty_case_{name}"), type_="check")
        for name, kind in _LOOSENED:
            batch.alter_column(name, existing_type=kind, nullable=True)
        batch.add_column(sa.Column("procedure", sa.Text(), server_default="simple", nullable=False))
        batch.add_column(sa.Column("source", sa.Text(), server_default="finding", nullable=False))
        for name, kind in _ADDED:
            batch.add_column(sa.Column(name, kind, nullable=True))
        for name, text in {**_AFTER, **_NEW}.items():
            batch.create_check_constraint(op.f(f"ck_penalty_case_{name}"), text)
    _put_children_back()
    op.create_index(
        "ix_penalty_case_agency_id_party_id_number",
        "penalty_case",
        ["agency_id", "party_id_number"],
    )
    _steps()
    _deadlines()


def downgrade() -> None:
    op.drop_table("case_deadline")
    op.drop_table("case_step")
    op.drop_index("ix_penalty_case_agency_id_party_id_number", "penalty_case")
    ordinary = "SELECT id FROM penalty_case WHERE procedure = 'ordinary'"
    for table in _CHILDREN:
        op.execute(f"DELETE FROM {table} WHERE case_id IN ({ordinary})")  # noqa: S608
    op.execute("DELETE FROM penalty_case WHERE procedure = 'ordinary'")
    _set_children_aside()
    with op.batch_alter_table("penalty_case", copy_from=_of_sqlite(after=True)) as batch:
        for name in {**_AFTER, **_NEW}:
            batch.drop_constraint(op.f(f"ck_penalty_case_{name}"), type_="check")
        for name, _ in (*_ADDED, ("source", None), ("procedure", None)):
            batch.drop_column(name)
        for name, kind in _LOOSENED:
            batch.alter_column(name, existing_type=kind, nullable=False)
        for name, text in _BEFORE.items():
            batch.create_check_constraint(op.f(f"ck_penalty_case_{name}"), text)
    _put_children_back()


def _of_sqlite(*, after: bool) -> sa.Table | None:
    return _table(after=after) if op.get_bind().dialect.name == "sqlite" else None


def _set_children_aside() -> None:
    """Let nothing refer to the table while SQLite makes it anew."""
    if op.get_bind().dialect.name == "sqlite":
        for table in _CHILDREN:
            op.execute(f"CREATE TEMPORARY TABLE {table}_aside AS SELECT * FROM {table}")  # noqa: S608 - our own words
            op.execute(f"DELETE FROM {table}")  # noqa: S608


def _put_children_back() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in _CHILDREN:
            op.execute(f"INSERT INTO {table} SELECT * FROM {table}_aside")  # noqa: S608
            op.execute(f"DROP TABLE {table}_aside")


def _steps() -> None:
    op.create_table(
        "case_step",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("officer_ids", sa.JSON(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_kind", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(f"verb IN ({_VERBS})", name=op.f("ck_case_step_verb_known")),
        sa.CheckConstraint(f"state IN ({_ALL_STATES})", name=op.f("ck_case_step_state_known")),
        sa.CheckConstraint(
            "recorded_at IS NOT NULL AND recorded_by_kind IS NOT NULL",
            name=op.f("ck_case_step_recorded_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["penalty_case.id"], name=op.f("fk_case_step_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_case_step_document_id")
        ),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_case_step")),
    )


def _deadlines() -> None:
    op.create_table(
        "case_deadline",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("article", sa.Text(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("day_kind", sa.Text(), nullable=False),
        sa.Column("moves", sa.Boolean(), nullable=False),
        sa.Column("warn_days", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("moved_days", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("open_reason", sa.Text(), nullable=True),
        sa.Column("met_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "day_kind IN ('working', 'natural')", name=op.f("ck_case_deadline_day_kind_known")
        ),
        sa.CheckConstraint(
            "(due_on IS NULL) = (open_reason IS NOT NULL)",
            name=op.f("ck_case_deadline_due_or_reason"),
        ),
        sa.CheckConstraint(
            "met_on IS NULL OR ended_on IS NULL", name=op.f("ck_case_deadline_met_or_ended")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_case_deadline_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["penalty_case.id"], name=op.f("fk_case_deadline_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_deadline")),
        sa.UniqueConstraint(
            "case_id", "rule_code", "seq", name=op.f("uq_case_deadline_case_id_rule_code_seq")
        ),
    )
    op.create_index("ix_case_deadline_agency_id_due_on", "case_deadline", ["agency_id", "due_on"])
