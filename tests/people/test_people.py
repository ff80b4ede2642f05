"""Accounts, tokens, agencies and officers over HTTP: who may, and whose they are."""

from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import db, new_id
from app.journal.models import JournalEntry
from app.people import service
from app.people.models import Account, Recusal
from app.people.rules import AbsenceReason, OfficerState
from tests.factories import OTHER_DISTRICT, PASSWORD

OFFICER = {
    "certificate_no": "沪31010599",
    "name": "安",
    "certificate_valid_until": "2027-06-30",
    "team": "一科",
    "specialties": ["medical", "public-places"],
    "lead_specialties": ["medical"],
}


def code_of(response):
    assert response.mimetype == "application/problem+json", response.get_data(as_text=True)
    return response.json["type"].removeprefix("/problems/")


def journal_of(flask_app):
    with flask_app.app_context():
        query = sa.select(JournalEntry.event, JournalEntry.text).order_by(JournalEntry.seq)
        return [(row.event, row.text) for row in db.session.execute(query)]


def test_officers_are_registered_changed_and_read(make, flask_app):
    make.catalogue()
    chen = make.signed_in(Role.SUPERVISOR)
    made = chen.post("/api/v1/officers", json=OFFICER)
    assert made.status_code == 201
    assert {key: made.json[key] for key in OFFICER} == OFFICER
    address = f"/api/v1/officers/{made.json['id']}"
    assert code_of(chen.patch(address, json={"team": "二科"})) == "version-required"
    changed = chen.patch(address, json={"team": "二科"}, headers={"If-Match": '"1"'})
    assert (changed.json["team"], changed.json["version"]) == ("二科", 2)
    stale = chen.patch(address, json={"team": "三科"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json["current"]["team"]) == (412, "二科")
    assert chen.get(address).headers["ETag"] == '"2"'
    assert [o["id"] for o in chen.get("/api/v1/officers").json["items"]] == [made.json["id"]]
    assert chen.get("/api/v1/officers?state=left").json["items"] == []
    written = "".join(text for _, text in journal_of(flask_app))
    assert "安" not in written


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"specialties": ["astrology"], "lead_specialties": []}, "specialty-unknown"),
        (
            {"specialties": ["medical"], "lead_specialties": ["public-places"]},
            "lead-not-taking-part",
        ),
        ({"certificate_no": "沪 1"}, "content-invalid"),
        ({"name": "a\x00b"}, "content-invalid"),
        ({"certificate_valid_until": "2027-02-30"}, "content-invalid"),
        ({"version": 3}, "content-invalid"),
    ],
)
def test_a_wrong_officer_is_refused_and_nothing_is_written(make, flask_app, wrong, code):
    make.catalogue()
    chen = make.signed_in(Role.SUPERVISOR)
    before = journal_of(flask_app)
    answer = chen.post("/api/v1/officers", json={**OFFICER, **wrong})
    assert (answer.status_code, code_of(answer)) == (422, code)
    assert journal_of(flask_app) == before


def test_a_certificate_is_registered_once(make):
    officer = make.officer()
    other = make.officer()
    chen = make.signed_in(Role.SUPERVISOR)
    again = chen.post(
        "/api/v1/officers", json={**OFFICER, "certificate_no": officer.certificate_no}
    )
    assert (again.status_code, code_of(again)) == (409, "certificate-taken")
    moved = chen.patch(
        f"/api/v1/officers/{other.id}",
        json={"certificate_no": officer.certificate_no},
        headers={"If-Match": '"1"'},
    )
    assert (moved.status_code, code_of(moved)) == (409, "certificate-taken")
    assert chen.get(f"/api/v1/officers/{other.id}").json["version"] == 1


def test_people_of_another_agency_are_not_there(make):
    foreign = make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    neighbour = make.agency(name="长宁区另一机构")
    chen = make.signed_in(Role.SUPERVISOR, Role.ADMINISTRATOR, Role.OFFICER)
    for agency in (foreign, neighbour):
        officer = make.officer(agency)
        account = make.account(Role.CLERK, agency=agency)
        version = {"If-Match": '"1"'}
        days = {"from_on": "2026-12-01", "until_on": "2026-12-02", "reason_code": "leave"}
        recusal = {"unit_id": str(new_id()), "reason_code": "kinship"}
        answers = [
            chen.get(f"/api/v1/agencies/{agency.id}"),
            chen.patch(f"/api/v1/agencies/{agency.id}", json={"name": "x"}, headers=version),
            chen.get(f"/api/v1/officers/{officer.id}"),
            chen.patch(f"/api/v1/officers/{officer.id}", json={"team": "x"}, headers=version),
            chen.post(f"/api/v1/officers/{officer.id}/recusals", json=recusal),
            chen.get(f"/api/v1/officers/{officer.id}/recusals"),
            chen.post(f"/api/v1/officers/{officer.id}/absences", json=days),
            chen.get(f"/api/v1/accounts/{account.id}"),
            chen.patch(f"/api/v1/accounts/{account.id}", json={"name": "x"}, headers=version),
            chen.post(f"/api/v1/accounts/{account.id}/suspend"),
            chen.post(f"/api/v1/accounts/{account.id}/reinstate"),
            chen.post(f"/api/v1/accounts/{account.id}/reset-password"),
        ]
        assert [answer.status_code for answer in answers] == [404] * len(answers)
        taken = {"officer_id": str(officer.id)}
        own = make.account(Role.CLERK)
        joined = chen.patch(f"/api/v1/accounts/{own.id}", json=taken, headers=version)
        assert code_of(joined) == "officer-missing"
    listed = chen.get("/api/v1/agencies").json["items"]
    assert [agency["id"] for agency in listed] == [str(make.home().id)]
    assert {o["certificate_no"][1:7] for o in chen.get("/api/v1/officers").json["items"]} == {
        "310105"
    }
    everyone = chen.get("/api/v1/accounts").json["items"]
    assert len(everyone) == 3  # Chen and the two of this test


def test_an_administrator_gives_the_agency_its_code(make):
    ding = make.signed_in(Role.ADMINISTRATOR)
    own = ding.get("/api/v1/agencies").json["items"][0]
    path = f"/api/v1/agencies/{own['id']}"

    def patch(version, **changes):
        return ding.patch(path, json=changes, headers={"If-Match": f'"{version}"'})

    wrong = patch(own["version"], uscc="12310105DEM000000X")
    assert (wrong.status_code, code_of(wrong)) == (422, "agency-code-wrong")
    assert wrong.json["errors"][0]["pointer"] == "#/uscc"
    given = patch(own["version"], uscc=" 91310105ma1fl0x4xn ")
    assert given.json["uscc"] == "91310105MA1FL0X4XN"
    assert patch(own["version"], uscc=None).status_code == 412
    assert ding.get(path).json == given.json


@pytest.mark.parametrize("role", list(Role))
def test_each_role_reaches_what_is_its_own(make, role):
    somebody = make.signed_in(role)
    reached = {
        path: somebody.get(f"/api/v1/{path}").status_code
        for path in ("me", "agencies", "tokens", "officers", "accounts", "catalogue/specialty")
    }
    readers = {Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR}
    assert reached == {
        "me": 200,
        "agencies": 200,
        "tokens": 200,
        "officers": 200 if role in readers else 403,
        "accounts": 200 if role is Role.ADMINISTRATOR else 403,
        "catalogue/specialty": 200,
    }


def test_an_account_is_made_and_changed_by_an_administrator(make, flask_app):
    ding = make.signed_in(Role.ADMINISTRATOR)
    officer = make.officer()
    body = {"login": "an", "password": PASSWORD, "name": "安", "roles": ["officer"]}
    assert code_of(ding.post("/api/v1/accounts", json=body)) == "officer-missing"
    body["officer_id"] = str(officer.id)
    made = ding.post("/api/v1/accounts", json=body)
    assert (made.status_code, made.json["roles"]) == (201, ["officer"])
    assert "password" not in made.json
    assert code_of(ding.post("/api/v1/accounts", json=body)) == "officer-has-account"
    body["officer_id"] = str(make.officer().id)
    assert code_of(ding.post("/api/v1/accounts", json=body)) == "login-taken"
    body["password"] = "short"
    assert code_of(ding.post("/api/v1/accounts", json=body)) == "content-invalid"
    address = f"/api/v1/accounts/{made.json['id']}"
    loose = ding.patch(address, json={"officer_id": None}, headers={"If-Match": '"1"'})
    assert code_of(loose) == "officer-missing"
    changed = ding.patch(
        address, json={"roles": ["clerk"], "officer_id": None}, headers={"If-Match": '"1"'}
    )
    assert (changed.json["roles"], changed.json["officer_id"]) == (["clerk"], None)
    events = [event for event, text in journal_of(flask_app) if made.json["id"] in text]
    assert events == ["account.created", "account.changed"]


def test_administrators_cannot_shut_themselves_out(make, client):
    account = make.account(Role.ADMINISTRATOR)
    headers = make.headers(account)
    address = f"/api/v1/accounts/{account.id}"
    assert code_of(client.post(f"{address}/suspend", headers=headers)) == "own-account"
    lowered = client.patch(
        address, json={"roles": ["clerk"]}, headers={**headers, "If-Match": '"1"'}
    )
    assert code_of(lowered) == "own-account"


def test_roles_taken_away_are_gone_at_once(make, client):
    account = make.account(Role.SUPERVISOR, Role.CLERK)
    headers = make.headers(account)
    assert client.get("/api/v1/officers", headers=headers).status_code == 200
    ding = make.signed_in(Role.ADMINISTRATOR)
    ding.patch(
        f"/api/v1/accounts/{account.id}", json={"roles": ["clerk"]}, headers={"If-Match": '"1"'}
    )
    assert client.get("/api/v1/officers", headers=headers).status_code == 403


def test_an_api_token_has_some_roles_and_an_end(make, client, clock):
    chen = make.signed_in(Role.SUPERVISOR, Role.CLERK)
    body = {"name": "导出", "roles": ["clerk"], "expires_at": "2026-12-01T00:00:00.000Z"}
    made = chen.post("/api/v1/tokens", json=body)
    assert made.status_code == 201
    headers = {"Authorization": f"Bearer {made.json['token']}"}
    assert client.get("/api/v1/me", headers=headers).json["roles"] == ["clerk"]
    assert client.get("/api/v1/officers", headers=headers).status_code == 403
    assert code_of(client.post("/api/v1/tokens", json=body, headers=headers)) == "session-required"
    listed = chen.get("/api/v1/tokens").json["items"]
    assert [token["name"] for token in listed] == ["导出"]
    assert "token" not in listed[0]
    foreign = make.signed_in(Role.ADMINISTRATOR).delete(f"/api/v1/tokens/{made.json['id']}")
    assert code_of(foreign) == "token-not-found"
    more = {**body, "roles": ["administrator", "clerk"]}
    refused = chen.post("/api/v1/tokens", json=more)
    assert (code_of(refused), refused.json["roles"]) == ("roles-not-own", ["administrator"])
    for expiry in ("2026-11-21T01:00:00.000Z", "2029-01-01T00:00:00.000Z"):
        unfit = chen.post("/api/v1/tokens", json={**body, "expires_at": expiry})
        assert code_of(unfit) == "expiry-unfit"
    clock.forward(days=10)
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_a_revoked_token_is_nobody(make, client):
    chen = make.signed_in(Role.CLERK)
    body = {"name": "导出", "roles": ["clerk"], "expires_at": "2026-12-01T00:00:00.000Z"}
    made = chen.post("/api/v1/tokens", json=body).json
    headers = {"Authorization": f"Bearer {made['token']}"}
    for _ in range(2):
        assert chen.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
        assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_the_same_key_makes_one_account(make, flask_app):
    ding = make.signed_in(Role.ADMINISTRATOR)
    body = {"login": "clerk1", "password": PASSWORD, "name": "文", "roles": ["clerk"]}
    answers = [
        ding.post("/api/v1/accounts", json=body, headers={"Idempotency-Key": "k1"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    with flask_app.app_context():
        count = sa.select(sa.func.count()).where(Account.login == "clerk1")
        assert db.session.scalar(count) == 1


def test_a_recusal_is_never_refused(make, flask_app):
    an = make.officer()
    officer_client = make.signed_in(Role.OFFICER, officer=an)
    address = f"/api/v1/officers/{an.id}/recusals"
    body = {"unit_id": str(new_id()), "reason_code": "no-such-reason", "note": "亲属"}
    for _ in range(2):
        declared = officer_client.post(address, json=body)
        assert (declared.status_code, declared.json["effective_from"]) == (201, "2026-11-21")
    chen = make.signed_in(Role.SUPERVISOR)
    tag = chen.get(f"/api/v1/officers/{an.id}").headers["ETag"]
    left = chen.patch(
        f"/api/v1/officers/{an.id}", json={"state": "left"}, headers={"If-Match": tag}
    )
    assert left.json["state"] == "left"
    assert chen.post(address, json=body).status_code == 201
    assert len(chen.get(address).json["items"]) == 3
    entries = [text for event, text in journal_of(flask_app) if event == "recusal.declared"]
    assert len(entries) == 3
    assert body["unit_id"] in entries[0]
    assert not [text for text in entries if "亲属" in text or "no-such-reason" in text]


def test_officers_declare_for_themselves_only(make):
    an, bo = make.officer(), make.officer()
    client = make.signed_in(Role.OFFICER, officer=an)
    days = {"from_on": "2026-12-01", "until_on": "2026-12-02", "reason_code": "sick"}
    recusal = {"unit_id": str(new_id()), "reason_code": "kinship"}
    for name, body in (("absences", days), ("recusals", recusal)):
        assert client.post(f"/api/v1/officers/{an.id}/{name}", json=body).status_code == 201
        assert code_of(client.post(f"/api/v1/officers/{bo.id}/{name}", json=body)) == "not-yourself"
        assert code_of(client.get(f"/api/v1/officers/{bo.id}/{name}")) == "not-yourself"
        assert len(client.get(f"/api/v1/officers/{an.id}/{name}").json["items"]) == 1
    backwards = {**days, "until_on": "2026-11-30"}
    answer = client.post(f"/api/v1/officers/{an.id}/absences", json=backwards)
    assert code_of(answer) == "days-reversed"


def test_who_leaves_can_no_longer_sign_in(make, client):
    an = make.officer()
    headers = make.headers(make.account(Role.OFFICER, officer=an))
    chen = make.signed_in(Role.SUPERVISOR)
    chen.patch(f"/api/v1/officers/{an.id}", json={"state": "left"}, headers={"If-Match": '"1"'})
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_only_active_officers_with_a_valid_certificate_may_be_sent(make, app_context, at):
    until = date(2026, 12, 31)
    valid = make.officer(certificate_valid_until=until)
    gone = make.officer()
    make.officer(certificate_valid_until=until - timedelta(days=1))
    make.officer(make.agency(OTHER_DISTRICT))
    with make.writing():
        service.change_officer(
            service.get_officer(gone.id, gone.agency_id),
            {"state": OfficerState.LEFT},
            by=make.by(make.home()),
            at=at,
        )
    found = service.officers_of(make.home().id, until)
    assert [officer.id for officer in found] == [valid.id]


def test_recusals_and_absences_hold_on_their_days(make, app_context, at):
    an = make.officer()
    unit = new_id()
    with make.writing():
        officer = service.get_officer(an.id, an.agency_id)
        service.declare_recusal(
            officer,
            unit,
            "former-employer",
            effective_from=date(2026, 12, 1),
            effective_to=date(2026, 12, 3),
            by=make.by(make.home()),
            at=at,
        )
        service.declare_absence(
            officer,
            AbsenceReason.TRAINING,
            from_on=date(2026, 12, 5),
            until_on=date(2026, 12, 6),
            by=make.by(make.home()),
            at=at,
        )
    held = {
        day: [r.unit_id for r in service.recusals_of([an.id], date(2026, 12, day))]
        for day in (1, 3, 4)
    }
    assert held == {1: [unit], 3: [unit], 4: []}
    away = {
        days: len(service.absences_of([an.id], date(2026, 12, days[0]), date(2026, 12, days[1])))
        for days in ((1, 4), (1, 5), (6, 9), (7, 9))
    }
    assert away == {(1, 4): 0, (1, 5): 1, (6, 9): 1, (7, 9): 0}
    assert service.recusals_of([]) == []


def test_a_declaration_waits_for_an_edit_and_is_kept(make, flask_app, at):
    """The officer changed after it was read: a recusal must not be lost to the version check."""
    an = make.officer()
    with make.writing():
        officer = service.get_officer(an.id, an.agency_id)
        db.session.execute(sa.text("UPDATE officer SET version = 7"))
        service.declare_recusal(
            officer, UUID(int=1), "kinship", effective_from=at.date(), by=make.by(), at=at
        )
    with flask_app.app_context():
        assert len(db.session.scalars(sa.select(Recusal)).all()) == 1
        assert service.get_officer(an.id, an.agency_id).version == 8
