//! Who we are: what a greeting says, tokens of an issuer on this machine, and whom they are shown
//! to.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use producer_load::broker;
use producer_load::broker::BrokerConfig;
use pulsar::message::proto::BaseCommand;
use pulsar::message::proto::CommandError;
use pulsar::message::proto::ServerError;
use pulsar::message::proto::base_command::Type;
use pulsar::message::proto::command_lookup_topic_response::LookupType;
use tokio_rustls::rustls;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::rustls::StreamOwned;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::look_ups::sending_on;
use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::total;
use crate::pulsar::variable;
use crate::raw_broker::RawBroker;
use crate::raw_broker::of_type;
use crate::secured_pulsar::token;
use crate::tls::certificates;

const SECRET: &str = "s3cr3t+of=me&";
const CLASS: &str = "org.apache.pulsar.client.impl.auth.oauth2.AuthenticationOAuth2";

/// An issuer that answers for a token what it is told to. It ends with the tests.
struct Issuer {
    url: String,
    /// What was posted to it.
    forms: Arc<Mutex<Vec<String>>>,
}

impl Issuer {
    fn start(token: impl Fn() -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/realm", listener.local_addr().unwrap());
        let forms = Arc::new(Mutex::new(Vec::new()));
        let (at, posted) = (url.clone(), Arc::clone(&forms));
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &at, &token, &posted);
            }
        });
        Self { url, forms }
    }

    /// Starts one by TLS, with a certificate and its key.
    fn start_by_tls(folder: &Path, token: impl Fn() -> (u16, String) + Send + 'static) -> Self {
        let chain = CertificateDer::pem_file_iter(folder.join("broker.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("broker-key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = config.with_single_cert(chain.map(Result::unwrap).collect(), key).unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/realm", listener.local_addr().unwrap());
        let forms = Arc::new(Mutex::new(Vec::new()));
        let (at, posted) = (url.clone(), Arc::clone(&forms));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                // Whoever does not trust it hangs up.
                if tls.complete_io(&mut stream).is_ok() {
                    answer(StreamOwned::new(tls, stream), &at, &token, &posted);
                }
            }
        });
        Self { url, forms }
    }

    /// Returns the flags of a client of this issuer, whose secret is in a file.
    fn flags(&self, file: &tempfile::NamedTempFile) -> [String; 4] {
        let client = format!(r#"{{"client_id":"me","client_secret":"{SECRET}"}}"#);
        fs::write(file.path(), client).unwrap();
        let params = format!(
            r#"{{"type":"client_credentials","privateKey":"file://{}","issuerUrl":"{}/",
                "audience":"urn:pulsar","scope":"a b"}}"#,
            file.path().display(),
            self.url
        );
        ["--auth-plugin", CLASS, "--auth-params", &params].map(str::to_owned)
    }

    fn forms(&self) -> Vec<String> {
        self.forms.lock().unwrap().clone()
    }
}

/// Answers one request, by its path.
fn answer(
    stream: impl Read + Write,
    at: &str,
    token: &impl Fn() -> (u16, String),
    posted: &Mutex<Vec<String>>,
) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(reader.read_until(b'\n', &mut head).unwrap() > 0);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut form = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut form).unwrap();
    let (status, body) = if head.starts_with("get /realm/.well-known/openid-configuration ") {
        (200, format!(r#"{{"issuer":"{at}","token_endpoint":"{at}/token"}}"#))
    } else if head.starts_with("post /realm/token ") {
        posted.lock().unwrap().push(String::from_utf8(form).unwrap());
        token()
    } else {
        (404, "<html>no</html>".to_owned())
    };
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
    reader.get_mut().flush().unwrap();
}

fn granted(token: &str, seconds: u32) -> (u16, String) {
    let granted = r#""token_type":"Bearer""#;
    (200, format!(r#"{{"access_token":"{token}","expires_in":{seconds},{granted}}}"#))
}

/// Asserts that a log with everything in it has no secret.
fn assert_silent(said: &Said, token: &str) {
    for text in [&said.out, &said.log] {
        assert!(!text.contains(SECRET) && !text.contains(token), "{text}");
        // Nor as it goes over the wire.
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}

/// Refuses whoever greets.
fn refused(command: &BaseCommand, why: ServerError) -> Option<BaseCommand> {
    command.connect.as_ref()?;
    let error =
        CommandError { request_id: u64::MAX, error: why.into(), message: "who?".to_owned() };
    Some(BaseCommand { error: Some(error), ..of_type(Type::Error) })
}

#[test]
fn a_token_is_asked_for_and_shown_and_said_to_nobody_else() {
    let issuer = Issuer::start(|| granted("tok3n", 3600));
    let file = tempfile::NamedTempFile::new().unwrap();
    let flags = issuer.flags(&file);
    let broker = RawBroker::start(|command, _| refused(command, ServerError::AuthenticationError));
    let said =
        program(&["check", "-u", &broker.url]).args(&flags).env("RUST_LOG", "trace").output();
    let said = Said::from(said.unwrap());
    assert_eq!(said.code, Some(1), "{}", said.log);
    assert!(said.log.contains("who? (AuthenticationError); check the cred"), "{}", said.log);
    assert_silent(&said, "tok3n");
    let [BaseCommand { connect: Some(greeting), .. }] = &broker.heard()[..] else { panic!() };
    assert_eq!(greeting.auth_method_name.as_deref(), Some("token"));
    assert_eq!(greeting.auth_data.as_deref(), Some(&b"tok3n"[..]));
    assert_eq!(
        issuer.forms(),
        ["grant_type=client_credentials&client_id=me&client_secret=s3cr3t%2Bof%3Dme%26\
          &audience=urn%3Apulsar&scope=a+b"]
    );
    let planned = program(&["--dry-run", "-u", &broker.url]).args(&flags).output().unwrap();
    let planned = Said::from(planned);
    assert!(planned.out.contains("by oauth2"), "{}", planned.out);
    assert_silent(&planned, "tok3n");
}

#[test]
fn neither_transport_logs_what_it_greets_with() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let broker = broker::start(listener, BrokerConfig::default()).unwrap();
    let params = format!(r#"{{"userId":"me","password":"{SECRET}"}}"#);
    // As the `pulsar` crate would write the bytes.
    let bytes = format!("{:?}", SECRET.as_bytes());
    let bytes = bytes.trim_matches(['[', ']']);
    for (transport, level) in
        [("framed", "trace"), ("client", "trace"), ("client", "pulsar::connection=trace")]
    {
        let said = program(&["-u", &broker.service_url(), "-m", "10", "--transport", transport])
            .args(["--auth-plugin", "basic", "--auth-params", &params])
            .env("RUST_LOG", level)
            .output();
        let said = Said::from(said.unwrap());
        assert_eq!(said.code, Some(0), "{}", said.log);
        assert_silent(&said, bytes);
    }
}

#[test]
fn a_token_in_a_file_is_read_again_for_the_next_connection() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "first").unwrap();
    let path = file.path().to_owned();
    let broker = RawBroker::start(move |command, _| {
        let is_first = fs::read(&path).unwrap() == b"first";
        fs::write(&path, "second\n").unwrap();
        let passing = ServerError::ServiceNotReady;
        refused(command, if is_first { passing } else { ServerError::AuthenticationError })
    });
    let params = format!("file://{}", file.path().display());
    let token = ["--auth-plugin", "token", "--auth-params", &params];
    let said = run(&[&["check", "-u", &broker.url][..], &token].concat());
    assert_eq!(said.code, Some(1), "{}", said.log);
    let greetings = broker.heard().into_iter().filter_map(|command| command.connect?.auth_data);
    assert_eq!(greetings.collect::<Vec<_>>(), [&b"first"[..], b"second"]);
}

#[test]
fn a_token_that_brokers_took_is_asked_for_anew_once_when_one_refuses_it() {
    let given = AtomicU32::new(0);
    let token = move || granted(&format!("tok3n-{}", given.fetch_add(1, Relaxed)), 3600);
    let issuer = Issuer::start(token);
    let file = tempfile::NamedTempFile::new().unwrap();
    let refusing =
        RawBroker::start(|command, _| refused(command, ServerError::AuthenticationError));
    let url = refusing.url.clone();
    let door = RawBroker::start(move |command, _| {
        sending_on(command, 0, |_| (url.clone(), LookupType::Redirect))
    });
    let said = program(&["check", "-u", &door.url]).args(issuer.flags(&file)).output();
    let said = Said::from(said.unwrap());
    assert_eq!(said.code, Some(1), "{}", said.log);
    assert!(said.log.contains("(AuthenticationError); check the credentials"), "{}", said.log);
    let shown = |broker: &RawBroker| {
        let greetings = broker.heard().into_iter().filter_map(|command| command.connect?.auth_data);
        greetings.map(|token| String::from_utf8(token).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(shown(&door), ["tok3n-0"]);
    assert_eq!(shown(&refusing), ["tok3n-0", "tok3n-1"]);
    assert_eq!(issuer.forms().len(), 2);
}

#[test]
fn an_issuer_that_gives_no_token_is_heard() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let answered = |status, body: &str| {
        let body = body.to_owned();
        let issuer = Issuer::start(move || (status, body.clone()));
        let flags = issuer.flags(&file);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let timeout = ["check", "-u", "pulsar://127.0.0.1:1", "--connect-timeout", "500ms"];
        let said = run(&[&timeout[..], &flags].concat());
        assert_eq!(said.code, Some(1), "{}", said.log);
        assert_silent(&said, "tok3n");
        said.log
    };
    let words = format!(
        r#"{{"error":"invalid_client","error_description":"{SECRET} is wrong\nat java.lang"}}"#
    );
    let log = answered(401, &words.replace('\n', "\\n"));
    let expected = " refuses a token: invalid_client: … is wrong; check the client in privateKey";
    assert!(log.contains("cannot authenticate at 127.0.0.1:"), "{log}");
    assert!(log.contains(expected) && log.lines().count() == 1, "{log}");
    // What passes is tried again for as long as a broker is.
    let log = answered(503, r#"{"error":"temporarily_unavailable"}"#);
    assert!(log.contains("refuses a token: temporarily_unavailable (tried for "), "{log}");
    let log = answered(200, r#"{"token":"tok3n"}"#);
    assert!(log.contains("gives no token (HTTP 200) (tried for "), "{log}");
    assert!(log.contains("is issuerUrl in --auth-params right"), "{log}");
}

#[test]
fn an_issuer_that_is_not_there_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let issuer = Issuer::start(|| granted("tok3n", 60));
    for (url, words) in [
        (format!("http://{nobody}"), "cannot be asked for its metadata: "),
        (format!("https://{nobody}"), "cannot be asked for its metadata: "),
        (issuer.url.replace("realm", "elsewhere"), "has no metadata with a token endpoint (HTTP"),
    ] {
        let flags = Issuer { url, forms: Arc::default() }.flags(&file);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let timeout = ["check", "-u", "pulsar://127.0.0.1:1", "--connect-timeout", "100ms"];
        let said = run(&[&timeout[..], &flags].concat());
        assert_eq!(said.code, Some(1), "{}", said.log);
        assert!(said.log.contains("cannot authenticate at 127.0.0.1:"), "{}", said.log);
        assert!(said.log.contains(words), "{}", said.log);
    }
}

#[test]
fn an_issuer_by_tls_is_asked_where_its_authority_is_trusted() {
    let Some(folder) = certificates() else { return };
    let issuer = Issuer::start_by_tls(folder.path(), || granted("tok3n", 3600));
    let file = tempfile::NamedTempFile::new().unwrap();
    let refusing =
        RawBroker::start(|command, _| refused(command, ServerError::AuthenticationError));
    for (authority, words) in [
        (Some("ca.pem"), "who? (AuthenticationError)"),
        (Some("wrong-ca.pem"), "its certificate is from an authority that is not trusted; name"),
        (None, "its certificate is from an authority that is not trusted; name"),
    ] {
        let mut flags = issuer.flags(&file);
        if let Some(authority) = authority {
            let path = folder.path().join(authority);
            let trust = format!(r#"{{"trustCertsFilePath":"{}","#, path.display());
            flags[3] = flags[3].replacen('{', &trust, 1);
        }
        let said = program(&["check", "-u", &refusing.url]).args(&flags).output();
        let said = Said::from(said.unwrap());
        assert_eq!(said.code, Some(1), "{}", said.log);
        assert!(said.log.contains(words), "{}", said.log);
        assert_silent(&said, "tok3n");
    }
    assert_eq!((issuer.forms().len(), refusing.heard().len()), (1, 1));
}

#[test]
fn a_flag_counts_over_its_variable_and_that_over_the_file() {
    let brokers: [_; 3] = std::array::from_fn(|_| {
        RawBroker::start(|command, _| refused(command, ServerError::AuthenticationError))
    });
    let [by_file, by_variable, by_flag] = brokers.each_ref().map(|broker| &*broker.url);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let conf = "webServiceUrl=http://localhost:8080/\nauthPlugin=token\nauthParams=token:file\n";
    writeln!(file, "{conf}brokerServiceUrl={by_file}").unwrap();
    let check = |flags: &[&str], variables: &[(&str, &str)]| {
        let conf = file.path().to_str().unwrap();
        let said = program(&["check"])
            .args(flags)
            .envs(variables.iter().copied())
            .env("PRODUCER_LOAD_CONF_FILE", conf)
            .output();
        let said = Said::from(said.unwrap());
        assert!(said.log.contains("who? (AuthenticationError)"), "{}", said.log);
    };
    let variables = [("PULSAR_URL", by_variable), ("PRODUCER_LOAD_AUTH_PARAMS", "token:variable")];
    check(&[], &[("PRODUCER_LOAD_AUTH_PARAMS", ""), ("PRODUCER_LOAD_TLS_CERT_FILE", "")]);
    check(&[], &variables);
    check(&["-u", by_flag, "--auth-params", "token:flag"], &variables);
    for (broker, token) in brokers.iter().zip(["file", "variable", "flag"]) {
        let [BaseCommand { connect: Some(greeting), .. }] = &broker.heard()[..] else { panic!() };
        assert_eq!(greeting.auth_data.as_deref(), Some(token.as_bytes()));
    }
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let url = "pulsar://me:s3cr3t@127.0.0.1:6650";
    for said in [run(&["-u", url]), program(&[]).env("PULSAR_URL", url).output().unwrap().into()] {
        assert_eq!(said.code, Some(2), "{}", said.log);
        assert!(said.log.contains("'…@127.0.0.1:6650'") && said.log.contains("--auth-params"));
        assert_silent(&said, "s3cr3t");
    }
}

#[test]
#[ignore = "needs a real Pulsar with authentication: scripts/test provides it"]
fn secured_pulsar_takes_a_token_of_an_issuer_and_the_next_before_it_ends() {
    let url = variable("PULSAR_SECURED_URL");
    let issuer = Issuer::start(|| granted(&token("alice", "4"), 4));
    let file = tempfile::NamedTempFile::new().unwrap();
    let flags = issuer.flags(&file);
    for transport in ["framed", "client"] {
        let seconds = if transport == "framed" { "9s" } else { "1s" };
        let said = program(&["-u", &url, "-t", "issued", "-d", seconds, "-r", "500"])
            .args(["--transport", transport, "--report", "-"])
            .args(&flags)
            .output();
        let said = Said::from(said.unwrap());
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.log);
        let report = said.report();
        assert_eq!(report["plan"]["credentials"], "oauth2", "{report}");
        if transport == "framed" {
            assert_eq!(total(&report, "acknowledged"), 4_500);
            // Every token is used, and the connection outlives them all.
            assert!((3..6).contains(&issuer.forms().len()), "{:?}", issuer.forms().len());
            assert_eq!(report["losses"]["connections"], 0, "{report}");
        }
    }
    // Whom the broker does not know it does not know by OAuth2 either.
    let stranger = Issuer::start(|| granted("x.y.z", 60));
    let said = program(&["check", "-u", &url]).args(stranger.flags(&file)).output();
    let said = Said::from(said.unwrap());
    assert_eq!(said.code, Some(1), "{}", said.log);
    assert!(said.log.contains("(AuthenticationError); check the credentials"), "{}", said.log);
}
