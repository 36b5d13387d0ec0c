//! The events that the bench publishes, and how the receiver reads them back.
//!
//! `seq` and `t` (publish time, Unix nanoseconds) have a fixed width, so that a request is rendered by
//! overwriting digits in place. `t` is wall-clock time because it is compared across processes.

use std::time::{SystemTime, UNIX_EPOCH};

/// Size of an event's data, in bytes (design section 8).
pub(crate) const DATA_BYTES: usize = 1024;

/// Added to every sequence number on the wire: JSON allows no leading zeros.
const SEQUENCE_BASE: u64 = 1_000_000_000;
const SEQUENCE_DIGITS: usize = 10;
const TIME_DIGITS: usize = 19;

/// A publish body whose sequence number and time can be overwritten.
#[derive(Clone)]
pub(crate) struct Payload {
    bytes: Vec<u8>,
    sequence_at: usize,
    time_at: usize,
}

/// What the receiver reads from a delivery.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) sequence: u64,
    pub(crate) published_ns: u64,
}

impl Payload {
    pub(crate) fn new(event_type: &str) -> Self {
        let head = format!("{{\"type\":\"{event_type}\",\"data\":");
        let before_time = format!("{{\"seq\":{SEQUENCE_BASE:0SEQUENCE_DIGITS$},\"t\":");
        let before_pad = format!("{before_time}{:0TIME_DIGITS$},\"pad\":\"", 0);
        let pad = "x".repeat(DATA_BYTES - before_pad.len() - "\"}".len());
        Self {
            sequence_at: head.len() + "{\"seq\":".len(),
            time_at: head.len() + before_time.len(),
            bytes: format!("{head}{before_pad}{pad}\"}}}}").into_bytes(),
        }
    }

    pub(crate) fn stamp(&mut self, stamp: Stamp) {
        write_digits(&mut self.bytes[self.sequence_at..][..SEQUENCE_DIGITS], SEQUENCE_BASE + stamp.sequence);
        write_digits(&mut self.bytes[self.time_at..][..TIME_DIGITS], stamp.published_ns);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Finds the stamp in a delivered body, whatever envelope surrounds the data.
pub(crate) fn read(body: &[u8]) -> Option<Stamp> {
    let (on_wire, rest) = field(body, b"\"seq\":")?;
    let (published_ns, _) = field(rest, b"\"t\":")?;
    Some(Stamp { sequence: on_wire.checked_sub(SEQUENCE_BASE)?, published_ns })
}

/// Unix time in nanoseconds.
pub(crate) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(since.as_nanos()).expect("the clock is before 2554")
}

fn field<'body>(bytes: &'body [u8], name: &[u8]) -> Option<(u64, &'body [u8])> {
    let at = bytes.windows(name.len()).position(|window| window == name)? + name.len();
    let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some((crate::framing::number(&bytes[at..at + digits])?, &bytes[at + digits..]))
}

fn write_digits(place: &mut [u8], mut value: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).expect("a remainder of ten fits a byte");
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_the_way() {
        let mut payload = Payload::new("bench.event");
        let stamp = Stamp { sequence: 123_456, published_ns: now_ns() };
        payload.stamp(stamp);
        assert_eq!(read(payload.bytes()), Some(stamp));
    }

    #[test]
    fn it_is_json_with_one_kibibyte_of_data() {
        let mut payload = Payload::new("bench.event");
        payload.stamp(Stamp { sequence: 7, published_ns: now_ns() });
        #[derive(serde::Deserialize)]
        struct Published<'body> {
            #[serde(borrow)]
            data: &'body serde_json::value::RawValue,
        }
        let published: Published<'_> = serde_json::from_slice(payload.bytes()).unwrap();
        assert_eq!(published.data.get().len(), DATA_BYTES);
    }

    #[test]
    fn other_bodies_have_no_stamp() {
        assert_eq!(read(b"{}"), None);
        assert_eq!(read(b"{\"seq\":,\"t\":1}"), None);
        assert_eq!(read(b"{\"seq\":5,\"t\":1}"), None);
    }
}
