"""The complaints of a seeded agency."""

from uuid import UUID

from app.access import Role
from app.complaints import service as complaints
from app.complaints.models import Complaint
from app.complaints.rules import Channel, ComplaintKind, ComplaintResult
from app.complaints.service import Identity, NewComplaint
from tests.api.seeds.builder import Builder


def fill(builder: Builder) -> None:
    """Complaints in each state that a verb needs, with who complained."""
    by = builder.actor(Role.SUPERVISOR)
    at = builder.make.at
    for name in ("accept", "refuse", "transfer", "withdraw", "merge", "assign", "conclude"):
        builder.keep(f"complaint:{name}", _complaint(builder, name in {"assign", "conclude"}))
    replying = _complaint(builder, accepted=True)
    with builder.make.writing():
        result = ComplaintResult.UNSUBSTANTIATED
        complaints.conclude_complaint(replying.id, result, "现场未发现", by=by, at=at)
    builder.keep("complaint:reply", replying)
    builder.keep("complaint", _complaint(builder, accepted=False))


def _complaint(builder: Builder, accepted: bool) -> Complaint:
    who = Identity(name="匿名举报人丙", phone="13800000000")
    new = NewComplaint(
        kind=ComplaintKind.COMPLAINT,
        channel=Channel.HOTLINE,
        content="泳池水浑浊",
        unit_id=UUID(builder.side["unit"]),
        identity=who,
    )
    by, at = builder.actor(Role.CLERK), builder.make.at
    with builder.make.writing():
        complaint = complaints.file_complaint(new, agency=builder.agency, by=by, at=at)
        if accepted:
            complaints.accept_complaint(complaint.id, by=by, at=at)
    return complaint
