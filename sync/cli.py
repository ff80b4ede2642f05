"""Commands of the sync protocol."""

from flask.cli import AppGroup


def register(group: AppGroup) -> None:
    """Add the commands to the `suicha` group."""
