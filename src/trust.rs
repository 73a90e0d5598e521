//! Whom a connection by TLS trusts, and what it shows of itself: names of files and two decisions.
//!
//! The files are read when a connection is made, so that renewed certificates are found on a
//! reconnect; here nothing is opened.

use serde::Serialize;

/// How the other side of a connection by TLS is checked, and which certificate it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trust {
    /// The certificates of authorities, PEM; `None`: those that browsers trust, which are built in.
    pub authorities_file: Option<String>,
    /// Our own certificate, for a broker that asks for one.
    pub certificate: Option<ClientCertificate>,
    /// Whether any certificate is taken, whoever made it out to whom.
    pub is_anyone_trusted: bool,
    /// Whether the certificate has to be made out to the host that was connected to.
    pub is_host_name_checked: bool,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            authorities_file: None,
            certificate: None,
            is_anyone_trusted: false,
            is_host_name_checked: true,
        }
    }
}

/// A certificate of our own and its key, each a PEM file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientCertificate {
    /// The certificate, and those between it and the authority.
    pub certificate_file: String,
    /// The private key; its file's name alone is ever shown.
    pub key_file: String,
}
