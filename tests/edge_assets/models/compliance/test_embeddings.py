from pathlib import Path

import numpy as np
import pytest

from edge_assets.core.holdout import Split
from edge_assets.models.compliance.embeddings import read_glove
from protos.errors import ConfigurationError
from tests.edge_assets.models.compliance.conftest import NEEDS_TORCH


def written(folder: Path, *lines: str) -> Path:
    path = folder / "glove.txt"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return path


def test_only_the_words_asked_for_are_kept(tmp_path: Path) -> None:
    path = written(
        tmp_path, "the 0.1 -0.2 3e-1", "steel 1 2 3", ". . . 4 5 6", "\u00e9t\u00e9 7 8 9"
    )
    found, width = read_glove(path, ["steel", "\u00e9t\u00e9", "iron", ". . ."])
    assert width == 3
    assert {word: vector.tolist() for word, vector in found.items()} == {
        "steel": [1, 2, 3],
        "\u00e9t\u00e9": [7, 8, 9],
        ". . .": [4, 5, 6],
    }
    assert found["steel"].dtype == np.float32


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "the file is empty"),
        (["400000 100"], "line 1 .* a word and its numbers"),
        (["a 1 2 3", "steel 1 2"], "line 2 .* a word and 3 numbers"),
        (["a 1 2 3", "steel 1 x 3"], "line 2 .* could not convert"),
        (["a 1 2 3", "steel 1 nan 3"], "line 2 .* not finite"),
        (["steel 1 2 3", "steel 1 2 3"], "line 2 .* twice"),
        (["a 1 2 3", ""], "line 2 .* a word and 3 numbers"),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_line(
    tmp_path: Path, lines: list[str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_glove(written(tmp_path, *lines), ["steel"])


def test_a_file_in_another_encoding_or_without_line_ends_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_bytes(b"a 1 2 3\nst\xe9el 1 2 3\n")
    with pytest.raises(ConfigurationError, match=r"line 2 .* UTF-8"):
        read_glove(path, ["steel"])
    path.write_bytes(b"a 1 2 3 " * 50_000)
    with pytest.raises(ConfigurationError, match="longer than"):
        read_glove(path, ["steel"])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.txt cannot be read"):
        read_glove(tmp_path / "missing.txt", ["steel"])


def test_training_starts_at_the_vectors_of_the_file(tmp_path: Path, tables: Split) -> None:
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    from edge_assets.models.compliance.train import predict, train

    rng = np.random.default_rng(0)
    words = ["steel", "iron", "unheard"]
    lines = [" ".join([word, *(f"{value:.5f}" for value in rng.normal(size=50))]) for word in words]
    path, rows = written(tmp_path, *lines), tables.train.head(300)

    resting = train(rows, embeddings=str(path), epochs=1, learning_rate=1e-12, augment=0)
    place = resting.places["steel"]
    vectors, _ = read_glove(path, words)
    start = resting.embed.weight[place].detach().numpy()
    assert resting.embed.embedding_dim == 50
    assert "unheard" not in resting.vocabulary
    assert np.allclose(start, vectors["steel"], atol=1e-6)

    moved = train(rows, embeddings=str(path), epochs=1, augment=0)
    assert not np.allclose(moved.embed.weight[place].detach().numpy(), vectors["steel"], atol=1e-6)
    assert np.isfinite(predict(moved, rows)["probabilities"]).all()
