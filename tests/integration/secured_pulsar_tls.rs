//! A real Apache Pulsar and its proxy by TLS: whom we trust, who we are by our certificate, what
//! either side refuses.
//!
//! The broker takes a token or a certificate; the proxy's certificate is made out to another host,
//! and it asks everybody for one. `scripts/certificates` makes them.

use crate::program::Said;
use crate::program::run;
use crate::program::total;
use crate::pulsar::secured_messages_in;
use crate::pulsar::variable;
use crate::secured_pulsar::token;

const HOST_CHECK: &str = "--tls-enable-hostname-verification";

/// Returns the service URL of the broker by TLS.
fn broker() -> String {
    variable("PULSAR_SECURED_TLS_URL")
}

/// Returns the service URL of the proxy by TLS.
fn proxy() -> String {
    variable("PULSAR_SECURED_PROXY_TLS_URL")
}

/// Returns a file that `scripts/certificates` made.
fn file(name: &str) -> String {
    format!("{}/{name}.pem", variable("PULSAR_SECURED_CERTIFICATES"))
}

/// Returns the parameters that name a role's certificate.
fn certificate(role: &str) -> String {
    format!("tlsCertFile:{},tlsKeyFile:{}", file(role), file(&format!("{role}-key")))
}

/// Runs a check that gives up soon.
fn check(url: &str, flags: &[&str]) -> Said {
    run(&[&["check", "-u", url, "-t", "by-tls", "--connect-timeout", "500ms"][..], flags].concat())
}

fn assert_passes(url: &str, flags: &[&str]) {
    let said = check(url, flags);
    assert_eq!(said.code, Some(0), "{url} {flags:?}: {}{}", said.out, said.log);
    assert!(said.out.contains("answered, TLS 1.3"), "{}", said.out);
}

/// Asserts that there is no connection, and that one line says why.
fn assert_refused(url: &str, flags: &[&str], words: &str) {
    let said = check(url, flags);
    assert_eq!(said.code, Some(1), "{url} {flags:?}: {}{}", said.out, said.log);
    assert!(said.log.contains(words), "{url} {flags:?}: {}", said.log);
    assert_eq!(said.log.lines().count(), 1, "{url} {flags:?}: {}", said.log);
}

#[test]
#[ignore = "needs a real Pulsar with TLS: scripts/test provides it"]
fn secured_pulsar_takes_records_by_tls() {
    let (authority, alice) = (file("ca"), certificate("alice"));
    let token = format!("token:{}", token("alice", "600"));
    let by_token = ["--auth-plugin", "token", "--auth-params", &token];
    let by_certificate = ["--auth-plugin", "tls", "--auth-params", &alice];
    let shown = ["--tls-cert-file", &file("alice"), "--tls-key-file", &file("alice-key")];
    let proxied = [HOST_CHECK, "false"];
    for (topic, url, flags) in [
        ("by-tls-and-token", broker(), &by_token[..]),
        ("by-tls-and-certificate", broker(), &by_certificate),
        ("by-tls-proxied", proxy(), &[&by_certificate[..], &proxied].concat()),
        ("by-tls-proxied-and-token", proxy(), &[&by_token[..], &shown, &proxied].concat()),
    ] {
        let fixed = ["-u", &url, "-t", topic, "-d", "500ms", "-r", "2k", "--report", "-"];
        let said = run(&[&fixed[..], &["--trust-cert-file", &authority], flags].concat());
        assert_eq!(said.code, Some(0), "{flags:?}: {}{}", said.out, said.log);
        assert_eq!(total(&said.report(), "acknowledged"), 1_000);
        assert_eq!(secured_messages_in(topic), 1_000, "{flags:?}");
    }
}

#[test]
#[ignore = "needs a real Pulsar with TLS: scripts/test provides it"]
fn secured_pulsar_is_sent_no_larger_batches_than_it_takes() {
    // scripts/test has the broker take 100,000 bytes; batches would have 256 KiB.
    let who = certificate("alice");
    let flags = ["--auth-plugin", "tls", "--auth-params", &who, "--trust-cert-file", &file("ca")];
    let fixed =
        ["-u", &broker(), "-t", "large-by-tls", "-d", "300ms", "-r", "max", "--report", "-"];
    let mut all = 0;
    for size in [&["-bm", "10000"][..], &["-bm", "10000", "-z", "LZ4"]] {
        let said = run(&[&fixed[..], &flags, size].concat());
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
        let report = said.report();
        assert!(total(&report, "acknowledged") > 10_000, "{report}");
        assert_eq!(total(&report, "acknowledged"), total(&report, "scheduled"), "{report}");
        all += total(&report, "acknowledged");
        assert_eq!(secured_messages_in("large-by-tls"), all, "{report}");
    }
}

#[test]
#[ignore = "needs a real Pulsar with TLS: scripts/test provides it"]
fn secured_pulsar_is_trusted_only_as_far_as_was_said() {
    let (authority, wrong, alice) = (file("ca"), file("wrong-ca"), certificate("alice"));
    let who = ["--auth-plugin", "tls", "--auth-params", &alice];
    let with = |more: &[&'static str], authority: Option<&str>| -> Vec<String> {
        let trust = authority.map(|file| ["--trust-cert-file", file]);
        let flags = who.iter().chain(trust.iter().flatten()).chain(more);
        flags.map(|flag| (*flag).to_owned()).collect()
    };
    let unknown = "cannot connect at 127.0.0.1:";
    let untrusted = "from an authority that is not trusted; name the file of the authority that \
                     signed it with --trust-cert-file";
    let elsewhere = "made out to another host; connect by a name that it is made out to, or give \
                     --tls-enable-hostname-verification false";
    let (right, wrong) = (Some(authority.as_str()), Some(wrong.as_str()));
    for (url, flags, refusal) in [
        (broker(), with(&[], right), None),
        (broker().replace("127.0.0.1", "localhost"), with(&[], right), None),
        (broker(), with(&[], wrong), Some(untrusted)),
        (broker(), with(&[HOST_CHECK, "false"], wrong), Some(untrusted)),
        (broker(), with(&[], None), Some(untrusted)),
        (broker(), with(&["--tls-allow-insecure"], None), None),
        (proxy(), with(&[], right), Some(elsewhere)),
        (proxy(), with(&[HOST_CHECK, "false"], right), None),
        (proxy(), with(&["--tls-allow-insecure"], None), None),
    ] {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        match refusal {
            None => assert_passes(&url, &flags),
            Some(words) => {
                assert_refused(&url, &flags, words);
                assert_refused(&url, &flags, unknown);
            }
        }
    }
}

#[test]
#[ignore = "needs a real Pulsar with TLS: scripts/test provides it"]
fn secured_pulsar_knows_a_role_by_its_certificate() {
    let authority = file("ca");
    let check = |url: &str, role: &str, words: &str| {
        let who = certificate(role);
        let flags = ["--auth-plugin", "tls", "--auth-params", &who];
        let trust = ["--trust-cert-file", &authority, HOST_CHECK, "false"];
        assert_refused(url, &[&flags[..], &trust].concat(), words);
    };
    for url in [broker(), proxy()] {
        check(&url, "bob", "(AuthorizationError); grant this role the right to produce");
        // Signed by an authority that the broker does not trust.
        let broken_off = "the broker broke off the TLS handshake (InternalError); Pulsar does so";
        check(&url, "stranger", broken_off);
    }
    let nobody = ["--trust-cert-file", &authority, HOST_CHECK, "false"];
    let asked = "the broker does not accept our certificate (CertificateRequired); the broker asks \
                 for a certificate that it trusts: --tls-cert-file and --tls-key-file";
    assert_refused(&proxy(), &nobody, asked);
    let unknown = "Failed to authenticate (AuthenticationError); check the credentials";
    assert_refused(&broker(), &nobody, unknown);
}

#[test]
#[ignore = "needs a real Pulsar with TLS: scripts/test provides it"]
fn secured_pulsar_and_we_have_to_speak_the_same_protocol() {
    let plain_to_tls = broker().replace("pulsar+ssl", "pulsar");
    let tls_to_plain = variable("PULSAR_SECURED_URL").replace("pulsar", "pulsar+ssl");
    for (url, words) in [
        (&plain_to_tls, "the broker closed the connection (tried for "),
        (
            &plain_to_tls,
            "is this Pulsar's binary port (usually 6650), not its web port, and not one",
        ),
        (&tls_to_plain, "closed in the middle of the TLS handshake (tried for "),
        (
            &tls_to_plain,
            "is this the broker's TLS port (usually 6651)? a plain one takes pulsar://",
        ),
    ] {
        let said = check(url, &[]);
        assert_eq!(said.code, Some(1), "{url}: {}", said.log);
        assert!(said.log.contains(words), "{url}: {}", said.log);
    }
}
