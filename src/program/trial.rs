//! The trial at every start: a few records are encoded, decoded by apache-avro and encoded again by
//! it.
//!
//! A program that would write a wrong byte ends the run here, before the first message.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;

use super::Program;
use crate::schema::EventSchema;

/// Records that are tried.
const RECORDS: u64 = 16;

/// A program whose bytes apache-avro does not agree with.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The bytes are no datum of the schema.
    #[error("record {index} cannot be decoded: {source}; this is a bug, please report it")]
    Undecodable {
        /// The record.
        index: u64,
        /// What apache-avro says.
        source: Box<apache_avro::Error>,
    },
    /// Decoding stopped before the end.
    #[error("record {index} has {bytes} bytes left over; this is a bug, please report it")]
    LeftOver {
        /// The record.
        index: u64,
        /// How many.
        bytes: usize,
    },
    /// Encoded again, the decoded record has other bytes.
    #[error(
        "record {index} is encoded differently by apache-avro; this is a bug, please report it"
    )]
    Different {
        /// The record.
        index: u64,
    },
}

impl Program {
    /// Encodes a few records and has apache-avro decode and encode them again.
    ///
    /// # Errors
    /// When apache-avro does not agree to the byte.
    pub fn try_out(&self, schema: &EventSchema, event_time_ms: u64) -> Result<(), TrialError> {
        let mut window = vec![0; self.bytes_max()];
        for index in 0..RECORDS {
            let length = self.encode(&mut self.draw(index, event_time_ms), &mut window);
            agree(schema, index, &window[..length])?;
        }
        Ok(())
    }
}

/// Checks that apache-avro reads a datum to its end and writes the same bytes again.
fn agree(schema: &EventSchema, index: u64, datum: &[u8]) -> Result<(), TrialError> {
    let undecodable =
        |source: apache_avro::Error| TrialError::Undecodable { index, source: Box::new(source) };
    let reader = GenericDatumReader::builder(schema.parsed()).build().map_err(undecodable)?;
    let mut rest = datum;
    let value = reader.read_value(&mut rest).map_err(undecodable)?;
    if !rest.is_empty() {
        return Err(TrialError::LeftOver { index, bytes: rest.len() });
    }
    let writer = GenericDatumWriter::builder(schema.parsed()).build().map_err(undecodable)?;
    let again = writer.write_value_to_vec(value).map_err(undecodable)?;
    if again == datum { Ok(()) } else { Err(TrialError::Different { index }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"type":"record","name":"R","fields":[{"name":"x","type":"long"}]}"#;

    #[test]
    fn a_wrong_byte_is_found() {
        let schema = EventSchema::parse("test", TEXT).unwrap();
        assert!(agree(&schema, 0, &[0x02]).is_ok());
        assert!(matches!(agree(&schema, 0, &[0x82]), Err(TrialError::Undecodable { .. })));
        let left_over = agree(&schema, 0, &[0x02, 0x00]);
        assert!(matches!(left_over, Err(TrialError::LeftOver { bytes: 1, .. })));
        // 1 written in two bytes where one does: readable, and not what an encoder writes.
        assert!(matches!(
            agree(&schema, 7, &[0x82, 0x00]),
            Err(TrialError::Different { index: 7 })
        ));
    }
}
