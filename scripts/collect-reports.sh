#!/usr/bin/env bash
# Waits until the pods of a Job have ended, takes their reports out of their logs, and merges them.
#
#   scripts/collect-reports.sh [--dry-run] [DIRECTORY]
#
#   DIRECTORY  where the reports go, as shard-0.json, shard-1.json and so on, in the place of those of an earlier run;
#              reports/ unless given
#   --dry-run  print the commands and run none
#
# Settings, by environment variable:
#   NAMESPACE      iot-pipeline
#   JOB            event-run
#   TIMEOUT        1h: how long to wait
#   PRODUCER_LOAD  producer-load: the program that merges
#
# The merged report goes to standard output. Exit code: 0 done, 1 a report is missing or a step failed, 2 wrong usage,
# 3 a tool is missing; else that of the merged run.
set -euo pipefail
# shellcheck source=scripts/steps
. "$(dirname "${BASH_SOURCE[0]}")/steps"

directory=reports
for argument; do
  case $argument in
    --dry-run) dry_run=true ;;
    -h | --help) usage && exit 0 ;;
    -*) usage && die "'$argument' is not known" 2 ;;
    *) directory=$argument ;;
  esac
done

need kubectl "talks to the cluster"
job=${JOB:-event-run}
program=${PRODUCER_LOAD:-producer-load}
where=(--namespace "${NAMESPACE:-iot-pipeline}")
need "$program" "merges the reports; PRODUCER_LOAD names it where it is not in PATH"
index='batch.kubernetes.io/job-completion-index'
pods=(kubectl get pods "${where[@]}" --selector "batch.kubernetes.io/job-name=$job"
  --output "jsonpath={range .items[*]}{.metadata.annotations.${index//./\\.}} {.metadata.name}{\"\\n\"}{end}")
state=(kubectl get "job/$job" "${where[@]}"
  --output "jsonpath={.spec.completions} {.status.conditions[?(@.status==\"True\")].type}")
if $dry_run; then
  step "${state[@]}"
  step "${pods[@]}"
  printf '+ kubectl logs POD %s >%q # of each pod\n' "${where[*]}" "$directory/shard-N.json"
  step "$program" merge "$directory/shard-N.json"
  exit 0
fi

time_of TIMEOUT 1h
deadline=$((SECONDS + seconds))
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
reach_cluster
# Returns whether the Job has ended; what a cluster fails to answer once it answers the next time.
has_ended() {
  answer=
  answer=$("${state[@]}" 2>"$made/error") || {
    ! grep -q NotFound "$made/error" || die "there is no job/$job: scripts/deploy.sh job makes it"
    cat "$made/error" >&2
  }
  [[ $answer == *" "*Complete* || $answer == *" "*Failed* ]]
}
until has_ended; do
  ((SECONDS < deadline)) || die "job/$job has not ended: raise TIMEOUT, or see its pods with kubectl get pods ${where[*]}"
  sleep 1
done
shards=${answer%% *}

while read -r shard pod; do
  [[ -n $pod ]] || continue
  file=$made/shard-$shard.json
  kubectl logs "$pod" "${where[@]}" --container producer | sed -n 's/^producer-load-report //p' >"$file" || true
  [[ -s $file ]] || { rm -f "$file" && say "$pod has left no report: kubectl describe pod $pod ${where[*]}"; }
done < <("${pods[@]}" | sort -n)
files=()
for ((shard = 0; shard < shards; shard++)); do
  [[ -f $made/shard-$shard.json ]] || die "the report of shard $shard is missing"
  files+=("$directory/shard-$shard.json")
done
# Those of an earlier run stay until all of this one are there.
mkdir -p "$directory"
rm -f "$directory"/shard-*.json
mv "$made"/shard-*.json "$directory"
rm -rf "$made"
say "$shards reports in $directory"
exec "$program" merge "${files[@]}"
