//! The scripts that build, deploy and scale, run with stubs of `aws`, `docker` and `kubectl` that
//! note how they were called (`tests/stubs/stub`).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::program::Said;

const ECR: &str = "123456789012.dkr.ecr.us-west-2.amazonaws.com";

/// What the scripts need besides.
const TOOLS: [&str; 15] = [
    "sh", "bash", "env", "basename", "dirname", "cat", "sed", "mktemp", "mkdir", "rm", "mv", "git",
    "grep", "sort", "sleep",
];

/// A directory with the stubs of some tools, which with those above is all that a script finds.
struct Stubs {
    folder: TempDir,
    variables: Vec<(&'static str, &'static str)>,
}

impl Stubs {
    fn of(tools: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stubs/stub");
        for tool in tools {
            symlink(&stub, folder.path().join(tool)).unwrap();
        }
        for tool in TOOLS {
            let found = Command::new("which").arg(tool).output().unwrap();
            let found = String::from_utf8(found.stdout).unwrap();
            symlink(found.trim(), folder.path().join(tool)).unwrap();
        }
        Self { folder, variables: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// Runs a script; returns what it said and the calls that it made.
    fn run(&self, script: &str, arguments: &[&str]) -> (Said, String) {
        let calls = self.folder.path().join("calls");
        fs::write(&calls, "").unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script);
        let mut command = Command::new(script);
        command.args(arguments).env_clear().env("PATH", self.folder.path());
        command.env("STUB_CALLS", &calls).envs(self.variables.iter().copied());
        (command.output().unwrap().into(), fs::read_to_string(calls).unwrap())
    }
}

#[test]
fn an_image_is_built_and_pushed_to_the_registry_of_the_account() {
    let stubs = Stubs::of(&["aws", "docker"]).with("TAG", "1.0");
    let (said, calls) = stubs.run("build-and-push.sh", &[]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert_eq!(said.out, format!("{ECR}/producer-load:1.0\n"));
    let expected = [
        "aws sts get-caller-identity --query Account --output text",
        "aws ecr get-login-password --region us-west-2",
        "aws ecr describe-repositories --region us-west-2 --repository-names producer-load",
    ];
    for call in expected {
        assert!(calls.lines().any(|line| line == call), "{call}: {calls}");
    }
    assert!(calls.contains(&format!("docker login --username AWS --password-stdin {ECR}\n")));
    assert!(!calls.contains("create-repository"), "it is there: {calls}");
    let build = calls.lines().find(|line| line.starts_with("docker build")).unwrap();
    assert!(build.contains(&format!("--tag {ECR}/producer-load:1.0 ")), "{build}");
    assert!(build.contains("VERSION=0.1.0") && build.ends_with(" ."), "{build}");
    assert!(calls.ends_with(&format!("docker push {ECR}/producer-load:1.0\n")), "{calls}");
}

#[test]
fn a_repository_that_is_missing_is_made() {
    let stubs = Stubs::of(&["aws", "docker"]).with("STUB_FAILS", "aws ecr describe*");
    let (said, calls) = stubs.run("build-and-push.sh", &[]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert!(calls.contains("aws ecr create-repository --region us-west-2 --repository-name"));
}

#[test]
fn another_registry_needs_no_aws() {
    let stubs = Stubs::of(&["docker"]).with("REGISTRY", "ghcr.io/acme").with("TAG", "x");
    let (said, calls) = stubs.run("build-and-push.sh", &["--no-push"]);
    assert_eq!((said.code, said.out.trim()), (Some(0), "ghcr.io/acme/producer-load:x"));
    assert!(calls.starts_with("docker build ") && !calls.contains("push"), "{calls}");
}

#[test]
fn a_dry_run_says_what_it_would_do_and_calls_nobody() {
    let stubs = Stubs::of(&["aws", "docker", "kubectl"])
        .with("TAG", "x")
        .with("AWS_ACCOUNT_ID", "123456789012")
        .with("IMAGE", "a/b:c")
        .with("CLUSTER", "bench");
    for (script, arguments, words) in [
        ("build-and-push.sh", &["--dry-run"][..], "docker push"),
        ("deploy.sh", &["--dry-run", "iot"], "aws eks update-kubeconfig"),
        ("scale.sh", &["--dry-run", "10"], "kubectl scale deployment/event-producer"),
    ] {
        let (said, calls) = stubs.run(script, arguments);
        assert_eq!(said.code, Some(0), "{}", said.log);
        assert!(said.out.contains(&format!("+ {words}")) || said.out.contains(words));
        let made: Vec<_> = calls.lines().filter(|call| !call.contains(" kustomize ")).collect();
        assert!(made.is_empty(), "{script}: {calls}");
    }
}

#[test]
fn an_overlay_is_deployed_with_its_image_and_waited_for() {
    let stubs = Stubs::of(&["aws", "kubectl"])
        .with("IMAGE", "registry:5000/a/b:1.2")
        .with("CLUSTER", "bench")
        .with("PULSAR_URL", "pulsar://elsewhere:6650");
    let (said, calls) = stubs.run("deploy.sh", &["iot"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let order = [
        "aws eks update-kubeconfig --region us-west-2 --name bench",
        "kubectl kustomize k8s/.deploy-",
        "kubectl apply -f -",
        r#"resources: ["../../k8s/overlays/iot"]"#,
        r#"newName: "registry:5000/a/b", newTag: "1.2""#,
        r#"- "PULSAR_URL=pulsar://elsewhere:6650""#,
        "kubectl rollout status deployment/event-producer --namespace iot-pipeline --timeout=300s",
        "kubectl get pods --namespace iot-pipeline --selector app=event-producer",
        "kubectl logs --namespace iot-pipeline --selector app=event-producer --tail=20",
    ];
    let mut rest = calls.as_str();
    for call in order {
        let Some((_, behind)) = rest.split_once(call) else { panic!("{call}: {calls}") };
        rest = behind;
    }
    let left = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s")).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // Tests beside this one deploy, too.
    assert!(left.filter(|name| name.starts_with(".deploy-")).count() < 4);
}

#[test]
fn a_job_is_run_anew() {
    let stubs = Stubs::of(&["kubectl"]).with("IMAGE", "a/b@sha256:1234");
    let (said, calls) = stubs.run("deploy.sh", &["job"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let deleted = calls.find("kubectl delete job event-run").unwrap();
    assert!(deleted < calls.find("kubectl apply").unwrap());
    assert!(calls.contains(r#"newName: "a/b", digest: "sha256:1234""#), "{calls}");
    assert!(said.log.contains("the cluster is the-cluster"), "{}", said.log);
}

#[test]
fn a_job_that_goes_on_is_ended_by_nobody_who_does_not_say_so() {
    let stubs = Stubs::of(&["kubectl"]).with("IMAGE", "a/b").with("STUB_ACTIVE", "4");
    let (said, calls) = stubs.run("deploy.sh", &["job"]);
    assert_eq!(said.code, Some(1), "{}", said.log);
    assert!(said.log.contains("job/event-run runs still"), "{}", said.log);
    assert!(!calls.contains("kubectl delete") && !calls.contains("kubectl apply"), "{calls}");
    let few = Stubs::of(&["kubectl"]).with("IMAGE", "a/b").with("SHARDS", "few");
    let (refused, _) = few.run("deploy.sh", &["job"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.log.contains("SHARDS is 'few'"), "{}", refused.log);
    let silent = Stubs::of(&["kubectl"]).with("IMAGE", "a/b");
    let silent = silent.with("STUB_FAILS", "kubectl get job event-run*");
    let (said, calls) = silent.run("deploy.sh", &["job"]);
    assert_eq!(said.code, Some(1), "{}", said.log);
    assert!(!calls.contains("kubectl delete"), "{calls}");
    let (said, calls) = stubs.run("deploy.sh", &["--replace", "job"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert!(calls.contains("kubectl delete job event-run"), "{calls}");
}

#[test]
fn pods_are_scaled_and_their_variables_set() {
    let stubs = Stubs::of(&["kubectl"]);
    let (said, calls) = stubs.run("scale.sh", &["--rate", "2000", "--sources", "5000", "3"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let target = "deployment/event-producer --namespace iot-pipeline";
    for call in [
        &format!("set env {target} MESSAGES_PER_SECOND=2000 EVENT_SOURCE_COUNT=5000"),
        &format!("scale {target} --replicas=3"),
        &format!("rollout status {target} --timeout=300s"),
    ] {
        assert!(calls.contains(&format!("kubectl {call}\n")), "{call}: {calls}");
    }
}

#[test]
fn reports_of_all_shards_are_taken_from_the_logs_and_merged() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_str().unwrap();
    let stubs = Stubs::of(&["kubectl", "producer-load"]);
    let (said, calls) = stubs.run("collect-reports.sh", &[directory]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert_eq!(said.out, "{\"from\":\"event-run-0-a\"}\n{\"from\":\"event-run-1-b\"}\n");
    let merge = format!("producer-load merge {directory}/shard-0.json {directory}/shard-1.json\n");
    assert!(calls.ends_with(&merge), "{calls}");
    let missing = Stubs::of(&["kubectl", "producer-load"]).with("STUB_SHARDS", "3");
    let (said, _) = missing.run("collect-reports.sh", &[directory]);
    assert_eq!(said.code, Some(1));
    assert!(said.log.contains("the report of shard 2 is missing"), "{}", said.log);
    let kept = fs::read_to_string(folder.path().join("shard-0.json")).unwrap();
    assert_eq!(kept, "{\"from\":\"event-run-0-a\"}\n", "the reports of the run before stay");
}

#[test]
fn a_job_that_is_not_there_is_told_from_a_cluster_that_does_not_answer_once() {
    let stubs = || Stubs::of(&["kubectl", "producer-load"]).with("STUB_FAILS", "kubectl get job/*");
    let gone = stubs().with("STUB_SAYS", r#"Error from server (NotFound): jobs "event-run""#);
    let (said, _) = gone.run("collect-reports.sh", &[]);
    assert_eq!(said.code, Some(1));
    assert!(said.log.contains("there is no job/event-run"), "{}", said.log);
    let silent = stubs().with("STUB_SAYS", "net/http: TLS handshake timeout").with("TIMEOUT", "2s");
    let (said, calls) = silent.run("collect-reports.sh", &[]);
    assert_eq!(said.code, Some(1));
    assert!(said.log.contains("handshake timeout") && !said.log.contains("no job"), "{}", said.log);
    assert!(said.log.contains("job/event-run has not ended: raise TIMEOUT"), "{}", said.log);
    assert!(calls.matches("kubectl get job/").count() > 1, "it asks again: {calls}");
}

#[test]
fn a_cluster_that_does_not_answer_is_named_as_the_reason() {
    for (script, arguments) in [
        ("deploy.sh", &["iot"][..]),
        ("deploy.sh", &["job"]),
        ("scale.sh", &["3"]),
        ("collect-reports.sh", &[]),
    ] {
        let stubs = Stubs::of(&["kubectl", "producer-load"]).with("IMAGE", "a/b");
        let stubs = stubs.with("STUB_FAILS", "kubectl version*");
        let (said, calls) = stubs.run(script, arguments);
        assert_eq!(said.code, Some(1), "{script}: {}", said.log);
        assert!(said.log.contains("no cluster answers: see KUBECONFIG"), "{}", said.log);
        assert!(calls.lines().all(|call| call.contains("kustomize") || call.contains("version")));
    }
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let all = &["aws", "docker", "kubectl", "producer-load"][..];
    for (tools, script, arguments, variable, code, words) in [
        (&[][..], "build-and-push.sh", &[][..], ("X", "x"), 3, "docker is missing"),
        (&["docker"], "build-and-push.sh", &[], ("X", "x"), 3, "aws is missing"),
        (all, "build-and-push.sh", &["--fast"], ("X", "x"), 2, "--fast"),
        (all, "build-and-push.sh", &[], ("AWS_ACCOUNT_ID", "7"), 2, "12 digits"),
        (all, "build-and-push.sh", &[], ("STUB_FAILS", "aws sts*"), 1, "not logged in"),
        (all, "build-and-push.sh", &[], ("STUB_FAILS", "docker build*"), 1, "stub: refused"),
        (&[], "deploy.sh", &[], ("X", "x"), 3, "kubectl is missing"),
        (all, "deploy.sh", &[], ("X", "x"), 2, "IMAGE is not set"),
        (all, "deploy.sh", &["iott"], ("IMAGE", "x"), 2, "there is no overlay 'iott'"),
        (&["kubectl"], "deploy.sh", &["iot"], ("CLUSTER", "c"), 2, "IMAGE"),
        (all, "deploy.sh", &["iot", "finance"], ("IMAGE", "x"), 2, "one overlay at a time"),
        (all, "scale.sh", &["5", "6"], ("X", "x"), 2, "one number of pods, not '5' and '6'"),
        (all, "scale.sh", &[], ("X", "x"), 2, "nothing to change"),
        (all, "scale.sh", &["many"], ("X", "x"), 2, "'many' is not a number"),
        (all, "scale.sh", &["--rate", "0"], ("X", "x"), 2, "max"),
        (all, "scale.sh", &["3"], ("STUB_FAILS", "kubectl get deploy*"), 1, "scripts/deploy.sh"),
        (all, "scale.sh", &["3"], ("STUB_FAILS", "kubectl rollout*"), 1, "OPERATIONS.md"),
        (&["kubectl"], "collect-reports.sh", &[], ("X", "x"), 3, "producer-load is missing"),
        (all, "collect-reports.sh", &[], ("TIMEOUT", "soon"), 2, "'soon', which is not a time"),
        (all, "scale.sh", &["3"], ("TIMEOUT", "0"), 2, "TIMEOUT is '0'"),
    ] {
        let stubs = Stubs::of(tools).with(variable.0, variable.1);
        let (said, _) = stubs.run(script, arguments);
        assert_eq!(said.code, Some(code), "{script} {arguments:?} {variable:?}: {}", said.log);
        assert!(said.log.contains(words), "{script} {arguments:?}: {}", said.log);
    }
}

#[test]
#[ignore = "needs kubectl beside Python: scripts/test runs it"]
fn python_a_deployment_is_what_it_was_told_to_be() {
    let python = std::env::var("PRODUCER_LOAD_PYTHON").unwrap();
    for (overlay, image) in
        [("iot", "registry:5000/a/b:1.2"), ("job", "a/b@sha256:12"), ("max", "registry:5000/a/b")]
    {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deploy.sh");
        let path = format!(
            "{}:{}",
            Path::new(&python).parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        let mut command = Command::new(script);
        command.args(["--dry-run", overlay]).env("PATH", path).env("IMAGE", image);
        command.env("PULSAR_TOPIC", "persistent://a/b/c").env_remove("CLUSTER");
        if overlay == "job" {
            command.env("SHARDS", "8");
        }
        let said: Said = command.output().unwrap().into();
        assert_eq!(said.code, Some(0), "{}", said.log);
        assert!(said.out.contains(&format!("image: {image}\n")), "{}", said.out);
        assert!(said.out.contains("PULSAR_TOPIC: persistent://a/b/c\n"), "{}", said.out);
        if overlay == "job" {
            for line in ["completions: 8\n", "parallelism: 8\n", "value: auto/8\n"] {
                assert!(said.out.contains(line), "{line}: {}", said.out);
            }
        }
    }
}
