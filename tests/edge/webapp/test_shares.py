import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.webapp.register.templatetags.shares import digest, percent, sure


@pytest.mark.parametrize(
    ("confidence", "text"),
    [
        (1.0, "over 99.9 %"),
        (0.9996, "over 99.9 %"),
        (0.9993, "99.9 %"),
        (0.993, "99.3 %"),
        (0.957, "96 %"),
        (0.5, "50 %"),
        (0.004, "0.4 %"),
        (0.0, "under 0.1 %"),
    ],
)
def test_confidence_in_words_that_people_read(confidence: float, text: str) -> None:
    assert sure(confidence) == text


@given(st.floats(0, 1))
def test_nothing_is_called_certain(confidence: float) -> None:
    assert sure(confidence) not in ("100 %", "100.0 %", "0 %", "0.0 %")


def test_shares_and_digests() -> None:
    assert (percent(1.0), percent(0.747)) == ("100 %", "75 %")
    assert digest("sha256:" + "ab" * 32) == "abababababab"
    assert digest("") == ""
