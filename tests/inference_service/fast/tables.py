"""All tables, in the order of the RFCs."""

from tests.inference_service.fast import (
    cases_frames,
    cases_hpack,
    cases_kinds,
    cases_requests,
    cases_streams,
    cases_windows,
)

CASES = [
    *cases_frames.CASES,
    *cases_streams.CASES,
    *cases_kinds.CASES,
    *cases_windows.CASES,
    *cases_requests.CASES,
    *cases_hpack.CASES,
]
