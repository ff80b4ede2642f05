"""What uploads promise holds with photos on S3 too: the same tests, another storage.

What is left out tries a disk's own faults; old pieces on S3 stand in `test_storage_sweep.py`.
"""

import pytest

from tests.storage_servers import S3Server
from tests.sync.storages import flask_app, on_s3
from tests.sync.test_uploads import (
    test_a_photo_in_pieces_becomes_one_evidence,
    test_an_empty_file_is_whole_when_it_is_announced,
    test_an_expired_upload_is_gone_and_its_bytes_are_cleared,
    test_other_bytes_than_announced_are_kept_apart_and_told,
    test_what_another_agency_has_is_never_told,
    test_what_the_agency_has_needs_no_bytes,
)
from tests.sync.test_uploads_broken import (
    test_a_cut_piece_keeps_as_many_bytes_as_arrived,
    test_a_heartbeat_keeps_the_lease,
    test_a_lease_without_heartbeat_is_taken_over,
    test_a_parallel_patch_is_locked_out_and_the_first_goes_on,
    test_of_two_that_send_the_last_piece_at_once_one_makes_the_evidence,
    test_two_tablets_that_bring_one_photo_at_once_make_one_evidence,
)
from tests.sync.test_uploads_protocol import (
    test_a_piece_with_another_checksum_is_dropped_whole,
    test_a_terminated_upload_is_gone_with_its_bytes,
)

__all__ = [
    "flask_app",
    "test_a_cut_piece_keeps_as_many_bytes_as_arrived",
    "test_a_heartbeat_keeps_the_lease",
    "test_a_lease_without_heartbeat_is_taken_over",
    "test_a_parallel_patch_is_locked_out_and_the_first_goes_on",
    "test_a_photo_in_pieces_becomes_one_evidence",
    "test_a_piece_with_another_checksum_is_dropped_whole",
    "test_a_terminated_upload_is_gone_with_its_bytes",
    "test_an_empty_file_is_whole_when_it_is_announced",
    "test_an_expired_upload_is_gone_and_its_bytes_are_cleared",
    "test_of_two_that_send_the_last_piece_at_once_one_makes_the_evidence",
    "test_other_bytes_than_announced_are_kept_apart_and_told",
    "test_two_tablets_that_bring_one_photo_at_once_make_one_evidence",
    "test_what_another_agency_has_is_never_told",
    "test_what_the_agency_has_needs_no_bytes",
]


@pytest.fixture
def where(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Photos lie on S3."""
    return on_s3(s3_server, monkeypatch)
