"""Loading the packaged catalogue."""

from datetime import date

from app.catalogue import service as catalogue
from app.db import transaction


def test_the_packaged_catalogue_is_loaded_once(make, app_context):
    with transaction():
        assert catalogue.load_defaults(by=make.by(), at=make.at) > 100
    with transaction():
        assert catalogue.load_defaults(by=make.by(), at=make.at) == 0
    assert catalogue.calendar().is_working_day(date(2026, 1, 1)) is False
    assert catalogue.calendar().is_working_day(date(2026, 1, 4)) is True
    assert catalogue.setting("team-size", date(2026, 11, 21)) == 2
