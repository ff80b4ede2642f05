"""Who makes plans of joint visits, and who approves them."""

import pytest


@pytest.fixture
def chen(make, app_context):
    return make.supervisor()


@pytest.fixture
def dong(make, app_context):
    return make.supervisor()
