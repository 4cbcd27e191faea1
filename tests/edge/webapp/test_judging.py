from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from edge.webapp.model_client import Answer, ModelClient
from edge.webapp.register import judging
from edge.webapp.register.models import Component
from protos.errors import DataRefused, Unavailable, VerificationFailed


def entered(by: User, description: str = "Poor plastic cover") -> Component:
    return Component.objects.create(description=description, created_by=by, changed_by=by)


def test_the_model_s_word_is_kept_with_its_digest(model: ModelClient, technician: User) -> None:
    component = entered(technician)
    judgement = judging.judge(component)
    assert judgement is not None
    assert (component.label, component.judgement) == (1, judgement)
    assert judgement.model_digest == model.serving()
    assert ["plastic", 4.0] in judgement.words
    assert judgement.description == "Poor plastic cover"


def test_an_entry_outlives_a_model_that_is_away(technician: User) -> None:
    component = entered(technician)
    assert judging.judge(component) is None
    assert component.label is None
    assert "nothing answers" in component.not_judged
    assert not component.refused
    assert not judging.is_due(component)
    component.tried_at = timezone.now() - timedelta(seconds=judging.REST_SECONDS)
    assert judging.is_due(component)


def test_pages_do_not_wait_again_for_a_model_that_is_away(
    technician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Away:
        def ask(self, text: str) -> Answer:
            asked.append(text)
            raise Unavailable("it is away")

    monkeypatch.setattr(judging, "client", Away)
    judging.judge(entered(technician, "one"))
    judging.judge(entered(technician, "two"))
    assert asked == ["one"]
    judging.judge(entered(technician, "three"), patient=True)
    assert asked == ["one", "three"]


def test_what_waited_is_judged_when_the_model_is_back(
    model: ModelClient, technician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = [entered(technician, f"Poor number {n}") for n in range(5)]
    with monkeypatch.context() as away:
        gone = ModelClient("127.0.0.1:1", "compliance", judging.client()._contract)
        away.setattr(judging, "client", lambda: gone)
        assert judging.judge_waiting() == 0
        gone.close()
    assert judging.judge_waiting(limit=2) == 2
    assert judging.judge_waiting() == 3
    assert judging.judge_waiting() == 0
    for component in waiting:
        component.refresh_from_db()
        assert (component.label, component.not_judged) == (1, "")


def test_what_the_model_refuses_is_not_asked_again_until_it_is_edited(
    technician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        def ask(self, text: str) -> Answer:
            raise DataRefused("too long for it", why="1000 words")

    monkeypatch.setattr(judging, "client", Refusing)
    component = entered(technician)
    assert judging.judge(component) is None
    assert component.refused
    assert component.not_judged == "too long for it: 1000 words"
    assert judging.judge_waiting() == 0
    assert not judging.is_due(component)


def test_one_senseless_answer_does_not_keep_others_waiting(
    technician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd:
        def ask(self, text: str) -> Answer:
            if text == "odd":
                raise VerificationFailed("no sense")
            return Answer(0, 0.9, (), "compliance", "")

    monkeypatch.setattr(judging, "client", Odd)
    entered(technician, "odd")
    entered(technician, "even")
    assert [judging.judge_waiting() for _ in range(2)] == [0, 1]


def test_a_judgement_of_a_text_that_was_edited_meanwhile_is_dropped(
    technician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = entered(technician, "before")

    class Slow:
        def ask(self, text: str) -> Answer:
            Component.objects.filter(pk=component.pk).update(description="after")
            return Answer(1, 0.9, (), "compliance", "")

    monkeypatch.setattr(judging, "client", Slow)
    assert judging.judge(component) is None
    assert (component.description, component.judgement) == ("after", None)
    assert component.judgements.count() == 0
