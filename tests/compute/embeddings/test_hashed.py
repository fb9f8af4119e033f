from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from perdure.compute.embeddings.hashed import HashedEmbedder, vector


def likeness(a, b):
    return sum(x * y for x, y in zip(vector(a), vector(b), strict=True))


@given(st.text(), st.integers(1, 64))
def test_a_vector_has_length_one_or_is_all_zeros(text, dimensions):
    made = vector(text, dimensions)
    assert len(made) == dimensions
    length = sum(value * value for value in made)
    assert isclose(length, 1, abs_tol=1e-9) or not any(made)


def test_texts_are_alike_that_share_words_or_parts_of_words():
    query = "resetting a forgotten password"
    assert likeness(query, "How to reset my password") > 0.3
    assert likeness(query, "How to reset my password") > likeness(query, "Opening hours of our shops") + 0.2
    assert isclose(likeness("Grüße aus Köln", "grüße  aus KÖLN!"), 1)


async def test_the_same_text_gives_the_same_vector_everywhere():
    found = await HashedEmbedder().embed(["hello world"], dimensions=4, timeout_ms=0)
    assert [round(value, 6) for value in found.vectors[0]] == EXPECTED
    assert found.usage.input_tokens == 2


EXPECTED = [-0.246183, 0.738549, 0.123091, -0.615457]
