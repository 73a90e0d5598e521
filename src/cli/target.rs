//! The flags that say where the cluster is, whom it trusts and who we are to it. What was not given
//! by a flag or its variable is looked for in `--conf-file`.

use std::time::Duration;

use clap::Args;

use crate::credentials::Credentials;
use crate::credentials::CredentialsError;
use crate::plan::PlanError;
use crate::plan::Settings;
use crate::topic::ServiceUrl;
use crate::topic::Topic;
use crate::trust::ClientCertificate;
use crate::trust::Trust;
use crate::units::parse_duration_positive;

use super::conf_file::ConfError;
use super::conf_file::ConfFile;

#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(super) struct TargetArgs {
    /// The cluster, pulsar://HOST:PORT, by TLS pulsar+ssl://HOST:PORT; several hosts with commas.
    /// A run without it loads a broker inside this process.
    #[arg(short = 'u', long, value_name = "URL", env = "PULSAR_URL")]
    service_url: Option<ServiceUrl>,
    /// How to prove who we are: token, oauth2, basic or tls, or Java's class name of it.
    #[arg(long, value_name = "PLUGIN", env = "PRODUCER_LOAD_AUTH_PLUGIN")]
    auth_plugin: Option<String>,
    /// What goes with it: `token:JWT`, `file:///PATH`, `env:NAME`; for basic
    /// `{"userId":…,"password":…}`; for tls `tlsCertFile:FILE,tlsKeyFile:FILE`; for oauth2
    /// `{"privateKey":"file:///…","issuerUrl":"https://…","audience":"…"}`.
    #[arg(long, value_name = "PARAMS", env = "PRODUCER_LOAD_AUTH_PARAMS", hide_env_values = true)]
    auth_params: Option<String>,
    /// The certificates of the authorities to trust, PEM. Default: those that browsers trust.
    #[arg(long, value_name = "FILE", env = "PRODUCER_LOAD_TRUST_CERT_FILE")]
    trust_cert_file: Option<String>,
    /// Trust any certificate, whoever signed it and whatever host it names.
    #[arg(
        long, value_name = "true|false", env = "PRODUCER_LOAD_TLS_ALLOW_INSECURE",
        num_args = 0..=1, require_equals = false, default_missing_value = "true"
    )]
    tls_allow_insecure: Option<bool>,
    /// Whether the certificate must name the host that was connected to. Default: true
    #[arg(
        long, value_name = "true|false", env = "PRODUCER_LOAD_TLS_ENABLE_HOSTNAME_VERIFICATION",
        num_args = 0..=1, default_missing_value = "true"
    )]
    tls_enable_hostname_verification: Option<bool>,
    /// Our own certificate, PEM, for a cluster that asks for one.
    #[arg(long, value_name = "FILE", env = "PRODUCER_LOAD_TLS_CERT_FILE")]
    tls_cert_file: Option<String>,
    /// The private key of our certificate, PEM.
    #[arg(long, value_name = "FILE", env = "PRODUCER_LOAD_TLS_KEY_FILE")]
    tls_key_file: Option<String>,
    /// Which of their advertised listeners brokers are asked for, such as external.
    #[arg(long, value_name = "NAME", env = "PRODUCER_LOAD_LISTENER_NAME")]
    listener_name: Option<String>,
    /// A client.conf with what no flag or variable gives (also -cf).
    #[arg(long, value_name = "FILE", env = "PRODUCER_LOAD_CONF_FILE")]
    conf_file: Option<String>,
    /// The topic: NAME, TENANT/NAMESPACE/NAME or a full name.
    #[arg(short, long, value_name = "TOPIC", env = "PULSAR_TOPIC", default_value_t)]
    topic: Topic,
    /// How long to try to reach the broker and create the producers [s, ms, m]. Default: 10s, and
    /// 75s where a producer's name is taken.
    #[arg(
        long, value_name = "DURATION", env = "PRODUCER_LOAD_CONNECT_TIMEOUT",
        value_parser = parse_duration_positive
    )]
    connect_timeout: Option<Duration>,
    /// How often to ask brokers whether they are there [s, ms, m]; one that says nothing for as
    /// long again is taken to be lost. Default: 30s
    #[arg(
        long, value_name = "DURATION", env = "PRODUCER_LOAD_KEEP_ALIVE_INTERVAL",
        value_parser = parse_duration_positive
    )]
    keep_alive_interval: Option<Duration>,
}

/// A target that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    /// The file cannot be used.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// The credentials cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The flags contradict each other.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl TargetArgs {
    /// Returns these settings with the target in them.
    ///
    /// # Errors
    /// When the file or the credentials cannot be used, or a flag has no effect.
    pub(super) fn settings(&self, others: Settings) -> Result<Settings, TargetError> {
        let conf = self.conf_file.as_deref().map(ConfFile::read).transpose()?.unwrap_or_default();
        // The keys are those that pulsar-perf's PerformanceBaseArguments looks up.
        let service_url = match &self.service_url {
            Some(typed) => Some(typed.clone()),
            None => conf.service_url()?,
        };
        self.check_effect(service_url.as_ref())?;
        let or = |typed: &Option<String>, key| typed.clone().or_else(|| conf.text(key));
        let own = own_certificate(
            or(&self.tls_cert_file, "tlsCertificateFilePath"),
            or(&self.tls_key_file, "tlsKeyFilePath"),
        )?;
        let plugin = or(&self.auth_plugin, "authPlugin");
        let parameters = or(&self.auth_params, "authParams");
        let credentials =
            Credentials::read(plugin.as_deref(), parameters.as_deref(), own.as_ref())?;
        let is_anyone_trusted = match self.tls_allow_insecure {
            Some(typed) => Some(typed),
            None => conf.flag("tlsAllowInsecureConnection")?,
        };
        let is_host_name_checked = match self.tls_enable_hostname_verification {
            Some(typed) => Some(typed),
            None => conf.flag("tlsEnableHostnameVerification")?,
        };
        let shown = credentials.as_ref().and_then(Credentials::certificate).cloned();
        let trust = Trust {
            authorities_file: or(&self.trust_cert_file, "tlsTrustCertsFilePath"),
            certificate: shown.or(own),
            is_anyone_trusted: is_anyone_trusted.unwrap_or(false),
            is_host_name_checked: is_host_name_checked.unwrap_or(true),
        };
        Ok(Settings {
            service_url,
            credentials,
            trust,
            listener_name: or(&self.listener_name, "listenerName"),
            topic: self.topic.clone(),
            connect_timeout: self.connect_timeout,
            keep_alive: self.keep_alive_interval,
            ..others
        })
    }

    /// Refuses flags that were given and can change nothing. Those of a file may: a stock
    /// `client.conf` names them all.
    fn check_effect(&self, service_url: Option<&ServiceUrl>) -> Result<(), PlanError> {
        let why = "the service URL is not one of TLS; write pulsar+ssl://";
        if !service_url.is_some_and(ServiceUrl::is_tls) {
            for (flag, is_given) in [
                ("--trust-cert-file", self.trust_cert_file.is_some()),
                ("--tls-allow-insecure", self.tls_allow_insecure == Some(true)),
                (
                    "--tls-enable-hostname-verification",
                    self.tls_enable_hostname_verification == Some(true),
                ),
                ("--tls-cert-file", self.tls_cert_file.is_some()),
                ("--tls-key-file", self.tls_key_file.is_some()),
            ] {
                if is_given {
                    return Err(PlanError::NoEffect { flag, why });
                }
            }
        }
        if service_url.is_none() && self.listener_name.is_some() {
            let why = "the embedded broker has one listener; give a --service-url";
            return Err(PlanError::NoEffect { flag: "--listener-name", why });
        }
        Ok(())
    }
}

/// Returns the certificate and its key: both or neither.
fn own_certificate(
    certificate: Option<String>,
    key: Option<String>,
) -> Result<Option<ClientCertificate>, CredentialsError> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate_file), Some(key_file)) => {
            Ok(Some(ClientCertificate { certificate_file, key_file }))
        }
        _ => Err(CredentialsError::HalfACertificate),
    }
}
