"""What became of findings; actors without name; bans, seizures, referrals and campaigns."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaign",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("organs", sa.JSON(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_kind", sa.Text(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_by_kind", sa.Text(), nullable=False),
        sa.Column("planned_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_kind IS NULL)",
            name=op.f("ck_campaign_ended_who_and_when"),
        ),
        sa.CheckConstraint("from_on <= until_on", name=op.f("ck_campaign_days_in_order")),
        sa.CheckConstraint(
            "planned_at IS NOT NULL AND planned_by_kind IS NOT NULL",
            name=op.f("ck_campaign_planned_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_campaign_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("agency_id", "number", name=op.f("uq_campaign_agency_id_number")),
    )
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.create_index("ix_campaign_agency_id_id", ["agency_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_campaign_district"), ["district"], unique=False)

    op.create_table(
        "party",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("alias", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("id_hash", sa.Text(), nullable=True),
        sa.Column("id_tail", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("merged_into_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_kind", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("identified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("identified_by_kind", sa.Text(), nullable=True),
        sa.Column("identified_by_id", sa.Uuid(), nullable=True),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_by_kind", sa.Text(), nullable=True),
        sa.Column("merged_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'merged') = (merged_into_id IS NOT NULL)", name=op.f("ck_party_merged_into")
        ),
        sa.CheckConstraint(
            "state IN ('unknown', 'identified', 'merged')", name=op.f("ck_party_state_known")
        ),
        sa.CheckConstraint("type IN ('citizen', 'organisation')", name=op.f("ck_party_type_known")),
        sa.CheckConstraint(
            "(id_hash IS NULL) = (id_tail IS NULL)", name=op.f("ck_party_number_whole")
        ),
        sa.CheckConstraint(
            "(identified_at IS NULL) = (identified_by_kind IS NULL)",
            name=op.f("ck_party_identified_who_and_when"),
        ),
        sa.CheckConstraint(
            "(merged_at IS NULL) = (merged_by_kind IS NULL)",
            name=op.f("ck_party_merged_who_and_when"),
        ),
        sa.CheckConstraint(
            "name IS NOT NULL OR alias IS NOT NULL OR place IS NOT NULL"
            " OR description IS NOT NULL OR id_hash IS NOT NULL",
            name=op.f("ck_party_says_something"),
        ),
        sa.CheckConstraint(
            "recorded_at IS NOT NULL AND recorded_by_kind IS NOT NULL",
            name=op.f("ck_party_recorded_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_party_agency_id")),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["party.id"], name=op.f("fk_party_merged_into_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party")),
        sa.UniqueConstraint("agency_id", "number", name=op.f("uq_party_agency_id_number")),
    )
    with op.batch_alter_table("party", schema=None) as batch_op:
        batch_op.create_index("ix_party_agency_id_id", ["agency_id", "id"], unique=False)
        batch_op.create_index("ix_party_agency_id_id_hash", ["agency_id", "id_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_party_district"), ["district"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_party_merged_into_id"), ["merged_into_id"], unique=False
        )

    op.create_table(
        "campaign_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("organs", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('joint-enforcement', 'meeting')", name=op.f("ck_campaign_event_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_event_campaign_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_event")),
    )
    with op.batch_alter_table("campaign_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_campaign_event_campaign_id"), ["campaign_id"], unique=False
        )

    op.create_table(
        "party_link",
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("linked_by_kind", sa.Text(), nullable=False),
        sa.Column("linked_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "subject_type IN ('unit', 'visit', 'case', 'ban', 'seizure')",
            name=op.f("ck_party_link_subject_type_known"),
        ),
        sa.CheckConstraint(
            "linked_at IS NOT NULL AND linked_by_kind IS NOT NULL",
            name=op.f("ck_party_link_linked_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_party_link_party_id")),
        sa.PrimaryKeyConstraint(
            "party_id", "subject_type", "subject_id", name=op.f("pk_party_link")
        ),
    )
    with op.batch_alter_table("party_link", schema=None) as batch_op:
        batch_op.create_index("ix_party_link_subject_id", ["subject_id"], unique=False)

    op.create_table(
        "finding_decision",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("finding_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("organ", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("replied_on", sa.Date(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_kind", sa.Text(), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_kind", sa.Text(), nullable=True),
        sa.Column("revoked_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'transfer') = (organ IS NOT NULL)",
            name=op.f("ck_finding_decision_transfer_to"),
        ),
        sa.CheckConstraint(
            "kind <> 'opinion' OR document_id IS NOT NULL",
            name=op.f("ck_finding_decision_opinion_there"),
        ),
        sa.CheckConstraint(
            "kind IN ('nothing', 'opinion', 'transfer', 'points', 'declined')",
            name=op.f("ck_finding_decision_kind_known"),
        ),
        sa.CheckConstraint(
            "(reply IS NULL) = (replied_on IS NULL)", name=op.f("ck_finding_decision_reply_when")
        ),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by_kind IS NULL)",
            name=op.f("ck_finding_decision_revoked_who_and_when"),
        ),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_reason IS NULL)",
            name=op.f("ck_finding_decision_revoked_with_reason"),
        ),
        sa.CheckConstraint(
            "decided_at IS NOT NULL AND decided_by_kind IS NOT NULL",
            name=op.f("ck_finding_decision_decided_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_finding_decision_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_finding_decision_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["finding_id"], ["finding.id"], name=op.f("fk_finding_decision_finding_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_decision")),
    )
    with op.batch_alter_table("finding_decision", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_finding_decision_district"), ["district"], unique=False
        )
        batch_op.create_index(
            "uq_finding_decision_standing",
            ["finding_id", "kind"],
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )

    op.create_table(
        "ban",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("party_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("officer_ids", sa.JSON(), nullable=False),
        sa.Column("partners", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("announced_on", sa.Date(), nullable=True),
        sa.Column("announced_where", sa.Text(), nullable=True),
        sa.Column("announcement_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_kind", sa.Text(), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_kind", sa.Text(), nullable=True),
        sa.Column("revoked_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'revoked') = (revoked_at IS NOT NULL)", name=op.f("ck_ban_revoked_when")
        ),
        sa.CheckConstraint(
            "state <> 'announced' OR announced_on IS NOT NULL", name=op.f("ck_ban_announced_on")
        ),
        sa.CheckConstraint(
            "state IN ('decided', 'announced', 'revoked')", name=op.f("ck_ban_state_known")
        ),
        sa.CheckConstraint(
            "(announced_on IS NULL) = (announced_where IS NULL)",
            name=op.f("ck_ban_announced_where"),
        ),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by_kind IS NULL)",
            name=op.f("ck_ban_revoked_who_and_when"),
        ),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_reason IS NULL)",
            name=op.f("ck_ban_revoked_with_reason"),
        ),
        sa.CheckConstraint(
            "decided_at IS NOT NULL AND decided_by_kind IS NOT NULL",
            name=op.f("ck_ban_decided_who_and_when"),
        ),
        sa.CheckConstraint(
            "unit_id IS NOT NULL OR party_id IS NOT NULL", name=op.f("ck_ban_of_somebody")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_ban_agency_id")),
        sa.ForeignKeyConstraint(
            ["announcement_id"], ["document.id"], name=op.f("fk_ban_announcement_id")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_ban_campaign_id")),
        sa.ForeignKeyConstraint(["case_id"], ["penalty_case.id"], name=op.f("fk_ban_case_id")),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_ban_document_id")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_ban_party_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_ban_unit_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_ban_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ban")),
        sa.UniqueConstraint("agency_id", "number", name=op.f("uq_ban_agency_id_number")),
    )
    with op.batch_alter_table("ban", schema=None) as batch_op:
        batch_op.create_index("ix_ban_agency_id_id", ["agency_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ban_campaign_id"), ["campaign_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ban_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ban_district"), ["district"], unique=False)
        batch_op.create_index(batch_op.f("ix_ban_party_id"), ["party_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ban_unit_id"), ["unit_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ban_visit_id"), ["visit_id"], unique=False)

    op.create_table(
        "referral",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("procuratorate", sa.Text(), nullable=False),
        sa.Column("matter", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("party_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("referred_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("replied_on", sa.Date(), nullable=True),
        sa.Column("referred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("referred_by_kind", sa.Text(), nullable=False),
        sa.Column("referred_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'referred') = (reply IS NULL)", name=op.f("ck_referral_answered_when")
        ),
        sa.CheckConstraint(
            "state IN ('referred', 'accepted', 'not-accepted', 'sued', 'closed')",
            name=op.f("ck_referral_state_known"),
        ),
        sa.CheckConstraint(
            "(reply IS NULL) = (replied_on IS NULL)", name=op.f("ck_referral_reply_when")
        ),
        sa.CheckConstraint(
            "referred_at IS NOT NULL AND referred_by_kind IS NOT NULL",
            name=op.f("ck_referral_referred_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_referral_agency_id")),
        sa.ForeignKeyConstraint(["case_id"], ["penalty_case.id"], name=op.f("fk_referral_case_id")),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_referral_document_id")
        ),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_referral_party_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_referral_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
        sa.UniqueConstraint("agency_id", "number", name=op.f("uq_referral_agency_id_number")),
    )
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.create_index("ix_referral_agency_id_id", ["agency_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_referral_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_referral_district"), ["district"], unique=False)
        batch_op.create_index(batch_op.f("ix_referral_party_id"), ["party_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_referral_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "seizure",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("party_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("officer_ids", sa.JSON(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("seized_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approval_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approval_late_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("days", sa.BigInteger(), nullable=True),
        sa.Column("extension_days", sa.BigInteger(), nullable=False),
        sa.Column("extension_reason", sa.Text(), nullable=True),
        sa.Column("testing_days", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_reason", sa.Text(), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_reason", sa.Text(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_by_kind", sa.Text(), nullable=False),
        sa.Column("applied_by_id", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by_kind", sa.Text(), nullable=True),
        sa.Column("approved_by_id", sa.Uuid(), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_by_kind", sa.Text(), nullable=True),
        sa.Column("refused_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_kind", sa.Text(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind <> 'confiscation' OR case_id IS NOT NULL",
            name=op.f("ck_seizure_confiscated_by_a_case"),
        ),
        sa.CheckConstraint(
            "kind IN ('sealing', 'detention', 'confiscation')", name=op.f("ck_seizure_kind_known")
        ),
        sa.CheckConstraint(
            "state <> 'in-force' OR approved_at IS NOT NULL",
            name=op.f("ck_seizure_in_force_approved"),
        ),
        sa.CheckConstraint(
            "state IN ('applied', 'approved', 'refused', 'awaiting-approval', 'in-force', 'ended')",
            name=op.f("ck_seizure_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('in-force', 'awaiting-approval')"
            " OR (seized_at IS NOT NULL AND (due_on IS NULL) = (due_reason IS NOT NULL))",
            name=op.f("ck_seizure_held_with_term"),
        ),
        sa.CheckConstraint(
            "(approved_at IS NULL) = (approved_by_kind IS NULL)",
            name=op.f("ck_seizure_approved_who_and_when"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_kind IS NULL)",
            name=op.f("ck_seizure_ended_who_and_when"),
        ),
        sa.CheckConstraint(
            "(refused_at IS NULL) = (refused_by_kind IS NULL)",
            name=op.f("ck_seizure_refused_who_and_when"),
        ),
        sa.CheckConstraint(
            "(refused_at IS NULL) = (refused_reason IS NULL)",
            name=op.f("ck_seizure_refused_with_reason"),
        ),
        sa.CheckConstraint(
            "applied_at IS NOT NULL AND applied_by_kind IS NOT NULL",
            name=op.f("ck_seizure_applied_who_and_when"),
        ),
        sa.CheckConstraint(
            "approved_by_id IS NULL OR applied_by_id IS NULL OR approved_by_id <> applied_by_id",
            name=op.f("ck_seizure_second_person"),
        ),
        sa.CheckConstraint(
            "unit_id IS NOT NULL OR party_id IS NOT NULL", name=op.f("ck_seizure_of_somebody")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_seizure_agency_id")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_seizure_campaign_id")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["penalty_case.id"], name=op.f("fk_seizure_case_id")),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_seizure_document_id")
        ),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_seizure_party_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_seizure_unit_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_seizure_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seizure")),
        sa.UniqueConstraint("agency_id", "number", name=op.f("uq_seizure_agency_id_number")),
    )
    with op.batch_alter_table("seizure", schema=None) as batch_op:
        batch_op.create_index("ix_seizure_agency_id_id", ["agency_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_seizure_campaign_id"), ["campaign_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_seizure_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_seizure_district"), ["district"], unique=False)
        batch_op.create_index(batch_op.f("ix_seizure_party_id"), ["party_id"], unique=False)
        batch_op.create_index("ix_seizure_state_due_on", ["state", "due_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_seizure_unit_id"), ["unit_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_seizure_visit_id"), ["visit_id"], unique=False)

    op.create_table(
        "seized_goods",
        sa.Column("seizure_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("maker", sa.Text(), nullable=True),
        sa.Column("lot", sa.Text(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("disposed_on", sa.Date(), nullable=True),
        sa.Column("disposition_note", sa.Text(), nullable=True),
        sa.Column("disposition_document_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(disposition = 'held') = (disposed_on IS NULL)",
            name=op.f("ck_seized_goods_disposed_when"),
        ),
        sa.CheckConstraint(
            "disposition IN ('held', 'returned', 'confiscated', 'destroyed', 'handed-over')",
            name=op.f("ck_seized_goods_disposition_known"),
        ),
        sa.CheckConstraint(
            "kind IN ('drug', 'device', 'other')", name=op.f("ck_seized_goods_kind_known")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_seized_goods_something")),
        sa.ForeignKeyConstraint(
            ["disposition_document_id"],
            ["document.id"],
            name=op.f("fk_seized_goods_disposition_document_id"),
        ),
        sa.ForeignKeyConstraint(
            ["seizure_id"], ["seizure.id"], name=op.f("fk_seized_goods_seizure_id")
        ),
        sa.PrimaryKeyConstraint("seizure_id", "place", name=op.f("pk_seized_goods")),
    )


def downgrade() -> None:
    op.drop_table("seized_goods")
    with op.batch_alter_table("seizure", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_seizure_visit_id"))
        batch_op.drop_index(batch_op.f("ix_seizure_unit_id"))
        batch_op.drop_index("ix_seizure_state_due_on")
        batch_op.drop_index(batch_op.f("ix_seizure_party_id"))
        batch_op.drop_index(batch_op.f("ix_seizure_district"))
        batch_op.drop_index(batch_op.f("ix_seizure_case_id"))
        batch_op.drop_index(batch_op.f("ix_seizure_campaign_id"))
        batch_op.drop_index("ix_seizure_agency_id_id")

    op.drop_table("seizure")
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_referral_unit_id"))
        batch_op.drop_index(batch_op.f("ix_referral_party_id"))
        batch_op.drop_index(batch_op.f("ix_referral_district"))
        batch_op.drop_index(batch_op.f("ix_referral_case_id"))
        batch_op.drop_index("ix_referral_agency_id_id")

    op.drop_table("referral")
    with op.batch_alter_table("ban", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ban_visit_id"))
        batch_op.drop_index(batch_op.f("ix_ban_unit_id"))
        batch_op.drop_index(batch_op.f("ix_ban_party_id"))
        batch_op.drop_index(batch_op.f("ix_ban_district"))
        batch_op.drop_index(batch_op.f("ix_ban_case_id"))
        batch_op.drop_index(batch_op.f("ix_ban_campaign_id"))
        batch_op.drop_index("ix_ban_agency_id_id")

    op.drop_table("ban")
    with op.batch_alter_table("finding_decision", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_finding_decision_standing",
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_finding_decision_district"))

    op.drop_table("finding_decision")
    with op.batch_alter_table("party_link", schema=None) as batch_op:
        batch_op.drop_index("ix_party_link_subject_id")

    op.drop_table("party_link")
    with op.batch_alter_table("campaign_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaign_event_campaign_id"))

    op.drop_table("campaign_event")
    with op.batch_alter_table("party", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_party_merged_into_id"))
        batch_op.drop_index(batch_op.f("ix_party_district"))
        batch_op.drop_index("ix_party_agency_id_id_hash")
        batch_op.drop_index("ix_party_agency_id_id")

    op.drop_table("party")
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaign_district"))
        batch_op.drop_index("ix_campaign_agency_id_id")

    op.drop_table("campaign")
