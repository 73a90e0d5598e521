//! Where a run's records go: the cluster that was named, or a broker in this process.

use std::net::TcpListener;

use crate::broker;
use crate::broker::BrokerConfig;
use crate::broker::BrokerHandle;
use crate::plan::Plan;
use crate::run::RunError;
use crate::topic::ServiceUrl;

/// A cluster, or the embedded broker while it lives.
pub(super) struct Destination {
    service_url: ServiceUrl,
    embedded: Option<BrokerHandle>,
}

impl Destination {
    /// Starts the embedded broker when the plan names no cluster, and says so loudly.
    pub(super) fn open(plan: &Plan) -> Result<Self, RunError> {
        if let Some(service_url) = &plan.service_url {
            return Ok(Self { service_url: service_url.clone(), embedded: None });
        }
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let broker = broker::start(listener, BrokerConfig::default())?;
        let service_url = broker.service_url();
        log::warn!("no --service-url and no PULSAR_URL: this run loads the EMBEDDED broker");
        log::warn!("of this process at {service_url}, not a Pulsar cluster");
        let service_url = service_url.parse().map_err(std::io::Error::other)?;
        Ok(Self { service_url, embedded: Some(broker) })
    }

    pub(super) const fn service_url(&self) -> &ServiceUrl {
        &self.service_url
    }

    /// Ends the embedded broker, if there is one, and logs what it counted.
    pub(super) fn close(self) {
        if let Some(broker) = self.embedded {
            log::debug!("the embedded broker counted {} records", broker.stop().records());
        }
    }
}
