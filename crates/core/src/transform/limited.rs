//! Output of bounded size.

use std::fmt;
use std::io;

/// Collects what is written, up to a number of bytes.
pub(super) struct Limited {
    bytes: Vec<u8>,
    limit: usize,
    /// Whether more was written than fits.
    pub(super) overflowed: bool,
}

impl Limited {
    pub(super) const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, overflowed: false }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn take(&mut self, bytes: &[u8]) -> bool {
        self.overflowed |= bytes.len() > self.limit - self.bytes.len();
        if !self.overflowed {
            self.bytes.extend_from_slice(bytes);
        }
        !self.overflowed
    }
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.take(bytes) { Ok(bytes.len()) } else { Err(io::Error::other("the output is too large")) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.take(text.as_bytes()) { Ok(()) } else { Err(fmt::Error) }
    }
}
