import pytest

from edge_assets.models.compliance.lexicon import classes, lexicon, lexicon_words
from edge_assets.models.compliance.words import words_of


def test_every_word_is_one_that_the_graph_can_find() -> None:
    assert all(words_of(word) == [word] for word in lexicon_words())


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("bakelite", "plastic"),
        ("perspex", "plastic"),
        ("nodular", "iron"),
        ("stainless", "steel"),
        ("chromoly", "steel"),
        ("cfrp", "carbon"),
        ("shrinkwrapped", "new"),
        ("immaculate", "good"),
        ("mediocre", "fair"),
        ("dreadful", "poor"),
        ("knackered", "poor"),
        ("corroded", "damaged"),
        ("kinked", "damaged"),
        ("scratches", "flaw"),
        ("without", "deny"),
        ("thatcher", "long_ago"),
        ("brexit", "lately"),
    ],
)
def test_classes_of_words(word: str, name: str) -> None:
    row = classes([word])[0]
    assert row[list(lexicon()).index(name)] == 1
    assert not classes(["ordinarious"]).any()
    assert classes([]).shape == (0, len(lexicon()))


def test_no_word_is_on_both_sides_of_the_regulation() -> None:
    found = lexicon()
    good = found["steel"] | found["carbon"] | found["new"] | found["good"]
    assert not good & (found["plastic"] | found["damaged"])
    assert not found["good"] & (found["fair"] | found["poor"])


def test_no_word_is_of_two_times() -> None:
    found = lexicon()
    assert not (found["old_word"] | found["long_ago"]) & (found["new_word"] | found["lately"])
