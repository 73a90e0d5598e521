//! Compressing a batch's payload, as Pulsar's consumers decompress it: one block of LZ4 or Snappy
//! without a frame around it, a frame of ZSTD, a stream of ZLIB (`CompressionType` in
//! `PulsarApi.proto`).
//!
//! A compressor is made once a lane and used for every batch.

use std::fmt;
use std::io;
use std::str::FromStr;

use flate2::Compress;
use flate2::FlushCompress;
use serde::Serialize;
use serde::Serializer;

/// How payloads are compressed, as `--compression` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// LZ4.
    Lz4,
    /// ZLIB, at its default level 6.
    Zlib,
    /// ZSTD at a level of 1 to 19.
    Zstd(i32),
    /// Snappy.
    Snappy,
}

/// The level of ZSTD where none is given, which is the Java client's.
const ZSTD_LEVEL: i32 = 3;

/// A compression that cannot be read.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("it is NONE, LZ4, ZLIB, ZSTD, ZSTD:LEVEL with a level of 1 to 19, or SNAPPY")]
pub struct CompressionError;

impl FromStr for Compression {
    type Err = CompressionError;

    fn from_str(text: &str) -> Result<Self, CompressionError> {
        match text.to_ascii_uppercase().as_str() {
            "NONE" => Ok(Self::None),
            "LZ4" => Ok(Self::Lz4),
            "ZLIB" => Ok(Self::Zlib),
            "ZSTD" => Ok(Self::Zstd(ZSTD_LEVEL)),
            "SNAPPY" => Ok(Self::Snappy),
            other => {
                let level = other.strip_prefix("ZSTD:").and_then(|level| level.parse().ok());
                let level = level.filter(|level| (1..=19).contains(level));
                level.map(Self::Zstd).ok_or(CompressionError)
            }
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("NONE"),
            Self::Lz4 => f.write_str("LZ4"),
            Self::Zlib => f.write_str("ZLIB"),
            Self::Zstd(level) => write!(f, "ZSTD:{level}"),
            Self::Snappy => f.write_str("SNAPPY"),
        }
    }
}

impl Serialize for Compression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Compression {
    /// Returns its number in `CompressionType`.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Lz4 => 1,
            Self::Zlib => 2,
            Self::Zstd(_) => 3,
            Self::Snappy => 4,
        }
    }

    /// Returns how many bytes more than before a payload of so many may have at worst.
    #[must_use]
    pub const fn spare_bytes(self, bytes: usize) -> usize {
        match self {
            Self::None => 0,
            // The largest of the four bounds is Snappy's: 32 + n / 6.
            _ => 1_024 + bytes / 6,
        }
    }
}

/// Compresses one payload after the other.
pub enum Compressor {
    /// LZ4, with its table.
    Lz4(Box<lz4_flex::block::CompressTable>),
    /// ZLIB.
    Zlib(Box<Compress>),
    /// ZSTD.
    Zstd(zstd::bulk::Compressor<'static>),
    /// Snappy.
    Snappy(Box<snap::raw::Encoder>),
}

impl Compressor {
    /// Makes the compressor; `None`: nothing is compressed.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(compression: Compression) -> io::Result<Option<Self>> {
        Ok(match compression {
            Compression::None => None,
            Compression::Lz4 => Some(Self::Lz4(Box::default())),
            Compression::Zlib => {
                Some(Self::Zlib(Box::new(Compress::new(flate2::Compression::default(), true))))
            }
            Compression::Zstd(level) => Some(Self::Zstd(zstd::bulk::Compressor::new(level)?)),
            Compression::Snappy => Some(Self::Snappy(Box::new(snap::raw::Encoder::new()))),
        })
    }

    /// Compresses `payload` into the front of `out`; returns the bytes written. `out` has
    /// [`Compression::spare_bytes`] more than the payload.
    ///
    /// # Errors
    /// When it does not fit, or the compressor fails.
    pub fn compress(&mut self, payload: &[u8], out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Lz4(table) => lz4_flex::block::compress_into_with_table(payload, out, table)
                .map_err(io::Error::other),
            Self::Zlib(zlib) => {
                zlib.reset();
                let status = zlib.compress(payload, out, FlushCompress::Finish)?;
                if status == flate2::Status::StreamEnd {
                    Ok(usize::try_from(zlib.total_out()).unwrap_or(usize::MAX))
                } else {
                    Err(io::Error::other("the compressed payload does not fit"))
                }
            }
            Self::Zstd(zstd) => zstd.compress_to_buffer(payload, out),
            Self::Snappy(snappy) => snappy.compress(payload, out).map_err(io::Error::other),
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lz4(_) => "Lz4",
            Self::Zlib(_) => "Zlib",
            Self::Zstd(_) => "Zstd",
            Self::Snappy(_) => "Snappy",
        })
    }
}
