"""Renders manifests as a cluster gets them and holds them to it: their schemas, and the program that they start.

usage: manifests_check.py PROGRAM DIRECTORY...

For each directory: kubectl kustomize, then every object against its Kubernetes schema (no field may be unknown), then
each container's variables and arguments by the program itself: it has to know every variable by its --help and to
accept all of them with --dry-run, inside Kubernetes. Prints one line of JSON: for each directory its workloads.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import kubernetes_validate
import yaml

# Kinds that a cluster gets from operators: no schema of them comes with Kubernetes.
OF_OPERATORS = {"PodMonitor"}
KUBERNETES = "1.33"


def render(directory):
    kubectl = pathlib.Path(sys.executable).parent / "kubectl"
    rendered = subprocess.run([kubectl, "kustomize", directory], capture_output=True, text=True)
    if rendered.returncode != 0:
        sys.exit(f"{directory}: {rendered.stderr.strip()}")
    return [document for document in yaml.safe_load_all(rendered.stdout) if document]


def variables(container, objects):
    """Returns the variables of a container: those of its ConfigMaps, then its own."""
    maps = {o["metadata"]["name"]: o["data"] for o in objects if o["kind"] == "ConfigMap"}
    found = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            found.update(maps[source["configMapRef"]["name"]])
        elif not source["secretRef"].get("optional"):
            sys.exit(f"the secret {source['secretRef']['name']} is not optional")
    found.update({variable["name"]: variable["value"] for variable in container.get("env", [])})
    return found


def check_container(program, known, workload, objects):
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    found = variables(container, objects)
    strangers = set(found) - known
    if strangers:
        sys.exit(f"the program knows no variable {', '.join(sorted(strangers))}")
    environment = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "PATH": os.environ["PATH"], **found}
    if workload["kind"] == "Job":
        environment["JOB_COMPLETION_INDEX"] = str(workload["spec"]["completions"] - 1)
    command = [program, *container.get("args", []), "--dry-run"]
    planned = subprocess.run(command, env=environment, capture_output=True, text=True)
    if planned.returncode != 0:
        sys.exit(f"the program refuses: {planned.stderr.strip()}")
    return {
        "kind": workload["kind"],
        "replicas": workload["spec"].get("replicas", workload["spec"].get("completions")),
        "environment": found,
        "resources": container["resources"],
        "plan": planned.stdout,
    }


def main():
    program, *directories = sys.argv[1:]
    help_text = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout
    known = set(re.findall(r"\[env:\s+([A-Z_]+)=", help_text))
    result = {}
    for directory in directories:
        objects = render(directory)
        for each in objects:
            if each["kind"] not in OF_OPERATORS:
                kubernetes_validate.validate(each, KUBERNETES, strict=True)
        workloads = [o for o in objects if o["kind"] in ("Deployment", "Job")]
        result[pathlib.Path(directory).name] = [check_container(program, known, w, objects) for w in workloads]
    print(json.dumps(result))


main()
