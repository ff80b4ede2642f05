"""`suicha user` and `suicha catalogue`: the first administrator of an office."""

import pytest

from tests.factories import DISTRICT

ADD = ["user", "add", "Ding", "--name", "丁", "--role", "administrator", "--district", DISTRICT]


@pytest.fixture
def suicha(flask_app):
    runner = flask_app.test_cli_runner()

    def run(*arguments, **options):
        from wsgi import cli

        return runner.invoke(cli, list(arguments), **options)

    return run


def sign_in(client, password):
    body = {"login": "ding", "password": password}
    return client.post("/api/v1/sessions", json=body).status_code


def test_an_office_gets_its_agency_and_first_administrator(suicha, client):
    nobody = suicha(*ADD, "--generate")
    assert nobody.exit_code == 1
    assert "--agency" in nobody.output
    made = suicha(*ADD, "--agency", "长宁区卫生监督所", "--generate")
    assert made.exit_code == 0, made.output
    password = made.output.strip().rpartition("password: ")[2]
    assert sign_in(client, password) == 201


def test_a_password_comes_from_a_line_or_is_asked_for_twice(suicha, client):
    given = [*ADD, "--agency", "长宁区卫生监督所", "--stdin"]
    assert suicha(*given, input="a long password\n").exit_code == 0
    assert sign_in(client, "a long password") == 201
    asked = suicha("user", "reset", "ding", input="another long one\nanother long one\n")
    assert asked.exit_code == 0, asked.output
    assert "another long one" not in asked.output
    assert sign_in(client, "a long password") == 401
    assert sign_in(client, "another long one") == 201


def test_what_cannot_be_is_a_sentence_and_changes_nothing(suicha, client):
    assert suicha(*ADD, "--agency", "长宁区卫生监督所", "--stdin", input="short\n").exit_code == 1
    assert suicha("user", "reset", "ding", "--generate").exit_code == 1
    short = suicha(*ADD, "--stdin", input="short\n")
    assert "no agency" in short.output  # the agency was not half made


def test_the_catalogue_is_loaded_once(suicha):
    first, second = suicha("catalogue", "load"), suicha("catalogue", "load")
    assert first.exit_code == second.exit_code == 0
    assert int(first.output.split()[0]) > 100
    assert second.output == "0 rows changed\n"
