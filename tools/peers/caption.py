#!/usr/bin/python3
"""Captions pictures the way PyTorch tutorials do: one at a time, with beam search in plain Python.

    tools/peers/caption.py --encoder lite2 --pictures photos --count 40 --threads 2

prints one JSON object: speed, seconds by part, and the captions (words of the vocabulary, separated by blanks).
k beams · L grid cells · D annotation size · V words in the vocabulary · S input side
"""

import argparse
import json
import time

import numpy as np
import torch
import torchvision
from PIL import Image, ImageOps
from torch import nn
from torch.nn import functional as F

from common import (END, PAD, ROOT, START, UNKNOWN, Attention, Decoder, add_device, pictures_in, read_safetensors,
                    use_device, weights_of)


def load_picture(path, side):
    """Upright RGB pixels; a large JPEG is decoded at a half, a quarter or an eighth, as attend does."""
    picture = Image.open(path)
    picture.draft("RGB", (side, side))
    return ImageOps.exif_transpose(picture).convert("RGB")


def resampling(count, size):
    """[count, size], the share each input pixel has in each output pixel: the area it covers when shrinking, linear
    interpolation between pixel centres when growing. Rows sum to 1."""
    step = size / count
    low, pixel = np.arange(count)[:, None] * step, np.arange(size)[None]
    if step > 1:
        share = (np.minimum(low + step, pixel + 1) - np.maximum(low, pixel)).clip(0) / step
    else:
        share = (1 - abs((low + step / 2 - 0.5).clip(0, size - 1) - pixel)).clip(0)
    return torch.from_numpy(share.astype(np.float32))


def squash(picture, side):
    """The whole picture as fp32 [3, S, S] of whole numbers from 0 to 255."""
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()  # [3, H, W]
    pixels = resampling(side, pixels.size(1)) @ pixels @ resampling(side, pixels.size(2)).T
    return (pixels + 0.5).floor().clamp(0, 255)


class SameConvolution(nn.Module):
    """A convolution padded as TensorFlow's "same": the odd zero stands at the end. Batch norm is folded into it."""

    def __init__(self, tensors, name, stride=1):
        super().__init__()
        weight, bias = tensors[name + ".weight"], tensors[name + ".bias"]
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.stride, self.groups = stride, weight.size(0) if weight.size(1) == 1 else 1

    def forward(self, x):
        pad = []
        for side, kernel in ((x.size(3), self.weight.size(3)), (x.size(2), self.weight.size(2))):
            both = max((-(-side // self.stride) - 1) * self.stride + kernel - side, 0)
            pad += [both // 2, both - both // 2]
        if any(pad):
            x = F.pad(x, pad)
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)


class InvertedResidual(nn.Module):
    def __init__(self, tensors, name, stride):
        super().__init__()
        self.expand = SameConvolution(tensors, name + ".expand") if name + ".expand.weight" in tensors else None
        self.depthwise = SameConvolution(tensors, name + ".depthwise", stride)
        self.project = SameConvolution(tensors, name + ".project")
        inputs = (self.expand or self.depthwise).weight.size(1 if self.expand else 0)
        self.residual = stride == 1 and inputs == self.project.weight.size(0)

    def forward(self, x):
        y = F.relu6(self.expand(x)) if self.expand else x
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class Lite2(nn.Module):
    """EfficientNet-Lite2 without its classifier: [1, 3, S, S] → [1, 1280, h, w]."""

    REPEATS, STRIDES = (1, 3, 3, 4, 4, 5, 1), (1, 2, 2, 2, 1, 2, 1)

    def __init__(self, tensors):
        super().__init__()
        strides = [s if i == 0 else 1 for n, s in zip(self.REPEATS, self.STRIDES) for i in range(n)]
        self.stem = SameConvolution(tensors, "stem", 2)
        self.blocks = nn.Sequential(*(InvertedResidual(tensors, f"blocks.{i}", s) for i, s in enumerate(strides)))
        self.head = SameConvolution(tensors, "head")

    def forward(self, x):
        return F.relu6(self.head(self.blocks(F.relu6(self.stem(x)))))


class AttendModel:
    """The model that comes with attend."""

    def __init__(self, path, device):
        tensors, metadata = read_safetensors(path)
        options = json.loads(metadata["options"])
        if options["encoder"]["family"] != "efficientnet-lite2" or options["encoder"].get("stages"):
            raise SystemExit(f"{path}: --encoder lite2 wants a model on the whole of efficientnet-lite2")
        self.words = json.loads(metadata["vocabulary"])
        self.decode = json.loads(metadata["decode"])
        counts = torch.tensor(json.loads(metadata.get("word_counts", "[]")) or [0] * len(self.words), dtype=torch.float64)
        share = torch.where(counts > 0, counts / counts[END].clamp(min=1), torch.ones(()).double())
        self.log_prior = (self.decode.get("frequency_exponent", 0) * share.log()).float().to(device)  # [V]
        self.side = options["encoder"]["input_size"]
        self.encoder = Lite2(weights_of(tensors, "encoder.")).eval().to(device)
        self.decoder = Decoder(options, 1280, len(self.words)).eval()
        self.decoder.load(weights_of(tensors, "decoder."))

    def load(self, path):
        return squash(load_picture(path, self.side), self.side)

    def encode(self, pixels):
        pixels = pixels.to(self.decoder.output_bias.device)
        grid = self.encoder(pixels.unsqueeze(0) / 127.5 - 1)  # [1, 1280, h, w]
        return self.decoder.annotate(grid.flatten(2).transpose(1, 2))  # [1, L, D]


class TutorialDecoder(nn.Module):
    """Sizes of the usual ResNet-101 captioner: 512 each, annotations of 2048, a gate of 2048, a linear output."""

    def __init__(self, V, D=2048, size=512):
        super().__init__()
        self.attention = Attention(D, size, size)
        self.embedding = nn.Embedding(V, size)
        self.init_h, self.init_c = nn.Linear(D, size), nn.Linear(D, size)
        self.beta = nn.Linear(size, D)
        self.cell = nn.LSTMCell(size + D, size)
        self.output = nn.Linear(size, V)

    def start(self, annotations):
        mean = annotations.mean(1)
        return self.init_h(mean), self.init_c(mean)

    def step(self, annotations, embedded, h, c, keys=None):
        context, alpha = self.attention(annotations, h, keys)
        h, c = self.cell(torch.cat([embedded, self.beta(h).sigmoid() * context], 1), (h, c))
        return self.output(h), h, c, alpha


class TutorialModel:
    """ResNet-101 at 224x224, its grid pooled to 14x14; random weights, so only its speed means something."""

    def __init__(self, V):
        torch.manual_seed(1)
        self.words = [str(i) for i in range(V)]
        self.decode = {"beam_width": 5, "length_exponent": 0.7, "max_length": 30, "min_length": 1}
        self.log_prior = torch.zeros(V)
        network = torchvision.models.resnet101()
        self.encoder = nn.Sequential(*list(network.children())[:-2], nn.AdaptiveAvgPool2d(14)).eval()
        self.decoder = TutorialDecoder(V).eval()
        self.mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        self.deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

    def load(self, path):
        picture = load_picture(path, 224).resize((224, 224), Image.BILINEAR)
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()  # [3, 224, 224]

    def encode(self, pixels):
        grid = self.encoder(((pixels.to(self.mean.device) / 255 - self.mean) / self.deviation).unsqueeze(0))  # [1, 2048, 14, 14]
        return grid.flatten(2).transpose(1, 2)  # [1, L, D]


def beam_search(model, annotations, beam_width, keys_once, fixed_steps):
    """Words of the best caption, and how many steps were taken. annotations [1, L, D]. Ends, bans and ranks as attend
    does; with fixed_steps nothing ends before, which is for weights that know no end."""
    decoder, options = model.decoder, model.decode
    k, V = beam_width, len(model.words)
    annotations = annotations.expand(k, -1, -1)  # [k, L, D]
    keys = decoder.attention.key(annotations[:1]).expand(k, -1, -1) if keys_once else None  # [k, L, A]
    h, c = decoder.start(annotations)
    sequences = torch.full((k, 1), START)
    alphas = torch.zeros(k, 0, annotations.size(1))
    top = torch.zeros(k, 1)
    finished = []  # (score, words, alphas)
    step = 0
    while True:
        step += 1
        embedded = decoder.embedding(sequences[:, -1])  # [k, E]
        logits, h, c, alpha = decoder.step(annotations, embedded, h, c, keys)
        scores = top + F.log_softmax(logits - model.log_prior, 1)  # [k, V]
        scores[:, [PAD, START, UNKNOWN]] = -torch.inf
        if fixed_steps or step <= options["min_length"]:
            scores[:, END] = -torch.inf
        if not fixed_steps and step > options["max_length"]:
            scores[:, :END] = scores[:, END + 1 :] = -torch.inf
        # At the first step all beams are the same.
        best, place = (scores[0] if step == 1 else scores.view(-1)).topk(k)
        row, word = torch.div(place, V, rounding_mode="floor"), place % V
        sequences = torch.cat([sequences[row], word.unsqueeze(1)], 1)  # [k, step + 1]
        alphas = torch.cat([alphas[row], alpha[row].unsqueeze(1)], 1)  # [k, step, L]
        if step == fixed_steps:
            return sequences[0, 1:].tolist(), step
        live = [i for i in range(k) if word[i] != END and best[i] > -torch.inf]
        for i in range(k):
            if word[i] == END and best[i] > -torch.inf:
                score = best[i].item() / step ** options["length_exponent"]
                finished.append((score, sequences[i, 1:-1].tolist(), alphas[i].tolist()))
        k = len(live)
        if k == 0:
            return max(finished, key=lambda one: one[0])[1], step
        h, c = h[row[live]], c[row[live]]
        annotations = annotations[row[live]]
        keys = keys[row[live]] if keys_once else None
        sequences, alphas, top = sequences[live], alphas[live], best[live].unsqueeze(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", choices=("lite2", "resnet101"), default="lite2")
    parser.add_argument("--model", default=ROOT / "data/models/everyday.safetensors", help="attend's model file")
    parser.add_argument("--pictures", required=True, help="folder of pictures")
    parser.add_argument("--count", type=int, default=40, help="how many of them, at most")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--beam-width", type=int, default=5)
    parser.add_argument("--keys-once", action="store_true", help="attention keys once a picture, not once a word")
    parser.add_argument("--steps", type=int, default=11, help="words a caption of resnet101, whose weights know no end")
    parser.add_argument("--vocabulary", type=int, default=2543, help="words resnet101 chooses from")
    add_device(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    use_device(options.device)
    paths = pictures_in(options.pictures, options.count)
    usual = options.encoder == "resnet101"
    model = TutorialModel(options.vocabulary) if usual else AttendModel(options.model, options.device)

    captions, steps, seconds = {}, 0, {"loading": 0.0, "encoding": 0.0, "beam_search": 0.0}
    with torch.no_grad():
        beam_search(model, model.encode(model.load(paths[0])), options.beam_width, options.keys_once,
                    options.steps * usual)  # warm
        cpu = time.process_time()
        for path in paths:
            times = [time.perf_counter()]
            pixels = model.load(path)
            times.append(time.perf_counter())
            annotations = model.encode(pixels)
            times.append(time.perf_counter())
            words, taken = beam_search(model, annotations, options.beam_width, options.keys_once, options.steps * usual)
            times.append(time.perf_counter())
            for part, begin, end in zip(seconds, times, times[1:]):
                seconds[part] += end - begin
            steps += taken
            if not usual:
                captions[path.name] = " ".join(model.words[word] for word in words)
        cpu = time.process_time() - cpu
    total = sum(seconds.values())
    print(json.dumps({"encoder": options.encoder, "keys": "a picture" if options.keys_once else "a word",
                      "threads": options.threads, "beam_width": options.beam_width, "pictures": len(paths),
                      "seconds": total, "cpu_seconds": cpu, "pictures_per_second": len(paths) / total,
                      "seconds_loading": seconds["loading"], "seconds_encoding": seconds["encoding"],
                      "seconds_beam_search": seconds["beam_search"], "steps_a_picture": steps / len(paths),
                      "captions": captions}))


if __name__ == "__main__":
    main()
