//! Asks an issuer for a token: `OAuth2`'s client credentials grant (RFC 6749, section 4.4), by the
//! endpoint that the issuer's metadata name (`OpenID` Connect Discovery, section 4).

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio_rustls::rustls;
use ureq::Agent;
use ureq::Body;
use ureq::http::Response;
use ureq::http::Uri;
use ureq::tls::Certificate;
use ureq::tls::RootCerts;
use ureq::tls::TlsConfig;

use super::Cause;
use super::tls;
use crate::credentials::OAuth2;

/// How long each of the two answers may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What an answer may have; metadata have a few KiB, a token mostly one.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

const REACH: &str = "is issuerUrl in --auth-params right, and does a firewall or network policy \
                     block it?";
const TRUST: &str = "name the file of the authority that signed it as trustCertsFilePath in \
                     --auth-params";
const CLIENT: &str = "check the client in privateKey, and audience and scope in --auth-params";

/// What an issuer gave.
pub(super) struct Token {
    pub(super) secret: String,
    /// How long it is good; `None`: the issuer does not say.
    pub(super) life: Option<Duration>,
}

#[derive(Deserialize)]
struct Metadata {
    token_endpoint: String,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    /// Seconds; some issuers write them as text.
    expires_in: Option<Value>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    error_description: Option<String>,
}

/// Returns the host that is asked and its port: what may be shown of its URL.
pub(super) fn host(from: &OAuth2) -> String {
    let Ok(url) = from.issuer_url.parse::<Uri>() else { return "without a URL".to_owned() };
    let (host, port) = (url.host().unwrap_or_default(), url.port_u16());
    port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Asks for a token, however long that takes.
pub(super) fn fetch(from: &OAuth2) -> Result<Token, Cause> {
    let client = from.client().map_err(|error| Cause::unreadable(&error))?;
    let agent = agent(from)?;
    let said = |what: &str, outcome| answer(outcome, &host(from), what);
    let (status, text) = said("metadata", agent.get(from.metadata_url()).call())?;
    let none = || trouble(from, format!("has no metadata with a token endpoint (HTTP {status})"));
    let Metadata { token_endpoint } = serde_json::from_str(&text).map_err(|_| none())?;
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ];
    let optional = [("audience", &from.audience), ("scope", &from.scope)];
    form.extend(optional.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
    let (status, text) = said("token", agent.post(token_endpoint).send_form(form))?;
    if let Ok(Granted { access_token, expires_in }) = serde_json::from_str(&text) {
        let seconds = expires_in.and_then(|it| it.as_u64().or_else(|| it.as_str()?.parse().ok()));
        let life = seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        return Ok(Token { secret: access_token, life });
    }
    // What it is that is no token is not told: it may have one in it.
    let Ok(Refused { error, error_description }) = serde_json::from_str(&text) else {
        return Err(trouble(from, format!("gives no token (HTTP {status})")));
    };
    let words = error_description.map(|words| format!("{error}: {words}")).unwrap_or(error);
    let words = words.lines().next().unwrap_or_default();
    // An issuer may say what it was sent.
    let words = match &*client.secret {
        "" => words.to_owned(),
        secret => words.replace(secret, "…"),
    };
    let reason = format!("the issuer {} refuses a token: {words}", host(from));
    // With other statuses it is on its way up or down, or something before it is.
    match status {
        400 | 401 | 403 => Err(Cause::wrong(reason, CLIENT)),
        _ => Err(Cause::Trouble { reason, hint: REACH }),
    }
}

fn trouble(from: &OAuth2, what: impl fmt::Display) -> Cause {
    Cause::Trouble { reason: format!("the issuer {} {what}", host(from)), hint: REACH }
}

fn agent(from: &OAuth2) -> Result<Agent, Cause> {
    let mut config = Agent::config_builder()
        .timeout_global(Some(ANSWER_MAX))
        .http_status_as_error(false)
        .user_agent(concat!("producer-load/", env!("CARGO_PKG_VERSION")));
    if let Some(file) = &from.authorities_file {
        let read = tls::certificates(file)?;
        let roots: Vec<_> = read.iter().map(|it| Certificate::from_der(it).to_owned()).collect();
        let roots = RootCerts::new_with_certs(&roots);
        config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
    }
    Ok(config.build().into())
}

/// Reads an answer; returns its status and text.
fn answer(
    outcome: Result<Response<Body>, ureq::Error>,
    host: &str,
    what: &str,
) -> Result<(u16, String), Cause> {
    let read = outcome.and_then(|mut response| {
        let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()?;
        Ok((response.status().as_u16(), text))
    });
    read.map_err(|error| {
        let by_tls = match &error {
            ureq::Error::Io(error) => tls::within(error),
            ureq::Error::Rustls(error) => Some(error),
            _ => None,
        };
        let why = match &error {
            _ if let Some(rustls::Error::InvalidCertificate(error)) = by_tls => {
                format!("its certificate {}", tls::flaw(error).0)
            }
            ureq::Error::Io(error) => error.to_string(),
            // It would be quoted, with whatever secret stands in it.
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => "it is no URL".to_owned(),
            error => error.to_string(),
        };
        let reason = format!("the issuer {host} cannot be asked for its {what}: {why}");
        match by_tls {
            Some(_) => Cause::wrong(reason, TRUST),
            None => Cause::Trouble { reason, hint: REACH },
        }
    })
}
