//! The image, the manifests and the dashboard: what a cluster gets fits the program that is here.

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::fs;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::metrics::METRICS;
use producer_load::metrics::Metric;
use serde_json::Value;

use crate::program::Said;
use crate::program::program;
use crate::program::total;

const TOPIC: &str = "persistent://public/default/event-stream-data";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every metric that a text names.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let name = regex::Regex::new(r"\bproducer_load_[a-z0-9_]+").unwrap();
    name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

/// Returns the names of all metrics and of their samples.
fn known_metrics() -> BTreeSet<String> {
    let mut known = BTreeSet::from(["producer_load_run_info".to_owned()]);
    for metric in METRICS {
        let name = metric.full_name();
        if metric.kind() == "histogram" {
            known.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        }
        known.insert(name);
    }
    known
}

#[test]
fn the_dashboard_asks_for_metrics_that_exist() {
    let text = fs::read_to_string(root().join("k8s/monitoring/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            let asked = metrics_in(target["expr"].as_str().unwrap());
            assert!(!asked.is_empty() && asked.is_subset(&known_metrics()), "{target}");
        }
    }
    assert!(panels.len() > 8 && !metrics_in("producer_load_nonsense").is_subset(&known_metrics()));
}

#[test]
fn the_guide_lists_every_metric_and_no_other() {
    let text = fs::read_to_string(root().join("k8s/OPERATIONS.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `producer_load_"));
    let listed: BTreeSet<String> =
        rows.map(|row| format!("producer_load_{}", row.split('`').next().unwrap())).collect();
    let mut expected: BTreeSet<String> = METRICS.iter().map(Metric::full_name).collect();
    expected.insert("producer_load_run_info".to_owned());
    assert_eq!(listed, expected);
    assert!(metrics_in(&text).is_subset(&known_metrics()));
}

#[test]
fn the_labels_that_texts_select_by_are_those_of_a_manifest() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let manifests = [read("k8s/base/deployment.yaml"), read("k8s/job/job.yaml")].concat();
    let selected = regex::Regex::new(r"-l app=([\w-]+)").unwrap();
    let texts = [read("README.md"), read("k8s/OPERATIONS.md")].concat();
    let labels: Vec<_> = selected.captures_iter(&texts).map(|found| found[1].to_owned()).collect();
    assert!(labels.len() >= 2, "{labels:?}");
    for label in labels {
        assert!(manifests.contains(&format!("app: {label}\n")), "{label}");
    }
}

fn python(script: &str, arguments: &[&Path]) -> Said {
    let python = std::env::var("PRODUCER_LOAD_PYTHON").unwrap();
    let script = root().join("tests/consumers").join(script);
    let program = Path::new(env!("CARGO_BIN_EXE_producer-load"));
    let mut command = Command::new(python);
    command.arg(script).arg(program).args(arguments).output().unwrap().into()
}

/// Returns a directory of manifests and every one that is in it.
fn overlays(k8s: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(k8s.join("overlays")).unwrap();
    let mut all: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    all.extend(["base", "job", "monitoring"].map(|name| k8s.join(name)));
    all
}

fn check(k8s: &Path) -> Said {
    let all = overlays(k8s);
    python("manifests_check.py", &all.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}

#[test]
#[ignore = "needs Python with kubectl and kubernetes-validate: scripts/test runs it"]
fn python_kubernetes_and_the_program_accept_every_manifest() {
    let said = check(&root().join("k8s"));
    assert_eq!(said.code, Some(0), "{}", said.log);
    let rendered: Value = serde_json::from_str(&said.out).unwrap();
    for (overlay, replicas, rate, domain) in [
        ("base", 1, "1000", "sensor_telemetry"),
        ("ecommerce", 10, "1000", "order_events"),
        ("finance", 30, "1000", "transaction_events"),
        ("iot", 50, "1000", "sensor_telemetry"),
        ("gaming", 10, "1000", "game_events"),
        ("logistics", 10, "1000", "shipment_events"),
        ("one-pod-50k", 1, "50000", "sensor_telemetry"),
        ("max", 1, "max", "sensor_telemetry"),
        ("job", 4, "1000", "sensor_telemetry"),
    ] {
        let [workload] = &rendered[overlay].as_array().unwrap()[..] else { panic!("{overlay}") };
        assert_eq!(workload["replicas"], replicas, "{overlay}");
        assert_eq!(workload["environment"]["MESSAGES_PER_SECOND"], rate, "{overlay}");
        assert_eq!(workload["environment"]["EVENT_TYPE"], domain, "{overlay}");
        let plan = workload["plan"].as_str().unwrap();
        assert!(plan.contains("pulsar://pulsar-proxy.pulsar.svc.cluster.local:6650"), "{plan}");
        let shard = if overlay == "job" { "shard 3/4" } else { "shard 0/1" };
        assert!(plan.contains(shard) && plan.contains(TOPIC), "{plan}");
    }
    assert_eq!(rendered.as_object().unwrap().len(), 10, "monitoring has no workload");
}

#[test]
#[ignore = "needs Python with kubectl and kubernetes-validate: scripts/test runs it"]
fn python_what_is_wrong_in_a_manifest_is_found() {
    for (file, from, to, words) in [
        ("base/deployment.yaml", "replicas: 1", "replica: 1", "replica"),
        ("base/deployment.yaml", "maxSurge: 0", "maxSurge: [0]", "maxSurge"),
        ("base/kustomization.yaml", "MESSAGES_PER_SECOND", "MESSAGES_PER_SEC", "MESSAGES_PER_SEC"),
        ("overlays/max/kustomization.yaml", "SECOND=max", "SECOND=0", "MESSAGES_PER_SECOND"),
        ("base/deployment.yaml", "0.0.0.0:9464", "everywhere", "--metrics-addr"),
        ("job/kustomization.yaml", "spec.completions", "spec.completion", "completion"),
    ] {
        let copy = tempfile::tempdir().unwrap();
        let k8s = copy.path().join("k8s");
        let copied = Command::new("cp").arg("-r").arg(root().join("k8s")).arg(&k8s).status();
        assert!(copied.unwrap().success());
        let path = k8s.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let said = check(&k8s);
        assert!(said.code != Some(0) && said.log.contains(words), "{to}: {}", said.log);
    }
}

#[test]
#[ignore = "needs hadolint beside Python: scripts/test runs it"]
fn python_hadolint_accepts_the_dockerfile() {
    let python = std::env::var("PRODUCER_LOAD_PYTHON").unwrap();
    let hadolint = Path::new(&python).with_file_name("hadolint");
    let lint = |path: &Path| Said::from(Command::new(&hadolint).arg(path).output().unwrap());
    let said = lint(&root().join("Dockerfile"));
    assert_eq!(said.code, Some(0), "{}", said.out);
    let wrong = tempfile::NamedTempFile::new().unwrap();
    fs::write(wrong.path(), "FROM debian\nRUN cd /tmp && sudo ls\n").unwrap();
    assert_eq!(lint(wrong.path()).code, Some(1));
}

/// What the fifty pods of an overlay do, as fifty processes: nobody is in anybody's way.
#[test]
#[ignore = "needs Python with kubectl: scripts/test runs it"]
fn python_fifty_processes_of_the_iot_overlay_send_what_one_could() {
    const PODS: usize = 50;
    let said = python("manifests_check.py", &[&root().join("k8s/overlays/iot")]);
    let rendered: Value = serde_json::from_str(&said.out).unwrap();
    let workload = &rendered["iot"][0];
    assert_eq!(workload["replicas"], PODS);
    let environment = workload["environment"].as_object().unwrap();
    let environment = environment.iter().map(|(name, value)| (name, value.as_str().unwrap()));
    let config = BrokerConfig { retain_bytes_max: 1 << 30, ..BrokerConfig::default() };
    let broker = broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap();
    // In a pod each has the port for itself.
    let arguments = ["--metrics-addr", "127.0.0.1:0", "--duration", "30s", "--report", "-"];
    let pods: Vec<_> = (0..PODS)
        .map(|_| {
            let mut pod = program(&arguments);
            pod.envs(environment.clone()).env("PULSAR_URL", broker.service_url());
            pod.spawn().unwrap()
        })
        .collect();
    let (mut acknowledged, mut names, mut seeds) = (0, HashSet::new(), HashSet::new());
    for pod in pods {
        let said = Said::from(pod.wait_with_output().unwrap());
        // On a machine that is busy the last receipt may come late; what counts is that all came.
        assert!(matches!(said.code, Some(0 | 98)), "{}", said.log);
        let report = said.report();
        acknowledged += total(&report, "acknowledged");
        names.insert(report["plan"]["producer_name"].as_str().unwrap().to_owned());
        seeds.insert(report["plan"]["seed"].as_u64().unwrap());
    }
    assert_eq!((acknowledged, names.len(), seeds.len()), (1_500_000, PODS, PODS));
    let counts = broker.counts();
    assert_eq!((counts.records(), counts.producers_created), (1_500_000, PODS as u64));
    let mut records = HashSet::new();
    for entry in broker.entries(TOPIC) {
        for (_, payload) in entry.records().unwrap() {
            let mut hasher = DefaultHasher::new();
            payload.hash(&mut hasher);
            records.insert(hasher.finish());
        }
    }
    // Of so many hashes of 64 bits two are alike by chance once in sixteen million runs.
    assert_eq!(records.len(), 1_500_000, "records that are alike, or that are not kept");
}
