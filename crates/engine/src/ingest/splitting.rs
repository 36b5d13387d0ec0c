//! `split: array`: the events of one request whose body is a list.

use std::sync::Arc;

use bytes::Bytes;
use stentor_core::arrival::{Arrival, Element};
use stentor_core::inbound::elements::{NotSplit, split};
use stentor_core::inbound::media_type::MediaType;
use stentor_core::source::Source;
use stentor_verify::provider::Verified;

use super::event::publish;
use super::{Head, IngestRefusal};
use crate::accept::{Arriving, Publish};

/// Most bytes of kept headers that the elements of one request bring together: those of a whole batch (engine rule E10).
const HEADERS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One event for each element of the whole, in their order. Each is typed, timed and filtered by its own text; the key of the
/// request goes with the first.
pub(super) fn elements(
    source: &Source,
    head: &Head,
    verified: Option<&Verified>,
    whole: &Publish,
) -> Result<Vec<Publish>, IngestRefusal> {
    let Some(arriving) = whole.arriving.as_ref() else { return Err(NotSplit::NotAnArray.into()) };
    if !MediaType::parse(&whole.content_type).is_json() {
        return Err(NotSplit::NotAnArray.into());
    }
    let text = std::str::from_utf8(&whole.data).unwrap_or_default();
    let parts = split(text)?;
    let arrival = &arriving.arrival;
    let headers_bytes: usize = arrival.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers_bytes.saturating_mul(parts.len()) > HEADERS_BYTES_MAX {
        return Err(IngestRefusal::HeadersTooLarge { headers_bytes, elements: parts.len() });
    }
    // `split` bounds their number far below.
    let of = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let list_bytes = whole.data.len() as u64;
    let element = |(index, part): (u32, &str)| {
        let element = Some(Element { index, of, list_bytes });
        let arrival = Arrival { element, ..(**arrival).clone() };
        let repeats = arriving.repeats.clone().filter(|_| index == 0);
        let arriving = Arriving { arrival: Arc::new(arrival), repeats };
        // A copy: a slice would keep the whole body as long as one of its elements waits.
        let data = Bytes::copy_from_slice(part.as_bytes());
        publish(source, head, verified, whole.content_type.clone(), data, arriving)
    };
    Ok((0..).zip(parts).map(element).collect())
}
