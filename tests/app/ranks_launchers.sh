#!/usr/bin/env bash
# Two ranks as a launcher of others starts them learn what one process does.
#   ranks_launchers.sh ATTEND MODEL mpirun|srun|torchrun
# Exits with 77 where the launcher can't be had. srun gets a SLURM of one machine, this one, which ends with the test; that needs root.
set -euo pipefail
attend=$1 model=$2 launcher=$3
export OMP_WAIT_POLICY=passive

folder=$(mktemp -d)
services=()
cleanup() {
  for ((i = ${#services[@]} - 1; i >= 0; --i)); do
    kill "${services[$i]}" 2>/dev/null || true
    wait "${services[$i]}" 2>/dev/null || true
  done
  rm -rf "$folder"
}
trap cleanup EXIT
skip() {
  echo "skipped: $1"
  exit 77
}
fail() {
  echo "failed: $1"
  cat "$folder"/*.err "$folder"/slurm/*.log 2>/dev/null || true
  exit 1
}
needs() {
  local program
  for program in "$@"; do command -v "$program" >/dev/null || skip "no $program"; done
}

free_ports() { # COUNT
  python3 -c 'import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets))' "$1"
}

start_slurm() {
  needs srun sbatch slurmctld slurmd munged mungekey
  [ "$(id -u)" = 0 ] || skip "a SLURM of one's own needs root"
  local place=$folder/slurm name control daemon
  name=$(hostname -s)
  mkdir -p "$place/state" "$place/spool"
  chmod 755 "$folder" "$place"
  read -r control daemon < <(free_ports 2)
  mungekey --create --keyfile "$place/key"
  munged --foreground --force --key-file "$place/key" --socket "$place/munge" --pid-file "$place/munge.pid" \
    --seed-file "$place/seed" --log-file "$place/munge.log" 2>/dev/null &
  services+=($!)
  cat >"$place/slurm.conf" <<CONF
ClusterName=attend
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=$control
SlurmdPort=$daemon
AuthType=auth/munge
AuthInfo=socket=$place/munge
SlurmUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/spool
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd.pid
NodeName=$name NodeAddr=127.0.0.1 CPUs=$(nproc)
PartitionName=all Nodes=$name Default=YES
CONF
  export SLURM_CONF=$place/slurm.conf
  slurmctld -D >"$place/slurmctld.log" 2>&1 &
  services+=($!)
  slurmd -D >"$place/slurmd.log" 2>&1 &
  services+=($!)
  for _ in $(seq 300); do
    sinfo --noheader --states idle 2>/dev/null | grep -q . && return
    sleep 0.1
  done
  fail "SLURM doesn't start"
}

case $launcher in
mpirun)
  needs mpirun
  start=(mpirun --allow-run-as-root --oversubscribe -np 2 -x "MASTER_PORT=$(free_ports 1)")
  ;;
srun)
  start_slurm
  start=(srun --ntasks 2 --overcommit)
  ;;
torchrun)
  needs torchrun
  torchrun --help >/dev/null 2>&1 || skip "torchrun doesn't run"
  # That of 1.13 stumbles under Python 3.11 over its own default of these two, 0.
  start=(torchrun --standalone --nproc_per_node 2 --no_python --redirects 1 --tee 1)
  ;;
*) fail "unknown launcher $launcher" ;;
esac

"$attend" shapes "$folder/data" --train 24 --val 4 --test 1 --picture-size 48 >/dev/null
line() { # OUTPUT → line
  line=("$attend" train --initial-model "$model" --threads 1 --train-captions "$folder/data/captions_train.json"
    --val-captions "$folder/data/captions_val.json" --images "$folder/data/images" --batch-size 4 --min-word-count 1
    --log-every 1 --decoder-dropout 0 --schedule constant --epochs 10 --max-steps 20 --output "$folder/$1")
}
line one
"${line[@]}" >/dev/null 2>"$folder/one.err" || fail "one process"
line two
"${start[@]}" "${line[@]}" >"$folder/out" 2>"$folder/two.err" || fail "two ranks"
grep -q "attend: ranks: 2 processes train together" "$folder/two.err" || fail "they weren't two"
[ "$(grep -c "model.safetensors" "$folder/out")" -eq 1 ] || fail "not rank 0 alone said what is made"
python3 "$(dirname "$0")/equal_losses.py" "$folder/one" "$folder/two" 20 "two ranks by $launcher" || fail "losses differ"

# What one rank finds wrong ends the launcher with an error.
line wrong
"${start[@]}" "${line[@]}" --val-captions "$folder/nowhere.json" >/dev/null 2>"$folder/wrong.err" && fail "bad input went by"
[ "$(grep -c "^attend: .*nowhere.json" "$folder/wrong.err")" -eq 1 ] || fail "bad input wasn't said in one line"
[ ! -e "$folder/wrong" ] || fail "bad input left a folder"
