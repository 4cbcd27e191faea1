import pytest

from edge.oci.auth import Authorization, Challenge, parse_challenge
from protos.errors import ConfigurationError, Unavailable


def authorization(
    status: int = 200, body: bytes = b'{"token":"t"}', user: str | None = "u"
) -> tuple[Authorization, list[tuple[str, dict[str, str]]]]:
    asked: list[tuple[str, dict[str, str]]] = []

    def fetch(url: str, headers: dict[str, str]) -> tuple[int, bytes]:
        asked.append((url, headers))
        return status, body

    return Authorization("registry", user, "secret-word", fetch), asked


def bearer(realm: str = "https://auth/token", scope: str = "repository:a:pull,push") -> Challenge:
    return Challenge("bearer", {"realm": realm, "service": "s", "scope": scope})


def test_reads_challenges() -> None:
    header = 'Bearer realm="https://a/t?x=1",service="s, t",scope="repository:a:pull,push"'
    assert parse_challenge(header) == Challenge(
        "bearer",
        {"realm": "https://a/t?x=1", "service": "s, t", "scope": "repository:a:pull,push"},
    )
    assert parse_challenge("Basic realm=plain") == Challenge("basic", {"realm": "plain"})


def test_answers_basic() -> None:
    auth, asked = authorization()
    auth.answer(Challenge("basic", {}))
    assert auth.header == "Basic dTpzZWNyZXQtd29yZA=="
    assert asked == []


def test_fetches_a_token_for_the_scope_and_the_mount() -> None:
    auth, asked = authorization()
    auth.answer(bearer(), also_pull="other")
    assert auth.header == "Bearer t"
    [(url, headers)] = asked
    assert url == (
        "https://auth/token?service=s&scope=repository%3Aa%3Apull%2Cpush"
        "&scope=repository%3Aother%3Apull"
    )
    assert headers == {"Authorization": "Basic dTpzZWNyZXQtd29yZA=="}


def test_asks_for_an_anonymous_token_without_a_name() -> None:
    auth, asked = authorization(body=b'{"access_token":"anyone"}', user=None)
    auth.answer(bearer())
    assert auth.header == "Bearer anyone"
    assert asked[0][1] == {}


def test_never_sends_credentials_without_tls() -> None:
    auth, asked = authorization()
    with pytest.raises(ConfigurationError, match="without TLS"):
        auth.answer(bearer("http://auth/token"))
    assert asked == []


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no json", b'{"token":1}', b'{"token":"a\\nb"}'])
def test_an_answer_without_a_token_is_no_proof(body: bytes) -> None:
    auth, _ = authorization(body=body)
    with pytest.raises(Unavailable, match="no token"):
        auth.answer(bearer())


def test_wrong_credentials_are_named_and_not_shown() -> None:
    auth, _ = authorization(status=401)
    with pytest.raises(ConfigurationError, match="refuses") as raised:
        auth.answer(bearer())
    assert "secret-word" not in str(raised.value)
    assert "secret-word" not in repr(auth)


def test_a_name_is_needed_for_basic() -> None:
    auth, _ = authorization(user=None)
    with pytest.raises(ConfigurationError, match="wants a user name"):
        auth.answer(Challenge("basic", {}))


def test_other_proofs_are_refused() -> None:
    auth, _ = authorization()
    with pytest.raises(ConfigurationError, match="'negotiate'"):
        auth.answer(Challenge("negotiate", {}))
