"""What the doctor says of evidence: are the originals there that the rows name?"""

from datetime import datetime

import click

from app import entry
from app.errors import Unavailable
from app.evidence import sweeping


def look_at_evidence(*, at: datetime) -> int:
    """Print what does not fit between rows and storage; return how much is wrong.

    An original that is gone is wrong; one of no row is named and kept.
    """
    try:
        found = sweeping.survey(entry.storage(), before=at - sweeping.SAFE_AGE)
    except Unavailable as error:
        click.echo(f"evidence     WRONG {error.detail}")
        return 1
    state = "WRONG" if found.gone else "ok   "
    click.echo(
        f"evidence     {state} {found.looked_at} originals, {len(found.gone)} gone,"
        f" {len(found.unknown)} of no row"
    )
    for line in found.lines()[: sweeping.SHOWN]:
        click.echo(f"             {line}")
    return len(found.gone)
