#!/usr/bin/env bash
# A sweep of 200 short tasks on a real Slurm: one controller and two nodes on this machine. In the
# middle of it one node is killed and comes back, and the controller is started again. At the end
# there must be 200 results, each published once.
#
#   tools/slurm/check.sh [FOLDER]
#
# It needs root, since Slurm starts jobs as their user, and Debian's slurm-wlm and munge.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(realpath -m "${1:-out/slurm}")
cupel=$(realpath "${CUPEL:-.build/release/cupel}")
tasks=${TASKS:-200}

if [ "$(id -u)" -ne 0 ]; then
  echo "tools/slurm/check.sh: Slurm's daemons need root; skipped" >&2
  exit 0
fi
tools/install-dependencies.sh slurm-wlm munge
rm -rf "$place"
mkdir -p "$place"/{state,spool1,spool2,log}
export SLURM_CONF=$place/slurm.conf

# Each daemon by its own number, so that nothing else is ended.
declare -A daemon=()
start() {
  local name=$1
  shift
  "$@" >>"$place/log/$name.out" 2>&1 &
  daemon[$name]=$!
}
finish() {
  scancel --user=root --name=cupel-sweep >/dev/null 2>&1 || true
  for number in "${daemon[@]}"; do kill -9 "$number" 2>/dev/null || true; done
}
trap finish EXIT

host=$(hostname -s)
cat >"$SLURM_CONF" <<EOF
ClusterName=cupel
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$place/munge.socket
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/spool%n
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd-%n.pid
SlurmctldLogFile=$place/log/slurmctld.log
SlurmdLogFile=$place/log/slurmd-%n.log
SlurmctldPort=16817
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
InactiveLimit=0
KillWait=5
MinJobAge=300
SchedulerParameters=sched_interval=2,batch_sched_delay=1
JobRequeue=1
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=16818 CPUs=1 RealMemory=2000
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=16819 CPUs=1 RealMemory=2000
PartitionName=all Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
EOF

# munge's own key and socket, apart from the system's.
dd if=/dev/urandom of="$place/munge.key" bs=1024 count=1 status=none
chmod 600 "$place/munge.key"
chmod 755 "$place"
start munged munged --foreground --force --key-file="$place/munge.key" \
  --socket="$place/munge.socket" --pid-file="$place/munge.pid" \
  --log-file="$place/log/munged.log" --seed-file="$place/munge.seed"
controller() { start slurmctld slurmctld -D -f "$SLURM_CONF"; }
node() { start "slurmd$1" slurmd -D -N "node$1" -f "$SLURM_CONF"; }
sleep 2
controller
sleep 3
node 1
node 2
for _ in $(seq 60); do
  [ "$(sinfo --noheader --format=%D --states=idle 2>/dev/null | tr -d ' ')" = 2 ] && break
  sleep 1
done
sinfo

"$cupel" sweep plan "$place/sweep" models/resnet8-fmnist-clean-a.onnx \
  --catalogue models/catalogue.json --trigger patch:6x6@bottom-right:white=0 --schemes w8a8 \
  --limit 50 --calibration 16 --seeds "0-$((tasks - 1))"
"$cupel" sweep run "$place/sweep" --tasks 1 --jobs 1 --quiet
"$cupel" sweep submit "$place/sweep" --slurm --memory 500M

# As `cupel sweep status` sees it, from another machine than those that work.
done_tasks() { find "$place/sweep/results" -name '*.json' | wc -l; }
wait_for() {
  for _ in $(seq "${2:-1800}"); do
    [ "$(done_tasks)" -ge "$1" ] && return 0
    sleep 1
  done
  echo "tools/slurm/check.sh: $(done_tasks) of $tasks results, and $1 were waited for" >&2
  squeue >&2
  exit 1
}
kill_node() {
  # The node's daemon, and with it what it started, as a machine that loses its power.
  for step in $(pgrep -f "slurmstepd:.*" || true); do
    [ "$(ps -o ppid= -p "$step" | tr -d ' ')" = "${daemon[slurmd$1]}" ] || continue
    pkill -9 -P "$step" || true
    kill -9 "$step" || true
  done
  kill -9 "${daemon[slurmd$1]}"
}

wait_for $((tasks / 4))
echo "killing node 2 with $(done_tasks) results"
kill_node 2
wait_for $((tasks / 2))
echo "starting the controller again with $(done_tasks) results"
kill -9 "${daemon[slurmctld]}"
sleep 2
controller
sleep 5
node 2
wait_for "$tasks"

"$cupel" sweep status "$place/sweep" --json "$place/status.json"
status=0
"$cupel" sweep gather "$place/sweep" --json "$place/table.json" >"$place/table.txt" || status=$?
[ "$status" -ne 1 ] || { echo "a clean model was found to have a backdoor" >&2; exit 1; }
python3 - "$place" "$tasks" <<'PYTHON'
import collections, json, pathlib, sys
place, tasks = pathlib.Path(sys.argv[1]), int(sys.argv[2])
table = json.loads((place / "table.json").read_text())
names = collections.Counter(row["name"] for row in table["rows"] if row["state"] == "done")
assert len(names) == tasks and set(names.values()) == {1}, names.most_common(3)
# A file that was published is never replaced: links are counted once, and each is a whole report.
for path in (place / "sweep/results").glob("*.json"):
    assert json.loads(path.read_text())["verdict"], path
print(f"{tasks} tasks: {len(names)} results, each once")
PYTHON
