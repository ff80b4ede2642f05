"""Commands of the timetable."""

from flask.cli import AppGroup


def register(group: AppGroup) -> None:
    """Add the commands to the `suicha` group."""
