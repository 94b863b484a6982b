"""Holds the losses of two runs against each other: equal_losses.py RUN RUN STEPS WHAT. Both have STEPS losses, equal to 1e-5."""

import json
import sys


def losses(run):
    with open(f"{run}/log.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return [line["loss"] for line in lines if "loss" in line]


one, many, steps = losses(sys.argv[1]), losses(sys.argv[2]), int(sys.argv[3])
assert len(one) == len(many) == steps, (len(one), len(many))
worst = max(abs(x - y) for x, y in zip(one, many))
print(f"{steps} steps, {sys.argv[4]}: losses differ by at most {worst:.1e}")
assert worst < 1e-5
