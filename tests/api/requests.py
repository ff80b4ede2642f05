"""A good request for every operation, on a seeded world: whose path, body and version are right.

Paths are filled by `OBJECTS`: what a parameter of a route means, or, where one needs an object in
a certain state, what it means in that route. Bodies follow the OpenAPI document: `VALUES` gives
what a field of a name holds, `BODIES` what a whole operation needs beyond that. A route without an
entry fails with a message that says where to add it.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import flask
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app import db
from app.access import Role, access_of
from app.catalogue import seeds
from app.db import Base
from tests.api.seeded import Seeded, Side, metadata_of
from tests.conftest import NOW
from tests.documents.desk import OPINION
from tests.factories import PASSWORD
from tests.sync.tablet import Answer, Tablet

JSON = "application/json"
NOBODY = "00000000-0000-7000-8000-000000000000"  # an id that nothing has
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PARAMETER = re.compile(r"<(?:[^<>]*?:)?([a-z_]+)>")
Get = Callable[[Side, str], str]


def by_name(name: str) -> Get:
    """What a side keeps under a name."""
    return lambda side, persona: side[name]


def by_sender(of_device: str, of_person: str) -> Get:
    """What a side keeps for a tablet, or for a person, who calls the same route."""
    return lambda side, persona: side[of_device if persona == "device" else of_person]


def always(value: str) -> Get:
    """What belongs to no agency."""
    return lambda side, persona: value


OBJECTS: dict[str, Get] = {
    "account_id": by_name("account:spare"),
    "agency_id": by_name("agency"),
    "annual_plan_id": by_name("annual-plan:draft"),
    "case_id": by_name("case"),
    "code": always("lodging"),
    "collection_id": by_name("collection"),
    "complaint_id": by_name("complaint"),
    "assistant_id": by_name("assistant"),
    "ban_id": by_name("ban:announce"),
    "contact_id": by_name("contact"),
    "hint_id": by_name("hint:take"),
    "hints.decline_hint hint_id": by_name("hint:decline"),
    "patrol_id": by_name("patrol"),
    "bans.revoke_ban ban_id": by_name("ban:revoke"),
    "campaign_id": by_name("campaign"),
    "decision_id": by_name("finding-decision:reply"),
    "finding-decisions.revoke decision_id": by_name("finding-decision:revoke"),
    "leads.decline stated_id": by_name("finding:lead"),
    "party_id": by_name("party:identify"),
    "parties.merge party_id": by_name("party:merge"),
    "referral_id": by_name("referral"),
    "seizure_id": by_name("seizure:approve"),
    **{
        f"seizures.{view} seizure_id": by_name(f"seizure:{name}")
        for view, name in (
            ("refuse", "refuse"),
            ("carry_out", "carry-out"),
            ("extend", "extend"),
            ("add_testing", "testing"),
            ("dispose", "dispose"),
        )
    },
    "stated_id": by_name("finding"),
    "card_id": by_name("card"),
    "partner_id": by_name("partner"),
    "cooperation_id": by_name("cooperation"),
    "publication_id": by_name("publication"),
    "report_id": by_name("credit-report"),
    "entry_id": by_name("credit-entry"),
    "credit_exception_id": by_name("credit-exception"),
    "grade_id": by_name("grade"),
    "notice_id": by_name("notice"),
    "repair_id": by_name("repair"),
    "count_id": by_name("manual-count"),
    "evidence_id": by_name("evidence"),
    "agenda_id": by_name("agenda"),
    "token": by_name("agenda-token"),
    "joint_plan_id": by_name("joint-plan"),
    "joint-plans.approve joint_plan_id": by_name("joint-plan:approve"),
    "joint-plans.publish joint_plan_id": by_name("joint-plan:publish"),
    "joint_visit_id": by_name("joint-visit"),
    "lot_id": by_name("joint-lot"),
    "joint-visits.answer_cap joint_visit_id": by_name("joint-visit:caps"),
    "joint-visits.request_code joint_visit_id": by_name("joint-visit:code"),
    "kind": always("object_class"),
    "officer_id": lambda side, persona: side[
        "officer:own" if persona == Role.OFFICER else "officer"
    ],
    "step_id": by_name("unit-step"),
    "tag": always("officers"),
    "change_id": by_name("change:confirm"),
    "code_id": by_name("visit-code"),
    "objection_id": by_name("objection"),
    "text": by_name("code-text"),
    "device_id": by_name("device"),
    "digest": by_name("sha256"),
    "exception_id": by_name("cap-exception:approve"),
    "district": lambda side, persona: side.district,
    "document_id": by_name("document"),
    "draw_no": by_name("draw:drawn"),
    "hold_id": by_name("hold"),
    "import_id": by_name("import:units"),
    "file_id": by_name("list-file:current"),
    "finding_id": by_name("integrity-finding"),
    "item_id": by_name("item"),
    "label_id": by_name("label"),
    "list_id": by_name("list"),
    "name": always("manifest.json"),
    "order_id": by_name("order"),
    "payment_id": by_name("payment"),
    "plan_id": by_name("plan:change"),
    "relief_id": by_name("relief"),
    "row_id": by_name("list-row"),
    "review_id": by_name("file-review"),
    "rescue_id": by_name("rescue"),
    "sample_id": by_name("sample"),
    "service_id": by_name("service:posted"),
    "task_id": by_name("task"),
    "transfer_id": by_name("transfer"),
    "token_id": lambda side, persona: side.ids.get(f"token:{persona}", side["token:officer"]),
    "unit_id": by_name("unit"),
    "visit_id": by_name("visit"),
    "year": always("2026"),
    # in the state that the route needs
    "annual-plans.publish_annual_plan annual_plan_id": by_name("annual-plan:publish"),
    "annual-plans.revise_annual_plan annual_plan_id": by_name("annual-plan:published"),
    "cap-exceptions.refuse exception_id": by_name("cap-exception:refuse"),
    "credit-repairs.decide_repair repair_id": by_name("repair:checked"),
    "credit-repairs.withdraw_repair repair_id": by_name("repair:withdraw"),
    "cases.close_case case_id": by_name("case:filed"),
    "collecting.get_collection case_id": by_name("case:fined"),
    "collecting.open_collection case_id": by_name("case:fined"),
    "case-steps.take_step case_id": by_name("case:ordinary"),
    "case-steps.take_step verb": lambda side, persona: (
        "review" if persona == Role.LEGAL_REVIEWER else "amend"
    ),
    **{
        f"discretion.{verb} case_id": by_name("case:fined")
        for verb in (
            *("get_discretion", "propose_discretion", "ask_deviation", "decide_deviation"),
            "show_like_cases",
        )
    },
    **{
        f"complaints.{verb} complaint_id": by_name(f"complaint:{verb}")
        for verb in (
            *("accept", "refuse", "transfer", "withdraw", "merge", "assign", "conclude", "reply"),
        )
    },
    "devices.reinstate device_id": by_name("device:suspended"),
    "devices.report_lost device_id": by_name("device:lost"),
    "devices.request_wipe device_id": by_name("device:obsolete"),
    "papers.correct document_id": by_name("document:signed"),
    "papers.record_service document_id": by_name("document:signed"),
    "document-services.draw_receipt service_id": by_name("service:arrived"),
    "draw-plans.order_redraw plan_id": by_name("plan:redraw"),
    "draw-plans.withdraw_plan plan_id": by_name("plan:withdraw"),
    "draw-change-decisions.refuse change_id": by_name("change:refuse"),
    "draw-change-decisions.withdraw change_id": by_name("change:withdraw"),
    "draws.enter_beacon draw_no": by_name("draw:announced"),
    "draws.enter_dice draw_no": by_name("draw:announced"),
    "draws.make_deposit draw_no": by_name("draw:planned"),
    "draws.void_draw draw_no": by_name("draw:to-void"),
    "lists.confirm_file file_id": by_name("list-file:previewed"),
    "lists.list_lines file_id": by_name("list-file:previewed"),
    "lists.withdraw_list list_id": by_name("list:withdraw"),
    "officer-registers.apply_officers import_id": by_name("import:officers"),
    "officer-registers.list_officers_rows import_id": by_name("import:officers"),
    "officer-registers.show_officers_import import_id": by_name("import:officers"),
    **{
        f"uploads.{view} upload_id": by_sender(*names)
        for view, names in {
            "append": ("upload:append", "upload:rescue-append"),
            "look": ("upload:append", "upload:rescue-append"),
            "offer_one": ("upload:append", "upload:rescue-append"),
            "terminate": ("upload:end", "upload:rescue-end"),
        }.items()
    },
    "review.show_file item_id": by_name("item:file"),
    "unit-steps.confirm_step step_id": by_name("unit-step:confirm"),
    "unit-steps.refuse_step step_id": by_name("unit-step:refuse"),
    "tasks.accept task_id": by_name("task:accept"),
    "tasks.approve_closing task_id": by_name("task:approve-closing"),
    "tasks.assign task_id": by_name("task:assign"),
    "tasks.complete task_id": by_name("task:complete"),
    "tasks.propose_closing task_id": by_name("task:propose-closing"),
    "tasks.reassign task_id": by_name("task:reassign"),
    "tasks.record_results task_id": by_name("task:record-results"),
    "tasks.refuse_closing task_id": by_name("task:refuse-closing"),
    "tasks.reopen task_id": by_name("task:reopen"),
    "tasks.return_ task_id": by_name("task:return"),
    "public.show_problem code": always("not-found"),
    "visit-codes.revoke code_id": by_name("visit-code:revoke"),
    "public_results.check_report code": by_name("credit-report:code"),
}
GLOBAL = frozenset(
    {"code", "district", "kind", "name", "tag", "verb", "year"}
)  # parameters that name nothing of an agency

_GOODS = {"name": "注射液", "kind": "drug", "quantity": 2, "unit": "箱"}
VALUES: dict[str, Callable[[Side], Any]] = {
    "entry_id": lambda side: side["credit-entry"],
    "given_on": lambda side: "2026-11-02",
    "item": lambda side: "mal-record-flaw",
    "pledged_on": lambda side: "2026-11-02",
    "scored_on": lambda side: "2026-11-02",
    "into_id": lambda side: side["complaint"],
    "assistant_ids": lambda side: [side["assistant"]],
    "grid_cell": lambda side: "G-01",
    "grid_cells": lambda side: ["G-01"],
    "guide_id": lambda side: side["officer:own"],
    "seen_unit_id": lambda side: side["unit:seen"],
    "seen_units": lambda side: [{"unit_id": side["unit:seen"]}],
    "entered_on": lambda side: "2026-11-21",
    "deadline_on": lambda side: "2026-12-01",
    "same_party_id": lambda side: side["party:other"],
    "announced_on": lambda side: "2026-11-21",
    "replied_on": lambda side: "2026-11-21",
    "on_day": lambda side: "2026-11-21",
    "goods": lambda side: [_GOODS],
    "places": lambda side: [1],
    "practice": lambda side: "unlicensed-practice",
    "template": lambda side: "substantiated",
    "at": lambda side: "2026-11-21T01:00:00.000Z",
    "certificate_no": lambda side: f"沪{side.district}9999",
    "certificate_valid_until": lambda side: "2028-12-31",
    "cap_code": lambda side: "entries-per-year",
    "cursor": lambda side: side.values["cursor"],
    "device_id": lambda side: side["device"],
    "digits": lambda side: "01234567890123456789",
    "draw_on": lambda side: "2026-12-11",
    "due_on": lambda side: "2027-01-10",
    "effective_from": lambda side: "2027-01-01",
    "evidence": lambda side: [side["sha256"]],
    "expires_at": lambda side: "2026-12-01T00:00:00.000Z",
    "from_on": lambda side: "2027-02-01",
    "lead_officer_id": lambda side: side["officer:own"],
    "login": lambda side: side.logins["second"],
    "name": lambda side: "安",
    "new_password": lambda side: PASSWORD + " 2",
    "officer_ids": lambda side: [side["officer:own"], side["officer:member"]],
    "origin": lambda side: "complaint",
    "outcome": lambda side: "no-problem",
    "password": lambda side: PASSWORD,
    "partner_ids": lambda side: [side["partner"]],
    "partner_items": lambda side: [
        {"department": "市场监管局", "item": "现制现售饮用水设备", "basis": "《食品安全法》"}
    ],
    "period": lambda side: "2026-Q4",
    "received_on": lambda side: "2026-11-02",
    "second_officer_id": lambda side: side["officer:second"],
    "sets": lambda side: [],
    "strata": lambda side: {"公共场所/住宿场所": 1},
    "task_ids": lambda side: [],
    "valid_from": lambda side: "2026-11-21T01:00:00.000Z",
    "valid_until": lambda side: "2026-11-22T01:00:00.000Z",
    "specialty": lambda side: "public-places",
    "unit_id": lambda side: side["unit"],
    "until_on": lambda side: "2027-02-03",
    "values": lambda side: ["01234567890123456789"],
    "year": lambda side: 2026,
}
BODIES: dict[str, Callable[[Side, str], dict[str, Any]]] = {
    "joint-operations.call_operations": lambda side, persona: {"on": "2026-12-01"},
    "joint-visits.answer_cap": lambda side, persona: {"cap_code": "clean-by-one-officer"},
    "joint-visits.change": lambda side, persona: {"verb": "move", "planned_on": "2026-12-03"},
    "agendas.make_agenda": lambda side, persona: {
        "officer_id": side["officer:own" if persona == Role.OFFICER else "officer"],
        "team": None,
    },
    "joint-suggestions.dismiss": lambda side, persona: {
        "task_ids": [side["near-task:1"], side["near-task:2"]]
    },
    "joint-improvements.improve": lambda side, persona: {"seconds": 1},
    "joint-plans.propose": lambda side, persona: {
        "first_on": "2026-12-01",
        "last_on": "2026-12-31",
        "teams": 4,
        "visits_each": 2,
    },
    "case-steps.open_case": lambda side, persona: {
        "source": "complaint",
        "cause_code": "pp-without-testing",
        "party": {"kind": "organisation", "name": "某宾馆"},
        "unit_id": side["unit"],
        "acted_on": "2026-11-02",
        "on": "2026-11-20",
    },
    "case-steps.take_step": lambda side, persona: {
        "on": "2026-11-21",
        "document_id": None,
        "data": (
            {"passed": True, "opinion": "同意", "first_time": False, "exam_passed": True}
            if persona == Role.LEGAL_REVIEWER
            else {"reason": "补充当事人信息", "place": "长宁路1号"}
        ),
    },
    "case-transfers.record_transfer": lambda side, persona: {
        "direction": "out",
        "kind": "assistance",
        "organ": "市场监督管理局",
        "on": "2026-11-20",
        "case_id": side["case:ordinary"],
        "unit_id": side["unit"],
    },
    "case-transfers.answer_transfer": lambda side, persona: {
        "result": "accepted",
        "on": "2026-11-21",
    },
    "file-reviews.draw_review": lambda side, persona: {
        "name": "案卷评查",
        "from_on": "2026-01-01",
        "until_on": "2026-12-31",
        "size": 1,
        "seed": "0123456789",
        "reviewer_ids": [side["officer"]],
    },
    "file-reviews.judge_file": lambda side, persona: {
        "case_id": side["case"],
        "judgements": [{"code": "service", "points": 5}],
    },
    "unit-steps.take_step": lambda side, persona: {"verb": "suspend", "on_day": "2026-11-20"},
    "unit-verifications.record_verification": lambda side, persona: {
        "verified_on": "2026-11-20",
        "result": "passed",
        "beds": 20,
        "document_no": "校验〔2026〕1号",
    },
    "annual-reports.record_manual_count": lambda side, persona: {
        "counter": "proposals",
        "number": "28",
        "from_on": "2026-01-01",
        "until_on": "2026-10-31",
        "source": "办公室台账",
        "sourced_on": "2026-11-02",
    },
    "collecting.record_payment": lambda side, persona: {
        "paid_on": "2026-11-21",
        "receipt_no": "沪财0002",
        "fine_fen": 100,
    },
    "discretion.ask_deviation": lambda side, persona: {
        "lines": [
            {"kind": kind, "amount_fen": fen, "months": None, "note": None, "on_staff": False}
            for kind, fen in (("warning", None), ("fine", 9000))
        ],
    },
    "collecting.hand_in": lambda side, persona: {"handed_in_on": "2026-11-21"},
    "collecting.ask_relief": lambda side, persona: {
        "applied_on": "2026-11-21",
        "parts": [{"due_on": "2027-01-20", "amount_fen": 8900}],
    },
    "collecting.demand_payment": lambda side, persona: {"demanded_on": "2026-11-21"},
    "collecting.ask_court": lambda side, persona: {"applied_on": "2026-11-21"},
    "collecting.conclude_collection": lambda side, persona: {
        "concluded_on": "2026-11-21",
        "ceasing_ground": "no-assets",
    },
    "accounts.create_account": lambda side, persona: {"login": "new.account", "roles": ["clerk"]},
    "accounts.change_account": lambda side, persona: {"name": "安妮"},
    "annual-plans.save_annual_plan": lambda side, persona: {"year": 2029, **_annual_plan()},
    "annual-plans.change_annual_plan": lambda side, persona: {"year": 2027, **_annual_plan()},
    "credit-grades.declare_grade": lambda side, persona: {
        "scheme": "occupational-risk",
        "grade": "甲",
        "from_on": "2026-11-02",
    },
    "credit-grades.record_scoring": lambda side, persona: {
        "sheet": "score-lodging",
        "scores": [{"item": one["code"], "tenths": one["tenths"]} for one in _sheet_items()],
    },
    "credit-exceptions.propose_exception": lambda side, persona: {
        "entry_id": side["credit-entry:minor"],
    },
    "credit-repairs.apply_for_repair": lambda side, persona: {
        "parts": [{"kind": kind, "sha256": side["sha256"]} for kind in ("pledge", "performance")],
    },
    "catalogue.supersede_row": lambda side, persona: {
        "body": side.values["lodging"],
        "source": "测试",
    },
    "documents.draw_up": lambda side, persona: {"kind": "opinion", "fields": OPINION},
    "visit-files.draw_up": lambda side, persona: {"kind": "opinion", "fields": OPINION},
    "case-files.draw_up": lambda side, persona: {"kind": "opinion", "fields": OPINION},
    "papers.correct": lambda side, persona: {
        "field": "problem",
        "struck": "清洗",
        "right": "清洁",
        "reason": "笔误",
        "confirmed_by": "proof-seal",
        "confirmed_name": None,
    },
    "papers.record_service": lambda side, persona: {
        "mode": "direct",
        "handed_on": "2026-11-21",
        "recipient": "张三",
        "place": "海州路 1 号",
        "receiver_name": "张三",
        "delivered_on": None,
        "consent_id": None,
        "evidence": [],
    },
    "document-services.deliver": lambda side, persona: {"delivered_on": "2026-11-21"},
    "documents.rewrite": lambda side, persona: {"fields": {"note": "已口头告知"}},
    "documents.sign": lambda side, persona: {"role": "party", "signer_name": "张三"},
    "officers.change_officer": lambda side, persona: {"team": "二科"},
    "officers.declare_recusal": lambda side, persona: {"reason_code": "kinship"},
    "visit-codes.request_code": lambda side, persona: {"reason": "现场发现线索"},
    "draw-changes.order_top_up": lambda side, persona: {"level": "attended", "reason": "备选用完"},
    "draw-changes.propose_redraw": lambda side, persona: {
        "task_id": side["task:drawn"],
        "officer_id": side["officer:drawn"],
        "cause": "unavailable",
        "note": "外出",
    },
    "draw-changes.propose_replacement": lambda side, persona: {
        "task_id": side["task:drawn"],
        "cause": "closed",
        "note": "大门紧锁",
        "evidence": [side["sha256"]],
    },
    "contacts.record_contact": lambda side, persona: {
        "unit_id": side["unit"],
        "kind": "compliance-talk",
    },
    "assistants.change_assistant": lambda side, persona: {"state": "left"},
    "party-links.link_party": lambda side, persona: {
        "party_id": side["party:other"],
        "met_in": "unit",
        "met_id": side["unit"],
    },
    "findings.decide": lambda side, persona: {"kind": "nothing"},
    "bans.decide_ban": lambda side, persona: {"party_id": side["party:other"]},
    "campaigns.plan_campaign": lambda side, persona: {
        "from_on": "2026-11-01",
        "until_on": "2026-12-31",
    },
    "referrals.refer": lambda side, persona: {"party_id": side["party:other"]},
    "referrals.answer_referral": lambda side, persona: {"state": "accepted"},
    "seizures.apply_seizure": lambda side, persona: {
        "party_id": side["party:other"],
        "kind": "detention",
    },
    "seizures.dispose": lambda side, persona: {"disposition": "returned"},
    "complaints.file_complaint": lambda side, persona: {"unit_id": side["unit"]},
    "samples.record_result": lambda side, persona: {"result": "qualified", "outcome": None},
    "draw-plans.change_plan": lambda side, persona: {"name": "住宿场所", "level": "attended"},
    "draw-plans.save_plan": lambda side, persona: {"name": "新计划", "level": "attended"},
    "integrity.decide": lambda side, persona: {"state": "explained"},
    "lists.decide_row": lambda side, persona: {
        "decision": "unit",
        "unit_id": side["unit"],
        "specialty": "public-places",
    },
    "unit-labels.declare_label": lambda side, persona: {
        "label": "unobtrusive",
        "from_on": "2026-11-21",
    },
    "unit-labels.end_label": lambda side, persona: {"until_on": "2026-12-31"},
    "review.decide": lambda side, persona: {"decision": "decline"},
    "sync-devices.set_pin": lambda side, persona: {
        "salt": "A" * 22,
        "iterations": 600_000,
        "verifier": "A" * 43,
    },
    "sync-devices.enrol": lambda side, persona: _enrolment(side),
    "sync-devices.renew": lambda side, persona: _renewal(side),
    "tasks.propose_closing": lambda side, persona: {"reason": "ceased"},
    "tokens.make_token": lambda side, persona: {"name": "台账", "roles": [persona]},
}
RAW: dict[str, Callable[[Side], tuple[str, bytes]]] = {
    "rescue.import_file": lambda side: ("application/octet-stream", b"no rescue file"),
    "uploads.create": lambda side: ("application/octet-stream", b""),
    "uploads.append": lambda side: ("application/offset+octet-stream", b"append"),
    "inbox.push": lambda side: ("application/x-ndjson", side.values["line"].encode() + b"\n"),
    "lists.upload_file": lambda side: _file(side, "list"),
    "lists.upload_partner_results": lambda side: _file(side, "partner-results"),
    "officer-registers.preview_officers": lambda side: _file(side, "officers"),
    "unit-labels.upload_labels": lambda side: _file(side, "labels"),
    "annual-reports.take_annual_table": lambda side: _file(side, "annual"),
    "annual-reports.take_permits": lambda side: _file(side, "permits"),
    "self-checks.take_self_checks": lambda side: _file(side, "self-checks"),
    "publications.import_receipts": lambda side: _file(side, "receipts"),
    "evidence.take_in_paper": lambda side: _file(side, "paper"),
    "units.preview_units": lambda side: _file(side, "units"),
}
FORMS: dict[str, Callable[[Side], dict[str, Any]]] = {  # the same as fields of a form
    "lists.upload_file": lambda side: {"file": side.values["table:list"]},
    "lists.upload_partner_results": lambda side: {"file": side.values["table:partner-results"]},
    "officer-registers.preview_officers": lambda side: {"file": side.values["table:officers"]},
    "unit-labels.upload_labels": lambda side: {"file": side.values["table:labels"]},
    "annual-reports.take_annual_table": lambda side: {"file": side.values["table:annual"]},
    "annual-reports.take_permits": lambda side: {"file": side.values["table:permits"]},
    "self-checks.take_self_checks": lambda side: {"file": side.values["table:self-checks"]},
    "publications.import_receipts": lambda side: {"file": side.values["table:receipts"]},
    "evidence.take_in_paper": lambda side: {"file": side.values["table:paper"]},
    "units.preview_units": lambda side: {"file": side.values["table:units"]},
}
QUERIES: dict[str, Callable[[Side], dict[str, str]]] = {
    "discretion.preview_on_site": lambda side: {
        "visit_id": side["visit"],
        "cause_code": "smoking",
        "party_kind": "citizen",
    },
    "patrols.get_counts": lambda side: {"from_on": "2026-01-01", "until_on": "2026-12-31"},
    "patrols.get_coverage": lambda side: {"in_year": "2026"},
    "histories.get_history": lambda side: {"party_id": side["party:other"]},
    "complaints.draft_reply": lambda side: {"template": "accepted"},
    "annual-reports.export_annual_table": lambda side: {"year": "2026"},
    "annual-reports.list_annual_entries": lambda side: {
        "year": "2026",
        "item": "public-places",
        "column": "inspections",
    },
    "annual-reports.show_annual_table": lambda side: {"year": "2026"},
    "annual-reports.take_annual_table": lambda side: {"year": "2023"},
    "counts.export_entries": lambda side: {"counter": "inspections"},
    "counts.list_entries": lambda side: {"counter": "inspections"},
    "disturbance.export_excesses": lambda side: {"cap": "entries-per-year"},
    "disturbance.list_excesses": lambda side: {"cap": "entries-per-year"},
    "dossiers.list_lines": lambda side: {"section": "visits"},
    **{
        view: lambda side: {"from_on": "2026-01-01", "until_on": "2026-12-31"}
        for view in (
            "credit-figures.show_figures",
            "publications.export_decisions",
            "publications.show_figures",
        )
    },
    "report-cards.export_cards": lambda side: {"kind": "case-closed"},
    "draws.prove_line": lambda side: {"archive_no": side.ids["archive_no"]},
}
HEADERS: dict[str, Callable[[Side], str]] = {
    "Sync-Protocol": lambda side: "1",
    "Tus-Resumable": lambda side: "1.0.0",
    "Upload-Checksum": lambda side: f"sha256 {b64encode(sha256(b'append').digest()).decode()}",
    "Upload-Length": lambda side: "5",
    "Upload-Metadata": lambda side: metadata_of(b"world"),
    "Upload-Offset": lambda side: "0",
}
TOKENS = {"sync-devices.wiped": "device:wiping"}  # a persona of its own for what others may not


def _sheet_items() -> list[dict[str, Any]]:
    """The items of the score sheet of 住宿场所."""
    (sheet,) = [row for row in seeds.rows("score_sheets") if row["code"] == "score-lodging"]
    items: list[dict[str, Any]] = sheet["items"]
    return items


def _annual_plan() -> dict[str, Any]:
    item = {
        "level": "district",
        "stratum": "公共场所/住宿场所",
        "rule": [1, 10],
        "basis": "公共场所卫生管理条例",
    }
    return {"title": "年度抽查计划", "items": [item]}


def _file(side: Side, register: str) -> tuple[str, bytes]:
    """A form with a table in it."""
    head = 'Content-Disposition: form-data; name="file"; filename="register.csv"'
    table = side.values[f"table:{register}"]
    body = f"--form\r\n{head}\r\n\r\n{table}\r\n--form--\r\n"
    return "multipart/form-data; boundary=form", body.encode()


def _silent(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send nothing: a tablet that only writes its requests."""
    return Answer(0, headers, body)


def _enrolment(side: Side) -> dict[str, Any]:
    tablet = Tablet(_silent, lambda: NOW, key=side.key("new"))
    body: dict[str, Any] = tablet.enrol(side.values["code"], side.logins["officer"], PASSWORD).json
    return body


def _renewal(side: Side) -> dict[str, Any]:
    tablet = side.tablet("working", _silent, lambda: NOW)
    body: dict[str, Any] = tablet.tokens(refresh=tablet.refresh).json
    return body


class Untaught(AssertionError):
    """A route that this module does not know how to ask."""


@dataclass(frozen=True)
class Operation:
    """One method of one rule of the url_map."""

    rule: Rule
    method: str
    access: Mapping[str, Any]
    documented: Mapping[str, Any] | None  # a HEAD that Flask adds has its GET's
    in_document: bool

    @property
    def endpoint(self) -> str:
        return str(self.rule.endpoint)

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule.rule}"

    @property
    def schemes(self) -> list[str]:
        """`user`, `device`, both, or nothing for what anybody may open."""
        return list(self.access["schemes"])

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(self.access["roles"])

    @property
    def owned(self) -> list[str]:
        """The parameters that name an object of an agency."""
        return sorted(name for name in self.rule.arguments if name not in GLOBAL)

    @property
    def has_body(self) -> bool:
        return bool(self.documented and "requestBody" in self.documented)

    @property
    def takes_json(self) -> bool:
        return self.has_body and self.endpoint not in RAW

    @property
    def headers(self) -> list[str]:
        """The headers that the document asks for."""
        parameters = (self.documented or {}).get("parameters", [])
        return [found["name"] for found in parameters if found["in"] == "header"]

    @property
    def versioned(self) -> bool:
        return "If-Match" in self.headers


@dataclass(frozen=True)
class Request:
    """What is sent."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    data: bytes | None = None

    def send(self, client: FlaskClient) -> TestResponse:
        return client.open(self.path, method=self.method, headers=self.headers, data=self.data)


def document(flask_app: flask.Flask) -> dict[str, Any]:
    """The OpenAPI document as it is served."""
    found: dict[str, Any] = json.loads(flask_app.test_client().get("/api/openapi.json").data)
    return found


def operations(flask_app: flask.Flask) -> list[Operation]:
    """Every method of every route, with what its decorator and the document say."""
    paths = document(flask_app)["paths"]
    found = []
    for rule in flask_app.url_map.iter_rules():
        access = access_of(flask_app, rule.endpoint)
        if access is None:
            continue  # start refuses such a route; only Flask's own `static` is exempt
        described = paths.get(template(rule), {})
        automatic = {"OPTIONS"} if getattr(rule, "provide_automatic_options", False) else set()
        methods = (rule.methods or set()) - automatic
        found += [
            Operation(
                rule,
                method,
                access,
                described.get(method.lower()) or described.get("get" if method == "HEAD" else ""),
                in_document=method.lower() in described,
            )
            for method in sorted(methods)
        ]
    return sorted(found, key=lambda one: (one.rule.rule, one.method))


def template(rule: Rule) -> str:
    """The path of a rule as OpenAPI writes it."""
    return _PARAMETER.sub(r"{\1}", rule.rule)


def values_of(operation: Operation, side: Side, persona: str) -> dict[str, str]:
    """What the parameters of a path are, on the objects of a side. Raises Untaught."""
    found = {}
    for name in operation.rule.arguments:
        get = OBJECTS.get(f"{operation.endpoint} {name}") or OBJECTS.get(name)
        if get is None:
            raise Untaught(
                f"{operation.name}: nobody said what <{name}> is. Add it to OBJECTS (and, where it"
                " names nothing of an agency, to GLOBAL) in tests/api/requests.py."
            )
        found[name] = get(side, persona)
    return found


def path_of(operation: Operation, values: Mapping[str, str]) -> str:
    """The path of an operation with these parameters."""
    return _PARAMETER.sub(lambda found: quote(values[found[1]], safe=""), operation.rule.rule)


def body_of(
    operation: Operation, side: Side, persona: str, spec: Mapping[str, Any]
) -> dict[str, Any]:
    """A body that says what the operation needs, about objects of a side. Raises Untaught."""
    given = BODIES[operation.endpoint](side, persona) if operation.endpoint in BODIES else {}
    content = (operation.documented or {})["requestBody"]["content"]
    schema = _resolved(content[JSON]["schema"], spec)
    made = {
        name: _sample(name, _resolved(schema["properties"][name], spec), side, operation)
        for name in schema.get("required", [])
        if name not in given
    }
    return {**made, **given}


def _resolved(schema: Mapping[str, Any], spec: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return dict(spec["components"]["schemas"][name])
    return schema


def _sample(name: str, schema: Mapping[str, Any], side: Side, operation: Operation) -> Any:
    if name in VALUES:
        return VALUES[name](side)
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "integer":
        return schema.get("minimum", 0)
    if kind == "boolean":
        return False
    if kind == "array" and "enum" in schema["items"]:
        return [schema["items"]["enum"][0]]
    if kind == "string" and "\\u0000" in schema.get("pattern", ""):
        return "按规定办理"
    raise Untaught(
        f"{operation.name}: nobody said what the field {name!r} holds. Add it to VALUES, or to"
        " BODIES for this operation, in tests/api/requests.py."
    )


def good(
    seeded: Seeded,
    operation: Operation,
    side: Side,
    persona: str,
    spec: Mapping[str, Any],
    **changed: str,
) -> Request:
    """A request that is right in every way, about objects of a side. Raises Untaught.

    `changed` are parameters of the path that differ.
    """
    values = {**values_of(operation, side, persona), **changed}
    headers = {name: HEADERS[name](side) for name in operation.headers if name in HEADERS}
    data = None
    if operation.endpoint in RAW:
        headers["Content-Type"], data = RAW[operation.endpoint](side)
    elif operation.has_body:
        headers["Content-Type"] = JSON
        data = json.dumps(body_of(operation, side, persona, spec), ensure_ascii=False).encode()
    if operation.versioned:
        headers["If-Match"] = version_of(seeded, [values[name] for name in operation.owned])
    path = path_of(operation, values)
    if operation.endpoint in QUERIES:
        path += f"?{urlencode(QUERIES[operation.endpoint](side))}"
    return Request(operation.method, path, headers, data)


def version_of(seeded: Seeded, names: Sequence[str]) -> str:
    """The entity tag of the one versioned row that has one of these ids; of a new one otherwise."""
    found = None
    with seeded.flask_app.app_context():
        if (known := _tables.get(tuple(names))) is not None:
            found = _version_in(known, names)
        if found is None:
            for table in _versioned():
                if (found := _version_in(table, names)) is not None:
                    _tables[tuple(names)] = table
                    break
    return f'"{found or 1}"'


_tables: dict[tuple[str, ...], sa.Table] = {}  # where the row with one of these ids was


@cache
def _versioned() -> list[sa.Table]:
    return [
        table
        for table in reversed(Base.metadata.sorted_tables)  # of a list and its row, the row
        if "version" in table.c and "district" in table.c
    ]


def _version_in(table: sa.Table, names: Sequence[str]) -> int | None:
    ids = [UUID(one) for one in names if _UUID.fullmatch(one)]
    where = [table.c.id.in_(ids)] if ids else []
    if "draw_no" in table.c:
        where.append(table.c.draw_no.in_(names))
    if not where:
        return None
    version: int | None = db.db.session.scalar(sa.select(table.c.version).where(sa.or_(*where)))
    return version
