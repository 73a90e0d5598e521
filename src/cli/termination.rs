//! The last words in a pod: the file that Kubernetes shows when a container has ended
//! (`terminationMessagePath`), as long as its name is the usual one.

use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;

/// Where Kubernetes looks.
const PATH: &str = "/dev/termination-log";

/// What Kubernetes keeps of it.
const BYTES_MAX: usize = 4096;

/// Leaves a summary where Kubernetes will show it; elsewhere there is no such file.
pub(super) fn leave(text: &str) {
    if let Err(error) = write(Path::new(PATH), text) {
        log::warn!("{PATH}: {error}");
    }
}

/// Writes as much as is kept to a file that is there.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut end = text.len().min(BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match OpenOptions::new().write(true).truncate(true).open(path) {
        Ok(mut file) => file.write_all(&text.as_bytes()[..end]),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_left_where_there_is_a_place_for_it_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("termination-log");
        write(&path, "ok").unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "what an earlier container said, which was longer").unwrap();
        write(&path, "ok").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "ok");
        write(&path, &"–".repeat(BYTES_MAX)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "–".repeat(BYTES_MAX / 3));
        assert!(write(folder.path(), "ok").is_err());
    }
}
