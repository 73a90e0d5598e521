//! The built-in domains: a name for `--domain`, and the schema file that belongs to it.

/// One kind of event that the program can make without any file of the user's.
#[derive(Debug, PartialEq, Eq)]
pub struct Domain {
    /// What `--domain` and `EVENT_TYPE` say.
    pub name: &'static str,
    /// Who sends such events.
    pub trade: &'static str,
    /// The text of its file in `schemas/`.
    pub schema_text: &'static str,
}

/// Every domain, the default first.
pub const DOMAINS: &[Domain] = &[
    Domain {
        name: "sensor_telemetry",
        trade: "IoT",
        schema_text: include_str!("../schemas/sensor_telemetry.avsc"),
    },
    Domain {
        name: "order_events",
        trade: "e-commerce",
        schema_text: include_str!("../schemas/order_events.avsc"),
    },
    Domain {
        name: "transaction_events",
        trade: "finance",
        schema_text: include_str!("../schemas/transaction_events.avsc"),
    },
    Domain {
        name: "game_events",
        trade: "gaming",
        schema_text: include_str!("../schemas/game_events.avsc"),
    },
    Domain {
        name: "shipment_events",
        trade: "logistics",
        schema_text: include_str!("../schemas/shipment_events.avsc"),
    },
    Domain {
        name: "sensor_data",
        trade: "IoT, as the consumers of the replaced system decode it",
        schema_text: include_str!("../schemas/sensor_data.avsc"),
    },
];

/// A domain that does not exist.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no domain '{name}'; did you mean {nearest}? Known: {known}")]
pub struct DomainUnknown {
    name: String,
    nearest: &'static str,
    known: String,
}

/// Finds a domain by its name.
///
/// # Errors
/// Names the nearest domain and all known ones when there is none of this name.
pub fn find(name: &str) -> Result<&'static Domain, DomainUnknown> {
    let exact = DOMAINS.iter().find(|domain| domain.name == name);
    exact.ok_or_else(|| {
        // A name that begins alike counts as near: people abbreviate more than they slip.
        // Some say their trade.
        let likeness = |domain: &Domain| {
            let trade = domain.trade.to_lowercase();
            let to = |known: &str| strsim::jaro_winkler(known, &name.to_lowercase());
            to(domain.name).max(to(&trade))
        };
        let near = |a: &&Domain, b: &&Domain| likeness(a).total_cmp(&likeness(b));
        DomainUnknown {
            name: name.to_owned(),
            nearest: DOMAINS.iter().max_by(near).unwrap_or(&DOMAINS[0]).name,
            known: DOMAINS.iter().map(|domain| domain.name).collect::<Vec<_>>().join(", "),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::EventSchema;

    #[test]
    fn every_domain_has_a_schema_and_is_found() {
        for domain in DOMAINS {
            assert!(EventSchema::parse(domain.name, domain.schema_text).is_ok(), "{}", domain.name);
            assert_eq!(find(domain.name), Ok(domain));
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_name() {
        for (slip, nearest) in [
            ("sensor_telemtry", "sensor_telemetry"),
            ("orders", "order_events"),
            ("iot", "sensor_telemetry"),
            ("IoT", "sensor_telemetry"),
            ("ecommerce", "order_events"),
            ("finance", "transaction_events"),
            ("gaming", "game_events"),
            ("logistics", "shipment_events"),
        ] {
            assert_eq!(find(slip).unwrap_err().nearest, nearest, "{slip}");
        }
    }
}
