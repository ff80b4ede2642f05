"""Ratings are shown together, five at least; neither id nor day of one tells whose it is."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0106"
down_revision = "0095"
branch_labels = None
depends_on = None

ENOUGH = 5
_RATED, _SHOWN = "ix_visit_rating_agency_id_rated_on", "ix_visit_rating_agency_id_shown_on"
_rating = sa.table(
    "visit_rating",
    sa.column("id", sa.Uuid()),
    sa.column("agency_id", sa.Uuid()),
    sa.column("rated_on", sa.Date()),
    sa.column("shown_on", sa.Date()),
)


def upgrade() -> None:
    op.add_column("visit_rating", sa.Column("shown_on", sa.Date(), nullable=True))
    _show_together()
    _forget_when()
    op.drop_index(_RATED, "visit_rating")
    op.drop_column("visit_rating", "rated_on")
    op.create_index(_SHOWN, "visit_rating", ["agency_id", "shown_on"])


def downgrade() -> None:
    op.drop_index(_SHOWN, "visit_rating")
    op.add_column("visit_rating", sa.Column("rated_on", sa.Date(), nullable=True))
    day = sa.func.coalesce(_rating.c.shown_on, sa.func.current_date())
    op.execute(_rating.update().values(rated_on=day))
    with op.batch_alter_table("visit_rating") as batch:
        batch.alter_column("rated_on", nullable=False)
    op.drop_column("visit_rating", "shown_on")
    op.create_index(_RATED, "visit_rating", ["agency_id", "rated_on"])


def _show_together() -> None:
    """Let those be shown that were counted in an average before."""
    agency, last = _rating.c.agency_id, sa.func.max(_rating.c.rated_on)
    enough = sa.select(agency, last).group_by(agency).having(sa.func.count() >= ENOUGH)
    for agency_id, day in op.get_bind().execute(enough).all():
        shown = _rating.update().where(agency == agency_id).values(shown_on=day)
        op.execute(shown)


def _forget_when() -> None:
    """Give each an id of chance: the old ones grow with time."""
    for (old,) in op.get_bind().execute(sa.select(_rating.c.id)).all():
        op.execute(_rating.update().where(_rating.c.id == old).values(id=uuid4()))
