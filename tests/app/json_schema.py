"""Holds lines of `attend caption --format jsonl` against docs/caption.schema.json.

Arguments: the program, the project's root, model files to try. Exit status 77: no python3-jsonschema.
"""

import json
import os
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("skipped: no jsonschema (Debian: python3-jsonschema)")
    sys.exit(77)

program, root, models = sys.argv[1], sys.argv[2], sys.argv[3:]
with open(os.path.join(root, "docs/caption.schema.json"), encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
pictures = [os.path.join(root, "data/samples", name) for name in ("chelsea.jpg", "windmill.webp")]


def lines(*arguments, status=0):
    run = subprocess.run([program, "caption", "--format", "jsonl", "--quiet", *arguments], stdout=subprocess.PIPE, check=False)
    assert run.returncode == status, (arguments, run.returncode)
    records = [json.loads(line) for line in run.stdout.splitlines()]
    for record in records:
        validator.validate(record)
        if "words" in record:
            rows, columns = record["grid"]
            for word in record["words"]:
                assert len(word["attention"]) == rows * columns
                assert abs(sum(word["attention"]) - 1) < 1e-3
    return records


# The schema lets nothing pass that it doesn't name, and asks for what is always there.
one = lines("--model", models[0], pictures[0])[0]
for wrong in ({**one, "new": 1}, {key: one[key] for key in one if key != "words"}, {**one, "error": "also"}, {"file": "x"}):
    assert not validator.is_valid(wrong), wrong

with tempfile.TemporaryDirectory() as folder:
    faulty = os.path.join(folder, "faulty.jpg").encode() + b"\xff.jpg"
    with open(faulty, "wb") as file:
        file.write(b"\xff\xd8 no picture")
    said = set()
    for model in models:
        for arguments in ([], ["--n-best", "3"], ["--explain", "plain"]):
            for record in lines("--model", model, *arguments, *pictures):
                said |= record.keys()
    for record in lines("--min-confidence", "0.5", *pictures):  # by the model that comes with attend: it is calibrated
        said |= record.keys()
    for record in lines("--model", models[0], "--answer-all", pictures[0], faulty, status=1):
        said |= record.keys()
    lines("--model", models[0], "--sidecar-dir", folder, pictures[0])
    for record in lines("--model", models[0], "--sidecar-dir", folder, "--answer-all", pictures[0]):
        said |= record.keys()

# Every field of the schema was seen.
described = set(schema["$defs"]["captioned"]["properties"]) | set(schema["$defs"]["without caption"]["properties"])
if os.path.exists(os.path.join(os.path.dirname(program), "attend-video")):
    for record in lines("--model", models[0], "--frame-every", "1", os.path.join(root, "tests/video/data/uneven.mp4")):
        said |= record.keys()
else:
    described.remove("time")
assert said == described, said ^ described
print(f"{len(described)} fields in lines of {len(models)} models are as docs/caption.schema.json says")
