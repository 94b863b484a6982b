#!/usr/bin/env python3
"""Captions pictures, prints where the model looked for every word, and draws it.

Usage: caption.py [--model FILE] [--overlays FOLDER] PICTURE...
"""

import argparse
import pathlib
import sys

import attend


def place(seen, attention):
    """The pixel that a word looked at most: the middle of that cell of the grid."""
    rows, columns = attention.shape
    row, column = divmod(int(attention.argmax()), columns)
    x, y, width, height = seen.area
    return round(x + width * (column + 0.5) / columns), round(y + height * (row + 0.5) / rows)


def main():
    parser = argparse.ArgumentParser(description="Captions pictures.")
    parser.add_argument("pictures", nargs="+", metavar="PICTURE")
    parser.add_argument("--model", help="without it, the one that comes with attend")
    parser.add_argument("--overlays", type=pathlib.Path, metavar="FOLDER", help="writes a page there for each picture")
    arguments = parser.parse_args()

    try:
        captioner = attend.Captioner(arguments.model)
    except attend.InputError as error:
        sys.exit(str(error))
    if arguments.overlays:
        arguments.overlays.mkdir(parents=True, exist_ok=True)

    refused = 0
    for seen in captioner.caption(arguments.pictures):
        if seen.error:
            print(seen.error, file=sys.stderr)
            refused += 1
            continue
        sure = "" if seen.confidence is None else f" ({seen.confidence:.0%} sure)"
        print(f"{seen.name}: {seen.caption}{sure}")
        for word, attention in zip(seen.words, seen.attention):
            print("    {:12} looked most at {}, {}".format(word, *place(seen, attention)))
        if arguments.overlays:
            seen.save_overlay(arguments.overlays / f"{seen.index + 1}-{pathlib.Path(seen.name).stem}.png")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
