"""`suicha evidence`: whether storage and rows agree, and clearing what is derived of nothing."""

import click
from flask.cli import AppGroup, with_appcontext

from app import clock, entry
from app.errors import Unavailable
from app.evidence import sweeping
from sync.uploads import cleaning

evidence_group = AppGroup("evidence", help="Photos and other evidence in the storage.")


@evidence_group.command("sweep")
@click.option("--look", is_flag=True, help="Only name what does not fit; change nothing.")
@with_appcontext
def sweep(*, look: bool) -> None:
    """Name what rows and storage do not agree on; remove old pieces and thumbnails of nothing.

    GONE: a row names it, it is not there. UNKNOWN: no row names it; kept. STRAY: a piece or a
    thumbnail of nothing. UNMADE: a thumbnail that can be made again. Ends with 1 when anything is
    gone.
    """
    storage, before = entry.storage(), clock.now() - sweeping.SAFE_AGE
    try:
        found = sweeping.survey(storage, before=before)
        pieces = list(cleaning.stray_pieces(before))
        gone, unknown = cleaning.survey_quarantine(before)
        if not look:
            removed, made = sweeping.mend(storage, found)
            storage.discard(pieces)
    except Unavailable as error:
        raise click.ClickException(error.detail) from error
    for line in found.lines():
        click.echo(line)
    for word, keys in (("GONE", gone), ("UNKNOWN", unknown), ("STRAY", pieces)):
        for key in keys:
            click.echo(f"{word:<8} {key}")
    done = "nothing changed" if look else f"{removed + len(pieces)} removed, {made} made again"
    click.echo(f"{found.looked_at} originals, {len(found.gone)} gone; {done}")
    if found.gone or gone:
        raise click.exceptions.Exit(1)
