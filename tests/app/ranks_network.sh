#!/usr/bin/env bash
# Two ranks on two machines, as far as they can tell: network namespaces, joined by a link that is slow and loses packets (where
# the kernel has netem), and is then broken.
#   ranks_network.sh ATTEND MODEL
# Exits with 77 where namespaces can't be had.
set -euo pipefail
attend=$1 model=$2
export OMP_WAIT_POLICY=passive

a=attend-a-$$ b=attend-b-$$ folder=$(mktemp -d)
cleanup() {
  jobs -p | xargs -r kill 2>/dev/null || true
  ip netns del "$a" 2>/dev/null || true
  ip netns del "$b" 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
skip() {
  echo "skipped: $1"
  exit 77
}
fail() {
  echo "failed: $1"
  cat "$folder"/*.err
  exit 1
}

{ ip netns add "$a" && ip netns add "$b"; } 2>/dev/null || skip "no network namespaces"
ip -n "$a" link add link0 type veth peer name link1 netns "$b" 2>/dev/null || skip "no veth"
ip -n "$a" addr add 10.77.0.1/24 dev link0
ip -n "$b" addr add 10.77.0.2/24 dev link1
link_is="a link of 3 ms and 1 % loss"
for one in "$a link0" "$b link1"; do
  read -r space link <<<"$one"
  ip -n "$space" link set "$link" up
  ip -n "$space" link set lo up
  ip netns exec "$space" tc qdisc add dev "$link" root netem delay 3ms loss 1% 2>/dev/null || link_is="a link without delay"
done

"$attend" shapes "$folder/data" --train 24 --val 4 --test 1 --picture-size 48 >/dev/null
train() { # OUTPUT OPTION...
  local output=$1
  shift
  "$attend" train --initial-model "$model" --threads 1 --train-captions "$folder/data/captions_train.json" \
    --val-captions "$folder/data/captions_val.json" --images "$folder/data/images" --features "$folder/features" \
    --batch-size 4 --min-word-count 1 --log-every 1 --decoder-dropout 0 --schedule constant --epochs 100000 --output "$output" "$@"
}
rank() { # RANK NAMESPACE OUTPUT OPTION...
  local number=$1 space=$2
  shift 2
  export -f train
  export attend model folder
  RANK=$number WORLD_SIZE=2 MASTER_ADDR=10.77.0.1 MASTER_PORT=29571 ip netns exec "$space" bash -c 'train "$@"' _ "$@" \
    >/dev/null 2>"$folder/$number.err"
}

train "$folder/one" --max-steps 20 >/dev/null 2>&1
rank 1 "$b" "$folder/two" --max-steps 20 &
rank 0 "$a" "$folder/two" --max-steps 20 || fail "rank 0"
wait $! || fail "rank 1"
python3 - "$folder" "$link_is" <<'CHECK' || fail "losses differ"
import json, sys
def losses(name):
    lines = [json.loads(line) for line in open(f"{sys.argv[1]}/{name}/log.jsonl")]
    return [line["loss"] for line in lines if "loss" in line]
one, two = losses("one"), losses("two")
assert len(one) == len(two) == 20, (len(one), len(two))
worst = max(abs(x - y) for x, y in zip(one, two))
print(f"20 steps over {sys.argv[2]}: losses differ by at most {worst:.1e}")
assert worst < 1e-5
CHECK

# The link breaks: neither machine says a word any more.
rank 1 "$b" "$folder/broken" &
second=$!
rank 0 "$a" "$folder/broken" &
first=$!
for _ in $(seq 300); do
  [ "$(grep -c loss "$folder/broken/log.jsonl" 2>/dev/null || true)" -gt 10 ] 2>/dev/null && break
  sleep 0.2
done
ip -n "$b" link set link1 down
SECONDS=0
wait "$first" && fail "rank 0 went on without rank 1"
wait "$second" && fail "rank 1 went on without rank 0"
[ "$SECONDS" -le 30 ] || fail "it took $SECONDS s until both had ended"
tail -n 1 "$folder/0.err" | grep -q "^attend: rank 1 is lost: " || fail "what rank 0 said"
[ "$(wc -l <"$folder/1.err")" -eq 1 ] || fail "rank 1 said more than one line"
grep -q "^attend: rank 1: rank 0 is lost: " "$folder/1.err" || fail "what rank 1 said"
echo "both ended $SECONDS s after the link broke"
