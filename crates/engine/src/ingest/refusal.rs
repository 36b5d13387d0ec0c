//! Why a request is not taken.

use std::time::Duration;

use stentor_core::inbound::elements::NotSplit;
use stentor_core::inbound::media_type::NotJsonType;
use stentor_core::json::JsonError;
use stentor_verify::provider::{Answer, Refusal};

use super::gate::RateStanding;
use crate::accept::PublishError;

/// Why a request to a source is not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngestRefusal {
    /// No live credential has this user name and password.
    #[error("no live credential has this username and password; check both, or create another")]
    UnknownCredential,
    /// There is no such source, or it asks for another way in.
    #[error("there is no source at this address")]
    UnknownSource,
    /// The source takes nothing now.
    #[error("the source is switched off or has expired")]
    Inactive,
    /// Credentials would cross the network in the clear.
    #[error("credentials must not be sent over plain http; use https")]
    HttpsRequired,
    /// The address is not on the source's list.
    #[error("this source does not take requests from {0}")]
    PeerNotAllowed(std::net::IpAddr),
    /// The tenant's plan does not include receiving.
    #[error("the tenant's plan does not include receiving webhooks")]
    NotInPlan,
    /// The source's own rate is used up.
    #[error("this source takes {} requests in {} seconds at most", .0.count, .0.period.as_secs())]
    TooFast(RateStanding),
    /// It does not prove that it comes from the sender.
    #[error("{refusal}")]
    Unproven {
        /// The exact reason.
        refusal: Box<Refusal>,
        /// What the provider wants to read then.
        answer: Option<Box<Answer>>,
        /// Whether the sender is told that all is well.
        is_hidden: bool,
    },
    /// The certificate that the signature needs could not be fetched now.
    #[error("the sender's certificate could not be fetched: {0}")]
    CertificateUnavailable(String),
    /// The content type does not go with the source.
    #[error(transparent)]
    ContentType(#[from] NotJsonType),
    /// The body is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The source splits lists, and the body is none that it can split.
    #[error(transparent)]
    NotSplit(#[from] NotSplit),
    /// The headers kept with every element would be too much.
    #[error(
        "{headers_bytes} bytes of kept headers with each of {elements} elements are more than fits in one commit; send fewer at once"
    )]
    HeadersTooLarge {
        /// Bytes of names and values that would be kept with each.
        headers_bytes: usize,
        /// How many there are.
        elements: usize,
    },
    /// It could not be stored.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl IngestRefusal {
    /// When to come again, if it is a matter of time.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooFast(standing) => Some(standing.reset),
            _ => None,
        }
    }
}
