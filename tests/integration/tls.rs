//! The embedded broker by TLS, with certificates that `scripts/certificates` makes.

use std::net::TcpListener;
use std::process::Command;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use producer_load::trust::ClientCertificate;

use crate::program::run;
use crate::program::total;

/// What the script exits with where openssl is not installed.
const OPENSSL_MISSING: i32 = 3;

/// Makes certificates in a folder; `None`: that cannot be done here, and it says so.
#[expect(clippy::print_stderr, reason = "a test that shows nothing has to say so")]
pub(crate) fn certificates() -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/certificates");
    let made = Command::new(script).arg(folder.path()).output().unwrap();
    if made.status.code() == Some(OPENSSL_MISSING) {
        eprintln!("skipped: {}", String::from_utf8_lossy(&made.stderr));
        return None;
    }
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(folder)
}

#[test]
fn records_come_by_tls_to_a_broker_and_to_a_sink() {
    let Some(folder) = certificates() else { return };
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for sink_check_every in [None, std::num::NonZeroU64::new(1)] {
        let certificate = ClientCertificate {
            certificate_file: file("broker.pem"),
            key_file: file("broker-key.pem"),
        };
        let certificate = Some(certificate);
        let config = BrokerConfig { certificate, sink_check_every, ..BrokerConfig::default() };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let broker = broker::start(listener, config).unwrap();
        let url = broker.service_url();
        assert!(url.starts_with("pulsar+ssl://"), "{url}");
        // Whoever does not speak TLS, or does not trust it, is left, and nobody else suffers.
        for (url, trust) in [(url.replace("+ssl", ""), "ca.pem"), (url.clone(), "wrong-ca.pem")] {
            let flags = ["check", "-u", &url, "--connect-timeout", "500ms"];
            let trust = ["--trust-cert-file", &file(trust)];
            let trust = if url.contains("ssl") { &trust[..] } else { &[] };
            assert_eq!(run(&[&flags[..], trust].concat()).code, Some(1), "{url}");
        }
        let authority = file("ca.pem");
        let flags = ["-u", &url, "--trust-cert-file", &authority, "--report", "-"];
        let said = run(&[&flags[..], &["-r", "max", "-m", "50000"]].concat());
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
        assert_eq!(total(&said.report(), "acknowledged"), 50_000);
        let counts = broker.stop();
        assert_eq!((counts.records(), counts.checksum_errors), (50_000, 0));
    }
}

#[test]
fn a_broker_without_its_key_does_not_begin() {
    let nothing = || "/nowhere/at/all.pem".to_owned();
    let certificate = ClientCertificate { certificate_file: nothing(), key_file: nothing() };
    let config = BrokerConfig { certificate: Some(certificate), ..BrokerConfig::default() };
    let refused = broker::start(TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap_err();
    assert!(refused.to_string().contains("/nowhere/at/all.pem cannot be used"), "{refused}");
}
