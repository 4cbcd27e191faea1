"""What a technician sees and does: the real register, the real service, a real browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.webapp.accessibility import check, check_keyboard
from tests.edge.webapp.browser import CHROMIUM, Page, browsing
from tests.edge.webapp.running import ADMIN, PASSWORD, Register, running_register
from tests.inference_service.harness import Service

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

POOR = "Poor condition plastic bracket made in 1990"


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[Register]:
    with running_register(tmp_path_factory.mktemp("browser"), service.target) as running:
        yield running


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(tab: Page, register: Register, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The tab, signed out; what is wrong in its console, or comes from elsewhere, fails."""
    tab.send("Network.clearBrowserCookies")
    tab.problems.clear()
    tab.requested.clear()
    tab.size(1200)
    tab.open(register.url)
    yield tab
    if shots := os.environ.get("WEBAPP_SCREENSHOTS"):
        tab.screenshot(Path(shots) / f"{request.node.name}.png")
    assert tab.problems == []
    assert [url for url in tab.requested if not url.startswith(register.url)] == []


def sign_in(page: Page) -> None:
    page.fill("Account", ADMIN)
    page.fill("Password", PASSWORD)
    page.press("Sign in")


def test_from_sign_in_to_a_corrected_label(page: Page) -> None:
    assert page.title == "Sign in – Component register"
    check(page)
    sign_in(page)
    page.press("New component")
    page.fill("Part number", "BRK-1042")
    page.fill("Description", POOR)
    page.press("Save")
    assert "Non-compliant" in page.text
    assert "The model is 99.3 % sure." in page.text
    marked = page.run("[...document.querySelectorAll('.text mark')].map(m => m.textContent)")
    assert marked == ["Poor", "plastic"]
    check(page)
    page.press("Correct the label")
    check(page)
    assert page.run("document.querySelector('input[type=radio]:checked').value") == "0"
    page.fill("Reason", "It is a demonstrator.")
    page.press("Correct")
    assert "The label is corrected." in page.text
    assert "“It is a demonstrator.”" in page.text
    check(page)
    page.press("Components")
    page.fill("Words", "brk-1042 PLASTIC")
    page.run("document.getElementById('id_corrected').click()")
    page.press("Search")
    assert "1 component found." in page.text
    assert "corrected" in page.text
    check(page)
    page.press(POOR)
    page.press("Edit")
    page.fill("Description", "good steel bracket")
    page.press("Save changes")
    assert "Of the text before" in page.text
    page.press("Sign out")
    assert page.title.startswith("Sign in")


def test_everything_goes_without_a_mouse(page: Page) -> None:
    names = check_keyboard(page)
    assert names == [
        "a Skip to the content",
        "a Component register",
        "input Account",
        "input Password",
        "button Sign in",
    ]
    page.tab_to("input Account")
    page.type(ADMIN)
    page.key("Tab")
    page.type(PASSWORD)
    page.enter()
    check_keyboard(page)
    page.tab_to("a New component")
    page.enter()
    page.tab_to("textarea Description")
    page.type("iron hinge")
    page.tab_to("button Save")
    page.enter()
    assert "Non-compliant" in page.text
    names = check_keyboard(page)
    assert names[0] == "a Skip to the content"
    page.tab_to("Skip to the content")
    page.key("Enter")
    page.key("Tab")
    assert page.focused() == "a Edit"
    page.tab_to("a Correct the label")
    page.enter()
    check_keyboard(page)
    page.tab_to("Compliant")
    page.tab_to("textarea Reason")
    page.type("coated")
    page.tab_to("button Correct")
    page.enter()
    assert "The label is corrected." in page.text


def test_what_is_wrong_is_told_where_and_how(page: Page) -> None:
    page.press("Sign in")
    check(page)
    alert = page.run("document.querySelector('[role=alert]').innerText")
    assert "Enter the name of your account." in alert
    page.fill("Account", ADMIN)
    page.fill("Password", "nonsense")
    page.press("Sign in")
    assert "do not belong together" in page.text
    check(page)
    sign_in(page)
    page.press("New component")
    page.press("Save")
    check(page)
    page.tab_to("a Enter a description.")
    page.key("Enter")
    assert page.focused() == "textarea Description"
    described = page.run(
        "document.activeElement.getAttribute('aria-describedby').split(' ')"
        ".map(id => document.getElementById(id).textContent).join(' ')"
    )
    assert "Enter a description." in described
    assert "At most 400 characters." in described


def test_staff_pages_and_the_administration(page: Page) -> None:
    sign_in(page)
    page.press("Corrections")
    check(page)
    if "Make a batch to download" in page.text:
        page.press("Make a batch to download")
        assert "is made" in page.text
        check(page)
    page.press(f"Change the password of {ADMIN}")
    check(page)
    page.open(page.run("location.origin") + "/nothing")
    check(page)
    page.open(page.run("location.origin") + "/admin/auth/user/add/")
    assert "Add user" in page.text
    page.run("document.querySelector('.theme-toggle').click()")  # its scripts run, ours are none


def test_without_the_model(page: Page, tmp_path: Path) -> None:
    with running_register(tmp_path, "127.0.0.1:1") as alone:
        page.open(alone.url)
        sign_in(page)
        page.press("New component")
        page.fill("Description", POOR)
        page.press("Save")
        assert "Not judged yet" in page.text
        assert "nothing answers at 127.0.0.1:1" in page.run(
            "document.querySelector('[role=alert]').innerText"
        )
        check(page)
        page.press("Components")
        assert "1 component not judged yet." in page.text
        check(page)
        page.requested[:] = [url for url in page.requested if not url.startswith(alone.url)]
