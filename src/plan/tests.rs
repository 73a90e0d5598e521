//! What plans promise: identities that never collide, refusals that name the flag.

use std::collections::HashSet;

use super::*;
use crate::domain::DOMAINS;
use crate::program::KeyChoice;
use crate::program::Program;
use crate::program::SourceChoice;
use crate::schema::Encoding;
use crate::schema::EventSchema;
use crate::units::Rate;

fn settings() -> Settings {
    Settings {
        service_url: None,
        credentials: None,
        trust: Trust::default(),
        listener_name: None,
        topic: "events".parse().unwrap(),
        events: Events {
            name: DOMAINS[0].name.to_owned(),
            schema_text: DOMAINS[0].schema_text.to_owned(),
            key: KeyChoice::Source,
            encoding: Encoding::Avro,
            source_choice: SourceChoice::Uniform,
        },
        load: LoadSettings {
            rate: "1000".parse().ok(),
            duration: Some(Duration::from_secs(10)),
            ..LoadSettings::default()
        },
        sources: 10_000,
        shard: None,
        seed: None,
        producer_name: None,
        resume: None,
        topics: 1,
        routing: Mode::default(),
        key_hash: None,
        streams: None,
        lanes: None,
        pin: Pin::Auto,
        batching: BatchSettings::default(),
        max_lag: None,
        drain_timeout: Duration::from_secs(10),
        send_timeout: None,
        keep_alive: None,
        metrics_address: None,
        connect_timeout: None,
    }
}

fn here(start_token: u64) -> Surroundings {
    Surroundings {
        cpus: Cpus { allowed: vec![0, 1, 2, 3], quota: None },
        host: "event-producer".to_owned(),
        start_token,
        in_kubernetes: false,
    }
}

fn refused(change: impl FnOnce(&mut Settings)) -> String {
    let mut settings = settings();
    change(&mut settings);
    Plan::resolve(settings, &here(1)).unwrap_err().to_string()
}

#[test]
fn fifty_unsharded_plans_share_no_name_and_no_record() {
    let schema = EventSchema::parse("x", DOMAINS[0].schema_text).unwrap();
    let (mut names, mut records) = (HashSet::new(), HashSet::new());
    for pod in 0..50 {
        let plan = Plan::resolve(settings(), &here(pod)).unwrap();
        for stream in 0..plan.streams {
            assert!(names.insert(plan.stream_name(stream)));
        }
        let program = Program::compile(&schema, &plan.parameters()).unwrap();
        let mut draw = program.draw();
        for index in 0..200 {
            let mut window = vec![0; program.bytes_max()];
            program.begin(&mut draw, index, 0);
            let length = program.encode(&mut draw, &mut window);
            assert!(records.insert(window[..length].to_vec()));
        }
    }
    assert_eq!(records.len(), 50 * 200);
}

#[test]
fn the_digest_follows_what_decides_the_bytes_and_nothing_else() {
    let digest = |change: fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        Plan::resolve(settings, &here(9)).unwrap().digest
    };
    let plain = digest(|_| ());
    assert_eq!(plain.len(), 8);
    assert_eq!(plain, digest(|s| s.load.rate = "50k".parse().ok()));
    assert_eq!(plain, digest(|s| s.streams = Some(4)));
    assert_ne!(plain, digest(|s| s.sources = 17_000));
}

#[test]
fn a_name_follows_what_decides_which_record_lies_where_and_nothing_else() {
    let name = |change: fn(&mut Settings)| {
        let mut settings = settings();
        (settings.producer_name, settings.streams) = (Some("kept".to_owned()), Some(2));
        (settings.shard, settings.seed) = ("0/2".parse().ok(), Some(7));
        change(&mut settings);
        Plan::resolve(settings, &here(9)).unwrap().stream_name(0)
    };
    let plain = name(|_| ());
    for same in [
        |s: &mut Settings| s.load.rate = "50k".parse().ok(),
        |s: &mut Settings| s.lanes = Some(2),
        |s: &mut Settings| s.batching.records_max = Some(50),
        |s: &mut Settings| s.load.duration = Some(Duration::from_mins(1)),
    ] {
        assert_eq!(name(same), plain);
    }
    let others: [fn(&mut Settings); 13] = [
        |s| s.seed = Some(8),
        |s| s.seed = None,
        |s| s.sources = 17_000,
        |s| s.shard = "0/3".parse().ok(),
        |s| s.streams = Some(1),
        |s| s.topics = 2,
        |s| (s.topics, s.streams) = (2, Some(1)),
        |s| s.key_hash = Some(KeyHash::Murmur3),
        |s| s.routing = Mode::Single,
        |s| s.routing = Mode::RoundRobin,
        |s| (s.routing, s.batching.records_max) = (Mode::RoundRobin, Some(50)),
        |s| s.events.key = KeyChoice::None,
        |s| (s.events.key, s.batching.records_max) = (KeyChoice::None, Some(50)),
    ];
    let names: HashSet<_> = others.map(name).into_iter().chain([plain]).collect();
    assert_eq!(names.len(), 14, "{names:?}");
}

#[test]
fn a_taken_name_is_waited_for_longer_than_a_broker_that_is_away() {
    let seconds = |connect_timeout| {
        let plan = Plan::resolve(Settings { connect_timeout, ..settings() }, &here(1)).unwrap();
        [plan.connect_timeout_ns, plan.name_timeout_ns].map(|ns| ns / 1_000_000_000)
    };
    assert_eq!(seconds(None), [10, 75]);
    assert_eq!(seconds(Some(Duration::from_secs(3))), [3, 3]);
}

#[test]
fn a_name_fixes_the_seed_and_a_seed_wins() {
    let named = |seed| {
        let settings = Settings { producer_name: Some("load".to_owned()), seed, ..settings() };
        Plan::resolve(settings, &here(3)).unwrap()
    };
    assert_eq!(named(None).seed, named(None).seed);
    assert_eq!(named(Some(5)).seed, 5);
    assert!(named(None).stream_name(2).starts_with("load-"));
}

#[test]
fn lanes_follow_rate_and_cpus() {
    let lanes = |rate: &str, quota| {
        let cpus = Cpus { allowed: vec![0, 1, 2, 3], quota };
        let settings = Settings {
            load: LoadSettings { rate: rate.parse().ok(), ..LoadSettings::default() },
            ..settings()
        };
        let plan = Plan::resolve(settings, &Surroundings { cpus, ..here(1) }).unwrap();
        (plan.lanes, plan.streams, !plan.lane_cpus.is_empty())
    };
    assert_eq!(lanes("1000", None), (1, 1, true));
    assert_eq!(lanes("600k", None), (3, 3, true));
    assert_eq!(lanes("max", None), (4, 4, true));
    assert_eq!(lanes("max", Some(0.25)), (1, 1, false));
}

#[test]
fn lanes_have_a_cpu_each_and_processes_do_not_begin_at_the_same() {
    let cpus = |start_token| {
        let settings = Settings { lanes: Some(3), streams: Some(3), ..settings() };
        Plan::resolve(settings, &here(start_token)).unwrap().lane_cpus
    };
    assert_eq!(cpus(4), [0, 1, 2]);
    assert_eq!(cpus(7), [3, 0, 1]);
}

#[test]
fn streams_are_dealt_to_lanes_without_a_rest() {
    let settings = Settings { streams: Some(7), lanes: Some(3), ..settings() };
    let plan = Plan::resolve(settings, &here(1)).unwrap();
    let mut streams: Vec<u32> = (0..3).flat_map(|lane| plan.streams_of(lane)).collect();
    streams.sort_unstable();
    assert_eq!(streams, [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn the_impossible_is_refused_by_flag() {
    assert!(refused(|s| (s.lanes, s.streams) = (Some(3), Some(2))).contains("--num-producers 2"));
    assert!(refused(|s| s.lanes = Some(5_000)).contains("--lanes 5000"));
    assert!(refused(|s| s.streams = Some(5_000)).contains("--num-producers 5000"));
    let late = refused(|s| (s.load.rate, s.max_lag) = (Some(Rate::Max), Some(MAX_LAG)));
    assert!(late.contains("--max-lag has no effect"), "{late}");
    let empty = refused(|s| (s.sources, s.shard) = (2, "1/3".parse().ok()));
    assert!(empty.contains("--sources"), "{empty}");
}

#[test]
fn inside_kubernetes_a_missing_url_is_refused() {
    let pod = Surroundings { in_kubernetes: true, ..here(1) };
    let error = Plan::resolve(settings(), &pod).unwrap_err();
    assert_eq!(error, PlanError::ServiceUrlMissing);
    assert!(error.to_string().contains("PULSAR_URL"));
}

fn loaded(change: impl FnOnce(&mut LoadSettings), quota: Option<f64>) -> Result<Load, PlanError> {
    let mut load = LoadSettings::default();
    change(&mut load);
    let cpus = Cpus { allowed: vec![0, 1, 2, 3], quota };
    let plan = Plan::resolve(Settings { load, ..settings() }, &Surroundings { cpus, ..here(1) })?;
    Ok(plan.load)
}

#[test]
fn a_rate_for_each_cpu_counts_fractions() {
    let rate = |quota| loaded(|load| load.per_core_rate = "400k".parse().ok(), quota).unwrap().rate;
    assert_eq!(rate(Some(0.25)), "100k".parse().unwrap());
    assert_eq!(rate(Some(2.5)), "1m".parse().unwrap());
    assert_eq!(rate(Some(64.0)), "1.6m".parse().unwrap());
    assert_eq!(rate(None), "1.6m".parse().unwrap());
    let max = loaded(|load| load.per_core_rate = Some(Rate::Max), None).unwrap_err();
    assert!(max.to_string().contains("--rate max"), "{max}");
}

#[test]
fn a_load_has_one_rate_and_one_end() {
    let second = Some(Duration::from_secs(1));
    let refused = |change: fn(&mut LoadSettings)| loaded(change, None).unwrap_err().to_string();
    let both = refused(|load| (load.rate, load.stages) = ("1".parse().ok(), "1s@1".parse().ok()));
    assert!(both.contains("--rate") && both.contains("--stages"), "{both}");
    let both = refused(|load| {
        (load.records, load.duration) = (Some(5), Some(Duration::from_secs(1)));
    });
    assert!(both.contains("--num-messages and --duration"), "{both}");
    let both = refused(|load| (load.records, load.stages) = (Some(5), "1s@1".parse().ok()));
    assert!(both.contains("--num-messages and --stages"), "{both}");
    for change in [
        |load: &mut LoadSettings| (load.warmup, load.duration) = (Some(MAX_LAG), Some(MAX_LAG)),
        |load: &mut LoadSettings| (load.warmup, load.records) = (Some(MAX_LAG), Some(10_000)),
    ] {
        assert!(refused(change).contains("--warmup has no effect"));
    }
    let load = loaded(|load| load.records = Some(2_500), None).unwrap();
    assert_eq!(
        (load.records, load.duration_ns, load.has_end()),
        (Some(2_500), Some(2_500_000_000), true)
    );
    let load = loaded(|load| load.stages = "1s@10,2s@max".parse().ok(), None).unwrap();
    assert_eq!((load.records, load.duration_ns, load.rate), (None, Some(3_000_000_000), Rate::Max));
    let load = loaded(|load| load.duration = second, None).unwrap();
    assert_eq!(load.records, Some(1_000));
}
