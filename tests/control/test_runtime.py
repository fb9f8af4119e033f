import pytest

from perdure import control


def test_a_module_of_verbs_is_there_when_it_is_asked_for() -> None:
    assert callable(control.listing.list_runs)
    assert control.listing.__name__ == "perdure.control.listing"


def test_what_is_no_module_of_verbs_is_an_attribute_error() -> None:
    assert not hasattr(control, "nonsense")
    with pytest.raises(AttributeError, match=r"'perdure\.control' has no attribute 'nonsense'"):
        _ = control.nonsense
