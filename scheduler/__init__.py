"""What happens without anyone asking: the timetable, its jobs, and the process that runs them."""

import flask


def init_app(flask_app: flask.Flask) -> None:
    """The timetable runs in its own process; the web process only carries its tables."""
