//! An AVRO object container file (specification 1.12, "Object Container Files") of datums that are
//! encoded already: the bytes in the file are the program's own, so that who reads it judges them.

use std::io;
use std::io::Write;

use crate::rng;

/// A block is written when it has so many bytes.
const BLOCK_BYTES: usize = 64 * 1024;

/// A file being written.
pub(super) struct Container {
    sync: [u8; 16],
    block: Vec<u8>,
    records: u64,
}

impl Container {
    /// Writes the header: the schema, and the marker that ends each block, which follows from
    /// `seed` so that the same command makes the same file.
    pub(super) fn begin(out: &mut impl Write, schema: &str, seed: u64) -> io::Result<Self> {
        let halves = [rng::mix(seed), rng::mix(!seed)].map(u64::to_be_bytes);
        let mut sync = [0; 16];
        sync.copy_from_slice(halves.as_flattened());
        out.write_all(b"Obj\x01")?;
        write_long(out, 2)?;
        for (key, value) in [("avro.schema", schema), ("avro.codec", "null")] {
            for text in [key, value] {
                write_long(out, text.len() as u64)?;
                out.write_all(text.as_bytes())?;
            }
        }
        write_long(out, 0)?;
        out.write_all(&sync)?;
        Ok(Self { sync, block: Vec::new(), records: 0 })
    }

    /// Adds a record.
    pub(super) fn add(&mut self, out: &mut impl Write, datum: &[u8]) -> io::Result<()> {
        self.block.extend_from_slice(datum);
        self.records += 1;
        if self.block.len() >= BLOCK_BYTES { self.end_block(out) } else { Ok(()) }
    }

    /// Writes what is left.
    pub(super) fn end(mut self, out: &mut impl Write) -> io::Result<()> {
        if self.records > 0 { self.end_block(out) } else { Ok(()) }
    }

    fn end_block(&mut self, out: &mut impl Write) -> io::Result<()> {
        write_long(out, self.records)?;
        write_long(out, self.block.len() as u64)?;
        out.write_all(&self.block)?;
        out.write_all(&self.sync)?;
        self.block.clear();
        self.records = 0;
        Ok(())
    }
}

/// Writes a number that is not negative as a long.
fn write_long(out: &mut impl Write, value: u64) -> io::Result<()> {
    let mut zigzag = value << 1;
    loop {
        let [group, ..] = zigzag.to_le_bytes();
        zigzag >>= 7;
        if zigzag == 0 {
            return out.write_all(&[group]);
        }
        out.write_all(&[group | 0x80])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apache_avro_reads_the_file() {
        let mut file = Vec::new();
        let mut container = Container::begin(&mut file, "\"long\"", 7).unwrap();
        for datum in [[0], [2], [4]] {
            container.add(&mut file, &datum).unwrap();
        }
        container.end(&mut file).unwrap();
        let values: Vec<_> =
            apache_avro::Reader::new(file.as_slice()).unwrap().map(Result::unwrap).collect();
        assert_eq!(values, [0_i64, 1, 2].map(apache_avro::types::Value::Long));
        let mut empty = Vec::new();
        Container::begin(&mut empty, "\"long\"", 7).unwrap().end(&mut empty).unwrap();
        assert_eq!(apache_avro::Reader::new(empty.as_slice()).unwrap().count(), 0);
    }
}
