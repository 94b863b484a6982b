#!/usr/bin/env python3
"""Golden values of the encoders, from the implementations the published weights belong to.

    encoders.py tests/model/data/encoders.json

Needs torch, torchvision and efficientnet_lite_pytorch (a package of PyPI). Weights and pictures come from formulas that
tests/model/encoder_test.cc repeats, so that neither need be kept.
"""

import json
import sys

import numpy as np
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet

SIZES = (64, 97)
SAMPLES = 24


def noise(seed, count):
    """Numbers in [0, 1) made from a seed and an index by 32-bit arithmetic (a round of MurmurHash3's finalizer)."""
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(seed)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def fnv1a(text):
    h = 0x811C9DC5
    for byte in text.encode():
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    return h


def weight(name, shape):
    """Values that keep activations within reason, whatever the network."""
    u = noise(fnv1a(name), int(np.prod(shape)))
    if len(shape) == 4:
        values = (2 * u - 1) * np.float32((6 / np.prod(shape[1:])) ** 0.5)
    elif name.endswith("running_var"):
        values = np.float32(0.5) + u
    elif name.endswith(".weight"):
        values = np.float32(0.5) + np.float32(0.5) * u
    else:
        values = np.float32(0.4) * u - np.float32(0.2)
    return torch.from_numpy(values.reshape(shape))


def picture(size):
    """u8 [size, size, 3]: slow waves with something fine on top."""
    y, x, c = np.meshgrid(np.arange(size), np.arange(size), np.arange(3), indexing="ij")
    return ((x * 3 + y * 2 + c * 40 + (x * y) // 7 + (x * 31 + y * 17 + c * 7) % 23) % 256).astype(np.uint8)


def fill(model):
    state = model.state_dict()
    for name, tensor in state.items():
        if tensor.dtype == torch.float32:
            state[name] = weight(name, tuple(tensor.shape))
    model.load_state_dict(state)
    return model.eval()


def lite(size):
    # Without a size of its own the model pads each picture as TensorFlow does, by that picture's size.
    model = fill(EfficientNet.from_name(f"efficientnet-lite{size}", image_size=None))
    return lambda x: model.extract_features(x / 127.5 - 1)


def imagenet(x):
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    return (x / 255 - mean) / deviation


def resnet(depth):
    model = fill(getattr(torchvision.models, f"resnet{depth}")())
    body = torch.nn.Sequential(*list(model.children())[:-2])
    return lambda x: body(imagenet(x))


def vgg(depth):
    model = fill(getattr(torchvision.models, f"vgg{depth}")())
    return lambda x: model.features[:-1](imagenet(x))


def golden(network, size):
    x = torch.from_numpy(picture(size)).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        y = network(x)[0].permute(1, 2, 0).contiguous()
    flat = y.flatten().double()
    at = [int(u * flat.numel()) for u in noise(size, SAMPLES)]
    return {
        "size": size,
        "shape": list(y.shape),
        "mean": float(flat.mean()),
        "rms": float(flat.pow(2).mean().sqrt()),
        "largest": float(flat.abs().max()),
        "samples": [[i, float(flat[i])] for i in at],
    }


def main():
    networks = {f"efficientnet-lite{i}": (lite, i) for i in range(5)}
    networks |= {f"resnet{i}": (resnet, i) for i in (18, 34, 50, 101, 152)}
    networks |= {f"vgg{i}": (vgg, i) for i in (16, 19)}
    result = {}
    for name, (make, depth) in networks.items():
        network = make(depth)
        result[name] = [golden(network, size) for size in SIZES]
        print(name, [(g["shape"], round(g["rms"], 4), round(g["largest"], 3)) for g in result[name]], file=sys.stderr)
    with open(sys.argv[1], "w") as out:
        families = (f'  "{name}": [\n    ' + ",\n    ".join(map(json.dumps, g)) + "]" for name, g in result.items())
        out.write("{\n" + ",\n".join(families) + "\n}\n")


if __name__ == "__main__":
    main()
