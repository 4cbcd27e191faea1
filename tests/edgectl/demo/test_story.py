"""A story ends at the first step that is not as it must be, and says so."""

from typing import Any, cast

import pytest

from edgectl.demo.story import NotAsExpected, Story, expect, tell, wait_for
from protos.errors import DeadlineExceeded


class Silent:
    def say(self, line: str) -> None:
        """Says nothing."""


def test_a_step_that_fails_ends_the_story() -> None:
    called: list[str] = []

    def good(story: Story) -> dict[str, Any]:
        called.append("good")
        return {"summary": "fine"}

    def bad(story: Story) -> dict[str, Any]:
        expect(False, "the rollout reached nobody")
        return {}

    steps = tell(cast(Story, Silent()), {"a": good, "b": bad, "c": good})
    assert [(step.name, step.ok) for step in steps] == [("a", True), ("b", False)]
    assert steps[1].evidence == {"error": "the rollout reached nobody", "kind": "NotAsExpected"}
    assert called == ["good"]


def test_expect_passes_what_holds() -> None:
    expect(1, "one")
    with pytest.raises(NotAsExpected, match="zero"):
        expect(0, "zero")


def test_waiting_has_a_deadline_and_says_for_what() -> None:
    answers = iter([None, None, "here"])
    assert wait_for("a guest", lambda: next(answers), 5.0, 0.001) == "here"
    with pytest.raises(DeadlineExceeded, match="a guest who never comes"):
        wait_for("a guest who never comes", lambda: None, 0.01, 0.001)
