"""Two people do the same at once: each row gets one task, each file holds once."""

import io
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.lists.desk import HEADER, URL, csv

AT_ONCE = 4


def together(desk, act):
    """What several requests at once are answered."""
    barrier = Barrier(AT_ONCE)

    def run(number):
        client = desk.make.flask_app.test_client()
        client.environ_base.update(desk.client.environ_base)
        barrier.wait()
        return act(client, number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


@pytest.fixture
def lines(make):
    units = [make.unit() for _ in range(8)]
    return [(f"N{n}", unit.archive_no) for n, unit in enumerate(units)]


def test_many_who_apply_at_once_make_each_task_once(desk, lines):
    list_id = desk.listed(csv(*lines))
    answers = together(desk, lambda client, _: client.post(f"{URL}/{list_id}/apply"))
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE
    assert sorted(answer.json["created"] for answer in answers) == [0, 0, 0, 8]
    assert len(desk.tasks()) == 8


def test_many_who_send_the_first_file_at_once_make_each_row_once(desk, lines):
    list_id = desk.save()["id"]
    data = csv(*lines)

    def send(client, _):
        return client.post(f"{URL}/{list_id}/files", data={"file": (io.BytesIO(data), "a.csv")})

    answers = together(desk, send)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len(desk.rows(list_id)) == 8


def test_of_many_corrections_confirmed_at_once_one_holds(desk, lines):
    list_id = desk.listed(csv(*lines))
    files = [desk.upload(list_id, csv(*lines[: 4 + n]))["id"] for n in range(AT_ONCE)]

    def confirm(client, number):
        return client.post(f"{URL}/{list_id}/files/{files[number]}/confirm")

    answers = together(desk, confirm)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    (held,) = [files[n] for n, answer in enumerate(answers) if answer.status_code == 200]
    states = {file["id"]: file["state"] for file in desk.pages(f"{URL}/{list_id}/files", {})}
    assert states[held] == "current"
    assert len(desk.rows(list_id, gone="false")) == 4 + files.index(held)


def test_of_many_who_register_one_reference_one_does(desk):
    answers = together(desk, lambda client, _: client.post(URL, json=HEADER))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
