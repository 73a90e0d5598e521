//! A real Apache Pulsar that asks who is there: tokens accepted, renewed and refused.
//!
//! `scripts/test` starts it; without it the tests are ignored.

use std::fs;
use std::process::Command;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::total;
use crate::pulsar::secured_messages_in;
use crate::pulsar::variable;

fn url() -> String {
    variable("PULSAR_SECURED_URL")
}

/// Returns the service URL of the proxy, which asks who is there as well.
fn proxy_url() -> String {
    variable("PULSAR_SECURED_PROXY_URL")
}

/// Makes a token for a role, valid for so long.
pub(crate) fn token(role: &str, seconds: &str) -> String {
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
    let (broker, proxy) = (url(), proxy_url());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &token).unwrap();
    let from_file = format!("file://{}", file.path().display());
    for (url, transport, params) in [
        (&broker, "framed", "env:ALICE"),
        (&broker, "framed", &from_file),
        (&broker, "client", "env:ALICE"),
        (&proxy, "framed", "env:ALICE"),
        (&proxy, "client", &from_file),
    ] {
        let class = "org.apache.pulsar.client.impl.auth.AuthenticationToken";
        let output = program(&["-u", url, "-t", "secured", "-d", "1s", "-r", "1k"])
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
    assert_eq!(secured_messages_in("secured"), 5_000);
}

#[test]
#[ignore = "needs a real Pulsar with authentication: scripts/test provides it"]
fn secured_pulsar_takes_the_right_password_by_either_transport() {
    let run = |transport: &str, password: &str| {
        let params = format!(r#"{{"userId":"alice","password":"{password}"}}"#);
        let who = ["--auth-plugin", "basic", "--auth-params", &params, "--transport", transport];
        run(&[&["-u", &url(), "-t", "by-password", "-d", "500ms", "-r", "1k"][..], &who].concat())
    };
    for (transport, taken) in [("framed", 500), ("client", 1_000)] {
        let said = run(transport, "wonderland");
        assert_eq!(said.code, Some(0), "{transport}: {}{}", said.out, said.log);
        assert_eq!(secured_messages_in("by-password"), taken, "{transport}");
        let refused = run(transport, "underland");
        assert_eq!(refused.code, Some(1), "{transport}: {}", refused.log);
        assert!(refused.log.contains("check the credentials"), "{transport}: {}", refused.log);
    }
}

#[test]
#[ignore = "needs a real Pulsar with authentication: scripts/test provides it"]
fn secured_pulsar_is_shown_the_new_token_before_the_old_one_ends() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), token("alice", "4")).unwrap();
    let params = format!("file://{}", file.path().display());
    let children = [url(), proxy_url()].map(|url| {
        program(&["-u", &url, "-t", "renewed", "-d", "9s", "-r", "500", "--report", "-"])
            .args(["--auth-plugin", "token", "--auth-params", &params])
            .spawn()
            .unwrap()
    });
    std::thread::sleep(std::time::Duration::from_secs(2));
    fs::write(file.path(), token("alice", "60")).unwrap();
    for child in children {
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
        assert_eq!(total(&said.report(), "acknowledged"), 4_500);
    }
}

#[test]
#[ignore = "needs a real Pulsar with authentication: scripts/test provides it"]
fn secured_pulsar_ends_a_run_whose_token_ends_without_another() {
    let params = format!("token:{}", token("alice", "3"));
    let who = ["--auth-plugin", "token", "--auth-params", &params, "--report", "-"];
    let said = run(&[&["-u", &url(), "-t", "ended", "-d", "30s", "-r", "500"][..], &who].concat());
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.log);
    assert!(said.log.contains("(AuthenticationError); check the credentials"), "{}", said.log);
    let report = said.report();
    assert_eq!(report["verdict"]["limit"], "errors", "{report}");
    // What the broker has of it is what has its receipt, and what nobody knows of.
    let acknowledged = total(&report, "acknowledged");
    let known = acknowledged..=acknowledged + total(&report, "unknown");
    assert!(acknowledged > 500 && known.contains(&secured_messages_in("ended")), "{report}");
}

#[test]
#[ignore = "needs a real Pulsar with authentication: scripts/test provides it"]
fn secured_pulsar_refuses_in_its_own_words_and_at_once() {
    let params = |role: &str, seconds: &str| format!("token:{}", token(role, seconds));
    let (bob, old, other) =
        (params("bob", "600"), params("alice", "-5"), params("alice", "600") + "x");
    let unknown = "(AuthenticationError); check the credentials";
    for url in [url(), proxy_url()] {
        for (params, words) in [
            (None, "refused to connect: Failed to authenticate (AuthenticationError); check the"),
            (Some("token:abc"), unknown),
            (Some(&*other), unknown),
            (Some(&*old), unknown),
            (Some(&*bob), "(AuthorizationError); grant this role the right to produce"),
        ] {
            let how = ["--auth-plugin", "token", "--auth-params", params.unwrap_or_default()];
            let how = if params.is_some() { &how[..] } else { &[] };
            let said = run(&[&["-u", &url, "-t", "refused", "-d", "1s"][..], how].concat());
            assert_eq!(said.code, Some(1), "{url} {params:?}: {}", said.log);
            assert!(said.log.contains(words), "{url} {params:?}: {}", said.log);
            assert_eq!(said.log.lines().count(), 1, "{url} {params:?}: {}", said.log);
        }
    }
}
