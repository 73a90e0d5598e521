//! Messages that are right, and messages that are spoilt in every way.

use std::time::Duration;

use bumpalo::Bump;
use proptest::prelude::*;

use super::*;
use crate::batch::Batch as Buffer;
use crate::batch::Compression;
use crate::batch::FrameSealer;
use crate::batch::FrameSealerParts;
use crate::batch::ProducerHead;
use crate::batch::RecordHead;
use crate::batch::Sealer;
use crate::cpu::Cpus;
use crate::domain::DOMAINS;
use crate::plan::BatchSettings;
use crate::plan::Events;
use crate::plan::LoadSettings;
use crate::plan::Pin;
use crate::plan::Plan;
use crate::plan::Settings;
use crate::plan::Surroundings;
use crate::program::KeyChoice;
use crate::program::Program;
use crate::program::SourceChoice;
use crate::routing::Mode;
use crate::schema::Encoding;
use crate::schema::EventSchema;
use crate::trust::Trust;

const RECORDS: u64 = 20;

fn plan() -> Plan {
    let settings = Settings {
        service_url: None,
        credentials: None,
        trust: Trust::default(),
        listener_name: None,
        topic: "events".parse().unwrap(),
        events: Events {
            name: DOMAINS[0].name.to_owned(),
            schema_text: DOMAINS[0].schema_text.to_owned(),
            key: KeyChoice::Source,
            encoding: Encoding::Avro,
            source_choice: SourceChoice::Uniform,
        },
        load: LoadSettings { rate: "1000".parse().ok(), ..LoadSettings::default() },
        sources: 100,
        shard: None,
        seed: Some(7),
        resume: None,
        producer_name: Some("load".to_owned()),
        topics: 1,
        routing: Mode::default(),
        key_hash: None,
        streams: None,
        lanes: None,
        pin: Pin::Off,
        batching: BatchSettings::default(),
        max_lag: None,
        drain_timeout: Duration::from_secs(10),
        send_timeout: None,
        keep_alive: None,
        metrics_address: None,
        connect_timeout: None,
    };
    let here = Surroundings {
        cpus: Cpus { allowed: vec![0], quota: None },
        host: "host".to_owned(),
        start_token: 1,
        in_kubernetes: false,
    };
    Plan::resolve(settings, &here).unwrap()
}

/// Returns what stands behind the command of a SEND of the plan's first records.
fn body(plan: &Plan, schema: &EventSchema, compression: Compression) -> Vec<u8> {
    let program = Program::compile(schema, &plan.parameters()).unwrap();
    let limits = compression.limits(100, 30_000, 1_000);
    let parts = FrameSealerParts {
        producers: [ProducerHead { name: "load-0".to_owned(), ..ProducerHead::default() }].into(),
        origin: plan.origin(),
        streams: 1,
        compression,
        is_batching: true,
    };
    let mut sealer = FrameSealer::new(parts, &limits).unwrap();
    let (mut buffer, mut draw, arena) = (Buffer::new(0, limits), program.draw(), Bump::new());
    buffer.begin(0, 0, 0);
    for index in 0..RECORDS {
        let event_time_ms = 1_700_000_000_000 + index;
        program.begin(&mut draw, index, event_time_ms);
        let key = program.key(&mut draw, &arena);
        sealer.open(&mut buffer, &RecordHead { index, due_ns: index, event_time_ms, key });
        let bytes = program.encode(&mut draw, buffer.room());
        buffer.advance(bytes);
        sealer.close(&mut buffer);
    }
    sealer.seal(&mut buffer);
    let frame = buffer.bytes();
    let command = u32::from_be_bytes(frame[4..8].try_into().unwrap()) as usize;
    frame[8 + command..].to_vec()
}

/// Makes the checksum right for the bytes as they are.
fn sealed(mut body: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&body[6..]).to_be_bytes();
    body[2..6].copy_from_slice(&checksum);
    body
}

fn inspected(plan: &Plan, schema: &EventSchema, bodies: &[Vec<u8>]) -> super::super::Counts {
    let expected = Expected::default();
    let replay = Replay::new(plan, schema);
    let mut inspector = Inspector::new(&plan.digest, replay, &expected, 3, true);
    for (entry, body) in (0..).zip(bodies) {
        let id = MessageId { ledger: 1, entry };
        let place = Place {
            topic: "t",
            number: 0,
            partition: 0,
            partitions: 1,
            id,
            beginning: Beginning::Topic,
        };
        assert!(!inspector.would_lose(0, body));
        inspector.inspect(&place, body, 1_700_000_000_050);
    }
    inspector.finish();
    inspector.findings.counts
}

fn schema(plan: &Plan) -> EventSchema {
    EventSchema::parse(&plan.events.name, &plan.events.schema_text).unwrap()
}

#[test]
fn what_a_lane_seals_is_right_and_once_more_is_repeated() {
    let (plan, lz4) = (plan(), Compression::Lz4);
    let schema = schema(&plan);
    for compression in [Compression::None, lz4] {
        let body = body(&plan, &schema, compression);
        let counts = inspected(&plan, &schema, &[body.clone(), body]);
        let right = super::super::Counts {
            records: 2 * RECORDS,
            batches: 2,
            repeated: RECORDS,
            ..super::super::Counts::default()
        };
        assert_eq!(counts, right);
    }
}

#[test]
fn a_batch_that_is_cut_off_or_miscounted_is_malformed() {
    let plan = plan();
    let schema = schema(&plan);
    let whole = body(&plan, &schema, Compression::None);
    let cut = sealed(whole[..whole.len() - 5].to_vec());
    let counts = inspected(&plan, &schema, &[cut]);
    assert_eq!((counts.malformed_batches, counts.missing), (1, 1), "{counts:?}");
    // The number of records is field 11.
    let at = whole.windows(2).position(|pair| pair == [11 << 3, 20]).unwrap();
    let mut miscounted = whole.clone();
    miscounted[at + 1] += 1;
    let counts = inspected(&plan, &schema, &[sealed(miscounted)]);
    assert_eq!((counts.malformed_batches, counts.missing), (1, 0), "{counts:?}");
    let counts = inspected(&plan, &schema, &[Vec::new(), vec![0x0e, 0x01, 0], vec![0xff; 50]]);
    assert_eq!((counts.malformed_batches, counts.records), (3, 0), "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever bit is flipped, reading ends, and what was spoilt is told.
    #[test]
    fn a_flipped_bit_is_told(
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        lz4 in any::<bool>(),
    ) {
        let plan = plan();
        let schema = schema(&plan);
        let compression = if lz4 { Compression::Lz4 } else { Compression::None };
        let whole = body(&plan, &schema, compression);
        let mut flipped = whole.clone();
        flipped[6 + at.index(whole.len() - 6)] ^= 1 << bit;
        let counts = inspected(&plan, &schema, &[flipped.clone()]);
        prop_assert!(counts.wrong_checksums + counts.malformed_batches > 0, "{counts:?}");
        // With a checksum that fits, what is wrong with records is found by comparing them.
        let counts = inspected(&plan, &schema, &[sealed(flipped.clone())]);
        prop_assert_eq!(counts.wrong_checksums, 0);
        let is_in_record = flipped[whole.len() - 1_000..] != whole[whole.len() - 1_000..];
        let told = counts.altered + counts.malformed_batches + counts.missing + counts.foreign;
        prop_assert!(lz4 || !is_in_record || told > 0, "{counts:?}");
    }
}
