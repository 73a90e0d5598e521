//! Undoing what [`super::Compressor`] does, and the same compressions of any other producer.

use std::fmt;
use std::io;

use flate2::Decompress;
use flate2::FlushDecompress;

use super::Compression;

/// The most bytes that a payload may have had: far above what a producer puts into one batch, and
/// low enough that a number that is wrong takes no memory.
const BYTES_MAX: usize = 128 * 1024 * 1024;

/// Decompresses one payload after the other into one buffer.
#[derive(Default)]
pub struct Decompressor {
    zlib: Option<Decompress>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    out: Vec<u8>,
}

impl Decompressor {
    /// Decompresses a payload that `compression`, a number of `CompressionType`, was done to and
    /// that had so many bytes before.
    ///
    /// # Errors
    /// When the compression is unknown, or the payload is not what it made of so many bytes.
    pub fn decompress(
        &mut self,
        compression: u64,
        payload: &[u8],
        bytes: usize,
    ) -> io::Result<&[u8]> {
        if bytes > BYTES_MAX {
            return Err(io::Error::other(format!("it says it has {bytes} bytes")));
        }
        // No room is made beyond the longest payload before: what it held means nothing.
        if self.out.len() < bytes {
            self.out.resize(bytes, 0);
        }
        let out = &mut self.out[..bytes];
        let written = if compression == Compression::Lz4.number() {
            lz4_flex::block::decompress_into(payload, out).map_err(io::Error::other)?
        } else if compression == Compression::Zlib.number() {
            let zlib = self.zlib.get_or_insert_with(|| Decompress::new(true));
            zlib.reset(true);
            let status = zlib.decompress(payload, out, FlushDecompress::Finish)?;
            if status != flate2::Status::StreamEnd {
                return Err(io::Error::other("it is cut off, or longer than it says"));
            }
            usize::try_from(zlib.total_out()).unwrap_or(usize::MAX)
        } else if compression == Compression::Zstd(0).number() {
            let zstd = match &mut self.zstd {
                Some(zstd) => zstd,
                unmade => unmade.insert(zstd::bulk::Decompressor::new()?),
            };
            zstd.decompress_to_buffer(payload, out)?
        } else if compression == Compression::Snappy.number() {
            snap::raw::Decoder::new().decompress(payload, out).map_err(io::Error::other)?
        } else {
            return Err(io::Error::other(format!("there is no compression {compression}")));
        };
        if written == bytes {
            Ok(out)
        } else {
            Err(io::Error::other(format!("it has {written} bytes and not {bytes}")))
        }
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").field("bytes", &self.out.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Compressor;
    use super::*;

    #[test]
    fn what_was_compressed_comes_back() {
        let mut decompressor = Decompressor::default();
        let payloads = [vec![7; 10_000], (0..=255).cycle().take(3_000).collect(), vec![1]];
        for text in ["LZ4", "ZLIB", "ZSTD", "ZSTD:19", "SNAPPY"] {
            let compression: Compression = text.parse().unwrap();
            let mut compressor = Compressor::new(compression).unwrap().unwrap();
            for payload in &payloads {
                let mut packed = vec![0; payload.len() + compression.spare_bytes(payload.len())];
                let bytes = compressor.compress(payload, &mut packed).unwrap();
                let packed = &packed[..bytes];
                let number = compression.number();
                let unpacked = decompressor.decompress(number, packed, payload.len());
                assert_eq!(unpacked.unwrap(), payload, "{text}");
                for wrong in [payload.len() + 1, payload.len() - 1] {
                    assert!(decompressor.decompress(number, packed, wrong).is_err(), "{text}");
                }
                let cut = &packed[..packed.len() / 2];
                assert!(decompressor.decompress(number, cut, payload.len()).is_err(), "{text}");
            }
        }
        assert!(decompressor.decompress(9, b"x", 1).is_err());
        assert!(decompressor.decompress(1, b"x", BYTES_MAX + 1).is_err());
    }
}
