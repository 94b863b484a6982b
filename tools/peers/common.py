"""What the peers share: attend's files, its decoder as plain PyTorch modules, pictures to work on.

B pictures · R rows (captions or beams) · L grid cells · D annotation size · A attention size · H LSTM size ·
E embedding size · V words in the vocabulary
"""

import datetime
import json
import os
import pathlib
import random
import struct

import numpy as np
import torch
from PIL import Image
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAD, START, END, UNKNOWN = range(4)  # the first words of every vocabulary
CROP = 224

DTYPES = {"F16": np.float16, "F32": np.float32, "F64": np.float64, "I64": np.int64}


def read_safetensors(path):
    """{name: tensor, fp32 where it is a float} and the metadata of a .safetensors file."""
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[8 + size + begin : 8 + size + end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy() if values.dtype.kind == "i" else values.astype(np.float32))
    return tensors, metadata


class Attention(nn.Module):
    """Additive attention, as the tutorials write it: every row has annotations of its own, and [R, L, A] is made."""

    def __init__(self, D, H, A):
        super().__init__()
        self.key = nn.Linear(D, A)
        self.query = nn.Linear(H, A, bias=False)
        self.v = nn.Parameter(torch.empty(A).uniform_(-(A**-0.5), A**-0.5))

    def forward(self, annotations, h, keys=None):
        """annotations [R, L, D], h [R, H] → context [R, D], alpha [R, L]. Without keys [R, L, A] they are made here,
        at every word, which is the tutorials' way."""
        if keys is None:
            keys = self.key(annotations)  # [R, L, A]
        score = torch.tanh(keys + self.query(h).unsqueeze(1)).matmul(self.v)  # [R, L]
        alpha = score.softmax(1)  # [R, L]
        return (annotations * alpha.unsqueeze(2)).sum(1), alpha


class Decoder(nn.Module):
    """attend's decoder: additive attention, scalar gate, one LSTMCell, deep output, tied embeddings."""

    def __init__(self, options, encoder_size, V):
        super().__init__()
        decoder = options["decoder"]
        if options["attention"]["score"] != "additive" or decoder.get("positions"):
            raise SystemExit("the peers know additive attention without positions only")
        if decoder["gate"] != "scalar" or not decoder["tied"] or not decoder["annotation_size"]:
            raise SystemExit("the peers know a scalar gate, tied embeddings and projected annotations only")
        D, H, E = decoder["annotation_size"], decoder["hidden_size"], decoder["embedding_size"]
        self.project = nn.Linear(encoder_size, D)
        self.attention = Attention(D, H, options["attention"]["size"])
        self.init_h, self.init_c = nn.Linear(D, H), nn.Linear(D, H)
        self.beta = nn.Linear(H, 1)
        self.embedding = nn.Embedding(V, E)
        self.cell = nn.LSTMCell(E + D, H)
        self.output_h, self.output_z = nn.Linear(H, E), nn.Linear(D, E, bias=False)
        self.output_bias = nn.Parameter(torch.zeros(V))

    def load(self, tensors):
        """Takes attend's weights. Its gates stand in the order i, f, o, g; LSTMCell's are i, f, g, o and have a second
        bias, which stays zero and untrained here."""
        H = self.cell.hidden_size
        order = torch.cat([torch.arange(2 * H), torch.arange(3 * H, 4 * H), torch.arange(2 * H, 3 * H)])
        state = dict(tensors)
        word = state.pop("word_gates.weight")[order]  # [4H, E]
        context, hidden = state.pop("state_gates.weight")[order].split([self.project.out_features, H], 1)
        state["cell.weight_ih"] = torch.cat([word, context], 1)  # [4H, E + D]
        state["cell.weight_hh"] = hidden
        state["cell.bias_ih"] = state.pop("word_gates.bias")[order]
        state["cell.bias_hh"] = torch.zeros(4 * H)
        self.load_state_dict(state)
        self.cell.bias_hh.requires_grad_(False)

    def annotate(self, features):
        """[B, L, D_encoder] → [B, L, D]."""
        return self.project(features).relu()

    def start(self, annotations):
        mean = annotations.mean(1)
        return self.init_h(mean).tanh(), self.init_c(mean).tanh()

    def step(self, annotations, embedded, h, c, keys=None):
        """One word of every row → logits [R, V], h, c, alpha."""
        context, alpha = self.attention(annotations, h, keys)
        context = self.beta(h).sigmoid() * context  # [R, D]
        h, c = self.cell(torch.cat([embedded, context], 1), (h, c))
        deep = embedded + self.output_h(h) + self.output_z(context)  # [R, E]
        return self.logits(deep), h, c, alpha

    def logits(self, deep):
        """The output layer: [R, E] → [R, V]."""
        return nn.functional.linear(deep, self.embedding.weight, self.output_bias)


def weights_of(tensors, prefix):
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def make_crops(folder, count):
    """`count` crops of CROP x CROP of data/samples as JPEG files, the same every time."""
    samples = []
    for path in sorted((ROOT / "data/samples").iterdir()):
        if path.suffix in (".jpg", ".png", ".webp"):
            picture = Image.open(path).convert("RGB")
            if min(picture.size) >= CROP:
                samples.append(picture)
    draw = random.Random(1)
    paths = []
    for i in range(count):
        picture = samples[i % len(samples)]
        left, top = draw.randint(0, picture.width - CROP), draw.randint(0, picture.height - CROP)
        paths.append(pathlib.Path(folder) / f"{i:07}.jpg")
        picture.crop((left, top, left + CROP, top + CROP)).save(paths[-1], quality=95)
    return paths


def pictures_in(folder, count):
    """The first `count` files of a folder, by name."""
    folder = pathlib.Path(folder)
    paths = sorted(path for path in folder.iterdir() if path.is_file())[:count] if folder.is_dir() else []
    if not paths:
        raise SystemExit(f"{folder}: no pictures there")
    return paths


def add_device(parser):
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where attend and its peers compute")


def use_device(name):
    """Where tensors are made from now on; a GPU wants PyTorch 2."""
    if name != "cpu":
        torch.set_default_device(name)


def machine(threads, device="cpu"):
    """One line for the head of a table."""
    name = "unknown processor"
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    if device != "cpu":
        name = f"{torch.cuda.get_device_name()}, {name}"
    date = datetime.date.today().isoformat()
    return f"{name}, {threads} threads, {date}, PyTorch {torch.__version__}, load {os.getloadavg()[0]:.1f}"


def attend_path(text):
    path = pathlib.Path(text)
    if not path.is_file():
        raise SystemExit(f"{path}: no attend there; build it with tools/build or name it with --attend")
    return path.resolve()
