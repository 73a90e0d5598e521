//! The same (digest, seed, shard, index, event time) means the same bytes in every version:
//! fingerprints of each domain, pinned in `tests/golden/`.

use std::fmt::Write;
use std::fs;

use bumpalo::Bump;
use producer_load::domain::DOMAINS;
use producer_load::domain::Domain;
use producer_load::program::Parameters;
use producer_load::program::Program;
use producer_load::rng::Identity;
use producer_load::schema::Encoding;
use producer_load::schema::EventSchema;
use producer_load::units::Sources;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/fingerprints.txt");

const RECORDS: u64 = 1_000;

/// Returns the CRC32C of the records of a domain, and of their keys. Only each ninth record is
/// made, so that every step of a lifecycle is among them.
fn fingerprint(domain: &Domain, encoding: Encoding, seed: u64) -> (u32, u32) {
    let schema = EventSchema::parse(domain.name, domain.schema_text).unwrap();
    let identity = Identity::new(1, seed, "0/1".parse().unwrap());
    let sources = Sources { first: 0, end: 10_000 };
    let parameters = Parameters { encoding, ..Parameters::new(identity, sources) };
    let program = Program::compile(&schema, &parameters).unwrap();
    let (mut draw, mut window) = (program.draw(), vec![0; program.bytes_max()]);
    let arena = Bump::new();
    (0..RECORDS).fold((0, 0), |(records, keys), index| {
        program.begin(&mut draw, index * 9, 1_700_000_000_123);
        let key = program.key(&mut draw, &arena).to_vec();
        let length = program.encode(&mut draw, &mut window);
        (crc32c::crc32c_append(records, &window[..length]), crc32c::crc32c_append(keys, &key))
    })
}

fn lines(seed: u64) -> String {
    let mut text =
        String::from("# domain, CRC32C of 1,000 records in AVRO, as JSON, and of their keys\n");
    for domain in DOMAINS {
        let (avro, keys) = fingerprint(domain, Encoding::Avro, seed);
        let (json, _) = fingerprint(domain, Encoding::Json, seed);
        writeln!(text, "{} {avro:08x} {json:08x} {keys:08x}", domain.name).unwrap();
    }
    text
}

#[test]
fn every_domain_makes_the_bytes_that_it_always_made() {
    let now = lines(42);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        assert!(std::env::var_os("CI").is_none(), "CI does not decide what is right");
        fs::write(FILE, &now).unwrap();
    }
    let pinned = fs::read_to_string(FILE).unwrap();
    assert!(
        now == pinned,
        "other bytes than before; tests/golden/README.md says when that may be:\n\
         {now}\nbefore:\n{pinned}"
    );
}

#[test]
fn another_seed_has_other_fingerprints() {
    let (one, other) = (lines(42), lines(43));
    let differing = one.lines().zip(other.lines()).filter(|(a, b)| a != b).count();
    assert_eq!(differing, DOMAINS.len());
}
