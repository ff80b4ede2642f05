"""Whose objects a path names: what a parameter of a route means on a side.

`OBJECTS` has parameters by name or, where a route needs an object in a certain state, by route and
name; `GLOBAL` are those that name nothing of an agency.
"""

from collections.abc import Callable

from app.access import Role
from tests.api.seeds.builder import Side

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
