#!/usr/bin/env bash
# Changes how much the producers of a cluster send.
#
#   scripts/scale.sh [--dry-run] [--replicas N] [--rate RATE] [--sources N] [N]
#
#   N, --replicas N  how many pods
#   --rate RATE      messages a second of each: 1000, 50k, max; the pods are rolled
#   --sources N      event sources of each; the pods are rolled
#   --dry-run        print the commands and run none
#
# Settings, by environment variable:
#   NAMESPACE   iot-pipeline
#   DEPLOYMENT  event-producer
#   TIMEOUT     300s: how long the pods may take
#
# Exit code: 0 done, 1 a step failed, 2 wrong usage, 3 a tool is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/steps
. scripts/steps

replicas=
variables=()
while (($# > 0)); do
  case $1 in
    --dry-run) dry_run=true ;;
    -h | --help) usage && exit 0 ;;
    --replicas | --rate | --sources)
      [[ -n ${2:-} ]] || die "$1 needs a value" 2
      case $1 in
        --replicas) replicas=$2 ;;
        --rate)
          [[ $2 =~ ^([0-9]+(\.[0-9]+)?[kKmM]?|max)$ && ! $2 =~ ^[0.]+[kKmM]?$ ]] ||
            die "'$2' is not a rate, such as 1000, 0.5, 50k or max" 2
          variables+=("MESSAGES_PER_SECOND=$2")
          ;;
        --sources)
          [[ $2 =~ ^[1-9][0-9]*$ ]] || die "'$2' is not a number of sources" 2
          variables+=("EVENT_SOURCE_COUNT=$2")
          ;;
      esac
      shift
      ;;
    -*) usage && die "'$1' is not known" 2 ;;
    *)
      [[ -z $replicas ]] || die "one number of pods, not '$replicas' and '$1'" 2
      replicas=$1
      ;;
  esac
  shift
done
[[ -n $replicas || ${#variables[@]} -gt 0 ]] || { usage && die "nothing to change" 2; }
[[ -z $replicas || $replicas =~ ^[0-9]+$ ]] || die "'$replicas' is not a number of pods" 2

need kubectl "talks to the cluster"
time_of TIMEOUT 300s
$dry_run || reach_cluster
target=deployment/${DEPLOYMENT:-event-producer}
where=(--namespace "${NAMESPACE:-iot-pipeline}")
if ! $dry_run && ! kubectl get "$target" "${where[@]}" >/dev/null; then
  die "there is no $target: scripts/deploy.sh makes it"
fi
if ((${#variables[@]} > 0)); then step kubectl set env "$target" "${where[@]}" "${variables[@]}"; fi
if [[ -n $replicas ]]; then step kubectl scale "$target" "${where[@]}" "--replicas=$replicas"; fi
step kubectl rollout status "$target" "${where[@]}" "--timeout=${seconds}s" ||
  die "the pods are not ready: see 'Pods do not start' in k8s/OPERATIONS.md"
step kubectl get "$target" "${where[@]}"
