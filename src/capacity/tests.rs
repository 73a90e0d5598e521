//! Examples that were worked out by hand, what is refused, and what holds for every fleet.

use proptest::prelude::*;

use super::*;

const MIB: u64 = 1 << 20;

fn cost() -> Cost {
    Cost {
        cpu_ns: Line { idle_per_second: 15e6, per_record: 200.0 },
        cpu_ns_fastest: 160.0,
        wire_bytes: Line { idle_per_second: 15_000.0, per_record: 210.0 },
        threads_rate_max: Some(6e6),
        lanes: 1,
        lanes_measured: 1,
        memory_idle_bytes: 20 * MIB,
        window_bytes: 16 * MIB,
        window_bytes_min: MIB / 2,
        origin: Origin::Measured { runs: 3, spread: 0.02 },
    }
}

fn question(target: f64, cpu_millis: u32, memory_mib: u64, node: &str) -> Question {
    Question {
        target_per_second: target,
        pod: Pod { cpu_millis, memory_bytes: memory_mib * MIB },
        node: Node::find(node, &NodeChanges::default()).unwrap(),
        fill: 0.8,
    }
}

/// Returns a text's words, wherever its lines break.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn near(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() < 1e-4, "{value} is not {expected}");
}

#[test]
fn one_pod_on_one_t3_medium_sends_what_took_fifty_on_seventeen() {
    let answer = answer(question(50_000.0, 250, 64, "t3.medium"), cost()).unwrap();
    let Answer { pod, node, fleet, replaced, .. } = &answer;
    // 250m are 250e6 ns a second, at 160 a record.
    near(pod.rate_max_per_second, 1_562_500.0);
    // 0.8 x 256 Mbit/s are 25.6e6 bytes; a record takes 210 x 1514/1448 = 219.572 of them, and
    // idling 15,683.7. Its CPU would do for (0.8 x 250e6 - 15e6) / 200 = 925,000.
    near(pod.rate_planned_per_second, (25.6e6 - 15_683.7) / 219.571_8);
    assert_eq!(pod.bound_by, Resource::Network);
    // 15e6 + 50,000 x 200 = 25e6 of 250e6 ns.
    near(pod.cpu_share, 0.1);
    near(pod.network_bytes_per_second, 15_683.7 + 50_000.0 * 219.571_8);
    assert_eq!((pod.memory_bytes_max, pod.memory_limit_bytes), (36 * MIB, None));
    // 1,780m / 250m = 7, 3,246 / 64 = 50, 25.6e6 / 10.994e6 = 2, 17 - 2 = 15.
    assert_eq!((node.pods_max, node.bound_by, node.pods), (2, Resource::Network, 1));
    near(node.network_share, 10_994_275.0 * 8.0 / 256e6);
    assert_eq!((fleet.pods, fleet.nodes), (1, 1));
    near(fleet.headroom, 116_519.2 / 50_000.0);
    near(fleet.dollars_per_month, 0.0416 * 730.0);
    near(fleet.spot_dollars_per_month, 0.0416 * 0.4 * 730.0);
    let credits = node.credits.unwrap();
    near(credits.spent_per_hour, 0.025 * 60.0);
    assert!(credits.is_sustained && credits.burst_hours.is_none());
    assert_eq!((replaced.pods, replaced.nodes), (50, 17));
    near(replaced.dollars_per_month, 510.0);
    near(replaced.spot_dollars_per_month, 204.0);
}

#[test]
fn a_line_goes_through_both_points_and_never_idles_backwards() {
    // 1,000 records of 15,200 ns are 15.2e6 ns, 400,000 of 237.5 are 95e6: 200 more for each.
    let line = Line::through((1_000.0, 15_200.0), (400_000.0, 237.5));
    near(line.per_record, 200.0);
    near(line.idle_per_second, 15e6);
    near(line.at(50_000.0), 25e6);
    near(line.rate_of(25e6), 50_000.0);
    assert_eq!(line.rate_of(1e6).to_bits(), 0.0_f64.to_bits());
    let falling = Line::through((1_000.0, 100.0), (2_000.0, 100.0));
    assert!(falling.idle_per_second.abs() < 1e-6);
}

#[test]
fn a_rate_beyond_one_pod_is_dealt_out_evenly_and_never_short() {
    let answer = answer(question(10e6, 250, 64, "c5.4xlarge"), cost()).unwrap();
    let Answer { pod, node, fleet, .. } = &answer;
    // Of 5 Gbit/s 500e6 bytes are planned with: 2.28e6 records; CPU for 925,000 binds before.
    assert_eq!(pod.bound_by, Resource::Cpu);
    near(pod.rate_planned_per_second, 925_000.0);
    // 10e6 / 925,000 = 10.8.
    assert_eq!(fleet.pods, 11);
    assert_eq!(pod.rate_per_second.to_string(), "909090.909091");
    // 500e6 / (909,090.9 x 219.57) = 2.5.
    assert_eq!((node.pods_max, node.bound_by, fleet.nodes), (2, Resource::Network, 6));
    assert_eq!(fleet.bound_by, Resource::Cpu);
    near(fleet.rate_planned_per_second, 11.0 * 925_000.0);
    assert!(node.credits.is_none());
    near(fleet.dollars_per_month, 6.0 * 0.68 * 730.0);
}

#[test]
fn credits_that_are_spent_faster_than_earned_are_reckoned_and_paid_for() {
    let mut dear = cost();
    dear.cpu_ns.per_record = 20_000.0;
    let answer = answer(question(60_000.0, 250, 64, "t3.medium"), dear).unwrap();
    // A pod is planned with (200e6 - 15e6) / 20,000 = 9,250 a second: 7 of 8,571.4 on one node,
    // each with 15e6 + 8,571.4 x 20,000 = 186.4e6 ns.
    assert_eq!((answer.fleet.pods, answer.fleet.nodes), (7, 1));
    let credits = answer.node.credits.unwrap();
    near(credits.spent_per_hour, 7.0 * 0.186_428_6 * 60.0);
    // 24 are earned: 54.3 an hour are lacking, and 576 are saved.
    near(credits.burst_hours.unwrap(), 576.0 / 54.3);
    near(credits.surplus_dollars_per_hour, 54.3 / 60.0 * 0.05);
    near(answer.fleet.dollars_per_month, (0.0416 + 0.045_25) * 730.0);
    let words = words(&text(&answer));
    assert!(words.contains("BURST: a full balance lasts 10.6 hours"), "{words}");
}

#[test]
fn pods_per_node_and_memory_bind_where_they_are_scarce() {
    let small = answer(question(1_000.0, 50, 64, "t3.medium"), cost()).unwrap();
    assert_eq!((small.node.pods_max, small.node.bound_by), (15, Resource::PodsPerNode));
    let hungry = answer(question(1_000.0, 100, 1_024, "t3.medium"), cost()).unwrap();
    assert_eq!((hungry.node.pods_max, hungry.node.bound_by), (3, Resource::Memory));
    let threads = Cost { threads_rate_max: Some(1e6), ..cost() };
    let threads = answer(question(1e6, 1_000, 64, "c5.4xlarge"), threads).unwrap();
    assert_eq!((threads.pod.bound_by, threads.fleet.pods), (Resource::Threads, 2));
    near(threads.pod.rate_planned_per_second, 800_000.0);
}

#[test]
fn little_memory_shrinks_the_window_and_too_little_is_refused() {
    // 0.9 x 32 MiB - 20 MiB are left for batches.
    let small = answer(question(1_000.0, 250, 32, "t3.medium"), cost()).unwrap();
    let limit = small.pod.memory_limit_bytes.unwrap();
    assert_eq!(limit, (32 * MIB * 9 / 10 - 20 * MIB) >> 10 << 10);
    assert_eq!(small.pod.memory_bytes_max, 20 * MIB + limit);
    assert!(patch(&small, &Said::default()).contains(&format!("value: \"{}K\"", limit >> 10)));
    let refused = answer(question(1_000.0, 250, 22, "t3.medium"), cost()).unwrap_err().to_string();
    assert!(refused.contains("--pod-memory 22Mi") && refused.contains("23Mi"), "{refused}");
    assert!(answer(question(1_000.0, 250, 23, "t3.medium"), cost()).is_ok());
}

#[test]
fn what_fits_nowhere_or_only_idles_is_refused_with_the_mend() {
    let refused = |question| answer(question, cost()).unwrap_err().to_string();
    let said = refused(question(1_000.0, 2_000, 64, "t3.medium"));
    assert!(said.contains("a pod of 2 CPU") && said.contains("leaves pods 1780m"), "{said}");
    let said = refused(question(1_000.0, 250, 4_000, "t3.medium"));
    assert!(said.contains("leaves pods 3246Mi") && said.contains("--pod-memory"), "{said}");
    let said = refused(question(1_000.0, 18, 64, "t3.medium"));
    assert!(said.contains("15.0m alone") && said.contains("give it 38m"), "{said}");
    assert!(answer(question(1_000.0, 38, 64, "t3.medium"), cost()).is_ok());
    let said = refused(question(1e12, 250, 64, "t3.medium"));
    assert!(said.contains("more than any cluster"), "{said}");
}

#[test]
fn the_answer_reads_well_in_every_rendering() {
    let answer = answer(question(50_000.0, 250, 64, "t3.medium"), cost()).unwrap();
    let text = text(&answer);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let words = words(&text);
    for said in [
        "50,000 messages a second: 1 pod of 50,000 a second on 1 node (t3.medium)",
        "200 ns of CPU and 15.0 ms a second for waking up",
        "(measured here, median of 3 runs, spread 2.0 %)",
        "uses 10 % of its CPU",
        "bound by network",
        "34 % of the 256 Mbit/s",
        "earns 24 an hour, spends 1.5; sustained",
        "2.3 times",
        "1 1 $30.37 $12.15",
        "50 17 $510 $204",
    ] {
        assert!(words.contains(said), "{said}:\n{text}");
    }
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["fleet"]["pods"], 1);
    assert_eq!(json["pod"]["bound_by"], "network");
    assert_eq!(json["question"]["node"]["name"], "t3.medium");
    assert_eq!(json["question"]["node"]["prices_of"], "us-east-1, 2026-07-20");
    let expected = "\
# 50,000 messages a second on 1 x t3.medium, by `producer-load capacity`,
# planned with 80 % of a pod's CPU and of a node's network.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: event-producer
spec:
  replicas: 1
  template:
    spec:
      containers:
        - name: producer
          env:
            - name: MESSAGES_PER_SECOND
              value: \"50000\"
            - name: EVENT_TYPE
              value: \"a \\\"b\\\"\"
          resources:
            requests:
              cpu: 250m
              memory: 64Mi
            limits:
              cpu: 250m
              memory: 64Mi
";
    let variables = vec![
        ("EVENT_TYPE".to_owned(), "a \"b\"".to_owned()),
        ("MESSAGES_PER_SECOND".to_owned(), "1".to_owned()),
    ];
    let mut said = Said { variables, schema_file: None };
    assert_eq!(patch(&answer, &said), expected);
    said.schema_file = Some("own.avsc".to_owned());
    assert!(patch(&answer, &said).contains("# Measured with --schema-file own.avsc"));
}

#[test]
fn lines_fit_whatever_binds_and_say_what_was_not_listed_or_measured() {
    let mut cost = cost();
    (cost.lanes, cost.threads_rate_max) = (8, Some(200_000.0));
    cost.lanes_measured = 2;
    let changes = NodeChanges {
        vcpus: Some(16),
        memory_bytes: Some(64 << 30),
        network_bits: Some(12.5e9),
        pods_max: Some(110),
        dollars_per_hour: Some(1.25),
        ..NodeChanges::default()
    };
    let node = Node::find("t4g.huge", &changes).unwrap();
    let question = Question { node, ..question(50e6, 8_000, 64, "c5.4xlarge") };
    let text = text(&answer(question, cost).unwrap());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let words = words(&text);
    for said in [
        "bound by the threads of lanes and publisher",
        "measured here with 2 of 8 lanes, for which there are CPUs",
        "credits not reckoned: a node of this name has some; say --node-credits",
        "1.25 dollars an hour and node, by --node-price (spot",
    ] {
        assert!(words.contains(said), "{said}:\n{text}");
    }
    assert!(!words.contains("us-east-1") && !words.contains("for some minutes"), "{text}");
}

#[test]
fn pods_together_are_not_slower_than_the_target() {
    for (target, pods) in [(37_720_621.571_689_22, 691.0), (50_000.0, 3.0), (1.1, 1.0), (0.1, 7.0)]
    {
        let each = share(target, pods);
        assert!(each * pods >= target && (each - 2e-6) * pods < target, "{target} {pods} {each}");
    }
    assert!((share(50_000.0, 1.0) - 50_000.0).abs() < 1e-9);
}

proptest! {
    #[test]
    fn a_fleet_carries_its_target_and_has_no_pod_or_node_too_many(
        target in 0.001_f64..5e7, cpu_millis in 50_u32..1_500, per_record in 20.0_f64..20_000.0,
        fill in 0.5_f64..1.0,
    ) {
        let mut cost = cost();
        (cost.cpu_ns.per_record, cost.cpu_ns_fastest) = (per_record, per_record * 0.9);
        let question = Question { fill, ..question(target, cpu_millis, 64, "m5.large") };
        let answer = answer(question, cost).unwrap();
        let (pod, node, fleet) = (answer.pod, &answer.node, answer.fleet);
        prop_assert!(pod.rate_per_second * f64::from(fleet.pods) >= target);
        prop_assert!(pod.rate_per_second <= pod.rate_planned_per_second + 1e-5);
        let fewer = f64::from(fleet.pods - 1) * pod.rate_planned_per_second;
        prop_assert!(fewer < target);
        prop_assert!(node.pods_max * fleet.nodes >= fleet.pods);
        prop_assert!(node.pods_max * (fleet.nodes - 1) < fleet.pods);
        prop_assert!(node.network_share <= fill * 1.000_001);
        prop_assert!(fleet.headroom > 0.999_999, "{}", fleet.headroom);
        let most = pod.rate_max_per_second * f64::from(fleet.pods);
        prop_assert!(fleet.rate_planned_per_second <= most);
    }
}
