//! The load as a user asks for it: stages, a number of messages, a warm-up, a rate for each CPU.

use producer_load::cpu::Cpus;

use crate::program::run;
use crate::program::total;

#[test]
fn stages_follow_each_other_and_their_records_are_exact() {
    let said = run(&["--stages", "0.3s@1k,0.4s@1k..9k,100ms@0,0.2s@5k", "--report", "-"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let report = said.report();
    assert_eq!(total(&report, "acknowledged"), 300 + 2_000 + 1_000);
    assert_eq!(report["rate"]["target_per_second"], 3_300.0);
    let stages = report["plan"]["stages"].as_array().unwrap();
    assert_eq!((stages.len(), &stages[1]["to_per_second"]), (4, &9_000.0.into()));
}

#[test]
fn a_number_of_messages_is_exact_at_every_rate() {
    for rate in ["10k", "max"] {
        let many = ["--lanes", "2", "--num-producers", "3"];
        let said = run(&[&["-r", rate, "-m", "12345", "--report", "-"][..], &many].concat());
        assert_eq!(said.code, Some(0), "{}", said.log);
        assert_eq!(total(&said.report(), "acknowledged"), 12_345, "{rate}");
    }
}

#[test]
fn a_warm_up_counts_in_the_totals_alone() {
    let said = run(&["-r", "5k", "-d", "1s", "--warmup", "400ms", "--report", "-"]);
    let report = said.report();
    assert_eq!((total(&report, "acknowledged"), total(&report, "warmup")), (5_000, 2_000));
    let rate = report["rate"]["achieved_per_second"].as_f64().unwrap();
    // 3,000 records in 600 ms and however late a busy machine was with the last one.
    assert!(rate > 500.0 && rate <= 5_000.0, "{report}");
    assert!(report["latency"]["pacing"]["p50_ns"].as_u64().unwrap() > 0, "{report}");
    assert!(said.log.contains("warm-up is over"), "{}", said.log);
}

#[test]
fn a_run_that_ends_in_its_warm_up_has_measured_nothing() {
    let said = run(&["-r", "max", "-m", "500", "--warmup", "1m"]);
    assert_eq!(said.code, Some(98), "{}", said.log);
    assert!(said.out.contains("missed: nothing was measured"), "{}", said.out);
}

#[test]
fn the_plan_prints_how_a_rate_for_each_cpu_is_multiplied() {
    let said = run(&["--per-core-rate", "400k", "--dry-run"]);
    let cpus = Cpus::of_this_process().available();
    assert!(said.out.contains(&format!("= 400,000 a CPU x {cpus} CPUs (")), "{}", said.out);
    let product = format!("{} messages a second", 400_000.0 * cpus);
    assert!(said.out.replace(',', "").contains(&product), "{}", said.out);
}

#[test]
fn two_rates_or_two_ends_are_refused() {
    for (arguments, told) in [
        (["-r", "5", "--stages", "1s@1"], "--stages"),
        (["-m", "5", "-d", "1s"], "--num-messages and --duration"),
        (["--warmup", "5s", "-d", "1s"], "--warmup has no effect"),
        (["--warmup=5s", "-rmax", "-d", "1s"], "--warmup has no effect"),
    ] {
        let said = run(&arguments);
        assert_eq!(said.code, Some(104), "{}", said.log);
        assert!(said.log.contains(told), "{}", said.log);
    }
}
