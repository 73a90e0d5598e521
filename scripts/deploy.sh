#!/usr/bin/env bash
# Deploys an overlay to a cluster, waits until its pods are ready, and shows them.
#
#   scripts/deploy.sh [--dry-run] [--follow] [--replace] [OVERLAY]
#
#   OVERLAY    a directory in k8s/overlays, or `base` (the default), `job`, `monitoring`
#   --dry-run  print the commands and the manifests, and apply nothing
#   --follow   go on showing the pods' logs
#   --replace  end a Job that runs still, and start it anew
#
# Settings, by environment variable:
#   IMAGE       the image, as scripts/build-and-push.sh prints it; needed but for `monitoring`
#   CLUSTER     an EKS cluster to take the access of; without it that of KUBECONFIG is used
#   AWS_REGION  us-west-2
#   PULSAR_URL, PULSAR_TOPIC  where to, instead of what the overlay says
#   SHARDS      4: into how many pods a `job` is cut
#   TIMEOUT     300s: how long the pods may take
#
# An overlay takes the place of the one before. To run it again changes what is different, the number of pods too, and
# nothing else; a Job that has ended is run anew, its pods and logs go. Exit code: 0 done, 1 a step failed, 2 wrong
# usage, 3 a tool is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/steps
. scripts/steps

overlay=
follow=false
replace=false
for argument; do
  case $argument in
    --dry-run) dry_run=true ;;
    --follow) follow=true ;;
    --replace) replace=true ;;
    -h | --help) usage && exit 0 ;;
    -*) usage && die "'$argument' is not known" 2 ;;
    *)
      [[ -z $overlay ]] || die "one overlay at a time, not '$overlay' and '$argument'" 2
      overlay=$argument
      ;;
  esac
done
overlay=${overlay:-base}

need kubectl "talks to the cluster"
case $overlay in
  base | job | monitoring) directory=k8s/$overlay ;;
  *) directory=k8s/overlays/$overlay ;;
esac
if [[ ! -f $directory/kustomization.yaml ]]; then
  overlays=(k8s/overlays/*/)
  overlays=("${overlays[@]%/}")
  die "there is no overlay '$overlay': choose base, job, monitoring, ${overlays[*]##*/}" 2
fi
if [[ -z ${IMAGE:-} && $overlay != monitoring ]]; then
  die "IMAGE is not set: give the image's name, as scripts/build-and-push.sh prints it" 2
fi
namespace=iot-pipeline
time_of TIMEOUT 300s
shards=${SHARDS:-}
[[ -z $shards || $shards =~ ^[1-9][0-9]{0,3}$ ]] || die "SHARDS is '$shards', which is not a number of pods" 2
[[ -z $shards || $overlay == job ]] || die "SHARDS is for a job" 2

# A kustomization beside the others that adds the image and where to; it lives as long as this script.
made=$(mktemp -d k8s/.deploy-XXXXXX)
trap 'rm -rf "$made"' EXIT
render() {
  local name=event-producer literals=() literal image=${IMAGE:-}
  [[ $overlay != job ]] || name=event-run
  {
    printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: ["../../%s"]\n' "$directory"
    if [[ $image == *@* ]]; then
      printf 'images: [{name: producer-load, newName: "%s", digest: "%s"}]\n' "${image%@*}" "${image#*@}"
    elif [[ ${image##*/} == *:* ]]; then
      printf 'images: [{name: producer-load, newName: "%s", newTag: "%s"}]\n' "${image%:*}" "${image##*:}"
    elif [[ -n $image ]]; then
      printf 'images: [{name: producer-load, newName: "%s"}]\n' "$image"
    fi
    if [[ -n $shards ]]; then
      cat <<PATCH
patches:
  - patch: |-
      apiVersion: batch/v1
      kind: Job
      metadata: {name: event-run}
      spec:
        completions: $shards
        parallelism: $shards
        template:
          spec:
            containers:
              - name: producer
                env: [{name: PRODUCER_LOAD_SHARD, value: auto/$shards}]
PATCH
    fi
    [[ -z ${PULSAR_URL:-} ]] || literals+=("PULSAR_URL=$PULSAR_URL")
    [[ -z ${PULSAR_TOPIC:-} ]] || literals+=("PULSAR_TOPIC=$PULSAR_TOPIC")
    if ((${#literals[@]} > 0)) && [[ $overlay != monitoring ]]; then
      printf 'configMapGenerator:\n  - name: %s\n    namespace: %s\n    behavior: merge\n    literals:\n' \
        "$name" "$namespace"
      for literal in "${literals[@]}"; do printf '      - "%s"\n' "$literal"; done
    fi
  } >"$made/kustomization.yaml"
  kubectl kustomize "$made"
}

if [[ -n ${CLUSTER:-} ]]; then
  need aws "gives access to the EKS cluster; for another cluster set KUBECONFIG and leave CLUSTER away"
  step aws eks update-kubeconfig --region "${AWS_REGION:-us-west-2}" --name "$CLUSTER"
fi
manifests=$(render) || die "the manifests of $overlay cannot be made"
$dry_run || reach_cluster
if [[ $overlay == job ]]; then
  # A Job's pods cannot be changed, and its reports are in their logs.
  job=(job event-run --namespace "$namespace" --ignore-not-found)
  if ! $dry_run && ! $replace; then
    active=$(kubectl get "${job[@]}" --output 'jsonpath={.status.active}') ||
      die "whether job/event-run runs still is not known: nothing is changed"
    [[ ! $active =~ [1-9] ]] ||
      die "job/event-run runs still: wait for it with scripts/collect-reports.sh, or end it with --replace"
  fi
  step kubectl delete "${job[@]}"
fi
if $dry_run; then
  printf '+ kubectl apply -f -\n%s\n' "$manifests"
else
  kubectl apply -f - <<<"$manifests" || die "the cluster does not take the manifests of $overlay"
fi
case $overlay in
  monitoring) exit 0 ;;
  job)
    step kubectl get pods --namespace "$namespace" --selector app=event-run --output wide
    say "scripts/collect-reports.sh waits for the end and merges the reports"
    exit 0
    ;;
esac
step kubectl rollout status deployment/event-producer --namespace "$namespace" "--timeout=${seconds}s" ||
  die "the pods are not ready after $seconds s: see 'Pods do not start' in k8s/OPERATIONS.md"
step kubectl get pods --namespace "$namespace" --selector app=event-producer --output wide
options=(--namespace "$namespace" --selector app=event-producer --tail=20 --prefix --max-log-requests=100)
if $follow; then options+=(--follow); fi
step kubectl logs "${options[@]}"
