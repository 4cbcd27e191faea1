"""Shared access signatures: what the SDKs make is accepted, everything else is not."""

import base64
import time

import pytest
from azure.iot.hub.sastoken import SasToken as SdkToken
from hypothesis import given
from hypothesis import strategies as st

from edge.local_hub.sas import covers, is_valid, make_token, parse_token, signature

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()
NOW = 1_700_000_000.0
EXPIRY = int(NOW) + 60


def valid(
    text: str, resource: str = "localhost:1/devices/d", *, keys: tuple[str, ...] = (KEY,)
) -> bool:
    token = parse_token(text)
    return token is not None and is_valid(token, keys=keys, resource=resource, now=NOW)


def test_what_the_service_sdk_makes_is_accepted() -> None:
    token = parse_token(str(SdkToken("localhost:18443", KEY, "iothubowner")))
    assert token is not None
    assert (token.resource, token.policy) == ("localhost:18443", "iothubowner")
    assert is_valid(token, keys=[KEY], resource="localhost:18443/devices/d", now=time.time())


def test_the_second_key_is_good_too() -> None:
    assert valid(make_token("localhost:1", KEY, EXPIRY), keys=(OTHER, KEY))


@pytest.mark.parametrize(
    "text",
    [
        make_token("localhost:1", OTHER, EXPIRY),
        make_token("localhost:1", KEY, int(NOW)),
        make_token("localhost:1", KEY, int(NOW) - 1),
        make_token("localhost:2", KEY, EXPIRY),
        make_token("localhost:1/devices/other", KEY, EXPIRY),
        make_token("localhost:1/devices/d/modules/m", KEY, EXPIRY),
        make_token("localhost:1", KEY, EXPIRY).replace(f"se={EXPIRY}", f"se={EXPIRY + 1}"),
        make_token("localhost:1/devices/x", KEY, EXPIRY).replace("%2Fdevices%2Fx", ""),
    ],
)
def test_wrong_key_expired_wrong_resource_or_tampered(text: str) -> None:
    assert not valid(text)


def test_no_keys_no_access() -> None:
    assert not valid(make_token("localhost:1", KEY, EXPIRY), keys=())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer x",
        "SharedAccessSignature ",
        "SharedAccessSignature sr=a&sig=b",
        "SharedAccessSignature sr=a&sig=b&se=-1",
        "SharedAccessSignature sr=a&sig=b&se=1e9",
        "SharedAccessSignature sr=a&sr=b&sig=b&se=1",
        "SharedAccessSignature sr=a&sig&se=1",
        "SharedAccessSignature sr=a&sig=b&se=9" + "9" * 5000,
    ],
)
def test_what_is_no_token(text: str) -> None:
    assert parse_token(text) is None


@given(st.text(max_size=80))
def test_any_signature_but_the_right_one_is_refused(forged: str) -> None:
    good = signature(KEY, "localhost%3A1", EXPIRY)
    text = f"SharedAccessSignature sr=localhost%3A1&sig={forged}&se={EXPIRY}"
    assert forged == good or not valid(text)


def test_a_key_that_is_no_base64_is_an_error_without_the_key() -> None:
    with pytest.raises(ValueError, match="not base64") as caught:
        signature("secret!", "r", 1)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("granted", "asked", "expected"),
    [
        ("h:1", "h:1/devices/d", True),
        ("H:1/devices/d", "h:1/devices/d/modules/m", True),
        ("h:1/devices/d", "h:1/devices/D", False),
        ("h:1/devices/d", "h:1/devices/d2", False),
        ("h:1/devices/d", "h:1/devices", False),
        ("h", "h:1", False),
    ],
)
def test_a_token_covers_what_lies_below(granted: str, asked: str, expected: bool) -> None:
    assert covers(granted, asked) is expected
