#!/usr/bin/env bash
# Builds the image and pushes it to a registry: Amazon ECR, or the one that REGISTRY names.
#
#   scripts/build-and-push.sh [--dry-run] [--no-push]
#
#   --dry-run  print the commands and run none
#   --no-push  build only
#
# Settings, by environment variable:
#   REGISTRY        the ECR of AWS_ACCOUNT_ID in AWS_REGION; another one, such as ghcr.io/acme, has to be logged in to
#   AWS_ACCOUNT_ID  the account that `aws` is logged in to
#   AWS_REGION      us-west-2
#   REPOSITORY      producer-load
#   TAG             the commit in 12 digits, behind it `-dirty-` and 8 digits of the files where any were changed: nodes
#                   keep the image that they have under a name
#   BUILDER_IMAGE   that of the Dockerfile
#   PLATFORM        that of the Docker engine, such as linux/arm64
#
# A repository that ECR does not have is made. The last line of the output is the image's name. Exit code: 0 done, 1
# a step failed, 2 wrong usage, 3 a tool is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/steps
. scripts/steps

push=true
for argument; do
  case $argument in
    --dry-run) dry_run=true ;;
    --no-push) push=false ;;
    -h | --help) usage && exit 0 ;;
    *) usage && die "'$argument' is not known" 2 ;;
  esac
done

need docker "builds and pushes the image"
region=${AWS_REGION:-us-west-2}
repository=${REPOSITORY:-producer-load}
revision=$(git rev-parse HEAD 2>/dev/null) || revision=unknown
tag=${TAG:-}
if [[ -z $tag ]]; then
  [[ $revision != unknown ]] || die "there is no commit to name the image by: set TAG"
  tag=${revision:0:12}
  if [[ -n $(git status --porcelain) ]]; then
    index=$(mktemp)
    trap 'rm -f "$index"' EXIT
    export GIT_INDEX_FILE=$index
    git read-tree HEAD
    git add --all
    tree=$(git write-tree)
    unset GIT_INDEX_FILE
    tag+=-dirty-${tree:0:8}
  fi
fi

# Logs in to ECR, and makes the repository where there is none.
prepare_ecr() {
  need aws "logs in to ECR; for another registry set REGISTRY"
  local account=${AWS_ACCOUNT_ID:-}
  if [[ -z $account ]]; then
    $dry_run && die "a dry run asks nobody for the account: set AWS_ACCOUNT_ID" 2
    account=$(aws sts get-caller-identity --query Account --output text) ||
      die "aws is not logged in: run 'aws configure' or 'aws sso login', or set REGISTRY"
  fi
  [[ $account =~ ^[0-9]{12}$ ]] || die "AWS_ACCOUNT_ID '$account' is not an account of 12 digits" 2
  registry=$account.dkr.ecr.$region.amazonaws.com
  $push || return 0
  if $dry_run; then
    printf '+ aws ecr get-login-password --region %q | docker login --username AWS --password-stdin %q\n' \
      "$region" "$registry"
  else
    aws ecr get-login-password --region "$region" |
      docker login --username AWS --password-stdin "$registry" >&2 || die "no login to $registry"
    aws ecr describe-repositories --region "$region" --repository-names "$repository" >/dev/null 2>&1 && return
  fi
  step aws ecr create-repository --region "$region" --repository-name "$repository" >&3
}

# What steps say goes to standard error, but for a dry run, whose output they are.
exec 3>&2
if $dry_run; then exec 3>&1; fi

registry=${REGISTRY:-}
[[ -n $registry ]] || prepare_ecr
image=$registry/$repository:$tag
options=(--tag "$image" --build-arg "REVISION=$revision")
options+=(--build-arg "VERSION=$(sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q}' Cargo.toml)")
[[ -z ${BUILDER_IMAGE:-} ]] || options+=(--build-arg "BUILDER_IMAGE=$BUILDER_IMAGE")
[[ -z ${PLATFORM:-} ]] || options+=(--platform "$PLATFORM")
step env DOCKER_BUILDKIT=1 docker build "${options[@]}" . >&3
if $push; then step docker push "$image" >&3; fi
printf '%s\n' "$image"
