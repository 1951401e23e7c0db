import pytest
import torch

from ulbic.errors import WeightsError
from ulbic.models.checkpoint import load_checkpoint, save_checkpoint
from ulbic.models.config import TINY
from ulbic.models.model import UlbicModel


def test_a_saved_model_comes_back(tmp_path):
    torch.manual_seed(0)
    model, path = UlbicModel(TINY), tmp_path / "m.safetensors"
    save_checkpoint(path, model, {"a.b": torch.tensor([1, 2], dtype=torch.int32)})
    back = load_checkpoint(path)
    assert back.model.config == TINY
    assert back.tables["a.b"].tolist() == [1, 2]
    for key, value in model.state_dict().items():
        assert torch.equal(value.half().float(), back.model.state_dict()[key])


def test_missing_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="no weights"):
        load_checkpoint(tmp_path / "none.safetensors")
    (tmp_path / "foreign.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(WeightsError, match="not a weight file"):
        load_checkpoint(tmp_path / "foreign.safetensors")


def test_a_missing_weight_is_refused(tmp_path):
    from safetensors.torch import save_file

    tensors = {k: v.clone() for k, v in UlbicModel(TINY).state_dict().items()}
    tensors.pop("continuous.g_a.1.weight")
    save_file(tensors, tmp_path / "m.safetensors", {"config": TINY.to_json()})
    with pytest.raises(WeightsError):
        load_checkpoint(tmp_path / "m.safetensors")
