#!/usr/bin/python3
"""Makes tests/formats/data/*.pth with PyTorch itself (Debian's python3-torch), for tests/formats/pth_test.cc.

    tools/golden/make_pth.py
"""
import collections
import pathlib

import torch

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests/formats/data"


def count(*shape):
    """0, 1, 2, … in halves."""
    return torch.arange(float(torch.Size(shape).numel())).view(shape) / 2


def state():
    """A module's OrderedDict with _metadata, and tensors that share storages, are strided or of other types."""
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    with torch.no_grad():
        module[0].weight.copy_(count(2, 3))
        module[0].bias.copy_(-count(2))
    whole = count(3, 4)
    result = module.state_dict()
    result["whole"] = whole
    result["row"] = whole[1]
    result["columns"] = whole[:, 1::2].t()
    result["half"] = count(5).half()
    result["bfloat16"] = count(5).bfloat16()
    result["double"] = count(1).double()
    result["truth"] = torch.tensor([True, False, True])
    result["bytes"] = torch.tensor([0, 127, 255], dtype=torch.uint8)
    result["long"] = torch.tensor([-(2**40), 2**40])
    result["empty"] = torch.empty(0, 3)
    result["parameter"] = torch.nn.Parameter(count(2))
    return result


def checkpoint():
    """What a training script saves: weights of a DataParallel model among other things."""
    weights = collections.OrderedDict(("module." + name, count(2) + i) for i, name in enumerate(["a", "b", "c"]))
    return {
        "epoch": 3,
        "arch": "resnet18",
        "best": count(1)[0],
        "lr": 0.1,
        "state_dict": weights,
        "optimizer": {
            "state": {0: {"step": 7, "exp_avg": count(2), "exp_avg_sq": count(2)}},
            "param_groups": [{"params": [0, 1, 2], "betas": (0.9, 0.999), "amsgrad": False, "hook": None}],
        },
        "large": 2**70,
    }


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, values in [("state", state()), ("checkpoint", checkpoint())]:
        torch.save(values, FOLDER / f"{name}_zip.pth")
        torch.save(values, FOLDER / f"{name}_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(checkpoint(), FOLDER / "checkpoint_protocol4.pth", pickle_protocol=4)


if __name__ == "__main__":
    main()
