//! Where a datum ends: the length of each value, found by its shape.

use super::digits;
use crate::schema::Kind;
use crate::schema::Shape;

/// Returns the bytes of the datum at the front of `bytes`; `None`: there is none.
pub(super) fn datum(shape: &Shape<'_>, bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    skip(shape, &mut rest)?;
    Some(bytes.len() - rest.len())
}

/// Takes a long from the front of `rest`.
pub(super) fn long(rest: &mut &[u8]) -> Option<i64> {
    let length = rest.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let (bytes, after) = rest.split_at(length);
    *rest = after;
    let groups = bytes.iter().enumerate();
    let zigzag = groups.fold(0, |value, (at, byte)| value | (u64::from(byte & 0x7f) << (7 * at)));
    Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
}

/// Takes so many bytes from the front of `rest`.
pub(super) fn take<'b>(rest: &mut &'b [u8], bytes: usize) -> Option<&'b [u8]> {
    let (taken, after) = rest.split_at_checked(bytes)?;
    *rest = after;
    Some(taken)
}

/// Takes bytes with their length before them.
pub(super) fn counted<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(long(rest)?).ok()?;
    take(rest, length)
}

/// Takes the bytes of a fixed, or bytes with their length before them.
pub(super) fn sized<'b>(rest: &mut &'b [u8], fixed: Option<usize>) -> Option<&'b [u8]> {
    match fixed {
        Some(size) => take(rest, size),
        None => counted(rest),
    }
}

fn skip(shape: &Shape<'_>, rest: &mut &[u8]) -> Option<()> {
    match &shape.kind {
        Kind::Null => {}
        Kind::Boolean => drop(take(rest, 1)?),
        Kind::Int
        | Kind::Long
        | Kind::Enum(_)
        | Kind::Date
        | Kind::TimeMillis
        | Kind::TimeMicros
        | Kind::Timestamp { .. } => drop(long(rest)?),
        Kind::Float => drop(take(rest, 4)?),
        Kind::Double => drop(take(rest, 8)?),
        Kind::Bytes | Kind::String | Kind::UuidText | Kind::UuidBytes { with_length: true } => {
            counted(rest)?;
        }
        Kind::Fixed(size) => drop(take(rest, *size)?),
        Kind::Decimal { precision, fixed, .. } => {
            let bytes = sized(rest, *fixed)?;
            digits::has_at_most(bytes, *precision).then_some(())?;
        }
        Kind::UuidBytes { with_length: false } => drop(take(rest, 16)?),
        Kind::Duration => drop(take(rest, 12)?),
        Kind::Array(items) => {
            blocks(rest, |rest| skip(items, rest))?;
        }
        Kind::Map(values) => {
            blocks(rest, |rest| {
                counted(rest)?;
                skip(values, rest)
            })?;
        }
        Kind::Union(branches) => {
            let branch = usize::try_from(long(rest)?).ok()?;
            skip(branches.get(branch)?, rest)?;
        }
        Kind::Record(fields) => {
            for field in fields {
                skip(&field.shape, rest)?;
            }
        }
    }
    Some(())
}

/// Takes the items of an array or map, block by block (specification 1.12, "Arrays").
pub(super) fn blocks<'b>(
    rest: &mut &'b [u8],
    mut item: impl FnMut(&mut &'b [u8]) -> Option<()>,
) -> Option<()> {
    loop {
        let count = long(rest)?;
        if count == 0 {
            return Some(());
        }
        if count < 0 {
            // The bytes of the block, for those who want to leave it out whole.
            long(rest)?;
        }
        for _ in 0..count.unsigned_abs() {
            // Items without bytes would let a wrong count run for ages.
            if rest.is_empty() {
                return None;
            }
            item(rest)?;
        }
    }
}
