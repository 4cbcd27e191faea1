import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from edge.webapp.model_client import ModelClient
from edge.webapp.register import judging
from edge.webapp.register.models import Component, Correction

POOR = "Poor plastic cover from 1990"
GOOD = "good steel hinge"


def enter(browser: Client, description: str, number: str = "") -> Component:
    answer = browser.post("/components/new", {"description": description, "number": number})
    assert answer.status_code == 302, answer.content
    return Component.objects.latest("id")


def text_of(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def rows(browser: Client, query: str) -> list[str]:
    page = browser.get(f"/?{query}").content.decode()
    return re.findall(r'<th scope="row"><a[^>]*>([^<]*)</a>', page)


@pytest.mark.parametrize(
    "path",
    ["/", "/components/new", "/components/1", "/corrections", "/password", "/admin/"],
)
def test_nothing_is_shown_without_signing_in(path: str, database: object) -> None:
    answer = Client().get(path, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/sign-in?next=/")
    assert "Password" in answer.content.decode()


@pytest.mark.parametrize("path", ["/components/1/judge", "/corrections/batches"])
def test_nothing_is_done_without_signing_in(path: str, database: object) -> None:
    assert Client().post(path).headers["Location"].startswith("/sign-in")


def test_every_page_but_three_needs_an_account() -> None:
    from django.urls import get_resolver

    for pattern in get_resolver().url_patterns:
        callback = getattr(pattern, "callback", None)
        if callback is not None and not getattr(callback, "login_required", True):
            assert str(pattern.pattern) in ("sign-in", "healthz", "favicon.ico")


def test_an_entry_is_judged_and_explained(model: ModelClient, browser: Client) -> None:
    component = enter(browser, "  Poor\r\n plastic\u200b cover from 1990 ", "BRK-1")
    assert component.description == POOR
    page = browser.get(f"/components/{component.pk}").content.decode()
    assert '<mark class="against">plastic</mark>' in page
    shown = text_of(browser, f"/components/{component.pk}")
    assert "Non-compliant" in shown
    assert "99.3 % sure" in shown
    assert model.serving().removeprefix("sha256:")[:12] in shown


def test_what_is_entered_is_shown_as_text_only(model: ModelClient, browser: Client) -> None:
    nasty = '<script>alert(1)</script> "><img src=x> {{ 7 }} plastic'
    component = enter(browser, nasty, "<b>")
    for path in ("/", f"/components/{component.pk}", f"/components/{component.pk}/edit"):
        page = browser.get(path).content.decode()
        assert "<script" not in page
        assert "<img" not in page
        assert "<b>" not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize("description", ["", "   ", "\u200b\n", "x" * 401])
def test_a_description_is_demanded_and_bounded(description: str, browser: Client) -> None:
    answer = browser.post("/components/new", {"description": description})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert 'aria-invalid="true"' in page
    assert "<title>Error: New component" in page
    assert Component.objects.count() == 0


def test_without_a_model_the_entry_is_kept_and_the_page_says_why(browser: Client) -> None:
    component = enter(browser, POOR)
    shown = text_of(browser, f"/components/{component.pk}")
    assert "Not judged yet" in shown
    assert "nothing answers at 127.0.0.1:1" in shown
    assert "1 component not judged yet" in text_of(browser, "/")


def test_looking_again_judges_when_the_model_is_back(
    model: ModelClient, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        gone = ModelClient("127.0.0.1:1", "compliance", judging.client()._contract)
        away.setattr(judging, "client", lambda: gone)
        component = enter(browser, POOR)
        gone.close()
    Component.objects.update(tried_at=None)
    judging._away = None
    assert "99.3 % sure" in text_of(browser, f"/components/{component.pk}")


def test_the_search_finds_by_every_way(
    model: ModelClient, browser: Client, chief: User, technician: User
) -> None:
    poor = enter(browser, "Poor iron bumper, STRASSE Ölfilter", "AX-7")
    enter(browser, GOOD)
    other = Component.objects.create(description=POOR, created_by=chief, changed_by=chief)
    judging.judge(other)
    Component.objects.create(description="unknown", created_by=chief, changed_by=chief)
    assert len(rows(browser, "")) == 4
    assert rows(browser, "text=ölFILTER") == [poor.description]
    assert rows(browser, "text=straße+bumper") == [poor.description]
    assert rows(browser, "text=ax-7") == [poor.description]
    assert rows(browser, "text=bumper+hinge") == []
    assert rows(browser, "text=%25") == []
    assert rows(browser, "label=compliant") == [GOOD]
    assert set(rows(browser, "label=non-compliant")) == {poor.description, POOR}
    assert rows(browser, "label=none") == ["unknown"]
    assert set(rows(browser, "mine=on")) == {poor.description, GOOD}
    assert rows(browser, "corrected=on") == []
    browser.post(
        f"/components/{poor.pk}/correct",
        {"label": 0, "reason": "demonstrator", "revision": 1, "shown": 1},
    )
    assert rows(browser, "corrected=on") == [poor.description]
    assert set(rows(browser, "label=compliant")) == {poor.description, GOOD}
    assert "No component fits" in text_of(browser, "/?text=nothing+like+it")
    assert len(rows(browser, "label=nonsense&page=-3&text=" + "z+" * 200)) == 0


def test_long_lists_are_paged_and_keep_the_search(browser: Client, technician: User) -> None:
    for n in range(60):
        Component.objects.create(
            description=f"hinge {n}", created_by=technician, changed_by=technician
        )
    assert len(rows(browser, "text=hinge")) == 25
    assert len(rows(browser, "text=hinge&page=3")) == 10
    assert len(rows(browser, "text=hinge&page=99")) == 10
    assert "?text=hinge&amp;page=2" in browser.get("/?text=hinge").content.decode()
    assert "26 to 50 shown" in text_of(browser, "/?text=hinge&page=2")


def test_an_edit_is_judged_anew_and_the_history_stays(model: ModelClient, browser: Client) -> None:
    component = enter(browser, POOR)
    correct(browser, component, 0)
    answer = browser.post(
        f"/components/{component.pk}/edit", {"description": GOOD, "number": "N", "revision": 1}
    )
    assert answer.status_code == 302
    component.refresh_from_db()
    assert (component.label, component.correction, component.revision) == (0, None, 2)
    assert component.judgements.count() == 2
    assert component.corrections.count() == 1
    shown = text_of(browser, f"/components/{component.pk}")
    assert f"Of the text before: “{POOR}”" in shown


def test_a_new_part_number_leaves_the_label(model: ModelClient, browser: Client) -> None:
    component = enter(browser, POOR)
    before = component.judgement
    browser.post(
        f"/components/{component.pk}/edit", {"description": POOR, "number": "N", "revision": 1}
    )
    component.refresh_from_db()
    assert (component.judgement, component.number) == (before, "N")


def test_nobody_overwrites_what_they_have_not_seen(model: ModelClient, browser: Client) -> None:
    component = enter(browser, POOR)
    path = f"/components/{component.pk}/edit"
    browser.post(path, {"description": "first", "revision": 1})
    answer = browser.post(path, {"description": "second", "revision": 1})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "while you were editing" in page
    assert "“first”" in page
    assert ">\nsecond</textarea>" in page
    component.refresh_from_db()
    assert component.description == "first"
    assert 'name="revision" value="2"' in page
    browser.post(path, {"description": "second", "revision": 2})
    component.refresh_from_db()
    assert component.description == "second"


def correct(browser: Client, component: Component, label: int, **changes: object) -> None:
    shown = 1 - label
    sent = {"label": label, "reason": "demonstrator", "revision": component.revision}
    browser.post(f"/components/{component.pk}/correct", sent | {"shown": shown} | changes)


def test_a_correction_counts_and_remembers_what_the_model_said(
    model: ModelClient, browser: Client, technician: User
) -> None:
    component = enter(browser, POOR)
    correct(browser, component, 0)
    component.refresh_from_db()
    correction = Correction.objects.get()
    assert (component.label, component.correction) == (0, correction)
    assert (correction.said_label, correction.label) == (1, 0)
    assert correction.said_confidence == pytest.approx(0.993, abs=0.001)
    assert correction.made_by == technician
    assert correction.model_digest == model.serving()
    shown = text_of(browser, f"/components/{component.pk}")
    assert "Corrected by mara" in shown
    assert "The model said: non-compliant, 99.3 % sure." in shown


def test_a_correction_can_be_corrected(model: ModelClient, browser: Client) -> None:
    component = enter(browser, POOR)
    correct(browser, component, 0)
    correct(browser, component, 1)
    component.refresh_from_db()
    assert component.label == 1
    assert Correction.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"reason": "  "}, 422),
        ({"reason": "x" * 501}, 422),
        ({"label": ""}, 422),
        ({"label": 2}, 422),
        ({"label": 1}, 422),  # what is shown already
        ({"revision": 7}, 302),  # edited since it was shown
        ({"shown": 0, "label": 1}, 302),  # judged anew since
    ],
)
def test_a_correction_without_reason_or_of_something_else_is_none(
    changes: dict[str, object], status: int, model: ModelClient, browser: Client
) -> None:
    component = enter(browser, POOR)
    sent = {"label": 0, "reason": "r", "revision": 1, "shown": 1} | changes
    answer = browser.post(f"/components/{component.pk}/correct", sent)
    assert answer.status_code == status
    assert Correction.objects.count() == 0
    if status == 302:
        assert "Not corrected" in text_of(browser, f"/components/{component.pk}")


def test_what_is_not_judged_cannot_be_corrected(browser: Client) -> None:
    component = enter(browser, POOR)
    answer = browser.get(f"/components/{component.pk}/correct", follow=True)
    assert "no label yet" in answer.content.decode()
    correct(browser, component, 0)
    assert Correction.objects.count() == 0


def test_asking_again_adds_to_the_history(model: ModelClient, browser: Client) -> None:
    component = enter(browser, POOR)
    answer = browser.post(f"/components/{component.pk}/judge", follow=True)
    assert "judged the description again" in answer.content.decode()
    assert component.judgements.count() == 2


def test_a_label_stays_when_the_model_is_away_later(
    model: ModelClient, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = enter(browser, POOR)
    gone = ModelClient("127.0.0.1:1", "compliance", judging.client()._contract)
    monkeypatch.setattr(judging, "client", lambda: gone)
    answer = browser.post(f"/components/{component.pk}/judge", follow=True)
    assert "The label stays as it was." in answer.content.decode()
    component.refresh_from_db()
    assert component.label == 1
    gone.close()


def test_pages_that_are_not_there_say_so(browser: Client) -> None:
    for path in ("/components/99", "/components/x", "/nothing"):
        answer = browser.get(path)
        assert answer.status_code == 404
        assert "Not found" in answer.content.decode()
    assert browser.get("/components/1/judge").status_code == 405


def test_a_form_without_its_token_is_refused(technician: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(technician)
    answer = strict.post("/components/new", {"description": POOR})
    assert answer.status_code == 403
    assert "too old" in answer.content.decode()
    assert Component.objects.count() == 0


def test_a_technician_is_no_staff(browser: Client) -> None:
    for path in ("/corrections", "/corrections/batches/x.csv", "/admin/"):
        assert browser.get(path, follow=True).status_code == 403
    assert browser.post("/corrections/batches").status_code == 403
    assert reverse("corrections") not in browser.get("/").content.decode()


def test_staff_deletes_a_component_and_its_correction_stays(
    model: ModelClient, browser: Client, chief: User
) -> None:
    component = enter(browser, POOR)
    correct(browser, component, 0)
    staff = Client()
    staff.force_login(chief)
    path = f"/admin/register/component/{component.pk}/delete/"
    assert staff.get(path).status_code == 200
    assert staff.post(path, {"post": "yes"}).status_code == 302
    assert Component.objects.count() == 0
    assert Correction.objects.get().component is None
    assert POOR in text_of(staff, "/corrections")
