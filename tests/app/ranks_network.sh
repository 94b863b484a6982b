#!/usr/bin/env bash
# Three ranks on three machines, as far as they can tell: network namespaces, joined by a network of 20 ms that loses 1 % of the
# packets (slow_network.py), from which one is then cut off.
#   ranks_network.sh ATTEND MODEL
# Exits with 77 where namespaces or TUN devices can't be had, which need root.
set -euo pipefail
attend=$1 model=$2
export OMP_WAIT_POLICY=passive

ranks=3 delay=20 loss=1 folder=$(mktemp -d)
network=
cleanup() {
  jobs -p | xargs -r kill 2>/dev/null || true
  for ((i = 0; i < ranks; ++i)); do ip netns del "attend-$i-$$" 2>/dev/null || true; done
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

[ "$(id -u)" = 0 ] || skip "network namespaces need root"
command -v ip >/dev/null || skip "no ip (Debian's iproute2)"
[ -e /dev/net/tun ] || skip "no TUN devices"
devices=()
for ((i = 0; i < ranks; ++i)); do
  ip netns add "attend-$i-$$" 2>/dev/null || skip "no network namespaces"
  devices+=("at$$.$i=10.77.0.$((i + 1))")
done
"$(dirname "$0")/slow_network.py" "$delay" "$loss" "${devices[@]}" >"$folder/network" 2>"$folder/network.err" &
network=$!
until grep -qs ready "$folder/network"; do
  kill -0 "$network" 2>/dev/null || skip "no TUN devices: $(tail -n 1 "$folder/network.err")"
  sleep 0.05
done
for ((i = 0; i < ranks; ++i)); do
  ip link set "at$$.$i" netns "attend-$i-$$"
  ip -n "attend-$i-$$" addr add "10.77.0.$((i + 1))/24" dev "at$$.$i"
  ip -n "attend-$i-$$" link set "at$$.$i" up
  ip -n "attend-$i-$$" link set lo up
done

"$attend" shapes "$folder/data" --train 72 --val 4 --test 1 --picture-size 48 >/dev/null
train() { # OUTPUT OPTION...
  local output=$1
  shift
  "$attend" train --initial-model "$model" --threads 1 --train-captions "$folder/data/captions_train.json" \
    --val-captions "$folder/data/captions_val.json" --images "$folder/data/images" --features "$folder/features" \
    --batch-size 6 --min-word-count 1 --log-every 1 --decoder-dropout 0 --schedule constant --epochs 100000 --output "$output" "$@"
}
export -f train
export attend model folder
declare -A pids
start_all() { # OUTPUT OPTION...
  for ((i = 0; i < ranks; ++i)); do
    RANK=$i WORLD_SIZE=$ranks MASTER_ADDR=10.77.0.1 MASTER_PORT=29571 \
      ip netns exec "attend-$i-$$" bash -c 'train "$@"' _ "$@" >/dev/null 2>"$folder/$i.err" &
    pids[$i]=$!
  done
}

train "$folder/one" --max-steps 12 >/dev/null 2>&1
SECONDS=0
start_all "$folder/many" --max-steps 12
for ((i = 0; i < ranks; ++i)); do wait "${pids[$i]}" || fail "rank $i"; done
took=$SECONDS
python3 "$(dirname "$0")/equal_losses.py" "$folder/one" "$folder/many" 12 "$ranks ranks, $delay ms and $loss % loss, $took s" || fail "losses differ"

# Rank 1 is cut off: its machine and the others hear no word of one another.
start_all "$folder/cut"
for _ in $(seq 600); do
  [ "$(grep -c loss "$folder/cut/log.jsonl" 2>/dev/null || true)" -gt 5 ] 2>/dev/null && break
  sleep 0.2
done
ip -n "attend-1-$$" link set "at$$.1" down
SECONDS=0
for ((i = 0; i < ranks; ++i)); do
  wait "${pids[$i]}" && fail "rank $i went on"
done
[ "$SECONDS" -le 30 ] || fail "it took $SECONDS s until all had ended"
echo "all ended $SECONDS s after rank 1 was cut off"
tail -n 1 "$folder/0.err" | grep -q "^attend: rank 1 is lost: " || fail "what rank 0 said"
[ "$(wc -l <"$folder/1.err")" -eq 1 ] || fail "rank 1 said more or less than one line"
grep -q "^attend: rank 1: rank 0 is lost: " "$folder/1.err" || fail "what rank 1 said"
[ ! -s "$folder/2.err" ] || fail "rank 2 spoke, too"

kill "$network"
wait "$network" || true
tail -n 1 "$folder/network"
read -r carried _ _ _ lost _ < <(tail -n 1 "$folder/network")
if [ "$lost" -eq 0 ] || [ "$carried" -lt 100 ]; then fail "the network lost nothing"; fi
