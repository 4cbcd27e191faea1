"""If-Match."""

import pytest

from edge.local_hub.errors import HubError
from edge.local_hub.etags import check_if_match, version_etag


def passes(header: str, current: str = "abc") -> bool:
    try:
        check_if_match(header, current)
    except HubError:
        return False
    return True


@pytest.mark.parametrize("header", ["*", '"*"', '"abc"', 'W/"abc"'])
def test_the_current_version_passes(header: str) -> None:
    assert passes(header)
    assert passes(header, "other") == ("*" in header)


@pytest.mark.parametrize("header", ["abc", "", '"', '"abd"', '""', "'abc'", '"abc'])
def test_everything_else_is_a_412(header: str) -> None:
    with pytest.raises(HubError) as caught:
        check_if_match(header, "abc")
    assert caught.value.status == 412


def test_the_etag_of_a_version_is_eight_bytes() -> None:
    assert version_etag(1) == "AAAAAAAAAAE="
    assert version_etag(258) == "AAAAAAAAAQI="
