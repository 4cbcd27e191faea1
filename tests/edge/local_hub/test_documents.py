"""Documents in SQLite."""

from pathlib import Path

import pytest

from edge.local_hub.documents import Documents
from protos.errors import ConfigurationError


def test_documents_are_there_again_after_a_restart(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "hub.db")
    documents.put("kind", "b", "m", {"x": 1})
    documents.put("kind", "a", "", {"y": [2]})
    documents.put("kind", "gone", "", {})
    documents.delete("kind", "gone")
    documents.close()
    again = Documents(tmp_path / "hub.db")
    assert again.owners("kind") == ["a", "b"]
    assert again.names("kind", "b") == ["m"]
    assert again.get("kind", "a") == {"y": [2]}
    assert again.get("kind", "b") is None
    assert again.owners("other") == []
    again.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "hub.db")
    documents.put("kind", "a", "", {"x": 1})

    def change() -> None:
        with documents.transaction(), documents.transaction():
            documents.put("kind", "a", "", {"x": 2})
            documents.delete("kind", "a")
            documents.put("kind", "b", "", {})
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        change()
    assert documents.get("kind", "a") == {"x": 1}
    assert documents.owners("kind") == ["a"]
    with documents.transaction():
        documents.put("kind", "c", "", {})
    documents.close()
    assert Documents(tmp_path / "hub.db").owners("kind") == ["a", "c"]


def test_what_is_only_remembered_is_not_stored(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "hub.db")
    documents.remember("kind", "a", "", {"x": 1})
    assert documents.get("kind", "a") == {"x": 1}
    documents.close()
    assert Documents(tmp_path / "hub.db").get("kind", "a") is None


def test_a_second_hub_on_the_same_state_is_refused(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "hub.db")
    with pytest.raises(ConfigurationError, match="another hub is probably running"):
        Documents(tmp_path / "hub.db")
    documents.close()
    Documents(tmp_path / "hub.db").close()
