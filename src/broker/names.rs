//! Topic names: the full form, and what a partition's name says.
//!
//! Clients send short names and full ones for the same topic, so every name is completed before it
//! is a key.

/// The longest topic name and the longest producer name: names are kept, so they are bounded.
pub(super) const NAME_BYTES_MAX: usize = 1_000;

/// What stands between a partitioned topic's name and the number of a partition.
const PARTITION_MARK: &str = "-partition-";

/// A topic name in full: `persistent://tenant/namespace/topic`, perhaps one partition of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TopicName {
    full: String,
    base_bytes: usize,
    partition: Option<u32>,
}

impl TopicName {
    /// Completes `topic` and `tenant/namespace/topic`; `None` for what is no topic name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > NAME_BYTES_MAX {
            return None;
        }
        let (domain, path) = text.split_once("://").unwrap_or(("persistent", text));
        if !matches!(domain, "persistent" | "non-persistent") {
            return None;
        }
        let parts: Vec<&str> = path.split('/').collect();
        let full = match parts[..] {
            [topic] if !text.contains("://") => format!("{domain}://public/default/{topic}"),
            [_, _, _] => format!("{domain}://{path}"),
            _ => return None,
        };
        if parts.contains(&"") {
            return None;
        }
        let (base_bytes, partition) = match partition_of(&full) {
            Some((base, partition)) => (base.len(), Some(partition)),
            None => (full.len(), None),
        };
        Some(Self { full, base_bytes, partition })
    }

    /// Returns the whole name.
    pub(super) fn full(&self) -> &str {
        &self.full
    }

    /// Returns the name without the partition. Partitions share their topic's schema.
    pub(super) fn base(&self) -> &str {
        &self.full[..self.base_bytes]
    }

    /// Returns which partition this is, `None` when the name is not that of one.
    pub(super) const fn partition(&self) -> Option<u32> {
        self.partition
    }
}

fn partition_of(full: &str) -> Option<(&str, u32)> {
    let (base, number) = full.rsplit_once(PARTITION_MARK)?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some((base, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(text: &str) -> Option<String> {
        TopicName::parse(text).map(|name| name.full().to_owned())
    }

    #[test]
    fn short_names_are_completed() {
        let default = Some("persistent://public/default/events".to_owned());
        assert_eq!(full("events"), default);
        assert_eq!(full("public/default/events"), default);
        assert_eq!(full("persistent://public/default/events"), default);
        assert_eq!(full("non-persistent://a/b/c"), Some("non-persistent://a/b/c".to_owned()));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for text in ["", "a/b", "a//c", "kafka://a/b/c", "persistent://c", &long] {
            assert_eq!(full(text), None, "{text}");
        }
    }

    #[test]
    fn a_partition_knows_its_topic() {
        let name = TopicName::parse("events-partition-12").unwrap();
        assert_eq!(name.partition(), Some(12));
        assert_eq!(name.base(), "persistent://public/default/events");
        for text in ["events", "events-partition-", "events-partition-+1"] {
            let name = TopicName::parse(text).unwrap();
            assert_eq!(name.partition(), None, "{text}");
            assert_eq!(name.base(), name.full());
        }
    }
}
