//! A real Apache Pulsar that asks who is there: tokens accepted, renewed and refused.
//!
//! `scripts/test` starts it; without it the tests are ignored.

use std::fs;
use std::process::Command;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::total;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run scripts/test"))
}

fn url() -> String {
    variable("PULSAR_SECURED_URL")
}

/// Makes a token for a role, valid for so long.
fn token(role: &str, seconds: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/consumers/jwt.py");
    let output = Command::new(variable("PRODUCER_LOAD_PYTHON"))
        .args([script, role, &variable("PULSAR_SECURED_KEY"), seconds])
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
#[ignore = "needs a real Pulsar with authentication: scripts/test provides it"]
fn secured_pulsar_takes_a_token_by_either_transport_and_from_any_place() {
    let token = token("alice", "600");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &token).unwrap();
    let from_file = format!("file://{}", file.path().display());
    for (transport, params) in
        [("framed", "env:ALICE"), ("framed", from_file.as_str()), ("client", "env:ALICE")]
    {
        let class = "org.apache.pulsar.client.impl.auth.AuthenticationToken";
        let output = program(&["-u", &url(), "-t", "secured", "-d", "1s", "-r", "1k"])
            .args(["--auth-plugin", class, "--auth-params", params])
            .args(["--transport", transport, "--report", "-"])
            .env("ALICE", &token)
            .env("RUST_LOG", "debug")
            .output();
        let said = Said::from(output.unwrap());
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
        let report = said.report();
        assert_eq!(total(&report, "acknowledged"), 1_000);
        assert_eq!(report["plan"]["credentials"], "token");
        // A secret is nobody's to see, not even in a debug log.
        assert!(!said.out.contains(&token) && !said.log.contains(&token));
    }
}

#[test]
#[ignore = "needs a real Pulsar with authentication: scripts/test provides it"]
fn secured_pulsar_is_shown_the_new_token_before_the_old_one_ends() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), token("alice", "4")).unwrap();
    let params = format!("file://{}", file.path().display());
    let child = program(&["-u", &url(), "-t", "renewed", "-d", "9s", "-r", "500", "--report", "-"])
        .args(["--auth-plugin", "token", "--auth-params", &params])
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    fs::write(file.path(), token("alice", "60")).unwrap();
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
    assert_eq!(total(&said.report(), "acknowledged"), 4_500);
}

#[test]
#[ignore = "needs a real Pulsar with authentication: scripts/test provides it"]
fn secured_pulsar_refuses_in_its_own_words_and_at_once() {
    let (bob, old) = (token("bob", "600"), token("alice", "-5"));
    for (params, words) in [
        (None, "Failed to authenticate (AuthenticationError); check the credentials"),
        (Some("token:abc"), "(AuthenticationError); check the credentials"),
        (Some(&*format!("token:{old}")), "(AuthenticationError); check the credentials"),
        (Some(&*format!("token:{bob}")), "(AuthorizationError); grant this role"),
    ] {
        let mut arguments = vec!["check".to_owned(), "-u".to_owned(), url()];
        if let Some(params) = params {
            arguments
                .extend(["--auth-plugin", "token", "--auth-params", params].map(str::to_owned));
        }
        let said = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(said.code, Some(1), "{params:?}: {}", said.log);
        assert!(said.log.contains(words), "{params:?}: {}", said.log);
        assert_eq!(said.log.lines().count(), 1, "{}", said.log);
    }
}
