#!/usr/bin/python3
"""How many words of the vocabulary the output layer could leave out at a step of beam search, and still be exact.

    tools/peers/output_bound.py                     100 crops of data/samples, 224x224, beam 5
    tools/peers/output_bound.py --pictures photos   the pictures of a folder

By Cauchy and Schwarz a word's logit is at most |embedding| |deep output| + bias, which needs no product. A word may
be left out where that bound keeps it from the k best and, all such words together, below half a unit in the last place
of the normalizer, the sum over all words that a log-probability is divided by. The last line knows every logit and
leaves out all it can: no bound does better.
R rows (beams) · E embedding size · V words in the vocabulary
"""

import argparse
import tempfile

import torch

import caption
from common import ROOT, machine, make_crops, pictures_in

ULP = 2.0**-24  # half of fp32's, relative


def spared(logits, bounds, beam_width):
    """Words left out of the k best by the bound, of the normalizer by the bound, of the normalizer by an oracle: [R] each.
    logits, bounds [R, V]."""
    total = logits.double().logsumexp(1, keepdim=True)  # [R, 1]

    def negligible(most):
        return ((most.double().sort(1).values - total).exp().cumsum(1) < ULP).sum(1)  # [R]

    least = logits.topk(beam_width).values[:, -1:]  # [R, 1]
    return torch.stack([(bounds < least).sum(1), negligible(bounds), negligible(logits)])  # [3, R]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default=ROOT / "data/models/everyday.safetensors", help="attend's model file")
    parser.add_argument("--pictures", help="folder; without it, crops of data/samples are made")
    parser.add_argument("--count", type=int, default=100, help="how many of them, at most")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--beam-width", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = caption.AttendModel(options.model, "cpu")
    decoder = model.decoder
    output, length = decoder.logits, decoder.embedding.weight.norm(dim=1)  # [V]
    found = []

    def logits(deep):
        said = output(deep)  # [R, V]
        prior = model.log_prior
        bounds = length * deep.norm(dim=1, keepdim=True) + decoder.output_bias - prior  # [R, V]
        found.append(spared(said - prior, bounds, options.beam_width))
        return said

    decoder.logits = logits
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        paths = pictures_in(options.pictures, options.count) if options.pictures else make_crops(folder, options.count)
        for path in paths:
            caption.beam_search(model, model.encode(model.load(path)), options.beam_width, True, 0)
    rows = torch.cat(found, 1).double()  # [3, rows]
    print(machine(options.threads))
    print(f"{rows.size(1)} rows of {len(model.words)} words each; spared a row, mean and most:")
    for name, counts in zip(("of the k best, by the bound", "of the normalizer, by the bound", "of the normalizer, at best"), rows):
        print(f"{name:34}{counts.mean():8.2f}{counts.max():8.0f}")


if __name__ == "__main__":
    main()
