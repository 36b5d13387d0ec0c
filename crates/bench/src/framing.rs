//! The smallest HTTP/1.1 framing that serves the bench: end of head, `content-length`, status.
//!
//! Not a general parser: chunked bodies are refused, since neither side of the bench needs them.

use std::fmt;

const INBOX_BYTES: usize = 16 * 1024;

/// Where one message ends inside a buffer.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) head_bytes: usize,
    pub(crate) body_bytes: usize,
}

/// Why a buffer cannot be framed.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum FrameError {
    /// `content-length` is not a number.
    Length,
    /// The body has a transfer encoding.
    TransferEncoding,
    /// The message does not fit the inbox.
    TooLong,
}

impl fmt::Display for FrameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Length => "content-length is not a number",
            Self::TransferEncoding => "transfer-encoding is not supported",
            Self::TooLong => "message is longer than the inbox",
        })
    }
}

impl std::error::Error for FrameError {}

/// Frames the message at the start of `bytes`, or `None` while its head is incomplete.
pub(crate) fn frame(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
    let mut start = 0;
    let mut body_bytes = 0;
    while let Some(length) = bytes[start..].iter().position(|byte| *byte == b'\n') {
        let line = bytes[start..start + length].trim_ascii_end();
        start += length + 1;
        if line.is_empty() {
            return Ok(Some(Frame { head_bytes: start, body_bytes }));
        }
        if let Some(value) = header(line, b"content-length") {
            body_bytes = number(value).and_then(|n| usize::try_from(n).ok()).ok_or(FrameError::Length)?;
        } else if header(line, b"transfer-encoding").is_some() {
            return Err(FrameError::TransferEncoding);
        }
    }
    Ok(None)
}

/// The status of an answer, from its first line.
pub(crate) fn status(bytes: &[u8]) -> Option<u16> {
    let code = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    number(code).and_then(|code| u16::try_from(code).ok())
}

/// The path of a request, from its first line.
pub(crate) fn path(bytes: &[u8]) -> Option<&[u8]> {
    let mut words = bytes.splitn(3, |byte| *byte == b' ');
    words.nth(1)
}

/// A whole decimal number; nothing else may surround it.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn header<'line>(line: &'line [u8], name: &[u8]) -> Option<&'line [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// Received bytes that are not consumed yet.
pub(crate) struct Inbox {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; INBOX_BYTES].into_boxed_slice(), filled: 0 }
    }

    /// Room to read into; never empty as long as [`Self::take`] accepts what is there.
    pub(crate) fn free(&mut self) -> &mut [u8] {
        &mut self.bytes[self.filled..]
    }

    /// Says that `count` bytes of [`Self::free`] were filled.
    pub(crate) fn fill(&mut self, count: usize) {
        self.filled += count;
    }

    /// Hands the first message to `read` as (head, body) and drops it, if it is there entirely.
    pub(crate) fn take<T>(&mut self, read: impl FnOnce(&[u8], &[u8]) -> T) -> Result<Option<T>, FrameError> {
        let whole = frame(&self.bytes[..self.filled])?
            .map(|frame| (frame.head_bytes, frame.head_bytes.saturating_add(frame.body_bytes)))
            .filter(|(_, end)| *end <= self.filled);
        let Some((head_bytes, end)) = whole else {
            return if self.filled == self.bytes.len() { Err(FrameError::TooLong) } else { Ok(None) };
        };
        let value = read(&self.bytes[..head_bytes], &self.bytes[head_bytes..end]);
        self.bytes.copy_within(end..self.filled, 0);
        self.filled -= end;
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests;
