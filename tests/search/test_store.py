import pytest

from pipeline.search.store import OtherSearchError, Store, clear

PARAMETERS = {"train": {f"parameter_{k}": k for k in range(40)}}
SETTINGS = {"seed": 0, "space": {"train.dropout": [0.0, 0.2]}, "parameters": PARAMETERS}


def test_a_result_is_found_again(tmp_path):
    """By all that it depends on, and by nothing else."""
    Store(tmp_path, SETTINGS).keep({"values": {"a": 1}}, {"accuracy": 0.5})
    store = Store(tmp_path, SETTINGS)
    assert store.find({"values": {"a": 1}}) == {"accuracy": 0.5}
    assert store.find({"values": {"a": 2}}) is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 1}, "with seed 0 and not 1"),
        ({"space": {"train.dropout": [0.0]}}, r"with space: train.dropout \[0.0, 0.2\] and not \[0.0\]"),
        ({"space": {"train.alpha": [0.0]}}, "with space: train.alpha 'nothing' and not"),
        ({"parameters": {"train": PARAMETERS["train"] | {"parameter_20": 3}}}, "train: parameter_20 20 and not 3"),
        ({"parameters": {"train": PARAMETERS["train"] | {"new": None}}}, "train: new 'nothing' and not None"),
    ],
)
def test_another_search_is_told(tmp_path, changed, message):
    """Results of another space are neither mixed with these nor deleted."""
    Store(tmp_path, SETTINGS)
    with pytest.raises(OtherSearchError, match=message):
        Store(tmp_path, SETTINGS | changed)


def test_a_cleared_folder_takes_any_search(tmp_path):
    """And has no result of the one before."""
    Store(tmp_path, SETTINGS).keep({"a": 1}, {"accuracy": 0.5})
    clear(tmp_path)
    assert Store(tmp_path, SETTINGS | {"seed": 1}).find({"a": 1}) is None
