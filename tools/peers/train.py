#!/usr/bin/python3
"""Trains attend's decoder the way PyTorch tutorials do, beside attend, on the same batch from the same weights.

    tools/peers/train.py                  50 steps of both: losses side by side, tokens/s, ratio

The data set is a few crops of data/samples with five captions of random words each: one batch an epoch, so both see
the same words at every step. B pictures · R captions · L grid cells · D annotation size · A attention size · T steps ·
N words in all captions together
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from torch.nn import functional as F

from common import (END, ROOT, START, Decoder, add_device, attend_path, machine, make_crops, read_safetensors,
                    weights_of)

CAPTIONS, WORDS = 5, 2400
FIRST_ROW = 4096  # byte of a feature store's .rows file; what comes before is its header


def make_words(draw):
    """WORDS invented words, of syllables that no tokenizer splits."""
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    words = set()
    while len(words) < WORDS:
        words.add("".join(draw.choices(syllables, k=3)))
    words = sorted(words)
    draw.shuffle(words)
    return words


def make_captions(pictures, seed):
    """CAPTIONS captions of 8 to 16 words for each picture; words come in turn, so nearly all differ."""
    draw = random.Random(seed)
    words, at = make_words(draw), 0
    captions = []
    for _ in range(pictures):
        captions.append([])
        for _ in range(CAPTIONS):
            length = draw.randint(8, 16)
            captions[-1].append([words[(at + i) % WORDS] for i in range(length)])
            at += length
    return captions


def write_coco(path, names, captions):
    images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
    notes = [{"id": 100 * i + j, "image_id": i, "caption": " ".join(words)}
             for i, rows in enumerate(captions) for j, words in enumerate(rows)]
    path.write_text(json.dumps({"images": images, "annotations": notes}))


def make_recipe(options, folder, captions):
    """Data set and recipe in `folder`: configs/flickr8k-soft.json without anything random or scheduled."""
    pictures, count = folder / "pictures", options.pictures
    pictures.mkdir()
    names = [path.name for path in make_crops(pictures, count + 1)]
    write_coco(folder / "train.json", names[:count], captions)
    write_coco(folder / "val.json", names[count:], captions[:1])
    recipe = json.loads((ROOT / "configs/flickr8k-soft.json").read_text())
    recipe.pop("augment", None)
    recipe["data"] = {"train_captions": str(folder / "train.json"), "val_captions": str(folder / "val.json"),
                      "images": str(pictures)}
    recipe["decoder"] |= {"dropout": 0, "annotation_dropout": 0}
    recipe["train"] |= {"encoder_weights": str(pathlib.Path(options.encoder_weights).resolve()), "features": str(folder / "features"),
                        "seed": options.seed, "epochs": options.steps, "batch_size": count, "min_word_count": 1,
                        "schedule": "constant", "warmup_steps": 0, "averaging": 0, "fine_tune_stages": 0,
                        "validation_beam": 1, "log_every": 1}
    recipe["decode"]["max_length"] = 2  # validation captions are of no interest here
    (folder / "recipe.json").write_text(json.dumps(recipe))
    return recipe


def run_attend(options, folder, name, *arguments):
    """A run of attend train; returns the lines of its log that hold a loss."""
    output = folder / name
    done = subprocess.run([options.attend, "train", "--config", folder / "recipe.json", "--output", output,
                           "--threads", str(options.threads), "--device", options.device, *arguments], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"attend train failed:\n{done.stderr}")
    lines = map(json.loads, (output / "log.jsonl").read_text().splitlines())
    return [line for line in lines if "loss" in line]


def vocabulary(captions):
    """word → number, as attend counts: falling frequency, then alphabetically, after four special words."""
    counts = {}
    for rows in captions:
        for words in rows:
            for word in words:
                counts[word] = counts.get(word, 0) + 1
    return {word: 4 + i for i, word in enumerate(sorted(counts, key=lambda word: (-counts[word], word)))}


def read_annotations(folder, pictures, L, D):
    """Rows of the feature store, fp16 [B, L, D], in the order of the data set."""
    (path,) = (folder / "features").glob("*.rows")
    rows = np.fromfile(path, np.float16, offset=FIRST_ROW)
    return torch.from_numpy(rows[: pictures * L * D].reshape(pictures, L, D))


class Trainer:
    """One batch of captions as padded rows of falling length, the picture of each repeated."""

    def __init__(self, decoder, recipe, captions, keys_once):
        self.decoder, self.options, self.keys_once = decoder, recipe["train"], keys_once
        ids = vocabulary(captions)
        rows = [(b, [ids[word] for word in words]) for b, several in enumerate(captions) for words in several]
        rows.sort(key=lambda row: -len(row[1]))
        self.lengths = [len(words) + 1 for _, words in rows]
        T = self.lengths[0]
        pad = lambda words: words + [0] * (T - len(words))
        self.pictures = torch.tensor([b for b, _ in rows])  # [R]
        self.inputs = torch.tensor([pad([START] + words) for _, words in rows])  # [R, T]
        self.targets = torch.tensor([pad(words + [END]) for _, words in rows])  # [R, T]
        matrices = [p for p in decoder.parameters() if p.requires_grad and p.dim() > 1]
        rest = [p for p in decoder.parameters() if p.requires_grad and p.dim() <= 1]
        kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[self.options["optimizer"]]
        self.optimizer = kind([{"params": matrices, "weight_decay": self.options["weight_decay"]},
                               {"params": rest, "weight_decay": 0}], lr=self.options["learning_rate"])

    def loss(self, features):
        """features [B, L, D_encoder] → cross entropy, nats a word."""
        decoder, lengths = self.decoder, self.lengths
        annotations = decoder.annotate(features)  # [B, L, D]
        keys = decoder.attention.key(annotations)[self.pictures] if self.keys_once else None  # [R, L, A]
        annotations = annotations[self.pictures]  # [R, L, D]
        embedded = decoder.embedding(self.inputs)  # [R, T, E]
        h, c = decoder.start(annotations)
        predictions = torch.zeros(len(lengths), lengths[0], decoder.embedding.num_embeddings)  # [R, T, V]
        alphas = torch.zeros(len(lengths), lengths[0], annotations.size(1))  # [R, T, L]
        for t in range(lengths[0]):
            rows = sum(length > t for length in lengths)
            logits, h, c, alpha = decoder.step(annotations[:rows], embedded[:rows, t], h[:rows], c[:rows],
                                               keys[:rows] if self.keys_once else None)
            predictions[:rows, t] = logits
            alphas[:rows, t] = alpha
        pack = lambda x: torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True).data  # [N, ...]
        return F.cross_entropy(pack(predictions), pack(self.targets), label_smoothing=self.options["label_smoothing"])

    def step(self, stored):
        """One update; stored: fp16 [B, L, D_encoder]. Returns loss and tokens/s."""
        begin = time.perf_counter()
        loss = self.loss(stored.to(torch.get_default_dtype()))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), self.options["clip_norm"])
        self.optimizer.step()
        value = loss.item()
        return value, sum(self.lengths) / (time.perf_counter() - begin)


def run_peer(options, folder, recipe, captions, steps, keys_once):
    tensors, _ = read_safetensors(folder / "weights/checkpoint.safetensors")
    D = tensors["weights/decoder.project.weight"].size(1)
    decoder = Decoder(recipe, D, 4 + len(vocabulary(captions)))
    decoder.load(weights_of(tensors, "weights/decoder."))
    side = -(-recipe["encoder"]["input_size"] // 32)
    stored = read_annotations(folder, options.pictures, side * side, D).to(decoder.output_bias.device)
    trainer = Trainer(decoder, recipe, captions, keys_once)
    lines = []
    for i in range(steps):
        lines.append(trainer.step(stored))
        if sys.stderr.isatty():
            print(f"peer: step {i + 1}/{steps}", end="\n" if i + 1 == steps else "\r", file=sys.stderr)
    return [loss for loss, _ in lines], statistics.median(speed for _, speed in lines[1:] or lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--attend", default=ROOT / "build/release/attend")
    parser.add_argument("--encoder-weights", default=ROOT / "data/weights/efficientnet-lite2-9656183e.pth",
                        help="as tools/fetch-weights 2 leaves them")
    parser.add_argument("--pictures", type=int, default=32, help="in the batch")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--usual-steps", type=int, default=3,
                        help="steps of the peer that makes the keys at every word: enough for its speed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--double", action="store_true",
                        help="the peer computes in fp64, which shows how much of the difference is rounding")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    add_device(parser)
    options = parser.parse_args()
    options.attend = attend_path(options.attend)
    torch.set_num_threads(options.threads)
    if options.double:
        torch.set_default_dtype(torch.float64)
    captions = make_captions(options.pictures, options.seed)

    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        recipe = make_recipe(options, folder, captions)
        run_attend(options, folder, "weights", "--max-steps", "1", "--learning-rate", "0")
        log = run_attend(options, folder, "run")
        losses, once = run_peer(options, folder, recipe, captions, options.steps, True)
        usual_losses, usual = run_peer(options, folder, recipe, captions, options.usual_steps, False)

    ours = [line["loss"] for line in log]
    speed = statistics.median(line["tokens_per_second"] for line in log[1:] or log)
    gaps = [abs(a - b) for a, b in zip(ours, losses)]
    usual_gap = max(abs(a - b) for a, b in zip(losses, usual_losses))
    figures = {"machine": machine(options.threads, options.device), "precision of the peer": "fp64" if options.double else "fp32",
               "steps": options.steps, "losses": [list(pair) for pair in zip(ours, losses)],
               "largest_difference": max(gaps), "step_of_largest": gaps.index(max(gaps)) + 1,
               "difference_of_usual": usual_gap,
               "tokens_per_second": {"attend": speed, "peer, keys a word": usual, "peer, keys a picture": once},
               "ratio": speed / usual, "ratio_to_keys_once": speed / once}
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(figures["machine"] + ", peer in " + figures["precision of the peer"])
    print(f"\n{'step':>5}{'attend':>12}{'peer':>12}{'difference':>13}")
    for i, (a, b) in enumerate(zip(ours, losses), 1):
        print(f"{i:>5}{a:>12.6f}{b:>12.6f}{abs(a - b):>13.1e}")
    print(f"\nlargest difference {max(gaps):.1e}, at step {figures['step_of_largest']}; "
          f"with the keys at every word it is {usual_gap:.1e} from the peer above in {options.usual_steps} steps")
    print(f"\n{'':30}{'tokens/s':>10}{'attend is':>11}")
    print(f"{'attend':30}{speed:>10.0f}")
    print(f"{'peer, keys a word':30}{usual:>10.0f}{figures['ratio']:>10.1f}x")
    print(f"{'peer, keys a picture':30}{once:>10.0f}{figures['ratio_to_keys_once']:>10.1f}x")


if __name__ == "__main__":
    main()
